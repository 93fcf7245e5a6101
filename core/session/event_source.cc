#include "core/session/event_source.h"

#include <time.h>
#include <unistd.h>

namespace fusereplay {

std::int64_t realtime_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint32_t current_thread() noexcept {
  thread_local const auto id = static_cast<std::uint32_t>(::gettid());
  return id;
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
