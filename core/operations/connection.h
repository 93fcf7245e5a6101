// What init() sees: what the kernel offers, what the filesystem wants, and the runtime's services.
#pragma once

#include <cstdint>
#include <string>

#include "core/async/async.h"
#include "core/async/clock.h"
#include "core/operations/backing_files.h"
#include "core/operations/capability.h"
#include "core/operations/interrupts.h"
#include "core/operations/notifier.h"
#include "core/operations/task_runner.h"
#include "core/result.h"

namespace fusereplay {

/// One connection, from INIT to its end. Outlives the filesystem's last handler. What asks (want(), require(),
/// refuse(), set_readdirplus(), limits(), run_handlers_concurrently()) is for init() only; the rest may be used at any
/// time on any thread.
///
/// NOTHING IS DROPPED SILENTLY. When init() has ended, what it asked for is settled: what was required and is not
/// offered, what excludes each other, and limits that the kernel would not keep refuse the connection, with a reason
/// (OperationsServer::refusal()); what was wanted and is not offered is logged, on one line.
class Connection {
 public:
  /// What the INIT reply states. Sizes and counts are upper bounds: the kernel may keep to smaller ones.
  struct Limits {
    std::uint32_t max_write = 1U << 20;  // bytes of a WRITE, 4096 at least; of a READ too, unless max_pages says more
    std::uint16_t max_pages = 0;         // pages (4 KiB) of a READ or WRITE; 0: as many as max_write takes
    std::uint32_t max_readahead = 1U << 20;  // bytes
    std::uint16_t max_background = 12;       // requests without a waiting caller at a time; 0: the kernel's own number
    std::uint16_t congestion_threshold = 9;  // of them, from which on readahead waits; 0: the kernel's own
    std::uint32_t time_granularity = 1;      // ns, 1 to 1,000,000,000: what times in memory are rounded down to
    std::uint16_t request_timeout = 0;       // s; a request unanswered for longer ends the connection. 0: never
  };

  Connection(Clock& clock, TaskRunner& tasks) noexcept : clock_(clock), tasks_(tasks), notifier_(minor_, tasks) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Protocol minor that both sides speak.
  std::uint32_t minor() const noexcept { return minor_; }
  /// What the kernel offers.
  Capability offered() const noexcept { return Capability{offered_}; }
  bool offers(Capability set) const noexcept { return (offered() & set) == set; }
  /// What the reply will switch on, or has: the defaults that are offered, and what was asked for.
  Capability granted() const noexcept { return Capability{granted_}; }
  bool has(Capability set) const noexcept { return (granted() & set) == set; }

  /// Asks for what the filesystem can do without: whether the kernel offers it all. What it does not offer is logged.
  bool want(Capability set) noexcept { return ask(set, Need::kWanted); }
  /// Asks for what the filesystem depends on. ENOTSUP where the kernel does not offer it all, or the runtime does not
  /// serve it: then there will be no mount, whatever init() goes on to do.
  Result<void> require(Capability set) noexcept;
  /// Takes back, defaults too.
  void refuse(Capability set) noexcept { granted_ &= ~raw(set); }
  /// Whether the kernel offers that; kNever always is.
  bool set_readdirplus(Readdirplus mode, Need need) noexcept;
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
  /// Files that the kernel shall read and write by itself. Once INIT is answered.
  BackingFiles& backing_files() noexcept { return backing_files_; }
  /// Runs `task` on its own; its failure is logged. It must end by itself: disconnect waits for it before destroy().
  void spawn(Async<void> task);

  /// For the server: takes over what the kernel's INIT says and grants the defaults.
  void open(std::uint32_t minor, std::uint64_t offered, std::uint32_t max_readahead) noexcept;
  /// For the server, after init(): settles what was asked for, and logs what was wanted in vain. The error is why there
  /// can be no mount, one line.
  tl::expected<void, std::string> settle();

 private:
  bool ask(Capability set, Need need) noexcept;
  std::string obstacle() const;

  Clock& clock_;
  TaskRunner& tasks_;
  Interrupts interrupts_;
  std::uint32_t minor_ = 0;
  std::uint64_t offered_ = 0;
  std::uint64_t granted_ = 0;
  std::uint64_t asked_ = 0;            // and offered, and served
  std::uint64_t missed_ = 0;           // wanted in vain
  std::uint64_t missed_required_ = 0;  // required in vain
  Limits limits_;
  bool concurrent_ = false;
  Notifier notifier_;
  BackingFiles backing_files_;
};

}  // namespace fusereplay
