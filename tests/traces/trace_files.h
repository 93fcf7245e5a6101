// Writing and reading whole traces, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/event/conversation.h"
#include "tests/traces/event_stream.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay::test {

inline std::string file_contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& path, std::string_view contents) {
  std::filesystem::remove(path);  // ext4 writes a file to disk at once when it was truncated and written anew
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

/// Feeds the events to a sink as an ordered source does.
inline void feed(const std::vector<OwnedEvent>& events, EventSink& sink) {
  Conversation conversation;
  for (const OwnedEvent& owned : events) {
    Event event = owned.view();
    conversation.follow(event);
    sink.on_event(event);
  }
}

struct ReadBack {
  std::vector<OwnedEvent> events;
  ReadOutcome outcome{};
  std::uint64_t missing = 0;
  std::uint64_t raw_records = 0;
  std::string error;
};

/// The whole of a trace that opens; else only `error` is set and the outcome is kDamaged.
inline ReadBack read_trace(const std::filesystem::path& path) {
  ReadBack result;
  auto reader = TraceReader::open(path);
  if (!reader) {
    result.outcome = ReadOutcome::kDamaged;
    result.error = reader.error().message;
    return result;
  }
  Event event;
  while ((result.outcome = (*reader)->next(event)) == ReadOutcome::kEvent) {
    result.events.push_back({event, OwnedMessage(event.message.head.begin(), event.message.head.end())});
  }
  result.missing = (*reader)->missing();
  result.raw_records = (*reader)->raw_records();
  result.error = (*reader)->error().message;
  return result;
}

/// The events are the same in every part.
inline bool same(const OwnedEvent& a, const OwnedEvent& b) {
  return a.event.kind == b.event.kind && a.event.mark == b.event.mark && a.event.sequence == b.event.sequence &&
         a.event.begin == b.event.begin && a.event.end == b.event.end && a.event.thread == b.event.thread &&
         a.event.channel == b.event.channel && a.event.result == b.event.result && a.bytes == b.bytes;
}

/// `part` is what `all` begins with.
inline bool is_beginning(const std::vector<OwnedEvent>& part, const std::vector<OwnedEvent>& all) {
  return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin(), same);
}

}  // namespace fusereplay::test
