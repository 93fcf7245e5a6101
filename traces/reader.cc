#include "traces/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "traces/block.h"
#include "traces/byte_space.h"
#include "traces/codec.h"
#include "traces/crc32c.h"
#include "traces/limits.h"
#include "traces/protobuf_wire.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {
namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

}  // namespace

class TraceReader::Impl {
 public:
  Impl(std::filesystem::path path, UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)), decompressor_(ZSTD_createDCtx()) {
    FUSEREPLAY_CHECK(decompressor_ != nullptr, "memory for a decompressor");
  }

  TraceResult<void> read_header();
  ReadOutcome next(Event& event);

  TraceHeader header_;
  TraceError error_;
  ReadOutcome outcome_ = ReadOutcome::kEvent;
  std::uint64_t events_ = 0;
  std::uint64_t raw_records_ = 0;
  std::uint64_t missing_ = 0;

 private:
  enum class Loaded : std::uint8_t { kBlock, kNoBlock, kBad };

  /// The bytes at `offset`, as many as the file has; nothing on a read error, which is kept in error_.
  std::optional<std::size_t> read_at(std::byte* to, std::size_t count, std::uint64_t offset);
  /// The block at offset_ into block_ and body_, and offset_ past it. kNoBlock: the bytes there are no whole, sound
  /// block; kBad: they are one that must be refused, as error_ says.
  Loaded load_block();
  bool unpack(std::size_t stored);
  ReadOutcome next_block();
  ReadOutcome no_block();
  ReadOutcome end_block();
  bool whole_block_follows(std::uint64_t from);
  ReadOutcome damaged(std::uint64_t offset, std::string_view what);
  ReadOutcome record_damaged(std::string_view what);

  const std::filesystem::path path_;
  UniqueFd file_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> decompressor_;
  RecordDecoder decoder_;
  ByteSpace stored_;
  ByteSpace raw_;
  BlockHeader block_;
  std::uint64_t block_offset_ = 0;  // where block_ begins
  std::uint64_t offset_ = 0;        // where the next block begins
  protobuf::Input body_;            // the records of block_ not yet read
  std::uint32_t records_left_ = 0;
  std::uint64_t last_sequence_ = 0;
};

std::optional<std::size_t> TraceReader::Impl::read_at(std::byte* to, std::size_t count, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::pread(file_.get(), to + done, count - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      error_.message = "cannot read trace " + path_.string() + ": " + describe(Errno::last());
      return std::nullopt;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

TraceReader::Impl::Loaded TraceReader::Impl::load_block() {
  std::array<std::byte, kBlockHeaderBytes> bytes;
  const auto got = read_at(bytes.data(), bytes.size(), offset_);
  if (!got) return Loaded::kBad;
  const auto header = decode_block_header(Bytes(bytes.data(), *got));
  if (!header) {
    if (header.error() == BlockHeaderError::kNoBlock) return Loaded::kNoBlock;
    damaged(offset_, header.error() == BlockHeaderError::kUnsupported
                         ? "a block of a kind this version does not know; a newer fusereplay may read it"
                         : "a block with sizes that cannot be");
    return Loaded::kBad;
  }
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0 ||
      offset_ + kBlockHeaderBytes + header->stored_size > static_cast<std::uint64_t>(status.st_size)) {
    return Loaded::kNoBlock;
  }
  stored_.reserve(header->stored_size, 0);
  const auto body = read_at(stored_.data(), header->stored_size, offset_ + kBlockHeaderBytes);
  if (!body) return Loaded::kBad;
  if (*body != header->stored_size || crc32c(Bytes(stored_.data(), *body)) != header->body_crc) return Loaded::kNoBlock;
  block_ = *header;
  block_offset_ = offset_;
  offset_ += kBlockHeaderBytes + header->stored_size;
  if (!unpack(*body)) {
    damaged(block_offset_, "a body that does not decompress to its size");
    return Loaded::kBad;
  }
  return Loaded::kBlock;
}

bool TraceReader::Impl::unpack(std::size_t stored) {
  if (block_.codec == BlockCodec::kStored) {
    body_ = protobuf::Input(Bytes(stored_.data(), stored));
    return true;
  }
  raw_.reserve(block_.raw_size, 0);
  const std::size_t size =
      ZSTD_decompressDCtx(decompressor_.get(), raw_.data(), block_.raw_size, stored_.data(), stored);
  if (ZSTD_isError(size) != 0 || size != block_.raw_size) return false;
  body_ = protobuf::Input(Bytes(raw_.data(), size));
  return true;
}

TraceResult<void> TraceReader::Impl::read_header() {
  const Loaded loaded = load_block();
  if (loaded == Loaded::kBad) return tl::unexpected(error_);
  if (loaded == Loaded::kNoBlock) {
    std::uint32_t magic = 0;
    const auto got = read_at(reinterpret_cast<std::byte*>(&magic), sizeof(magic), 0);
    const bool ours = got == sizeof(magic) && magic == kBlockMagic;
    return tl::unexpected(
        TraceError{path_.string() + (ours ? " is no whole trace: it was cut off or damaged within its first block"
                                          : " is not a trace: it does not begin with a trace header")});
  }
  if (block_.kind != BlockKind::kHeader) {
    return tl::unexpected(TraceError{path_.string() + " is not a trace: its first block is no header"});
  }
  auto header = decode_trace_header(Bytes(body_.position(), body_.left()));
  if (!header) return tl::unexpected(TraceError{path_.string() + " is not a trace: its header cannot be read"});
  if (header->oldest_readable > kTraceFormatVersion) {
    return tl::unexpected(TraceError{path_.string() + " has trace format " + std::to_string(header->format_version) +
                                     ", this program reads up to " + std::to_string(kTraceFormatVersion) +
                                     ": use a newer fusereplay"});
  }
  header_ = std::move(*header);
  return {};
}

ReadOutcome TraceReader::Impl::damaged(std::uint64_t offset, std::string_view what) {
  error_.message = path_.string() + " is damaged at offset " + std::to_string(offset) + ": ";
  error_.message += what;
  return outcome_ = ReadOutcome::kDamaged;
}

ReadOutcome TraceReader::Impl::record_damaged(std::string_view what) {
  return damaged(block_offset_, what);
}

bool TraceReader::Impl::whole_block_follows(std::uint64_t from) {
  constexpr std::size_t kChunk = 64 * 1024;
  stored_.reserve(kChunk, 0);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return false;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::array<char, sizeof(kBlockMagic)> magic;
  std::memcpy(magic.data(), &kBlockMagic, sizeof(kBlockMagic));
  while (from + kBlockHeaderBytes <= size) {
    const auto got = read_at(stored_.data(), kChunk, from);
    if (!got || *got < kBlockHeaderBytes) return false;
    const std::string_view text(reinterpret_cast<const char*>(stored_.data()), *got);
    const std::size_t last = *got - kBlockHeaderBytes;
    for (std::size_t at = 0; at <= last; ++at) {
      at = text.find(std::string_view(magic.data(), magic.size()), at);
      if (at == std::string_view::npos || at > last) break;
      const auto header = decode_block_header(Bytes(stored_.data() + at, kBlockHeaderBytes));
      if (header && from + at + kBlockHeaderBytes + header->stored_size <= size) return true;
    }
    from += last + 1;
  }
  return false;
}

ReadOutcome TraceReader::Impl::no_block() {
  if (whole_block_follows(offset_ + 1)) return damaged(offset_, "bytes that are no block, and blocks after them");
  return outcome_ = ReadOutcome::kTruncated;
}

ReadOutcome TraceReader::Impl::end_block() {
  if (block_.last_sequence != last_sequence_) return record_damaged("blocks are missing before the end");
  std::byte more;
  const auto got = read_at(&more, 1, offset_);
  if (!got) return outcome_ = ReadOutcome::kDamaged;
  if (*got != 0) return damaged(offset_, "bytes after the end of the trace");
  return outcome_ = ReadOutcome::kEnd;
}

ReadOutcome TraceReader::Impl::next_block() {
  switch (load_block()) {
    case Loaded::kNoBlock:
      return no_block();
    case Loaded::kBad:
      return outcome_ = ReadOutcome::kDamaged;
    case Loaded::kBlock:
      break;
  }
  if (block_.kind == BlockKind::kEnd) return end_block();
  if (block_.kind != BlockKind::kRecords) return record_damaged("a second header");
  if (block_.first_sequence <= last_sequence_) return record_damaged("a block out of sequence");
  records_left_ = block_.records;
  decoder_.start_block(block_.first_sequence, block_.first_begin);
  return ReadOutcome::kEvent;
}

ReadOutcome TraceReader::Impl::next(Event& event) {
  if (outcome_ != ReadOutcome::kEvent) return outcome_;
  if (records_left_ == 0 && next_block() != ReadOutcome::kEvent) return outcome_;
  Bytes record;
  if (!body_.bytes(record)) return record_damaged("a record that runs past its block");
  RecordForm form{};
  if (const auto wrong = decoder_.decode(record, event, form); !wrong.empty()) return record_damaged(wrong);
  const bool first = records_left_ == block_.records;
  const bool last = --records_left_ == 0;
  if ((first && event.sequence != block_.first_sequence) || event.sequence > block_.last_sequence ||
      (last && (event.sequence != block_.last_sequence || event.begin != block_.last_begin))) {
    return record_damaged("records that do not fit the header of their block");
  }
  if (last && !body_.done()) return record_damaged("bytes after the last record of a block");
  missing_ += event.sequence - last_sequence_ - 1;
  last_sequence_ = event.sequence;
  ++events_;
  if (form == RecordForm::kRaw) ++raw_records_;
  return ReadOutcome::kEvent;
}

TraceReader::TraceReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TraceReader::~TraceReader() = default;

TraceResult<std::unique_ptr<TraceReader>> TraceReader::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    return tl::unexpected(TraceError{"cannot open trace " + path.string() + ": " + describe(Errno::last())});
  }
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return tl::unexpected(TraceError{path.string() + " is not a trace: it is no regular file"});
  }
  auto impl = std::make_unique<Impl>(path, std::move(file));
  if (auto read = impl->read_header(); !read) return tl::unexpected(read.error());
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(impl)));
}

const TraceHeader& TraceReader::header() const noexcept {
  return impl_->header_;
}
ReadOutcome TraceReader::next(Event& event) {
  return impl_->next(event);
}
const TraceError& TraceReader::error() const noexcept {
  return impl_->error_;
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
