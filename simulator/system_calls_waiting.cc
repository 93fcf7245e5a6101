// Calls that may wait for other processes: locks of files, poll (fs/locks.c, fs/select.c).
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "simulator/call.h"

namespace fusereplay {
namespace {

using kernel::kLastOffset;
using kernel::LockWaits;

struct Range {
  std::uint64_t start;
  std::uint64_t end;
};

// flock_to_posix_lock.
Result<Range> range_of(const struct flock& lock, std::uint64_t position, std::uint64_t size) {
  std::int64_t base = 0;
  if (lock.l_whence == SEEK_CUR) {
    base = static_cast<std::int64_t>(position);
  } else if (lock.l_whence == SEEK_END) {
    base = static_cast<std::int64_t>(size);
  } else if (lock.l_whence != SEEK_SET) {
    return Errno(EINVAL);
  }
  if (lock.l_start > INT64_MAX - base) return Errno(EOVERFLOW);
  std::int64_t start = base + lock.l_start;
  std::int64_t end = INT64_MAX;
  if (start < 0) return Errno(EINVAL);
  if (lock.l_len > 0) {
    if (lock.l_len - 1 > INT64_MAX - start) return Errno(EOVERFLOW);
    end = start + lock.l_len - 1;
  } else if (lock.l_len < 0) {
    if (start + lock.l_len < 0) return Errno(EINVAL);
    end = start - 1;
    start += lock.l_len;
  }
  return Range{static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(end)};
}

}  // namespace

Outcome<void> SystemCalls::flock(Fd fd, int operation) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    const int wanted = operation & ~LOCK_NB;
    if (wanted != LOCK_SH && wanted != LOCK_EX && wanted != LOCK_UN) return Errno(EINVAL);
    const int type = wanted == LOCK_SH ? F_RDLCK : wanted == LOCK_EX ? F_WRLCK : F_UNLCK;
    const bool waits = (operation & LOCK_NB) == 0;
    return kernel_.filesystem.flock(**open, type, waits ? LockWaits::kYes : LockWaits::kNo, process_);
  });
}

Result<void> SystemCalls::set_lock(Fd fd, const struct flock& lock, bool waits) {
  const Result<File> open = file(fd);
  if (!open) return open.error();
  const Result<Range> range = range_of(lock, (*open)->position, (*open)->inode->size);
  if (!range) return range.error();
  if (lock.l_type != F_RDLCK && lock.l_type != F_WRLCK && lock.l_type != F_UNLCK) return Errno(EINVAL);
  if (lock.l_type == F_RDLCK && !(*open)->reads()) return Errno(EBADF);
  if (lock.l_type == F_WRLCK && !(*open)->writes()) return Errno(EBADF);
  return kernel_.filesystem.set_lock(**open, lock.l_type, range->start, range->end,
                                     waits ? LockWaits::kYes : LockWaits::kNo, process_);
}

Outcome<void> SystemCalls::setlk(Fd fd, const struct flock& lock) {
  return call([&] { return set_lock(fd, lock, false); });
}

Outcome<void> SystemCalls::setlkw(Fd fd, const struct flock& lock) {
  return call([&] { return set_lock(fd, lock, true); });
}

Outcome<struct flock> SystemCalls::getlk(Fd fd, const struct flock& lock) {
  return call([&]() -> Result<struct flock> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (lock.l_type != F_RDLCK && lock.l_type != F_WRLCK) return Errno(EINVAL);
    const Result<Range> range = range_of(lock, (*open)->position, (*open)->inode->size);
    if (!range) return range.error();
    const Result<kernel::HeldLock> held =
        kernel_.filesystem.get_lock(**open, lock.l_type, range->start, range->end, process_);
    if (!held) return held.error();
    struct flock out = lock;
    out.l_type = static_cast<short>(held->type);
    if (held->type == F_UNLCK) return out;
    out.l_whence = SEEK_SET;
    out.l_start = static_cast<off_t>(held->start);
    out.l_len = held->end == kLastOffset ? 0 : static_cast<off_t>(held->end - held->start + 1);
    out.l_pid = static_cast<pid_t>(held->pid);
    return out;
  });
}

// do_poll, of one descriptor.
Outcome<std::uint32_t> SystemCalls::poll(Fd fd, std::uint32_t events, std::int64_t timeout) {
  return call([&]() -> Result<std::uint32_t> {
    const Result<File> open = file(fd, Access::kPathOnly);
    if (!open || (*open)->path_only) return std::uint32_t{POLLNVAL};
    const std::uint32_t filter = events | POLLERR | POLLHUP;
    const std::int64_t begin = kernel_.filesystem.now();
    while (true) {
      const std::uint64_t seen = (*open)->poll_wakeups;
      const std::uint32_t ready = kernel_.filesystem.poll(**open, filter, timeout != 0, process_) & filter;
      if (ready != 0 || timeout == 0) return ready;
      const Result<bool> woken = kernel_.filesystem.wait_for_poll(**open, seen, timeout < 0 ? -1 : begin + timeout);
      if (!woken) return woken.error();
      if (!*woken) return std::uint32_t{0};
      timeout = timeout < 0 ? timeout : std::max<std::int64_t>(begin + timeout - kernel_.filesystem.now(), 0);
    }
  });
}

}  // namespace fusereplay
