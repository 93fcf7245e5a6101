// Where recorded events come from: a trace file, or anything that can give events one by one.
#pragma once

#include "core/event/event.h"
#include "traces/reader.h"

namespace fusereplay {

/// One conversation, event by event, sequences ascending. One thread.
class RecordedEvents {
 public:
  virtual ~RecordedEvents() = default;
  /// Fills in `event`; false at the end. The message is contiguous (Message::head) and valid until the next call.
  /// Event::request is not looked at.
  virtual bool next(Event& event) = 0;
};

/// A trace file as a source of events. A trace that is truncated or damaged ends where its sound part does: ask the
/// reader.
class TraceEvents final : public RecordedEvents {
 public:
  /// `reader` must outlive the source.
  explicit TraceEvents(TraceReader& reader) noexcept : reader_(reader) {}
  bool next(Event& event) override { return (outcome_ = reader_.next(event)) == ReadOutcome::kEvent; }
  /// What ended the source; kEvent while it has not ended.
  ReadOutcome outcome() const noexcept { return outcome_; }

 private:
  TraceReader& reader_;
  ReadOutcome outcome_ = ReadOutcome::kEvent;
};

}  // namespace fusereplay
