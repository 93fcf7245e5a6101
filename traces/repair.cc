#include "traces/repair.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "core/event/conversation.h"
#include "traces/block_file.h"
#include "traces/block_records.h"
#include "traces/earlier_blocks.h"
#include "traces/reader.h"

namespace fusereplay {
namespace {

/// From one file to the other, block by block.
class Repair {
 public:
  Repair(BlockFile& file, TraceWriter& writer, PayloadPolicy payload) noexcept
      : file_(file), writer_(writer), payload_(payload), earlier_(file), records_(earlier_) {}

  RepairReport run(LateEvents& late) {
    const std::uint64_t size = file_.size();
    std::uint64_t offset = 0;
    while (offset < size && !writer_.error()) offset = step(offset, size);
    Event event;
    while (!writer_.error() && late.next(last_, event)) {
      pass_on(event);
      ++report_.late_events;
    }
    report_.events = writer_.counts().events;
    report_.missing = last_ - report_.events;
    return report_;
  }

 private:
  /// Takes what stands at `offset`; where the next thing stands.
  std::uint64_t step(std::uint64_t offset, std::uint64_t size) {
    BlockHeader block;
    BlockFile::Found found = file_.header(offset, block);
    if (found == BlockFile::Found::kBlock) found = file_.body(offset, block, raw_);
    if (found != BlockFile::Found::kBlock) {
      const std::uint64_t next = file_.find(offset + 1).value_or(size);
      report_.lost_bytes += next - offset;
      moved_ = lost_ = true;
      return next;
    }
    const std::uint64_t next = offset + kBlockHeaderBytes + block.stored_size;
    switch (block.kind) {
      case BlockKind::kHeader:
        if (offset != 0) lose_block();
        break;
      case BlockKind::kRecords:
        take_records(offset, block);
        break;
      case BlockKind::kIndex:
        moved_ = true;
        break;
      case BlockKind::kEnd:
        report_.was_whole = next == size && !lost_ && block.last_sequence == last_;
        moved_ = true;
        break;
    }
    return next;
  }

  void lose_block() {
    ++report_.lost_blocks;
    moved_ = lost_ = true;
  }

  void take_records(std::uint64_t offset, const BlockHeader& block) {
    const Bytes body(raw_.data(), block.raw_size);
    earlier_.enter(offset, body);
    if (block.first_sequence <= last_ || !sound(block, body)) {
      lose_block();
      return;
    }
    // Where only hashes are kept nothing is shared, unless the block came from elsewhere.
    if (moved_ && payload_ != PayloadPolicy::kFull && earlier_.looked_back()) {
      lose_block();
      return;
    }
    // Distances between blocks are as they were up to the first that is left out. Behind it, shared data must be put in
    // place again; where only hashes are kept, bytes made from a hash must not be hashed again.
    const bool as_it_is = !moved_ || payload_ != PayloadPolicy::kFull;
    records_.start(block, body);
    Event event;
    RecordForm form{};
    while (!records_.done() && records_.next(event, form).empty()) {
      if (as_it_is) {
        conversation_.follow(event);
      } else {
        pass_on(event);
      }
    }
    last_ = block.last_sequence;
    if (!as_it_is) return;
    stored_.reserve(block.stored_size, 0);
    const auto got = file_.read(stored_.data(), block.stored_size, offset + kBlockHeaderBytes);
    if (got == block.stored_size) writer_.append_block(block, Bytes(stored_.data(), block.stored_size));
  }

  bool sound(const BlockHeader& block, Bytes body) {
    records_.start(block, body);
    Event event;
    RecordForm form{};
    while (!records_.done()) {
      if (!records_.next(event, form).empty()) return false;
    }
    return true;
  }

  void pass_on(Event& event) {
    conversation_.follow(event);
    writer_.on_event(event);
    last_ = event.sequence;
  }

  BlockFile& file_;
  TraceWriter& writer_;
  const PayloadPolicy payload_;
  EarlierBodies earlier_;
  BlockRecords records_;
  Conversation conversation_;
  ByteSpace raw_;
  ByteSpace stored_;
  std::uint64_t last_ = 0;
  bool moved_ = false;  // something was left out: what follows stands elsewhere than it did
  bool lost_ = false;   // and it was no index or end
  RepairReport report_;
};

}  // namespace

TraceResult<RepairReport> repair_trace(const std::filesystem::path& from, const std::filesystem::path& to,
                                       LateEvents& late, ExistingTrace existing) {
  const auto reader = TraceReader::open(from);
  if (!reader) return tl::unexpected(reader.error());
  auto file = BlockFile::open(from);
  if (!file) return tl::unexpected(file.error());
  std::error_code error;
  if (std::filesystem::equivalent(from, to, error)) {
    return tl::unexpected(TraceError{to.string() + " is the trace to repair itself: give another name"});
  }
  const TraceHeader& header = (*reader)->header();
  TraceWriterOptions options;
  options.existing = existing;
  options.payload = header.payload;
  auto writer = TraceWriter::open(to, header, options);
  if (!writer) return tl::unexpected(writer.error());
  const RepairReport report = Repair(**file, **writer, header.payload).run(late);
  if (const auto closed = (*writer)->close(); !closed) {
    ::unlink(to.c_str());
    return tl::unexpected(closed.error());
  }
  return report;
}

}  // namespace fusereplay
