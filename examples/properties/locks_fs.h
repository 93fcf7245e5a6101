// PROPERTY: nobody holds a lock after closing.
//
// The kernel keeps no list of the locks that a filesystem keeps for it. Locks of fcntl(2) belong to a process and go
// with the first close(2) of any descriptor of the file, also of one that was opened for something else: each FLUSH
// names its owner, and drops what that holds. Locks of flock(2) belong to an open file and go with its last close: the
// RELEASE says so, and names the owner (rule F9; fs/fuse/file.c fuse_flush, fuse_release_common).
#pragma once

#include <fcntl.h>
#include <algorithm>
#include <map>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// One file, /file, which is locked as a whole. Nobody waits here: a lock that is held is refused with EAGAIN.
class LocksFs final : public Operations {
 public:
  /// Owners that hold a lock.
  std::size_t record_locks() const noexcept { return records_.size(); }
  std::size_t flocks() const noexcept { return flocks_.size(); }

  Async<void> init(Connection& connection) override {
    return connection.require(Capability::kPosixLocks | Capability::kFlockLocks);
  }

  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    if (parent != kRoot || name != "file") return Errno(ENOENT);
    return Entry{.node = kFile, .attributes = attributes(kFile)};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node)};
  }

  Async<FileLock> getlk(const Request&, NodeId, FileHandle, LockOwner owner, const FileLock& lock) override {
    for (const auto& [holder, type] : records_) {
      if (in_the_way(holder, type, owner, lock.type)) return FileLock{.start = 0, .end = INT64_MAX, .type = type};
    }
    return FileLock{.type = F_UNLCK};
  }
  Async<void> setlk(const Request&, NodeId, FileHandle, LockOwner owner, const FileLock& lock, LockWait) override {
    return set(records_, owner, lock.type);
  }
  Async<void> flock(const Request&, NodeId, FileHandle, LockOwner owner, const FileLock& lock, LockWait) override {
    return set(flocks_, owner, lock.type);
  }

  Async<void> flush(const Request&, NodeId, FileHandle, LockOwner owner) override {
    records_.erase(owner);
    return Result<void>();
  }
  Async<void> release(NodeId, FileHandle, const Release& how) override {
    if (how.drops_flock()) flocks_.erase(how.lock_owner);
    return Result<void>();
  }

 private:
  using Locks = std::map<LockOwner, std::uint32_t>;  // the type each owner holds
  static constexpr NodeId kFile{2};

  static bool in_the_way(LockOwner holder, std::uint32_t held, LockOwner owner, std::uint32_t type) noexcept {
    return holder != owner && (held == F_WRLCK || type == F_WRLCK);
  }
  static Result<void> set(Locks& locks, LockOwner owner, std::uint32_t type) {
    if (type == F_UNLCK) {
      locks.erase(owner);
      return {};
    }
    const auto refuses = [&](const auto& held) { return in_the_way(held.first, held.second, owner, type); };
    if (std::any_of(locks.begin(), locks.end(), refuses)) return Errno(EAGAIN);
    locks[owner] = type;
    return {};
  }
  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }

  Locks records_;
  Locks flocks_;
};

}  // namespace fusereplay
