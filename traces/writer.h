// Writes a trace: an ordered sink that encodes events, gathers them into blocks and appends these to a file
// (docs/trace-contract.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/event/event.h"
#include "traces/error.h"
#include "traces/trace_header.h"

namespace fusereplay {

struct BlockHeader;

enum class ExistingTrace : std::uint8_t {
  kRefuse,     // open() fails when the file exists
  kOverwrite,  // its contents are replaced
};

struct TraceWriterOptions {
  ExistingTrace existing = ExistingTrace::kRefuse;
  std::size_t block_bytes = 256 * 1024;          // raw bytes after which a block is written
  std::chrono::milliseconds block_interval{50};  // after its first record; see flush_if_due()
  int compression_level = 1;  // zstd's; that of blocks of large records, listings above all, is one more
  PayloadPolicy payload = PayloadPolicy::kFull;  // what is kept of file data; the header says so
};

struct TraceWriterCounts {
  std::uint64_t events = 0;       // encoded, written or waiting in the block
  std::uint64_t raw_records = 0;  // of these: kept raw (contract 3.4)
  std::uint64_t dropped = 0;      // events that came after an error
  std::uint64_t blocks = 0;       // written, header block included
  std::uint64_t bytes = 0;        // in the file
};

/// An *ordered* sink: all methods from one thread at a time, sequences ascending (checked). Replies and requests should
/// have Event::request set (core/event/conversation.h): a reply with a body and no request is kept raw.
/// No allocation in steady state. An error stops the capture and nothing else: on_event() goes on and drops.
class TraceWriter : public EventSink {
 public:
  /// Creates the file and writes the header block. A new file has its name once the header is in it, where the
  /// filesystem can do that (O_TMPFILE). `header` as describe_host() made it, with what the caller knows of
  /// mount and command; the schema is filled in here.
  static TraceResult<std::unique_ptr<TraceWriter>> open(const std::filesystem::path& path, TraceHeader header,
                                                        const TraceWriterOptions& options = {});
  /// Closes as close() does, its error unseen.
  ~TraceWriter() override;
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  void on_event(const Event& event) override;
  /// But under PayloadPolicy::kNone.
  bool wants_file_data() const noexcept override;

  /// Writes the block if its first record is older than the interval. The owner calls it at least every few
  /// milliseconds; a few ns when nothing is due.
  void flush_if_due(std::chrono::steady_clock::time_point now);
  /// Writes the block, whatever its age.
  void flush();

  /// Appends a block of records as it stands in another trace: its header, and its body as stored. Its sequence
  /// follows. For repair (traces/repair.h): references within it are by distance, so that the blocks it refers to must
  /// have been appended likewise, with nothing between that was not between them.
  void append_block(const BlockHeader& block, Bytes stored);

  /// Events that are in the file only once the block in the making is.
  std::uint64_t waiting() const noexcept;

  /// Writes what is left, the index and the end block, closes the file; the first error there was, if any. on_event()
  /// must not follow (checked); a second close() gives the same answer.
  TraceResult<void> close();

  /// The error that stopped the capture, if one did.
  const std::optional<TraceError>& error() const noexcept;
  const TraceWriterCounts& counts() const noexcept;

 private:
  class Impl;
  explicit TraceWriter(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
