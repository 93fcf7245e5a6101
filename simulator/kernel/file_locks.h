// Locks of files that the kernel keeps by itself, where the server does not (fs/locks.c).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace fusereplay::kernel {

inline constexpr std::uint64_t kLastOffset = INT64_MAX;  // OFFSET_MAX

/// A record lock, or a lock of the whole file (flock(2)).
struct HeldLock {
  std::uint64_t owner = 0;
  int type = 0;  // F_RDLCK, F_WRLCK
  std::uint64_t start = 0;
  std::uint64_t end = kLastOffset;  // the last byte
  std::uint32_t pid = 0;
};

/// The locks of one kind on one inode.
class FileLocks {
 public:
  /// One that stands in the way of `wanted` (locks_conflict).
  std::optional<HeldLock> conflict(const HeldLock& wanted) const noexcept;
  /// Takes it, over what its owner has there; F_UNLCK frees the range (posix_lock_inode). Nothing may stand in its way.
  void set(const HeldLock& lock);
  bool empty() const noexcept { return held_.empty(); }

 private:
  std::vector<HeldLock> held_;
};

}  // namespace fusereplay::kernel
