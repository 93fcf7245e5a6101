// A live sink that remembers what passed, for tests to look at.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <ostream>
#include <vector>

#include "core/event/event.h"
#include "core/protocol/opcode.h"

namespace fusereplay::testing {

/// An event without its bytes.
struct RecordedEvent {
  EventKind kind{};
  Mark mark{};
  std::uint64_t sequence = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint32_t thread = 0;
  std::uint32_t channel = 0;
  std::int64_t result = 0;
  std::uint64_t unique = 0;
  Opcode opcode{};         // requests
  std::uint32_t pid = 0;   // requests
  std::int32_t error = 0;  // replies; of notifications, the code
};

class RecordingSink final : public EventSink {
 public:
  void on_event(const Event& event) override;

  /// Everything so far, in the order of the sequence.
  std::vector<RecordedEvent> events() const;
  /// Everything so far, in the order in which it was delivered.
  std::vector<RecordedEvent> delivered() const;
  /// Waits until an event was delivered that `wanted` accepts.
  void wait_for(const std::function<bool(const RecordedEvent&)>& wanted) const;

 private:
  mutable std::mutex mutex_;  // guards events_
  mutable std::condition_variable added_;
  std::vector<RecordedEvent> events_;
};

/// `event` without its bytes.
RecordedEvent record(const Event& event);

}  // namespace fusereplay::testing
