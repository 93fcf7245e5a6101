#include "replayer/live_log.h"

namespace fusereplay {

void LiveLog::show(Event& event) {
  conversation_.follow(event);
  for (EventSink* sink : sinks_) sink->on_event(event);
}

void LiveLog::request(const Slot& slot) {
  if (!listened()) return;
  Event event = slot.event;
  event.message = Message{.head = slot.bytes(), .tail = {}, .owner = &slot.buffer};
  show(event);
}

void LiveLog::reply(const Slot& slot, const Message& message) {
  if (!listened()) return;
  Event event = slot.reply;
  event.message = message;
  event.result = slot.live_result;
  show(event);
}

void LiveLog::mark(const Event& event) {
  if (!listened()) return;
  Event shown = event;
  show(shown);
}

}  // namespace fusereplay
