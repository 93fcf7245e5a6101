// Lookup counts as the kernel holds them, kept from the conversation alone: rules K4 to K7, R4 to R8, R12, R18.
#pragma once

#include <cstdint>

#include "core/flat_map.h"
#include "rules/entry_check.h"
#include "rules/reporter.h"
#include "rules/request_ids.h"
#include "rules/stream_state.h"

namespace fusereplay {

/// Counts an entry when the reply that grants it is in the stream and was not refused, and takes back what FORGET says.
///
/// WHY THIS NEVER ACCUSES A KERNEL WRONGLY. A reply is numbered before its write starts, a request after its read
/// returned. So a FORGET is numbered after every reply whose count it takes back (K6), and a request after the reply
/// that made its inode known (K4). A final FORGET is queued when nothing holds the inode, so after the writes of all
/// replies to requests on it; a request on the same nodeid that is numbered before the FORGET all the same needs an
/// inode made anew by a reply that is numbered earlier still, whose count keeps the ledger above zero (K7).
/// Where the kernel may or may not have counted (a LOOKUP with bad attributes that revalidates a dentry; READDIRPLUS
/// records it rejects and forgets itself) the entry goes to `unsure`: it is never missed, and never relied upon.
class LookupLedger {
 public:
  LookupLedger(Reporter& reporter, const StreamState& stream, std::uint32_t root_type);

  void on_request(const RequestStep& step);
  void on_reply(const ReplyStep& step);
  /// The connection is gone, or a new one begins: all counts are void (rule F11).
  void reset() noexcept;

  /// What the kernel surely holds of this nodeid, FORGETs in the stream subtracted. 0 for the root, which needs none.
  std::uint64_t count(std::uint64_t nodeid) const noexcept;
  /// Nodeids with a count above zero.
  std::uint64_t counted_nodes() const noexcept { return counted_nodes_; }
  /// Calls visit(nodeid, count) for each counted nodeid, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    nodes_.for_each([&](std::uint64_t nodeid, const Node& node) {
      if (node.count != 0) visit(nodeid, node.count);
    });
  }

 private:
  struct Node {
    std::uint64_t count = 0;
    std::uint64_t unsure = 0;  // may have been counted as well
    std::uint32_t generation = 0;
    std::uint32_t type = 0;  // S_IFMT bits
    std::uint32_t busy = 0;  // outstanding requests that name it
    bool idle() const noexcept { return count == 0 && unsure == 0 && busy == 0; }
  };

  void hold(const RequestStep& step, std::uint64_t nodeid, RuleId rule);
  void let_go(std::uint64_t nodeid) noexcept;
  void forget(const RequestStep& step, std::uint64_t nodeid, std::uint64_t nlookup);
  void on_entry(const ReplyStep& step, const wire::EntryOut& entry);
  void on_direntplus(const ReplyStep& step);
  void on_attr(const ReplyStep& step);
  void judge_attr(const ReplyStep& step, std::uint32_t mode, AttrFault fault);
  void grant(const ReplyStep& step, const wire::EntryOut& entry);
  void grant_unsure(std::uint64_t nodeid);
  void report_fault(const ReplyStep& step, EntryFault fault, const wire::EntryOut& entry, std::string_view name);
  std::uint32_t type_of(std::uint64_t nodeid) const noexcept;

  Reporter& reporter_;
  const StreamState& stream_;
  RequestIds ids_;
  std::uint32_t root_type_;
  FlatMap<std::uint64_t, Node> nodes_;  // the root is in it only for `unsure` and `busy`
  std::uint64_t counted_nodes_ = 0;
};

}  // namespace fusereplay
