// A seeded, valid conversation of generated messages: input for the tests of traces and recorder.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "tests/support/message_generator.h"

namespace fusereplay::test {

/// An event with bytes of its own.
struct OwnedEvent {
  Event event;
  OwnedMessage bytes;

  /// The event, its message pointing into `bytes`.
  Event view() const {
    Event seen = event;
    seen.message = Message{.head = bytes, .tail = {}, .owner = nullptr};
    return seen;
  }
};

/// `count` events: requests, most of them answered some events later, by values or errors, a few replies refused,
/// notifications, and a mark at either end. Sequences are dense from 1.
inline std::vector<OwnedEvent> conversation_events(std::uint64_t seed, std::size_t count, std::size_t max_data = 4096) {
  MessageGenerator generator(seed, max_data);
  std::vector<OwnedEvent> events;
  std::vector<OwnedMessage> outstanding;
  std::int64_t now = 1'700'000'000'000'000'000;
  const auto add = [&](EventKind kind, OwnedMessage bytes, Mark mark = Mark::kNone) {
    OwnedEvent owned{.event = {}, .bytes = std::move(bytes)};
    owned.event.kind = kind;
    owned.event.mark = mark;
    owned.event.sequence = events.size() + 1;
    owned.event.begin = now += static_cast<std::int64_t>(generator.below(20'000));
    if (kind == EventKind::kReply || kind == EventKind::kNotification) {
      owned.event.end = owned.event.begin + static_cast<std::int64_t>(generator.below(9'000));
    } else {
      owned.event.end = owned.event.begin;
    }
    owned.event.thread = static_cast<std::uint32_t>(4000 + generator.below(4));
    owned.event.channel = static_cast<std::uint32_t>(generator.below(4));
    owned.event.result = static_cast<std::int64_t>(owned.bytes.size());
    events.push_back(std::move(owned));
  };
  add(EventKind::kMark, {}, Mark::kMounted);
  while (events.size() + 1 < count) {
    if (outstanding.size() > 8 || (!outstanding.empty() && generator.below(2) == 0)) {
      const std::size_t index = generator.below(outstanding.size());
      const auto view = RequestView::parse(Message{.head = outstanding[index], .tail = {}, .owner = nullptr});
      add(EventKind::kReply, generator.below(4) == 0 ? generator.error_reply(view->unique()) : generator.reply(*view));
      if (generator.below(50) == 0) events.back().event.result = -ENOENT;
      outstanding.erase(outstanding.begin() + static_cast<std::ptrdiff_t>(index));
    } else if (generator.below(20) == 0) {
      add(EventKind::kNotification, generator.notification());
    } else {
      OwnedMessage request = generator.request();
      const auto opcode = static_cast<Opcode>(read_in_header(request)->opcode);
      if (expects_reply(opcode)) outstanding.push_back(request);
      add(EventKind::kRequest, std::move(request));
    }
  }
  add(EventKind::kMark, {}, Mark::kUnmounted);
  return events;
}

}  // namespace fusereplay::test
