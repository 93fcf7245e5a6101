#include "tests/examples/judge.h"

#include <algorithm>

#include "core/event/conversation.h"
#include "rules/rule_set.h"

namespace fusereplay::testing {

void Judge::on_event(const Event& event) {
  Heard heard{event, {event.message.head.begin(), event.message.head.end()}};
  heard.bytes.insert(heard.bytes.end(), event.message.tail.begin(), event.message.tail.end());
  heard.event.message = {};
  const std::lock_guard lock(mutex_);
  heard_.push_back(std::move(heard));
}

Verdict Judge::verdict() {
  const std::lock_guard lock(mutex_);
  std::sort(heard_.begin(), heard_.end(),
            [](const Heard& a, const Heard& b) { return a.event.sequence < b.event.sequence; });
  Conversation conversation;
  RuleSet rules;
  for (const Heard& heard : heard_) {
    Event event = heard.event;
    event.message = Message{.head = heard.bytes, .tail = {}};
    conversation.follow(event);
    rules.on_event(event);
  }
  rules.finish();
  Verdict verdict;
  for (const Finding& finding : rules.findings()) {
    if (!finding.rule.starts_with('R')) continue;
    verdict.rules.insert(std::string(finding.rule));
    verdict.text += to_string(finding) + '\n';
  }
  return verdict;
}

}  // namespace fusereplay::testing
