#include "examples/locks/file_locks.h"

#include <fcntl.h>

#include <algorithm>

namespace fusereplay {
namespace {

bool overlap(const FileLock& a, const FileLock& b) noexcept {
  return a.start <= b.end && b.start <= a.end;
}

}  // namespace

FileLocks::Waiting::Waiting(FileLocks& locks) : locks_(locks) {
  const std::lock_guard guard(locks_.mutex_);
  locks_.waiting_.push_back(this);
}

FileLocks::Waiting::~Waiting() {
  const std::lock_guard guard(locks_.mutex_);
  locks_.waiting_.erase(std::find(locks_.waiting_.begin(), locks_.waiting_.end(), this));
}

void FileLocks::wake_all() {
  for (Waiting* waiting : waiting_) waiting->wake.set();
}

const FileLocks::Held* FileLocks::in_the_way(LockKind kind, LockOwner owner, const FileLock& lock) const {
  if (lock.type == F_UNLCK) return nullptr;
  const Locks& locks = of(kind);
  const auto found = std::find_if(locks.begin(), locks.end(), [&](const Held& held) {
    return held.owner != owner && (held.lock.type == F_WRLCK || lock.type == F_WRLCK) && overlap(held.lock, lock);
  });
  return found == locks.end() ? nullptr : &*found;
}

void FileLocks::replace(LockKind kind, LockOwner owner, const FileLock& lock) {
  Locks& locks = of(kind);
  Locks kept;
  FileLock taken = lock;
  for (const Held& held : locks) {
    const bool same = held.owner == owner && held.lock.type == lock.type;
    const bool touches =
        overlap(held.lock, taken) || (same && (held.lock.end + 1 == taken.start || taken.end + 1 == held.lock.start));
    if (held.owner != owner || !touches) {
      kept.push_back(held);
    } else if (same) {
      taken.start = std::min(taken.start, held.lock.start);
      taken.end = std::max(taken.end, held.lock.end);
    } else {
      Held rest = held;
      if (held.lock.start < taken.start) {
        rest.lock.end = taken.start - 1;
        kept.push_back(rest);
      }
      if (held.lock.end > taken.end) {
        rest.lock = held.lock;
        rest.lock.start = taken.end + 1;
        kept.push_back(rest);
      }
    }
  }
  if (taken.type != F_UNLCK) kept.push_back(Held{owner, taken});
  locks = std::move(kept);
  if (lock.type != F_WRLCK) wake_all();  // given back, or now shared
}

Result<void> FileLocks::attempt(LockKind kind, LockOwner owner, const FileLock& lock, const Elsewhere& elsewhere) {
  const std::lock_guard guard(mutex_);
  if (in_the_way(kind, owner, lock) != nullptr) return Errno(EAGAIN);
  if (elsewhere) {
    if (const auto taken = elsewhere(); !taken) return taken.error();
  }
  replace(kind, owner, lock);
  return {};
}

Async<void> FileLocks::set(const Request& request, Interrupts& interrupts, LockKind kind, LockOwner owner,
                           const FileLock& lock, LockWait wait, Elsewhere elsewhere) {
  if (lock.type != F_RDLCK && lock.type != F_WRLCK && lock.type != F_UNLCK) co_return Errno(EINVAL);
  Waiting waiting(*this);
  const Interrupts::Watch watch(interrupts, request.unique(), waiting.wake);
  for (;;) {
    waiting.wake.reset();
    const Result<void> taken = attempt(kind, owner, lock, elsewhere);
    if (taken) break;
    const bool here = taken.error() == Errno(EAGAIN);
    if (!here && taken.error() != Errno(EBUSY)) co_return taken.error();
    if (wait == LockWait::kNo) co_return Errno(EAGAIN);
    if (watch.interrupted()) co_return Errno(EINTR);
    if (here) {
      co_await waiting.wake.wait();
    } else {
      co_await sleep_for(kRetry);
    }
  }
  co_return {};
}

std::optional<FileLock> FileLocks::conflict(LockKind kind, LockOwner owner, const FileLock& lock) const {
  const std::lock_guard guard(mutex_);
  const Held* held = in_the_way(kind, owner, lock);
  return held == nullptr ? std::nullopt : std::optional(held->lock);
}

bool FileLocks::drop(LockKind kind, LockOwner owner) {
  const std::lock_guard guard(mutex_);
  Locks& locks = of(kind);
  const auto rest = std::remove_if(locks.begin(), locks.end(), [&](const Held& held) { return held.owner == owner; });
  if (rest == locks.end()) return false;
  locks.erase(rest, locks.end());
  wake_all();
  return true;
}

bool FileLocks::holds(LockKind kind, LockOwner owner) const {
  const std::lock_guard guard(mutex_);
  const Locks& locks = of(kind);
  return std::any_of(locks.begin(), locks.end(), [&](const Held& held) { return held.owner == owner; });
}

}  // namespace fusereplay
