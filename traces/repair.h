// Makes a readable trace of one that was cut off or damaged.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/event/event.h"
#include "traces/error.h"
#include "traces/writer.h"

namespace fusereplay {

/// Events that were captured and are not in the file.
class LateEvents {
 public:
  virtual ~LateEvents() = default;
  /// The first event behind `after` in the sequence, into `event`; its message is contiguous and valid until the next
  /// call. False when there is none.
  virtual bool next(std::uint64_t after, Event& event) = 0;
};

struct RepairReport {
  std::uint64_t events = 0;       // in the new trace
  std::uint64_t late_events = 0;  // of these, from LateEvents
  std::uint64_t lost_bytes = 0;   // of the old file, that are no sound block
  std::uint64_t lost_blocks = 0;  // whole ones, that hold no sound records or stand out of sequence
  std::uint64_t missing = 0;      // sequence numbers without an event, up to the last one
  bool was_whole = false;         // the old file ended in good order
};

/// Writes every sound block of `from`, then what `late` holds, to a new trace at `to`: complete, with its index. The
/// header is kept. Fails, leaving no file, when `from` has no readable header or `to` cannot be written. Memory is
/// bounded as a reader's is.
TraceResult<RepairReport> repair_trace(const std::filesystem::path& from, const std::filesystem::path& to,
                                       LateEvents& late, ExistingTrace existing = ExistingTrace::kRefuse);

}  // namespace fusereplay
