#include "replayer/live_log.h"

namespace fusereplay {

LiveLog::Waiting& LiveLog::append(const Event& event, Slot* slot) {
  if (waiting_.size() == kBatch) flush();
  return waiting_.emplace_back(Waiting{.event = event, .slot = slot, .at = 0, .copied = 0, .negotiated = {}});
}

void LiveLog::request(Slot& slot, const Negotiated& negotiated) {
  if (sinks_.empty()) return;
  append(slot.event, &slot).negotiated = negotiated;
}

void LiveLog::reply(Slot& slot, const Message& message) {
  if (sinks_.empty()) return;
  Waiting& waiting = append(slot.reply, &slot);
  waiting.event.result = slot.live_result;
  if (message.size() > kLargest) {
    waiting.event.message = message;
    flush();
    return;
  }
  waiting.event.message = {};
  waiting.at = bytes_.size();
  waiting.copied = message.size();
  bytes_.insert(bytes_.end(), message.head.begin(), message.head.end());
  bytes_.insert(bytes_.end(), message.tail.begin(), message.tail.end());
}

void LiveLog::mark(const Event& event) {
  if (sinks_.empty()) return;
  append(event, nullptr);
  flush();
}

void LiveLog::nothing(const Event& event) {
  if (sinks_.empty()) return;
  Event& shown = append(event, nullptr).event;
  shown.kind = EventKind::kMark;
  shown.mark = Mark::kNone;
  shown.result = 0;
  shown.message = {};
}

void LiveLog::retire(Slot& slot) {
  if (waiting_.empty()) {
    slots_.give_back(slot);
  } else {
    retired_.push_back(&slot);
  }
}

void LiveLog::flush() {
  for (Waiting& waiting : waiting_) {
    Event& event = waiting.event;
    if (event.kind == EventKind::kRequest) know_request(waiting);
    if (waiting.copied != 0) {
      event.message = Message{.head = Bytes(bytes_.data() + waiting.at, waiting.copied), .tail = {}, .owner = nullptr};
    }
    event.request = waiting.slot != nullptr ? &waiting.slot->context : nullptr;
    for (EventSink* sink : sinks_) sink->on_event(event);
  }
  waiting_.clear();
  bytes_.clear();
  for (Slot* slot : retired_) slots_.give_back(*slot);
  retired_.clear();
}

/// Fills in the slot's context, which the reply shows, too.
void LiveLog::know_request(Waiting& waiting) {
  Slot& slot = *waiting.slot;
  Event& event = waiting.event;
  event.message = Message{.head = slot.bytes(), .tail = {}, .owner = &slot.buffer};
  RequestContext& context = slot.context;
  context.opcode = slot.opcode;
  context.unique = slot.unique;
  context.sequence = event.sequence;
  context.begin = event.begin;
  context.channel = event.channel;
  const auto view = RequestView::parse(event.message, waiting.negotiated);
  context.known = view.has_value();
  context.asks_size = context.known && asks_size(*view);
  context.view = context.known ? *view : RequestView();
}

}  // namespace fusereplay
