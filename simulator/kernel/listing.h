// What FOPEN_CACHE_DIR keeps of a directory: its records as they were first listed from start to end
// (struct fuse_inode.rdc, fs/fuse/readdir.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fusereplay::kernel {

/// One record that getdents hands to its caller.
struct EmittedEntry {
  std::string name;
  std::uint64_t ino = 0;
  std::uint32_t type = 0;
  std::uint64_t offset = 0;  // where what follows it is read from
};

class Listing {
 public:
  /// An open directory's place in the cache (struct fuse_file.readdir).
  struct Place {
    std::uint64_t position = 0;  // of the stream
    std::size_t index = 0;       // of the record to look at next
    std::uint64_t version = 0;
  };
  /// What says that the directory is as it was.
  struct State {
    std::int64_t mtime = 0;
    std::uint32_t mtimensec = 0;
    std::uint64_t version = 0;
    std::uint64_t epoch = 0;
    bool operator==(const State&) const noexcept = default;
  };

  bool complete() const noexcept { return complete_; }
  bool empty() const noexcept { return bytes_ == 0; }
  std::uint64_t version() const noexcept { return version_; }
  const std::vector<EmittedEntry>& records() const noexcept { return records_; }
  /// Nothing of it can be used any more (fuse_rdc_reset).
  void reset() noexcept;
  /// The page with record `index` is gone.
  bool misses(std::size_t index) const noexcept { return pages_.count(places_[index] / kPage) == 0; }
  /// All pages go (invalidate_inode_pages2).
  void drop_pages() noexcept { pages_.clear(); }

  const State& state() const noexcept { return state_; }
  void begin(const State& state) noexcept { state_ = state; }
  /// A record that was read at `position` of the stream (fuse_add_dirent_to_cache).
  void add(const EmittedEntry& entry, std::uint64_t position);
  /// The stream has ended at `position` (fuse_readdir_cache_end).
  void finish(std::uint64_t position) noexcept { complete_ = complete_ || position == end_; }

 private:
  static constexpr std::size_t kPage = 4096;

  bool complete_ = false;
  std::uint64_t version_ = 0;
  std::uint64_t end_ = 0;  // of the stream, as far as it is known
  std::size_t bytes_ = 0;
  State state_;
  std::vector<EmittedEntry> records_;
  std::vector<std::size_t> places_;  // where each record lies, in bytes
  std::set<std::size_t> pages_;      // that are there
};

}  // namespace fusereplay::kernel
