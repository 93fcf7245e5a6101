// The advisory locks of one file, as fcntl(2) and flock(2) have them; who waits suspends and holds no thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "core/async/sync.h"
#include "core/operations/interrupts.h"
#include "core/operations/request.h"

namespace fusereplay {

enum class LockKind : std::uint8_t {
  kRecord,  // fcntl's: an owner holds ranges
  kFlock,   // flock's: an owner holds the whole file
};

/// Thread-safe. Locks of different kinds do not meet. No deadlock is looked for (EDEADLK): an interrupt ends a wait.
class FileLocks {
 public:
  /// Takes the same lock elsewhere too. Called without waiting, with the mutex held, when nobody here is in the way.
  /// EBUSY: somebody elsewhere is.
  using Elsewhere = std::function<Result<void>()>;

  FileLocks() noexcept = default;
  FileLocks(const FileLocks&) = delete;
  FileLocks& operator=(const FileLocks&) = delete;

  /// Takes `lock`, or gives its range back (F_UNLCK), for `owner`. EAGAIN where another owner's lock is in the way and
  /// `wait` is kNo; EINTR where the caller was interrupted; EINVAL for a type that is none. Whoever waits for a lock
  /// elsewhere asks again every kRetry.
  Async<void> set(const Request& request, Interrupts& interrupts, LockKind kind, LockOwner owner, const FileLock& lock,
                  LockWait wait, Elsewhere elsewhere);
  /// The first lock that is in the way of `lock`.
  std::optional<FileLock> conflict(LockKind kind, LockOwner owner, const FileLock& lock) const;
  /// Gives back all that `owner` holds; whether it held anything.
  bool drop(LockKind kind, LockOwner owner);
  bool holds(LockKind kind, LockOwner owner) const;

  static constexpr std::int64_t kRetry = 10'000'000;  // ns

 private:
  struct Held {
    LockOwner owner;
    FileLock lock;
  };
  using Locks = std::vector<Held>;

  /// Registered as long as it exists: its event is set whenever a lock of the file has been given back.
  class Waiting {
   public:
    explicit Waiting(FileLocks& locks);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    AsyncEvent wake;

   private:
    FileLocks& locks_;
  };

  Result<void> attempt(LockKind kind, LockOwner owner, const FileLock& lock, const Elsewhere& elsewhere);
  // Called with mutex_ held.
  const Held* in_the_way(LockKind kind, LockOwner owner, const FileLock& lock) const;
  void replace(LockKind kind, LockOwner owner, const FileLock& lock);
  void wake_all();

  Locks& of(LockKind kind) noexcept { return kind == LockKind::kRecord ? records_ : flocks_; }
  const Locks& of(LockKind kind) const noexcept { return kind == LockKind::kRecord ? records_ : flocks_; }

  mutable std::mutex mutex_;       // guards all below; over AsyncEvent's
  Locks records_;                  // INVARIANT: an owner's ranges do not overlap
  Locks flocks_;                   // INVARIANT: one of each owner
  std::vector<Waiting*> waiting_;  // in the order they came
};

}  // namespace fusereplay
