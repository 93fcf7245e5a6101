// What init() sees: what the kernel offers, what the filesystem wants, and the runtime's services.
#pragma once

#include <cstdint>

#include "core/async/async.h"
#include "core/async/clock.h"
#include "core/operations/interrupts.h"
#include "core/operations/notifier.h"
#include "core/operations/task_runner.h"
#include "core/protocol/flags.h"
#include "core/result.h"

namespace fusereplay {

/// One connection, from INIT to its end. Outlives the filesystem's last handler. want(), refuse(), limits() and
/// run_handlers_concurrently() are for init() only; the rest may be used at any time on any thread.
class Connection {
 public:
  /// What the INIT reply states.
  struct Limits {
    std::uint32_t max_write = 1U << 20;      // bytes; also the most a READ asks for
    std::uint32_t max_readahead = 1U << 20;  // bytes
    std::uint16_t max_background = 12;       // requests without a waiting caller at a time (reference 5.2)
    std::uint16_t congestion_threshold = 9;
    std::uint32_t time_granularity = 1;  // ns
  };

  Connection(Clock& clock, TaskRunner& tasks) noexcept : clock_(clock), tasks_(tasks), notifier_(minor_, tasks) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Protocol minor that both sides speak.
  std::uint32_t minor() const noexcept { return minor_; }
  /// Bits (kInit...) the kernel offers.
  std::uint64_t offered() const noexcept { return offered_; }
  bool offers(std::uint64_t flags) const noexcept { return (offered_ & flags) == flags; }
  /// Bits the reply will set: the defaults, and what was asked for.
  std::uint64_t wanted() const noexcept { return wanted_; }
  /// Asks for these bits. ENOTSUP, and nothing asked for, when the kernel does not offer them all.
  Result<void> want(std::uint64_t flags) noexcept;
  /// Takes bits back, defaults too.
  void refuse(std::uint64_t flags) noexcept { wanted_ &= ~flags; }
  Limits& limits() noexcept { return limits_; }
  const Limits& limits() const noexcept { return limits_; }

  /// Lets handlers run on several threads at once. Without it they run one at a time between awaits.
  void run_handlers_concurrently() noexcept { concurrent_ = true; }
  bool concurrent() const noexcept { return concurrent_; }

  /// The time as this connection's client tells it: the machine's on a mount, recorded or simulated elsewhere.
  Clock& clock() noexcept { return clock_; }
  /// Whose callers do not want to wait any longer. Any time, any thread.
  Interrupts& interrupts() noexcept { return interrupts_; }
  /// What the filesystem has to tell the kernel.
  Notifier& notifier() noexcept { return notifier_; }
  /// Runs `task` on its own; its failure is logged. It must end by itself: disconnect waits for it before destroy().
  void spawn(Async<void> task);

  /// For the server: takes over what the kernel's INIT says and sets the default wishes.
  void open(std::uint32_t minor, std::uint64_t offered, std::uint32_t max_readahead) noexcept;

 private:
  Clock& clock_;
  TaskRunner& tasks_;
  Interrupts interrupts_;
  std::uint32_t minor_ = 0;
  std::uint64_t offered_ = 0;
  std::uint64_t wanted_ = 0;
  Limits limits_;
  bool concurrent_ = false;
  Notifier notifier_;
};

}  // namespace fusereplay
