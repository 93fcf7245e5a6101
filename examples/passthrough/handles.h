// Open files and directories of passthrough.
#pragma once

#include <dirent.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "core/operations/types.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace fusereplay::passthrough {

/// A regular file, open.
struct OpenFile {
  OpenFile(NodeId opened, UniqueFd descriptor, std::shared_ptr<const void> way) noexcept
      : node(opened), fd(std::move(descriptor)), hold(std::move(way)) {}
  const NodeId node;
  const UniqueFd fd;
  const std::shared_ptr<const void> hold;  // OpenWay::Taken
};

/// A directory, open, and what was read of it ahead. Cookies are the source's own (d_off), so they stay valid as long
/// as the source says, in this handle and in others.
class OpenDirectory {
 public:
  OpenDirectory(NodeId opened, UniqueFd descriptor) noexcept : node(opened), fd(std::move(descriptor)) {}

  /// Goes to `from`, where the next page begins. Called with `mutex` held, as next() and advance() are.
  Result<void> seek(Cookie from);
  /// The entry at the place reached, valid until the next call; null at the end.
  Result<const dirent64*> next();
  /// The entry that next() gave has been put into the page.
  void advance(const dirent64& entry) noexcept;

  const NodeId node;
  const UniqueFd fd;
  std::mutex mutex;  // guards all below; held while a page is filled, over the index's

 private:
  static constexpr std::size_t kAhead = 16384;
  std::uint64_t position_ = 0;  // cookie of the entry at at_
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  alignas(dirent64) std::array<std::byte, kAhead> ahead_;
};

/// Open things by handle. Handles count up and are never used again. Thread-safe. Whoever has found one keeps it open,
/// though it is removed meanwhile.
template <class T>
class Handles {
 public:
  template <class... Args>
  FileHandle add(Args&&... arguments) {
    auto opened = std::make_shared<T>(std::forward<Args>(arguments)...);
    const std::lock_guard lock(mutex_);
    const FileHandle handle{next_++};
    open_.emplace(raw(handle), std::move(opened));
    return handle;
  }
  /// EBADF where there is none.
  Result<std::shared_ptr<T>> find(FileHandle handle) const {
    const std::shared_lock lock(mutex_);
    const auto found = open_.find(raw(handle));
    if (found == open_.end()) return Errno(EBADF);
    return found->second;
  }
  /// Gives it up; EBADF where there is none.
  Result<std::shared_ptr<T>> remove(FileHandle handle) {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(raw(handle));
    if (found == open_.end()) return Errno(EBADF);
    std::shared_ptr<T> opened = std::move(found->second);
    open_.erase(found);
    return opened;
  }
  void clear() {
    std::unordered_map<std::uint64_t, std::shared_ptr<T>> closed;
    const std::lock_guard lock(mutex_);
    closed.swap(open_);
  }
  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return open_.size();
  }

 private:
  mutable std::shared_mutex mutex_;  // guards all below; innermost
  std::unordered_map<std::uint64_t, std::shared_ptr<T>> open_;
  std::uint64_t next_ = 1;
};

}  // namespace fusereplay::passthrough
