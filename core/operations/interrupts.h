// Requests whose callers were interrupted: how a handler that waits learns of INTERRUPT (reference 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "core/async/async.h"
#include "core/async/checked_mutex.h"
#include "core/async/sync.h"
#include "core/operations/request.h"

namespace fusereplay {

/// One connection's. Costs nothing to handlers that do not wait. Thread-safe.
///
///   const auto lock = co_await interrupts.lock_interruptible(request, mutex);  // the handler ends with EINTR
///
/// As in the kernel: EINTR where it must wait and the caller of `request` is interrupted meanwhile, was before, or the
/// connection has ended. What need not be waited for is had, and the interrupt is nobody's. One wait at a time for a
/// request. The lower level, for what is neither mutex nor event:
///
///   AsyncEvent wake;  // also set by what the handler waits for
///   const Interrupts::Watch watch(connection.interrupts(), request.unique(), wake);
///   while (!happened()) {
///     if (watch.interrupted()) co_return Errno(EINTR);
///     co_await wake.wait();
///     wake.reset();
///   }
class Interrupts {
 public:
  /// While it exists, an INTERRUPT of `unique` sets `wake`; so does one that came before, and the connection's end.
  class Watch {
   public:
    /// `interrupts` and `wake` outlive it. One at a time for a request.
    Watch(Interrupts& interrupts, std::uint64_t unique, AsyncEvent& wake);
    /// Interrupts `waiting` instead.
    Watch(Interrupts& interrupts, std::uint64_t unique, Interruptible& waiting);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    bool interrupted() const;

   private:
    friend class Interrupts;
    void begin();
    void interrupt();

    Interrupts& interrupts_;
    const std::uint64_t unique_;
    AsyncEvent* const wake_;
    Interruptible* const waiting_;
    bool interrupted_ = false;  // guarded by the Interrupts' mutex
  };

  /// `mutex`, `event` outlive the wait.
  Async<AsyncMutex::Lock> lock_interruptible(const Request& request, AsyncMutex& mutex);
  Async<CheckedMutex::Lock> lock_interruptible(const Request& request, CheckedMutex& mutex);
  Async<AsyncSharedMutex::Lock> lock_interruptible(const Request& request, AsyncSharedMutex& mutex);
  Async<AsyncSharedMutex::Lock> lock_shared_interruptible(const Request& request, AsyncSharedMutex& mutex);
  /// Until it is set.
  Async<void> wait_interruptible(const Request& request, AsyncEvent& event);
  /// By the current executor's clock.
  Async<void> sleep_interruptible(const Request& request, std::int64_t nanoseconds);

  Interrupts() noexcept = default;
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// For the server: the caller of `unique` was interrupted.
  void interrupt(std::uint64_t unique);
  /// For the server: the connection has ended; whoever waits, or will, has been interrupted.
  void interrupt_all();

 private:
  /// INTERRUPT may be read while another thread still starts its target, or after the target was answered: which of
  /// the two cannot be told, so the last ones are kept for a while.
  static constexpr std::size_t kEarly = 64;

  // Guards all below and every Watch's interrupted_; over those of AsyncEvent, AsyncMutex and AsyncSharedMutex.
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Watch*> watches_;
  std::array<std::uint64_t, kEarly> early_{};
  std::size_t next_early_ = 0;
  bool ended_ = false;
};

}  // namespace fusereplay
