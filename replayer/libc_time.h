// The time that code in this process gets from libc, set from outside that code: for filesystems that ask the C library
// what time it is instead of Request::time() or Connection::clock().
//
// libfaketime, preloaded, takes the answers of clock_gettime(CLOCK_REALTIME and its kin), gettimeofday(), time() and
// what is built on them from a list of instants in shared memory, one an answer. CLOCK_MONOTONIC and sleeps stay real.
// Not reached: what the kernel stamps (files of other filesystems, utimensat(UTIME_NOW)) and system calls made without
// libc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "replayer/replayer.h"

namespace fusereplay {

/// One a process, single-threaded: readings made on several threads at once wait for each other, and share the list.
///
///   int main(int argc, char** argv) {
///     if (!LibcTime::restarted()) fail(LibcTime::restart({argv, argv + argc}));  // starts this program again
///     auto time = LibcTime::take();
///     (*time)->set(instants);
class LibcTime {
 public:
  /// Whether this process was started by restart().
  static bool restarted() noexcept;
  /// Runs this program again with libfaketime preloaded, in place of this one: same pid, descriptors and `arguments`
  /// (the first is the program's name). Sets TZ=UTC and LC_ALL=C. To be called before anything was done. Returns only
  /// what went wrong, as one line.
  static std::string restart(const std::vector<std::string>& arguments);
  /// Takes hold of the restarted process's clock and proves that it can be set. The error is one line. Removes the
  /// names that restart() made and the preload from the environment: children get the real time. Once.
  static tl::expected<std::unique_ptr<LibcTime>, std::string> take();

  ~LibcTime();
  LibcTime(const LibcTime&) = delete;
  LibcTime& operator=(const LibcTime&) = delete;

  /// The next reading gives the first instant (ns since the epoch), and so on; those beyond the list give the last.
  /// `instants` is not empty; of more than kMaxReadings the rest is ignored.
  void set(std::span<const std::int64_t> instants) noexcept;
  /// How many set() calls were followed by more readings than had been prepared for: the surplus ones were given the
  /// instant of an earlier set(), or, beyond kMaxReadings, the real time from then on. The list that is prepared grows
  /// as this happens.
  std::uint64_t overrun() const noexcept;

  static constexpr std::size_t kMaxReadings = 4096;

 private:
  struct Shared;
  struct Instant;
  LibcTime(Shared* shared, Instant* list) noexcept;
  bool keeps_time() noexcept;

  Shared* shared_;
  Instant* list_;
  std::size_t prepared_ = 8;  // entries of the list that set() keeps up to date
  std::uint64_t overrun_ = 0;
};

/// What libc is told during a replay.
enum class LibcTimeMode : std::uint8_t {
  kRecorded,  // what the recorded filesystem read: see RecordedInstants; else the instant the request was read
  kFrozen,    // the instant of the first request, always
};

/// The time stamps that a recording shows: where one lies between a request and its reply, the request's handler read
/// it from its clock, as nothing else could have made it.
class RecordedInstants {
 public:
  /// Reads `source` to its end. Memory grows with the number of distinct stamps: 8 bytes each.
  static RecordedInstants collect(RecordedEvents& source);
  /// Those within [begin, end], ascending, valid as long as this object.
  std::span<const std::int64_t> within(std::int64_t begin, std::int64_t end) const noexcept;

 private:
  void add(std::int64_t instant) { instants_.push_back(instant); }
  void tidy();
  std::vector<std::int64_t> instants_;  // sorted, each once, after tidy()
};

/// Drives LibcTime from a replay (ReplayOptions::time).
class LibcReplayTime final : public ReplayTime {
 public:
  /// `time` outlives it.
  LibcReplayTime(LibcTime& time, LibcTimeMode mode, RecordedInstants instants) noexcept
      : time_(time), mode_(mode), instants_(std::move(instants)) {}
  void pass(std::int64_t begin, std::int64_t end) override;

 private:
  LibcTime& time_;
  const LibcTimeMode mode_;
  const RecordedInstants instants_;
  std::int64_t first_ = 0;  // kFrozen
};

}  // namespace fusereplay
