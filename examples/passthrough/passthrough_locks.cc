// Locks: kept here, so that who waits suspends, and taken in the source, where other programs meet them.
#include <fcntl.h>
#include <sys/file.h>

#include "examples/passthrough/passthrough.h"
#include "examples/passthrough/system.h"

namespace fusereplay {

using passthrough::done;

namespace {

struct flock source_lock(const FileLock& lock) noexcept {
  struct flock range {};
  range.l_type = static_cast<short>(lock.type);
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(lock.start);
  range.l_len = lock.end >= INT64_MAX ? 0 : static_cast<off_t>(lock.end - lock.start + 1);  // 0: to the end
  return range;
}

/// What a lock that could not be taken at once says: EBUSY for FileLocks.
Result<void> taken_elsewhere(int returned) {
  if (returned >= 0) return {};
  return errno == EAGAIN || errno == EACCES ? Errno(EBUSY) : Errno::last();
}

}  // namespace

Result<int> Passthrough::lock_descriptor(const Node& node, LockOwner owner) {
  UniqueFd& fd = node->source_locks.by_owner[raw(owner)];
  if (fd.valid()) return fd.get();
  auto opened = reopen(node->fd.get(), O_RDWR);
  if (!opened) opened = reopen(node->fd.get(), O_RDONLY);  // then good for shared locks only
  if (!opened) return opened.error();
  fd = std::move(*opened);
  return fd.get();
}

Result<void> Passthrough::lock_source(const Node& node, LockOwner owner, const FileLock& lock) {
  const std::lock_guard guard(node->source_locks.mutex);
  const auto fd = lock_descriptor(node, owner);
  if (!fd) return fd.error();
  struct flock range = source_lock(lock);
  return taken_elsewhere(::fcntl(*fd, F_OFD_SETLK, &range));
}

Result<void> Passthrough::ask_source(const Node& node, LockOwner owner, struct flock& range) {
  const std::lock_guard guard(node->source_locks.mutex);
  const auto own = node->source_locks.by_owner.find(raw(owner));
  if (own != node->source_locks.by_owner.end()) return done(::fcntl(own->second.get(), F_OFD_GETLK, &range));
  const auto fd = reopen(node->fd.get(), O_RDONLY);
  if (!fd) return fd.error();
  return done(::fcntl(fd->get(), F_OFD_GETLK, &range));
}

void Passthrough::drop_record_locks(const Node& node, LockOwner owner) {
  {
    const std::lock_guard guard(node->source_locks.mutex);
    node->source_locks.by_owner.erase(raw(owner));  // closes it: its locks go with it
  }
  node->locks.drop(LockKind::kRecord, owner);
}

Async<FileLock> Passthrough::getlk(const Request&, NodeId node, FileHandle, LockOwner owner, const FileLock& lock) {
  const Node inode = co_await nodes_.find(node);
  if (!inode->is_file()) co_return Errno(EBADF);
  if (const auto conflict = inode->locks.conflict(LockKind::kRecord, owner, lock)) co_return *conflict;
  struct flock range = source_lock(lock);
  co_await ask_source(inode, owner, range);
  if (range.l_type == F_UNLCK) co_return FileLock{.start = lock.start, .end = lock.end, .type = F_UNLCK, .pid = 0};
  const auto start = static_cast<std::uint64_t>(range.l_start);
  // Another program's pid means nothing in the caller's namespace; and it may hold it by a description (-1).
  co_return FileLock{.start = start,
                     .end = range.l_len == 0 ? INT64_MAX : start + static_cast<std::uint64_t>(range.l_len) - 1,
                     .type = static_cast<std::uint32_t>(range.l_type),
                     .pid = 0};
}

Async<void> Passthrough::setlk(const Request& request, NodeId node, FileHandle, LockOwner owner, const FileLock& lock,
                               LockWait wait) {
  const Node inode = co_await nodes_.find(node);
  if (!inode->is_file()) co_return Errno(EBADF);
  const auto elsewhere = [&] { return lock_source(inode, owner, lock); };
  co_await inode->locks.set(request, connection_->interrupts(), LockKind::kRecord, owner, lock, wait, elsewhere);
  co_return {};
}

Async<void> Passthrough::flock(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                               const FileLock& lock, LockWait wait) {
  const Node inode = co_await nodes_.find(node);
  const auto file = co_await files_.find(handle);
  const int operation = lock.type == F_UNLCK ? LOCK_UN : lock.type == F_WRLCK ? LOCK_EX : LOCK_SH;
  const auto elsewhere = [&] { return taken_elsewhere(::flock(file->fd.get(), operation | LOCK_NB)); };
  co_await inode->locks.set(request, connection_->interrupts(), LockKind::kFlock, owner, lock, wait, elsewhere);
  co_return {};
}

}  // namespace fusereplay
