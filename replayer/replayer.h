// Plays a recorded conversation against a server, without a kernel, and compares what it answers.
//
// ORDER. With one device thread requests do not overlap: each is delivered where it was recorded. Where they overlap,
// the sequence does not say in which order the filesystem took them, so an order is looked for that explains the
// recorded replies; each request is delivered within its recorded interval, from request to reply:
// - A request that changes nothing is tried at its request. If the answer differs from the recorded one the reply is
//   refused (send() returns -ENOENT, whereupon the server undoes count and handle, reference 1.4), and tried again
//   after each overlapping request that does change something, at the latest at its recorded reply.
// - A request that changes something is delivered at its recorded reply, in the order of replies; earlier only where
//   a reply that is due cannot be explained without it, or does not come without it (a lock that is waited for), and
//   both touch one node.
// - FORGET, BATCH_FORGET, INTERRUPT and NOTIFY_REPLY are delivered where they stand.
// The choice depends on the recording and the server's answers alone.
//
// IDS. What the recorded filesystem chose (nodeid with generation, file handle, directory cookie, inode number) is
// bound to what the live one chooses, by the reply that made it; requests are rewritten before they are delivered. What
// the kernel chose (unique, lock owner, poll handle) is passed on.
//
// ANOTHER IMPLEMENTATION (CompareProfile::kPortable, kOutcome) pages and fills listings differently: directories are
// compared as sets, and what must be asked beyond the recording is (replayer/synthetic.h). docs/replay.md.
//
// WRITE RESULTS. send() returns what the recorded write(2) did: where the kernel refused a reply, so does the replay.
//
// DIFFERENCES. Each is put under the one that it follows from (replayer/causes.h). A request on a node or handle that
// has no live counterpart because of a difference is withheld: its id would name some other live thing, or none.
//
// TIME. IncomingRequest::received is the recorded instant of the request, so stamps are equal to the nanosecond. The
// clock is set to the recorded instants and never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/async/clock.h"
#include "core/async/executor.h"
#include "core/operations/operations.h"
#include "core/server/server.h"
#include "replayer/expected.h"
#include "replayer/recorded_events.h"
#include "replayer/report.h"
#include "replayer/tolerances.h"

namespace fusereplay {

/// Told how the recorded time passes.
class ReplayTime {
 public:
  virtual ~ReplayTime() = default;
  /// A request is about to be delivered that was read at `begin` and answered at `end` (ns since the epoch; `end` is
  /// `begin` where no reply is known).
  virtual void pass(std::int64_t begin, std::int64_t end) = 0;
};

struct ReplayOptions {
  Tolerances tolerances = Tolerances::exact();
  PayloadPolicy payload = PayloadPolicy::kFull;  // the source's: what its trace's header says
  ExpectedDifferences* expected = nullptr;       // told of each cause, may be null; outlives the replay
  std::size_t kept_causes = 100;
  std::size_t kept_followers = 20;  // of each cause
  std::uint64_t stop_after = 0;     // divergences; 0: never
  /// How far ahead the reply of an overlapping request is looked for, in events and in bytes. Bounds the memory.
  std::size_t window_events = 8192;
  std::size_t window_bytes = std::size_t{64} << 20;
  ReplayTime* time = nullptr;  // outlives the replay
  /// Called once INIT was answered, before the next request: to make the filesystem what the recording presumes
  /// (replayer/prepare.h). The arguments are the replay's. False: the replay stops.
  std::function<bool(Server&, ManualExecutor&)> after_init{};
};

/// One replay. One thread. No allocation in steady state.
class Replayer {
 public:
  /// `server` must run its handlers on `executor` and nowhere else, and show `clock` to its filesystem; all outlive the
  /// Replayer.
  Replayer(Server& server, ManualExecutor& executor, ManualClock& clock, ReplayOptions options = {});
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// An ordered sink of the live conversation: rewritten requests and live replies, at the recorded places (sequence,
  /// times, thread, channel), Event::request set. Attempts that were refused for the sake of order are not in it, nor
  /// are notifications. It is shown in small batches: an event comes some events later than it happened, a mark at
  /// once. Called before run(); `sink` outlives it.
  void add_sink(EventSink& sink);

  /// Plays `source` to its end, then disconnects the server unless it hangs. Once.
  ReplayReport run(RecordedEvents& source);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Replays against `filesystem` behind an OperationsServer of its own. A filesystem that hangs is not destroyed: its
/// suspended handlers can never end.
ReplayReport replay(std::unique_ptr<Operations> filesystem, RecordedEvents& source,
                    std::span<EventSink* const> sinks = {}, const ReplayOptions& options = {});

}  // namespace fusereplay
