// The data of a regular file: pages where something was written, holes elsewhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "core/operations/types.h"
#include "core/result.h"
#include "examples/memfs/space.h"

namespace fusereplay::memfs {

/// A sparse sequence of bytes. Holes read as zeros and take no space. Not thread-safe.
/// INVARIANT: allocated bytes at and behind size() are zero, so that growing needs no clearing.
class FileData {
 public:
  /// The largest size the kernel takes (rule R5).
  static constexpr std::uint64_t kMaxSize = INT64_MAX;

  /// Empty. Pages come from `supply`, which must outlive this.
  explicit FileData(Supply& supply) noexcept : supply_(supply) {}
  ~FileData() { supply_.give_back(pages_.size()); }
  FileData(const FileData&) = delete;
  FileData& operator=(const FileData&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  /// Pages allocated, also behind size().
  std::uint64_t pages() const noexcept { return pages_.size(); }

  /// Fills `out` from `offset` on; returns how much of it lies before the end.
  std::size_t read(Offset offset, std::span<std::byte> out) const;
  /// Returns how much was written: less than all where the supply or the largest size ends.
  std::size_t write(Offset offset, Bytes data);
  /// At most kMaxSize. What is cut off is freed; what is added is a hole.
  void resize(std::uint64_t size);

  /// Allocates what is missing between `begin` and `end`. ENOSPC: nothing has changed.
  Result<void> allocate(Offset begin, Offset end);
  /// Makes [begin, end) zero and frees its whole pages.
  void punch(Offset begin, Offset end);
  /// Makes what is allocated of [begin, end) zero.
  void clear(Offset begin, Offset end);

  /// The first offset from `offset` on that is allocated; in a hole. ENXIO: none before the end.
  Result<Offset> next_data(Offset offset) const;
  Result<Offset> next_hole(Offset offset) const;

 private:
  struct Page {
    std::array<std::byte, kPageSize> bytes{};
  };

  Supply& supply_;
  std::map<std::uint64_t, Page> pages_;  // by offset / kPageSize
  std::uint64_t size_ = 0;
};

}  // namespace fusereplay::memfs
