// Numbers the events of one connection and hands them to its observers.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/event/event.h"
#include "core/server/server.h"

namespace fusereplay {

/// CLOCK_REALTIME in nanoseconds since the epoch.
std::int64_t realtime_now() noexcept;
/// The calling thread's kernel id; asked of the kernel once a thread.
std::uint32_t current_thread() noexcept;

/// The sequence of one connection and its live sinks, under ORDER in core/event/event.h. Thread-safe.
class EventSource {
 public:
  explicit EventSource(std::vector<EventSink*> observers)
      : observers_(std::move(observers)),
        wants_file_data_(std::any_of(observers_.begin(), observers_.end(),
                                     [](const EventSink* observer) { return observer->wants_file_data(); })) {}

  /// Whether an observer does: EventSink::wants_file_data().
  bool wants_file_data() const noexcept { return wants_file_data_; }

  /// A request that this thread has just read from `channel` (Event::channel). `request.received` becomes the instant.
  void announce(IncomingRequest& request, std::uint32_t channel);
  /// A reply or a notification: `write` hands it to the kernel, once, and returns bytes or a negative errno, which
  /// becomes the event's result and ours.
  template <typename Write>
  std::int64_t pass_on(const Message& message, std::uint32_t channel, const Write& write) {
    if (!observed()) return write();
    Event event = begin(message, channel);
    event.result = write();
    end(event);
    return event.result;
  }
  /// Now, on this thread.
  void mark(Mark mark);

 private:
  bool observed() const noexcept { return !observers_.empty(); }
  // From 1. Whoever takes one delivers an event with it, whatever happens in between. Sequentially consistent, so that
  // the order across threads that the kernel made (a reply's write, then the read of the request it enabled) is the
  // order of the numbers.
  std::uint64_t take_number() noexcept { return sequence_.fetch_add(1) + 1; }
  Event begin(const Message& message, std::uint32_t channel);
  void end(Event& event);
  void deliver(const Event& event) const {
    for (EventSink* observer : observers_) observer->on_event(event);
  }

  const std::vector<EventSink*> observers_;
  const bool wants_file_data_;
  alignas(64) std::atomic<std::uint64_t> sequence_{0};
};

}  // namespace fusereplay
