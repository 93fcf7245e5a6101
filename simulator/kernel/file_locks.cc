// flock(2), fcntl(2) locks: asked of the server, or kept here (fs/fuse/file.c fuse_file_lock, fuse_file_flock).
#include "simulator/kernel/file_locks.h"

#include <fcntl.h>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

std::optional<HeldLock> FileLocks::conflict(const HeldLock& wanted) const noexcept {
  for (const HeldLock& held : held_) {
    if (held.owner == wanted.owner || held.end < wanted.start || wanted.end < held.start) continue;
    if (held.type == F_WRLCK || wanted.type == F_WRLCK) return held;
  }
  return std::nullopt;
}

void FileLocks::set(const HeldLock& lock) {
  std::vector<HeldLock> kept;
  for (const HeldLock& held : held_) {
    if (held.owner != lock.owner || held.end < lock.start || lock.end < held.start) {
      kept.push_back(held);
      continue;
    }
    if (held.start < lock.start) {
      kept.push_back(held);
      kept.back().end = lock.start - 1;
    }
    if (lock.end < held.end) {
      kept.push_back(held);
      kept.back().start = lock.end + 1;
    }
  }
  if (lock.type != F_UNLCK) kept.push_back(lock);
  held_ = std::move(kept);
}

/// Somebody who waits for a lock that the kernel keeps.
struct Filesystem::LockWait final : WaitReason {
  LockWait(std::uint64_t of, std::uint32_t who, const FileLocks& all, const HeldLock& wants) noexcept
      : nodeid(of), pid(who), locks(all), wanted(wants) {}
  std::string describe() const override {
    const auto held = locks.conflict(wanted);
    return "a lock of nodeid " + std::to_string(nodeid) + " for pid " + std::to_string(pid) + " is held by pid " +
           std::to_string(held ? held->pid : 0);
  }
  std::uint64_t nodeid;
  std::uint32_t pid;
  const FileLocks& locks;
  const HeldLock& wanted;
};

Result<void> Filesystem::set_local_lock(Inode& inode, FileLocks& locks, const HeldLock& wanted, LockWaits waits) {
  const InodeRef keep(&inode);
  const Task& task = scheduler_.current();
  if (wanted.type != F_UNLCK && locks.conflict(wanted)) {
    if (waits == LockWaits::kNo) return Errno(EAGAIN);
    const LockWait reason(inode.nodeid, wanted.pid, locks, wanted);
    const bool came =
        scheduler_.wait_until([&] { return !locks.conflict(wanted) || task.signal() != Signal::kNone; }, reason);
    if (!came) return Errno(EDEADLK);
    if (locks.conflict(wanted)) return Errno(EINTR);
  }
  locks.set(wanted);
  return {};
}

// fuse_lk_fill.
RequestQueue::Request Filesystem::make_lock_request(Opcode opcode, const OpenFile& file, const HeldLock& lock,
                                                    LockKind kind, const Process& task) {
  wire::LkIn in{};
  in.fh = file.handle;
  in.owner = lock.owner;
  in.lk.start = lock.start;
  in.lk.end = lock.end;
  in.lk.type = static_cast<std::uint32_t>(lock.type);
  in.lk.pid = lock.type == F_UNLCK || opcode == Opcode::kGetlk ? 0 : lock.pid;
  if (kind == LockKind::kFlock) in.lk_flags |= kLkFlock;
  auto request = make(opcode, file.inode->nodeid, task);
  request->add(in);
  return request;
}

// fuse_setlk.
Result<void> Filesystem::ask_for_lock(const OpenFile& file, const HeldLock& wanted, LockKind kind, LockWaits waits,
                                      const Process& task) {
  const Opcode opcode = waits == LockWaits::kYes ? Opcode::kSetlkw : Opcode::kSetlk;
  const auto request = make_lock_request(opcode, file, wanted, kind, task);
  return call(*request);  // EINTR begins anew where the signal's handler says so (ERESTARTSYS)
}

Result<void> Filesystem::flock(OpenFile& file, int type, LockWaits waits, const Process& task) {
  Inode& inode = *file.inode;
  if (inode.bad && connection_.has(kInitFlockLocks)) return Errno(EIO);
  if (file.owner == 0) file.owner = file.kernel_handle << 32;
  const HeldLock wanted{.owner = file.owner, .type = type, .start = 0, .end = kLastOffset, .pid = task.pid};
  if (connection_.has(kInitFlockLocks)) {
    file.flocked = true;
    return ask_for_lock(file, wanted, LockKind::kFlock, waits, task);
  }
  // flock_lock_inode: what the file had goes before anything is waited for.
  HeldLock freed = wanted;
  freed.type = F_UNLCK;
  inode.flocks.set(freed);
  return set_local_lock(inode, inode.flocks, wanted, waits);
}

Result<void> Filesystem::set_lock(const OpenFile& file, int type, std::uint64_t start, std::uint64_t end,
                                  LockWaits waits, const Process& task) {
  Inode& inode = *file.inode;
  const HeldLock wanted{.owner = task.pid, .type = type, .start = start, .end = end, .pid = task.pid};
  if (!connection_.has(kInitPosixLocks)) return set_local_lock(inode, inode.record_locks, wanted, waits);
  return ask_for_lock(file, wanted, LockKind::kRecord, waits, task);
}

// fuse_getlk, convert_fuse_file_lock.
Result<HeldLock> Filesystem::get_lock(const OpenFile& file, int type, std::uint64_t start, std::uint64_t end,
                                      const Process& task) {
  const HeldLock wanted{.owner = task.pid, .type = type, .start = start, .end = end, .pid = 0};
  HeldLock free = wanted;
  free.type = F_UNLCK;
  if (!connection_.has(kInitPosixLocks)) return file.inode->record_locks.conflict(wanted).value_or(free);
  const auto request = make_lock_request(Opcode::kGetlk, file, wanted, LockKind::kRecord, task);
  if (const Result<void> answer = call(*request); !answer) return answer.error();
  const wire::FileLock lock = request->out<wire::LkOut>().lk;
  switch (lock.type) {
    case F_UNLCK:
      return free;
    case F_RDLCK:
    case F_WRLCK:
      if (lock.start > kLastOffset || lock.end > kLastOffset || lock.end < lock.start) return Errno(EIO);
      return HeldLock{
          .owner = 0, .type = static_cast<int>(lock.type), .start = lock.start, .end = lock.end, .pid = lock.pid};
    default:
      return Errno(EIO);
  }
}

void Filesystem::drop_local_locks(const OpenFile& file, const Process& task) {
  if (connection_.has(kInitPosixLocks)) return;  // FLUSH does it
  Inode& inode = *file.inode;
  if (inode.record_locks.empty()) return;
  inode.record_locks.set({.owner = task.pid, .type = F_UNLCK, .start = 0, .end = kLastOffset, .pid = 0});
}

}  // namespace fusereplay::kernel
