// What a rule has to say: which rule, about which requests, and what a kernel does about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/opcode.h"
#include "rules/rule_table.h"

namespace fusereplay {

/// A request that a finding is about.
struct FindingRequest {
  std::uint64_t unique = 0;
  Opcode opcode{};
  std::uint64_t request_sequence = 0;  // 0: not known
  std::uint64_t reply_sequence = 0;    // 0: no reply, or the finding is not about it
};

/// One break of one rule. Owns its text; rule, kernel and source point into kRules.
struct Finding {
  RuleId id{};
  std::string_view rule;  // "K6"
  Severity severity{};
  std::string what;  // one line, no full stop: "FORGET of 3 lookups of nodeid 7, which has 2"
  std::vector<FindingRequest> requests;
  std::uint64_t nodeid = 0;    // 0: about no inode
  std::uint64_t sequence = 0;  // the event that showed it
  std::int64_t time = 0;       // ns since the epoch, of that event
  std::string_view kernel;     // what a kernel does about it
  std::string_view source;     // "fs/fuse/inode.c fuse_evict_inode"
};

/// A few lines for a person: rule and what, the requests, what the kernel does, the source. No final newline.
std::string to_string(const Finding& finding);

/// Told of each finding as it is made, on the thread that feeds the rules. Must not feed them in turn.
class FindingSink {
 public:
  virtual ~FindingSink() = default;
  virtual void on_finding(const Finding& finding) = 0;
};

}  // namespace fusereplay
