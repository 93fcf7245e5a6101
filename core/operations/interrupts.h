// Requests whose callers were interrupted: how a handler that waits learns of INTERRUPT (reference 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "core/async/sync.h"

namespace fusereplay {

/// One connection's. Costs nothing to handlers that do not wait. Thread-safe.
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
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    bool interrupted() const;

   private:
    friend class Interrupts;
    Interrupts& interrupts_;
    const std::uint64_t unique_;
    AsyncEvent& wake_;
    bool interrupted_;  // guarded by the Interrupts' mutex
  };

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

  mutable std::mutex mutex_;  // guards all below and every Watch's interrupted_; over AsyncEvent's
  std::unordered_map<std::uint64_t, Watch*> watches_;
  std::array<std::uint64_t, kEarly> early_{};
  std::size_t next_early_ = 0;
  bool ended_ = false;
};

}  // namespace fusereplay
