// Collects findings: keeps the first few of each rule, counts the rest.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "rules/finding.h"

namespace fusereplay {

/// Used by the rules on the thread that feeds them.
class Reporter {
 public:
  /// Keeps `limit` findings of each rule; `sink`, which may be null, is told of those kept and must outlive this.
  Reporter(std::size_t limit, FindingSink* sink) : limit_(limit), sink_(sink) {}

  /// A break shown by `event`. `request` is what it is about (null: nothing known); `text` is called for the line that
  /// says what happened, and only when the finding is kept. Out of the way of conversations in which nothing breaks.
  template <class Text>
  [[gnu::cold, gnu::noinline]] void report(RuleId id, const Event& event, const RequestContext* request,
                                           std::uint64_t nodeid, Text&& text) {
    if (counts_[static_cast<std::size_t>(id)]++ < limit_) keep(id, event, request, nodeid, text());
  }

  const std::vector<Finding>& findings() const noexcept { return findings_; }
  /// Breaks of this rule, those not kept included.
  std::uint64_t count(RuleId id) const noexcept { return counts_[static_cast<std::size_t>(id)]; }
  /// Breaks of all rules, those not kept included.
  std::uint64_t total() const noexcept;

 private:
  void keep(RuleId id, const Event& event, const RequestContext* request, std::uint64_t nodeid, std::string what);

  std::size_t limit_;
  FindingSink* sink_;
  std::array<std::uint64_t, kRuleCount> counts_{};
  std::vector<Finding> findings_;
};

}  // namespace fusereplay
