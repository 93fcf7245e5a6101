// Shows the live conversation to the sinks, in the recorded order, some events at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "core/event/event.h"
#include "core/protocol/layout.h"
#include "replayer/slot.h"
#include "replayer/window.h"

namespace fusereplay {

/// Sinks see an event up to kBatch events after it happened, and all of them after flush(): the code of a replay with
/// its server, and that of the sinks, do not fit a processor's instruction cache together, and in turns each would push
/// the other out.
class LiveLog {
 public:
  /// `slots` outlives this.
  explicit LiveLog(SlotPool& slots) noexcept : slots_(slots) {}
  void add(EventSink& sink) { sinks_.push_back(&sink); }

  /// The request as it was rewritten. It must not change before the slot is retired.
  void request(Slot& slot, const Negotiated& negotiated);
  /// A live reply in the recorded one's place.
  void reply(Slot& slot, const Message& message);
  /// At once, with all before it.
  void mark(const Event& event);
  /// Nothing was sent or answered here: a mark kNone in the recorded event's place, so that the sequence has no gap.
  void nothing(const Event& event);

  /// Gives the slot back to its pool, once nothing that is still to be shown lies in it.
  void retire(Slot& slot);
  void flush();

 private:
  static constexpr std::size_t kBatch = 32;
  // A larger message is shown at once rather than copied.
  static constexpr std::size_t kLargest = 8192;

  struct Waiting {
    Event event;
    Slot* slot;
    std::size_t at;      // a reply's message in bytes_
    std::size_t copied;  // its size, 0 where it was not copied
    Negotiated negotiated;
  };

  Waiting& append(const Event& event, Slot* slot);
  static void know_request(Waiting& waiting);

  SlotPool& slots_;
  std::vector<EventSink*> sinks_;
  std::vector<Waiting> waiting_;
  std::vector<std::byte> bytes_;
  std::vector<Slot*> retired_;
};

}  // namespace fusereplay
