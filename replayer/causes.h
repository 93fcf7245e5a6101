// Puts each difference under the one that it follows from, so that a report begins with what went wrong first.
//
// A difference leaves things different: the inode whose attribute or data differed, the names that a request made or
// removed in one run only, the inode that then has no live counterpart. A later difference that involves one of these
// follows from it, and what it leaves different in turn belongs to the same cause. A difference that involves none of
// them but is of the same kind as a cause (the same field; for an error, of the same request with the same two errors)
// is that cause showing elsewhere. Everything else is a cause of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/flat_map.h"
#include "replayer/report.h"

namespace fusereplay {

/// A name in a directory, as a number: what causes are kept by.
std::uint64_t name_key(std::uint64_t recorded_parent, std::string_view name) noexcept;

/// What one difference is about. All nodeids as recorded.
struct Involved {
  std::vector<std::uint64_t> nodes;    // that make it a follower, if they were left different
  std::vector<std::uint64_t> parents;  // that do so only where they have no live counterpart
  std::vector<std::uint64_t> names;    // name_key(): likewise, and left different by it
  std::vector<std::uint64_t> changed;  // left different by it
  std::vector<std::uint64_t> lost;     // left without a live counterpart
  bool totals = false;                 // a filesystem's totals: any earlier difference can show in them
  std::string kind;                    // what it has in common with the same difference elsewhere
};

/// One a replay. Costs nothing until the first difference.
class Causes {
 public:
  struct Placed {
    std::uint32_t cause = 0;  // numbered as found
    DivergenceLink link = DivergenceLink::kCause;
  };
  Placed place(const Involved& involved);

  bool any() const noexcept { return !kinds_.empty(); }
  bool changed(std::uint64_t node) const noexcept { return nodes_.find(node) != nullptr; }
  /// A file got another name, or a second one: that name is as different as the file.
  void named(std::uint64_t old_name, std::uint64_t node, std::uint64_t new_name);
  /// The recorded kernel forgot the node: its number may come back for another one.
  void forgotten(std::uint64_t node) noexcept { nodes_.erase(node); }

 private:
  struct Node {
    std::uint32_t cause = 0;
    bool lost = false;
  };
  bool find(const Involved& involved, Placed& placed) const;
  void leave(const Involved& involved, std::uint32_t cause);

  std::vector<std::string> kinds_;  // by cause
  FlatMap<std::uint64_t, Node> nodes_;
  FlatMap<std::uint64_t, std::uint32_t> names_;
};

}  // namespace fusereplay
