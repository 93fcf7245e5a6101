// Numbers the events of one connection and hands them to its observers.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/event/event.h"

namespace fusereplay {

/// CLOCK_REALTIME in nanoseconds since the epoch.
std::int64_t realtime_now() noexcept;
/// The calling thread's kernel id; asked of the kernel once a thread.
std::uint32_t current_thread() noexcept;

/// The sequence of one connection and its live sinks. Thread-safe: any thread numbers, any thread delivers.
class EventSource {
 public:
  explicit EventSource(std::vector<EventSink*> observers) : observers_(std::move(observers)) {}

  /// Whether anybody listens; numbers need to be taken only then.
  bool observed() const noexcept { return !observers_.empty(); }
  /// The next number, from 1. Whoever takes one delivers an event with it, whatever happens in between. Sequentially
  /// consistent, so that the order across threads that the kernel made (a reply's write, then the read of the request
  /// it enabled) is the order of the numbers.
  std::uint64_t take_number() noexcept { return sequence_.fetch_add(1) + 1; }
  void deliver(const Event& event) const {
    for (EventSink* observer : observers_) observer->on_event(event);
  }
  /// Numbers and delivers a mark, now, on this thread.
  void mark(Mark mark);

 private:
  const std::vector<EventSink*> observers_;
  alignas(64) std::atomic<std::uint64_t> sequence_{0};
};

}  // namespace fusereplay
