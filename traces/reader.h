// Reads a trace, event by event, treating the file as hostile (docs/trace-contract.md, section 5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/event/event.h"
#include "traces/error.h"
#include "traces/trace_header.h"

namespace fusereplay {

enum class ReadOutcome : std::uint8_t {
  kEvent,      // one more event
  kEnd,        // the end block: the trace is complete
  kTruncated,  // the end of the file without an end block; every whole block was read
  kDamaged,    // see error(); what came before was sound
};

/// One pass over one file. One thread at a time. Memory is bounded by the limits of the contract.
///
///   auto reader = TraceReader::open(path);
///   Conversation conversation;
///   Event event;
///   while (reader->next(event) == ReadOutcome::kEvent) { conversation.follow(event); sink.on_event(event); }
class TraceReader {
 public:
  /// Opens and reads the header block. The error is one line: no such file, not a trace, written by a newer version...
  static TraceResult<std::unique_ptr<TraceReader>> open(const std::filesystem::path& path);
  ~TraceReader();
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;

  const TraceHeader& header() const noexcept;

  /// Fills in `event` for kEvent, else leaves it unspecified and goes on giving the same outcome. The message is
  /// contiguous (Message::head), 8-byte aligned and valid until the next call; Event::request is null. No allocation
  /// in steady state.
  ReadOutcome next(Event& event);

  /// Goes to a block from which the event of this number, or the first one that began at this instant (ns since the
  /// epoch) or later, is less than two blocks away: events before it come first, and with them the requests that its
  /// block's first replies answer. Any trace, cut off ones too; no time that grows with it but for a look at its index,
  /// or at its blocks' headers. Numbers missing() counts are those from there on.
  void seek_sequence(std::uint64_t sequence);
  void seek_time(std::int64_t instant);

  /// Why next() gave kDamaged: names the file and the offset. Empty otherwise.
  const TraceError& error() const noexcept;
  /// next() gave kTruncated.
  bool truncated() const noexcept;
  /// Events given so far; of these, kept raw.
  std::uint64_t events() const noexcept;
  std::uint64_t raw_records() const noexcept;
  /// Sequence numbers without an event so far: events that were lost at capture.
  std::uint64_t missing() const noexcept;

 private:
  class Impl;
  explicit TraceReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
