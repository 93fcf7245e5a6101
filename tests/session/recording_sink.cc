#include "tests/session/recording_sink.h"

#include <algorithm>
#include <cstring>

#include "core/protocol/wire.h"

namespace fusereplay::testing {

RecordedEvent record(const Event& event) {
  RecordedEvent out{.kind = event.kind,
                    .mark = event.mark,
                    .sequence = event.sequence,
                    .begin = event.begin,
                    .end = event.end,
                    .thread = event.thread,
                    .channel = event.channel,
                    .result = event.result};
  if (event.kind == EventKind::kRequest) {
    wire::InHeader header{};
    std::memcpy(&header, event.message.head.data(), sizeof(header));
    out.unique = header.unique;
    out.opcode = static_cast<Opcode>(header.opcode);
    out.pid = header.pid;
  } else if (event.kind != EventKind::kMark) {
    wire::OutHeader header{};
    std::memcpy(&header, event.message.head.data(), sizeof(header));
    out.unique = header.unique;
    out.error = header.error;
  }
  return out;
}

void RecordingSink::on_event(const Event& event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(record(event));
  }
  added_.notify_all();
}

std::vector<RecordedEvent> RecordingSink::events() const {
  auto events = delivered();
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return events;
}

std::vector<RecordedEvent> RecordingSink::delivered() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

void RecordingSink::wait_for(const std::function<bool(const RecordedEvent&)>& wanted) const {
  std::unique_lock lock(mutex_);
  added_.wait(lock, [&] { return std::any_of(events_.begin(), events_.end(), wanted); });
}

}  // namespace fusereplay::testing
