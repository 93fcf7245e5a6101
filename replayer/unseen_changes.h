// Which files a recorded kernel wrote by itself (FOPEN_PASSTHROUGH), so that nobody can say what a replay should find.
#pragma once

#include <cstdint>

#include "core/flat_map.h"
#include "core/protocol/fields.h"

namespace fusereplay {

/// One a replay. Ids are recorded ones. A file is known by its nodeid, and across a FORGET by its inode number.
class UnseenChanges {
 public:
  enum class Extent : std::uint8_t {
    kNone,
    kTimes,    // it was read: its access time
    kContent,  // it was written: data, size, blocks, times
  };

  /// The connection lets files be opened past the filesystem: from here on they are followed.
  void follow() noexcept { following_ = true; }
  /// The node shows this inode number.
  void shown(std::uint64_t node, std::uint64_t ino) {
    if (!following_ || node == 0) return;
    inos_[node] = ino;
    if (const Extent* known = by_ino_.find(ino); known != nullptr && *known > of(node)) nodes_[node] = *known;
  }
  void opened(std::uint64_t node, Extent extent) {
    if (extent > of(node)) nodes_[node] = extent;
    if (const std::uint64_t* ino = inos_.find(node); ino != nullptr) {
      Extent& known = by_ino_[*ino];
      known = known > extent ? known : extent;
    }
  }
  void forgotten(std::uint64_t node) noexcept {
    inos_.erase(node);
    nodes_.erase(node);
  }

  Extent of(std::uint64_t node) const noexcept {
    const Extent* extent = nodes_.find(node);
    return extent == nullptr ? Extent::kNone : *extent;
  }
  /// Whether that field of the node's attributes may be another for it.
  bool explain(std::uint64_t node, const Field& field) const noexcept;

 private:
  bool following_ = false;
  FlatMap<std::uint64_t, Extent> nodes_;
  FlatMap<std::uint64_t, Extent> by_ino_;
  FlatMap<std::uint64_t, std::uint64_t> inos_;  // of nodes
};

}  // namespace fusereplay
