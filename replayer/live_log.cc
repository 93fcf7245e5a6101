#include "replayer/live_log.h"

namespace fusereplay {

void LiveLog::show(const Event& event) {
  for (EventSink* sink : sinks_) sink->on_event(event);
}

void LiveLog::request(Slot& slot, const Negotiated& negotiated) {
  if (!listened()) return;
  Event event = slot.event;
  event.message = Message{.head = slot.bytes(), .tail = {}, .owner = &slot.buffer};
  RequestContext& context = slot.context;
  context.opcode = slot.opcode;
  context.unique = slot.unique;
  context.sequence = event.sequence;
  context.begin = event.begin;
  context.channel = event.channel;
  const auto view = RequestView::parse(event.message, negotiated);
  context.known = view.has_value();
  context.asks_size = context.known && asks_size(*view);
  context.view = context.known ? *view : RequestView();
  event.request = &context;
  show(event);
}

void LiveLog::reply(const Slot& slot, const Message& message) {
  if (!listened()) return;
  Event event = slot.reply;
  event.message = message;
  event.result = slot.live_result;
  event.request = &slot.context;
  show(event);
}

void LiveLog::mark(const Event& event) {
  if (!listened()) return;
  Event shown = event;
  shown.request = nullptr;
  show(shown);
}

void LiveLog::nothing(const Event& event) {
  if (!listened()) return;
  Event shown = event;
  shown.kind = EventKind::kMark;
  shown.mark = Mark::kNone;
  shown.result = 0;
  shown.message = {};
  shown.request = nullptr;
  show(shown);
}

}  // namespace fusereplay
