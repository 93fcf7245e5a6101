#include "core/session/event_source.h"

#include <time.h>
#include <unistd.h>

#include <cstring>

#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

/// Of a message too short to tell: a reply, which the kernel will refuse (rule R2).
wire::OutHeader header_of(const Message& message) noexcept {
  wire::OutHeader header{.len = 0, .error = 0, .unique = 1};
  if (message.head.size() >= sizeof(header)) std::memcpy(&header, message.head.data(), sizeof(header));
  return header;
}

}  // namespace

std::int64_t realtime_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint32_t current_thread() noexcept {
  thread_local const auto id = static_cast<std::uint32_t>(::gettid());
  return id;
}

void EventSource::announce(IncomingRequest& request, std::uint32_t channel) {
  request.received = realtime_now();
  if (!observed()) return;
  Event event;
  event.kind = EventKind::kRequest;
  event.sequence = take_number();
  event.begin = event.end = request.received;
  event.thread = current_thread();
  event.channel = channel;
  event.result = static_cast<std::int64_t>(request.bytes.size());
  event.message = Message{.head = request.bytes, .tail = {}, .owner = &request.buffer};
  deliver(event);
}

Event EventSource::begin(const Message& message, std::uint32_t channel) {
  const wire::OutHeader header = header_of(message);
  const bool notifies = header.unique == 0;
  // A number taken before a write that waits would hold up all that is numbered later, and with it the threads whose
  // replies the write may wait for.
  const bool numbered_first = !notifies || !may_wait(static_cast<NotifyCode>(header.error));
  Event event;
  event.kind = notifies ? EventKind::kNotification : EventKind::kReply;
  event.sequence = numbered_first ? take_number() : 0;
  event.begin = realtime_now();
  event.thread = current_thread();
  event.channel = channel;
  event.message = message;
  return event;
}

void EventSource::end(Event& event) {
  if (event.sequence == 0) event.sequence = take_number();
  event.end = realtime_now();
  deliver(event);
}

void EventSource::mark(Mark mark) {
  if (!observed()) return;
  Event event;
  event.kind = EventKind::kMark;
  event.mark = mark;
  event.sequence = take_number();
  event.begin = event.end = realtime_now();
  event.thread = current_thread();
  deliver(event);
}

}  // namespace fusereplay
