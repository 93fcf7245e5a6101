#include "traces/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "traces/block_file.h"
#include "traces/block_index.h"
#include "traces/block_records.h"
#include "traces/earlier_blocks.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {

using Found = BlockFile::Found;

class TraceReader::Impl {
 public:
  explicit Impl(std::unique_ptr<BlockFile> file) : file_(std::move(file)), earlier_(*file_), records_(earlier_) {}

  TraceResult<void> read_header();
  ReadOutcome next(Event& event);
  void seek(IndexKey by, std::uint64_t key);
  const TraceError& error() const noexcept { return file_->error(); }

  TraceHeader header_;
  ReadOutcome outcome_ = ReadOutcome::kEvent;
  std::uint64_t events_ = 0;
  std::uint64_t raw_records_ = 0;
  std::uint64_t missing_ = 0;

 private:
  /// The block at offset_ into block_ and body_, and offset_ past it.
  Found load_block();
  ReadOutcome next_block();
  ReadOutcome no_block();
  ReadOutcome end_block();
  ReadOutcome index_block();
  ReadOutcome damaged(std::uint64_t offset, std::string_view what);
  ReadOutcome record_damaged(std::string_view what) { return damaged(block_offset_, what); }

  const std::unique_ptr<BlockFile> file_;
  EarlierBodies earlier_;
  BlockRecords records_;
  ByteSpace raw_;
  BlockHeader block_;
  std::uint64_t block_offset_ = 0;  // where block_ begins
  std::uint64_t offset_ = 0;        // where the next block begins
  std::uint64_t last_sequence_ = 0;
};

Found TraceReader::Impl::load_block() {
  BlockHeader header;
  Found found = file_->header(offset_, header);
  if (found == Found::kBlock) found = file_->body(offset_, header, raw_);
  if (found != Found::kBlock) return found;
  block_ = header;
  block_offset_ = offset_;
  offset_ += kBlockHeaderBytes + block_.stored_size;
  return found;
}

TraceResult<void> TraceReader::Impl::read_header() {
  const std::string path = file_->path().string();
  const Found found = load_block();
  if (found == Found::kBad) return tl::unexpected(file_->error());
  if (found == Found::kNoBlock) {
    std::uint32_t magic = 0;
    const auto got = file_->read(reinterpret_cast<std::byte*>(&magic), sizeof(magic), 0);
    const bool ours = got == sizeof(magic) && magic == kBlockMagic;
    return tl::unexpected(
        TraceError{path + (ours ? " is no whole trace: it was cut off or damaged within its first block"
                                : " is not a trace: it does not begin with a trace header")});
  }
  if (block_.kind != BlockKind::kHeader) {
    return tl::unexpected(TraceError{path + " is not a trace: its first block is no header"});
  }
  auto header = decode_trace_header(Bytes(raw_.data(), block_.raw_size));
  if (!header) return tl::unexpected(TraceError{path + " is not a trace: its header cannot be read"});
  if (header->oldest_readable > kTraceFormatVersion) {
    return tl::unexpected(TraceError{path + " has trace format " + std::to_string(header->format_version) +
                                     ", this program reads up to " + std::to_string(kTraceFormatVersion) +
                                     ": use a newer fusereplay"});
  }
  if (header->payload < PayloadPolicy::kFull || header->payload > PayloadPolicy::kNone) {
    return tl::unexpected(
        TraceError{path + " keeps the data of files in a way this program does not know: use a newer fusereplay"});
  }
  header_ = std::move(*header);
  return {};
}

ReadOutcome TraceReader::Impl::damaged(std::uint64_t offset, std::string_view what) {
  file_->damaged(offset, what);
  return outcome_ = ReadOutcome::kDamaged;
}

ReadOutcome TraceReader::Impl::no_block() {
  if (file_->find(offset_ + 1)) return damaged(offset_, "bytes that are no block, and blocks after them");
  return outcome_ = ReadOutcome::kTruncated;
}

ReadOutcome TraceReader::Impl::end_block() {
  if (block_.last_sequence != last_sequence_) return record_damaged("blocks are missing before the end");
  std::byte more;
  const auto got = file_->read(&more, 1, offset_);
  if (!got) return outcome_ = ReadOutcome::kDamaged;
  if (*got != 0) return damaged(offset_, "bytes after the end of the trace");
  return outcome_ = ReadOutcome::kEnd;
}

/// Only the end may follow.
ReadOutcome TraceReader::Impl::index_block() {
  const Found found = load_block();
  if (found == Found::kNoBlock) return no_block();
  if (found == Found::kBad) return outcome_ = ReadOutcome::kDamaged;
  return block_.kind == BlockKind::kEnd ? end_block() : record_damaged("a block behind the index");
}

ReadOutcome TraceReader::Impl::next_block() {
  switch (load_block()) {
    case Found::kNoBlock:
      return no_block();
    case Found::kBad:
      return outcome_ = ReadOutcome::kDamaged;
    case Found::kBlock:
      break;
  }
  if (block_.kind == BlockKind::kEnd) return end_block();
  if (block_.kind == BlockKind::kIndex) return index_block();
  if (block_.kind != BlockKind::kRecords) return record_damaged("a second header");
  if (block_.first_sequence <= last_sequence_) return record_damaged("a block out of sequence");
  const Bytes body(raw_.data(), block_.raw_size);
  earlier_.enter(block_offset_, body);
  records_.start(block_, body);
  return ReadOutcome::kEvent;
}

ReadOutcome TraceReader::Impl::next(Event& event) {
  if (outcome_ != ReadOutcome::kEvent) return outcome_;
  if (records_.done() && next_block() != ReadOutcome::kEvent) return outcome_;
  RecordForm form{};
  if (const auto wrong = records_.next(event, form); !wrong.empty()) return record_damaged(wrong);
  missing_ += event.sequence - last_sequence_ - 1;
  last_sequence_ = event.sequence;
  ++events_;
  if (form == RecordForm::kRaw) ++raw_records_;
  return ReadOutcome::kEvent;
}

void TraceReader::Impl::seek(IndexKey by, std::uint64_t key) {
  if (outcome_ == ReadOutcome::kDamaged) return;
  const auto found = find_block(*file_, by, key);
  if (!found) return;
  outcome_ = ReadOutcome::kEvent;
  offset_ = found->before.offset;
  last_sequence_ = found->before.first_sequence - 1;
  records_.start({}, {});
}

TraceReader::TraceReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TraceReader::~TraceReader() = default;

TraceResult<std::unique_ptr<TraceReader>> TraceReader::open(const std::filesystem::path& path) {
  auto file = BlockFile::open(path);
  if (!file) return tl::unexpected(file.error());
  auto impl = std::make_unique<Impl>(std::move(*file));
  if (auto read = impl->read_header(); !read) return tl::unexpected(read.error());
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(impl)));
}

const TraceHeader& TraceReader::header() const noexcept {
  return impl_->header_;
}
ReadOutcome TraceReader::next(Event& event) {
  return impl_->next(event);
}
void TraceReader::seek_sequence(std::uint64_t sequence) {
  impl_->seek(IndexKey::kSequence, sequence);
}
void TraceReader::seek_time(std::int64_t instant) {
  impl_->seek(IndexKey::kTime, static_cast<std::uint64_t>(instant));
}
const TraceError& TraceReader::error() const noexcept {
  return impl_->error();
}
bool TraceReader::truncated() const noexcept {
  return impl_->outcome_ == ReadOutcome::kTruncated;
}
std::uint64_t TraceReader::events() const noexcept {
  return impl_->events_;
}
std::uint64_t TraceReader::raw_records() const noexcept {
  return impl_->raw_records_;
}
std::uint64_t TraceReader::missing() const noexcept {
  return impl_->missing_;
}

}  // namespace fusereplay
