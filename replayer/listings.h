// Directory streams of two implementations, which page, order and number their entries as they like: compared as sets,
// once the recorded client had read to the end.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/protocol/dirent.h"

namespace fusereplay {

/// One pass over one open directory, on both sides.
class Listing {
 public:
  /// Where the live side goes on; 0 at the beginning.
  std::uint64_t live_offset() const noexcept { return live_offset_; }
  bool live_ended() const noexcept { return live_ended_; }

  void add_recorded(DirentKind kind, Bytes page);
  /// An empty page is the end.
  void add_live(DirentKind kind, Bytes page);
  /// The name came or went while the directory was read: either side may or may not have listed it.
  void touch(std::string_view name) { touched_.emplace(name); }

  struct Mismatch {
    std::string name;
    bool recorded = false;  // listed there
    bool live = false;      // both: the types differ
    std::uint32_t recorded_type = 0;
    std::uint32_t live_type = 0;
  };
  /// The first, in the order of names; `recorded` is empty and `live` too where there is none. "." and ".." are not
  /// looked at: a filesystem may leave them out.
  Mismatch compare() const;

 private:
  struct Sides {
    bool recorded = false;
    bool live = false;
    std::uint32_t recorded_type = 0;  // DT_ value, 0 for unknown
    std::uint32_t live_type = 0;
  };
  std::map<std::string, Sides, std::less<>> entries_;
  std::set<std::string, std::less<>> touched_;
  std::uint64_t live_offset_ = 0;
  bool live_ended_ = false;
};

/// The passes under way, by recorded directory and handle. Memory grows with the entries of open directories.
class Listings {
 public:
  /// READDIR at offset 0 begins a new pass, any other goes on with the one that is under way.
  Listing& at(std::uint64_t node, std::uint64_t handle, std::uint64_t recorded_offset);
  Listing* find(std::uint64_t node, std::uint64_t handle);
  void close(std::uint64_t node, std::uint64_t handle);
  void touch(std::uint64_t node, std::string_view name);
  bool any() const noexcept { return !listings_.empty(); }

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, Listing> listings_;
};

}  // namespace fusereplay
