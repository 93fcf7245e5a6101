// All the rules as one listener: feed it a conversation, live or from a trace, and it says what breaks the contract.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/event/event.h"
#include "rules/finding.h"

namespace fusereplay {

class LookupLedger;
class HandleLedger;

struct RuleOptions {
  /// Findings kept of each rule; the rest are counted.
  std::size_t findings_per_rule = 20;
  /// Told of each finding that is kept, as it is made; may be null. Must outlive the RuleSet.
  FindingSink* sink = nullptr;
  /// The S_IFMT bits of the mount point, which the root must have (rule R18).
  std::uint32_t root_type = 0040000;
};

/// An *ordered* sink. Every event must have passed through one Conversation first (Event::request is read), and their
/// sequences must be without gaps: after a gap, or when the stream does not begin with INIT, the rules that need the
/// whole history (K4 to K7, K9 to K12, R1 for unknown requests) are silent until the next INIT.
/// One connection after the other may be fed: INIT starts afresh, findings stay.
/// No allocation in steady state, except for findings.
class RuleSet final : public EventSink {
 public:
  explicit RuleSet(const RuleOptions& options = {});
  ~RuleSet() override;
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  void on_event(const Event& event) override;
  bool wants_file_data() const noexcept override { return false; }
  /// The stream has ended: what is only known at the end is judged now (requests never answered, rule R1).
  void finish();

  /// Those kept, in the order they were made.
  const std::vector<Finding>& findings() const noexcept;
  /// Breaks of one rule, those not kept included.
  std::uint64_t count(RuleId id) const noexcept;
  /// Breaks of all rules, those not kept included.
  std::uint64_t total() const noexcept;

  const LookupLedger& lookups() const noexcept;
  const HandleLedger& handles() const noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fusereplay
