#include "rules/rule_set.h"

#include <cstring>

#include "core/check.h"
#include "rules/handle_ledger.h"
#include "rules/lookup_ledger.h"
#include "rules/reply_rules.h"
#include "rules/reporter.h"
#include "rules/request_rules.h"
#include "rules/stream_state.h"

namespace fusereplay {
namespace {

/// The verdict on the form of a reply whose request cannot be read: the kernel's own, as far as the result tells it.
ReplyVerdict trusting_verdict(const Event& event) noexcept {
  return {.write_result = event.result,
          .effect = event.result >= 0 ? ReplyEffect::kAccepted : ReplyEffect::kUnknown,
          .rule = {},
          .reason = {}};
}

}  // namespace

struct RuleSet::Parts {
  explicit Parts(const RuleOptions& options)
      : reporter(options.findings_per_rule, options.sink),
        lookups(reporter, stream, options.root_type),
        handles(reporter, stream),
        requests(reporter, stream),
        replies(reporter, stream) {}

  void on_request(const Event& event);
  void on_reply(const Event& event);
  void on_mark(const Event& event);

  Reporter reporter;
  StreamState stream;
  LookupLedger lookups;
  HandleLedger handles;
  RequestRules requests;
  ReplyRules replies;
  Event last;  // for findings at the end; carries no message
};

RuleSet::RuleSet(const RuleOptions& options) : parts_(std::make_unique<Parts>(options)) {}
RuleSet::~RuleSet() = default;

void RuleSet::on_event(const Event& event) {
  Parts& parts = *parts_;
  parts.stream.on_event(event);
  parts.last.sequence = event.sequence;
  parts.last.begin = event.begin;
  switch (event.kind) {
    case EventKind::kRequest:
      return parts.on_request(event);
    case EventKind::kReply:
      return parts.on_reply(event);
    case EventKind::kNotification:
      return parts.stream.on_notification(event);
    case EventKind::kMark:
      return parts.on_mark(event);
  }
}

void RuleSet::Parts::on_request(const Event& event) {
  FUSEREPLAY_CHECK(event.request != nullptr, "events pass through a Conversation before they reach the rules");
  const RequestStep step{.event = event, .context = *event.request};
  stream.on_request(step);
  if (step.context.opcode == Opcode::kInit && step.context.known) {
    lookups.reset();
    handles.reset();
    requests.reset();
    replies.reset();
  }
  requests.on_request(step);
  replies.on_request(step);
  lookups.on_request(step);
  handles.on_request(step);
}

void RuleSet::Parts::on_reply(const Event& event) {
  const RequestContext* context = event.request;
  const bool readable = context == nullptr || context->known;
  const ReplyVerdict verdict =
      readable ? reply_check(context == nullptr ? nullptr : &context->view, event.message) : trusting_verdict(event);
  ReplyStep step{.event = event,
                 .context = context,
                 .header = {},
                 .verdict = verdict,
                 .ended = context != nullptr && ends_request(event, *context),
                 .body = nullptr};
  const Bytes head = event.message.head;
  if (head.size() >= sizeof(step.header)) std::memcpy(&step.header, head.data(), sizeof(step.header));
  ReplyView body;
  const bool has_body = context != nullptr && context->known && step.taken() && step.header.error == 0;
  if (has_body && body.read(event.message, context->opcode, context->asks_size)) step.body = &body;
  replies.on_reply(step);
  requests.on_reply(step);
  lookups.on_reply(step);
  handles.on_reply(step);
  stream.on_reply(step);
}

void RuleSet::Parts::on_mark(const Event& event) {
  stream.on_mark(event.mark);
  if (stream.up()) return;
  lookups.reset();
  handles.reset();
  requests.reset();
}

void RuleSet::finish() {
  parts_->last.kind = EventKind::kMark;
  parts_->replies.finish(parts_->last);
}

const std::vector<Finding>& RuleSet::findings() const noexcept {
  return parts_->reporter.findings();
}

std::uint64_t RuleSet::count(RuleId id) const noexcept {
  return parts_->reporter.count(id);
}

std::uint64_t RuleSet::total() const noexcept {
  return parts_->reporter.total();
}

const LookupLedger& RuleSet::lookups() const noexcept {
  return parts_->lookups;
}

const HandleLedger& RuleSet::handles() const noexcept {
  return parts_->handles;
}

}  // namespace fusereplay
