// Records a live conversation: takes events from the threads that serve it and feeds them, in order, to a trace and to
// ordered sinks, on a thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/event/event.h"
#include "traces/error.h"
#include "traces/writer.h"

namespace fusereplay {

struct RecorderOptions {
  /// Bytes of the ring of each thread; a power of two, at least 64 KiB. 8 MiB take a block in the making and a 40 ms
  /// pause of the writer thread (a page-cache stall) at 100 MB/s of one serving thread, and memory is touched only as
  /// far as it was ever used.
  std::size_t ring_bytes = std::size_t{8} << 20;
  /// Message bytes that a ring may keep alive by reference beside its own; above it the serving thread waits.
  std::size_t max_referenced_bytes = std::size_t{32} << 20;
  /// Where the rings are files, so that nothing that was handed over is lost when the process is killed: an existing,
  /// empty directory, see ring_directory() (recorder/ring_file.h). finish() removes it. Empty: the rings are in memory.
  /// A ring whose file cannot be made is in memory too, see RecorderReport.
  std::filesystem::path rings = {};
};

struct RecorderReport {
  std::uint64_t events = 0;         // passed on, in order
  std::uint64_t missing = 0;        // sequence numbers that no thread handed over
  std::uint64_t waits = 0;          // times that a serving thread had to wait for room in its ring
  std::size_t rings = 0;            // threads served at once, at most
  std::size_t rings_in_memory = 0;  // of these, not in files though RecorderOptions::rings was given
  TraceWriterCounts trace;          // all zero without a trace
  std::optional<TraceError> error;  // why the trace is incomplete; the sinks had every event even so
};

/// A *live* sink: on_event() from any thread, at most 40 ns, no lock and no allocation after a thread's first event.
///
/// ORDER. Events are passed on by ascending, dense Event::sequence, from 1; an event whose predecessor is still on its
/// way waits. Two duties of the caller follow: every sequence number that was taken is handed over, and each thread
/// hands its events over in ascending order (checked). These suffice for progress: the thread that owes the next number
/// has an empty ring, as all that it handed over was smaller and is gone; so it never waits for room.
///
/// A full ring makes its thread wait: the mount slows down rather than lose events. Messages to 4 KiB are copied; of
/// longer ones, a reference on Message::owner is kept where there is one.
///
/// With RecorderOptions::rings all messages to half a ring are copied, and an event leaves its ring when the block that
/// holds it was written: at any instant each event that was handed over is in the trace, in a ring file, or both.
class Recorder : public EventSink {
 public:
  /// `writer` may be null: only the sinks are fed then. `sinks` are ordered sinks, called on the writer thread with
  /// Event::request set, after the trace; they outlive finish().
  Recorder(std::unique_ptr<TraceWriter> writer, std::vector<EventSink*> sinks, const RecorderOptions& options = {});
  /// Finishes if finish() was not called.
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void on_event(const Event& event) override;
  /// Where the trace or one of the sinks does.
  bool wants_file_data() const noexcept override;

  /// No on_event() is running or follows. Passes on what is left, over gaps too, closes the trace, joins the writer
  /// thread. Later calls give the same report.
  const RecorderReport& finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
