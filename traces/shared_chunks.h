// Finds chunks of file data that stand in this or an earlier block already (docs/trace-contract.md, section 3.5).
// Private to traces/.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "traces/payload.h"

namespace fusereplay {

/// Where the writer last put which chunk; remembers about the last 256 MiB of different data. One thread.
class SharedChunks {
 public:
  struct Place {
    std::uint64_t block = 0;  // where it begins in the file
    std::uint32_t at = 0;     // within its raw body
    std::uint32_t size = 0;
  };

  /// A chunk that is worth a reference.
  static constexpr std::size_t kSmallest = 512;
  static constexpr std::size_t kWays = 4;  // places a hash may stand in

  /// Null when no such chunk is known.
  const Place* find(const ChunkHash& hash, std::size_t size) const noexcept;

  /// Notes a chunk that the record under way holds at `at`, which is counted from the record's first byte.
  void note(const ChunkHash& hash, std::size_t at, std::size_t size) {
    noted_.push_back({hash, {0, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size)}});
  }
  /// The record is kept: its first byte stands at `record` in the body of the block at `block`.
  void commit(std::uint64_t block, std::size_t record);
  /// The record is not kept.
  void discard() noexcept { noted_.clear(); }

 private:
  struct Entry {
    ChunkHash hash;
    Place place;
  };
  static constexpr std::size_t kEntries = 65536;

  std::unique_ptr<Entry[]> entries_;  // sets of kWays, the newest first
  std::vector<Entry> noted_;
};

}  // namespace fusereplay
