// How much a memfs may hold, and how much it does.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fusereplay::memfs {

/// Bytes of file data that are allocated together.
inline constexpr std::size_t kPageSize = 4096;

/// A supply of which parts are taken and given back. Thread-safe.
class Supply {
 public:
  explicit Supply(std::uint64_t total) noexcept : total_(total) {}
  Supply(const Supply&) = delete;
  Supply& operator=(const Supply&) = delete;

  /// All of `count`, or nothing and false.
  [[nodiscard]] bool take(std::uint64_t count) noexcept {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (count > total_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + count, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::uint64_t count) noexcept { used_.fetch_sub(count, std::memory_order_relaxed); }

  std::uint64_t total() const noexcept { return total_; }
  std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t total_;
  std::atomic<std::uint64_t> used_{0};  // INVARIANT: at most total_
};

/// What inodes are made of. Names, symbolic links' targets and extended attributes are not accounted for.
struct Space {
  Space(std::uint64_t page_count, std::uint64_t inode_count) noexcept : pages(page_count), inodes(inode_count) {}
  Supply pages;
  Supply inodes;
};

}  // namespace fusereplay::memfs
