// Shows the live conversation to the sinks, event by event, in the recorded order.
#pragma once

#include <vector>

#include "core/event/event.h"
#include "core/protocol/layout.h"
#include "replayer/slot.h"

namespace fusereplay {

class LiveLog {
 public:
  void add(EventSink& sink) { sinks_.push_back(&sink); }
  bool listened() const noexcept { return !sinks_.empty(); }

  /// The request as it was rewritten; fills in the slot's context, which later events show.
  void request(Slot& slot, const Negotiated& negotiated);
  /// A live reply in the recorded one's place.
  void reply(const Slot& slot, const Message& message);
  void mark(const Event& event);
  /// Nothing was sent or answered here: a mark kNone in the recorded event's place, so that the sequence has no gap.
  void nothing(const Event& event);

 private:
  void show(const Event& event);

  std::vector<EventSink*> sinks_;
};

}  // namespace fusereplay
