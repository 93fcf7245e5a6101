#include "traces/writer.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "traces/block.h"
#include "traces/block_index.h"
#include "traces/byte_space.h"
#include "traces/codec.h"
#include "traces/crc32c.h"
#include "traces/limits.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {
namespace {

/// Records of this size on average come at a rate that leaves time to make them smaller by a sixth.
constexpr std::size_t kLargeRecordBytes = 80;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

Result<void> write_all(int fd, std::span<iovec> pieces) {
  while (!pieces.empty()) {
    const ssize_t written = ::writev(fd, pieces.data(), static_cast<int>(pieces.size()));
    if (written < 0) {
      if (errno == EINTR) continue;
      return Errno::last();
    }
    auto left = static_cast<std::size_t>(written);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
      pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + left;
      pieces.front().iov_len -= left;
    }
  }
  return {};
}

/// A file in the directory of `path`, which give_name() gives its name. Not valid where the filesystem has no such
/// files.
UniqueFd open_unnamed(const std::filesystem::path& path) {
  if (::access("/proc/self/fd", X_OK) != 0) return {};
  const std::filesystem::path directory = path.parent_path();
  return UniqueFd(::open(directory.empty() ? "." : directory.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
}

Result<void> give_name(int fd, const std::filesystem::path& path) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) return Errno::last();
  return {};
}

TraceError cannot_create(const std::filesystem::path& path, Errno error) {
  if (error == Errno(EEXIST)) return {path.string() + " exists: give another name, or remove it first"};
  return {"cannot create trace " + path.string() + ": " + describe(error)};
}

}  // namespace

class TraceWriter::Impl {
 public:
  Impl(std::filesystem::path path, UniqueFd file, const TraceWriterOptions& options)
      : path_(std::move(path)),
        file_(std::move(file)),
        options_(options),
        compressor_(ZSTD_createCCtx()),
        encoder_(options.payload, PayloadSharing::kOn) {
    FUSEREPLAY_CHECK(compressor_ != nullptr, "memory for a compressor");
  }

  void write_header(const TraceHeader& header) {
    const std::string body = encode_trace_header(header);
    raw_.reserve(body.size(), 0);
    std::memcpy(raw_.data(), body.data(), body.size());
    used_ = body.size();
    block_ = {.kind = BlockKind::kHeader, .records = 1};
    write_block();
  }

  void add(const Event& event) {
    FUSEREPLAY_CHECK(file_.valid(), "a closed trace takes no events");
    FUSEREPLAY_CHECK(event.sequence > last_sequence_, "a trace is written in ascending sequence");
    if (error_) {
      ++counts_.dropped;
      return;
    }
    const std::size_t size = event.message.size();
    if (size > kMaxMessageBytes) {
      fail("a message of " + std::to_string(size) + " bytes is above the limit of the trace format");
      ++counts_.dropped;
      return;
    }
    const bool fits = used_ + max_record_bytes(size) <= kMaxBlockBytes && messages_ + size <= kMaxBlockMessageBytes;
    if (block_.records != 0 && !fits) flush();
    if (block_.records == 0) start_block(event);
    raw_.reserve(used_ + max_record_bytes(size), used_);
    const auto encoded = encoder_.encode(event, raw_.data() + used_);
    used_ = static_cast<std::size_t>(encoded.end - raw_.data());
    messages_ += size;
    ++block_.records;
    block_.last_sequence = last_sequence_ = event.sequence;
    block_.last_begin = event.begin;
    ++counts_.events;
    if (encoded.form == RecordForm::kRaw) ++counts_.raw_records;
    if (used_ >= options_.block_bytes) flush();
  }

  bool keeps_file_data() const noexcept { return options_.payload != PayloadPolicy::kNone; }

  void append(const BlockHeader& block, Bytes stored) {
    flush();
    if (error_) return;
    FUSEREPLAY_CHECK(block.first_sequence > last_sequence_, "a trace is written in ascending sequence");
    put(block, stored);
    if (error_) return;
    last_sequence_ = block.last_sequence;
    counts_.events += block.records;
  }

  void flush_if_due(std::chrono::steady_clock::time_point now) {
    if (block_.records != 0 && now - block_start_ >= options_.block_interval) flush();
  }

  void flush() {
    if (block_.records == 0 || error_) return;
    write_block();
  }

  std::uint64_t waiting() const noexcept { return block_.records; }

  TraceResult<void> close() {
    if (file_.valid()) {
      flush();
      const std::int64_t index = write_index();
      if (!error_) {
        block_ = {.kind = BlockKind::kEnd, .first_sequence = last_sequence_, .last_sequence = last_sequence_};
        block_.first_begin = index;
        write_block();
      }
      if (::close(file_.release()) != 0) fail(describe(Errno::last()));
    }
    if (error_) return tl::unexpected(*error_);
    return {};
  }

  std::optional<TraceError> error_;
  TraceWriterCounts counts_;

 private:
  void start_block(const Event& event) {
    block_ = {.kind = BlockKind::kRecords, .first_sequence = event.sequence, .first_begin = event.begin};
    block_start_ = std::chrono::steady_clock::now();
    messages_ = 0;
    encoder_.start_block(event.sequence, event.begin, counts_.bytes);
  }

  /// Where it begins; 0 for none, which a trace can do without.
  std::int64_t write_index() {
    const std::string body = encode_index(index_);
    if (error_ || body.empty() || body.size() > kMaxBlockBytes) return 0;
    const auto at = static_cast<std::int64_t>(counts_.bytes);
    raw_.reserve(body.size(), 0);
    std::memcpy(raw_.data(), body.data(), body.size());
    used_ = body.size();
    block_ = {.kind = BlockKind::kIndex, .records = static_cast<std::uint32_t>(index_.size())};
    write_block();
    return error_ ? 0 : at;
  }

  void write_block() {
    const std::byte* body = raw_.data();
    block_.raw_size = static_cast<std::uint32_t>(used_);
    block_.stored_size = block_.raw_size;
    if (used_ != 0) {
      packed_.reserve(ZSTD_compressBound(used_), 0);
      const bool large = used_ >= kLargeRecordBytes * block_.records;
      ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, options_.compression_level + (large ? 1 : 0));
      const std::size_t packed = ZSTD_compress2(compressor_.get(), packed_.data(), packed_.capacity(), body, used_);
      if (ZSTD_isError(packed) == 0 && packed < used_) {
        body = packed_.data();
        block_.codec = BlockCodec::kZstd;
        block_.stored_size = static_cast<std::uint32_t>(packed);
      }
    }
    block_.body_crc = crc32c(Bytes(body, block_.stored_size));
    put(block_, Bytes(body, block_.stored_size));
    used_ = 0;
    block_ = {};
  }

  void put(const BlockHeader& block, Bytes stored) {
    auto header = encode_block_header(block);
    std::array<iovec, 2> pieces = {iovec{header.data(), header.size()},
                                   iovec{const_cast<std::byte*>(stored.data()), stored.size()}};
    const auto written = write_all(file_.get(), std::span(pieces).first(stored.empty() ? 1 : 2));
    if (!written) {
      fail(describe(written.error()));
      return;
    }
    if (block.kind == BlockKind::kRecords) index_.push_back({counts_.bytes, block.first_sequence, block.first_begin});
    counts_.bytes += header.size() + stored.size();
    ++counts_.blocks;
  }

  void fail(const std::string& reason) {
    if (error_) return;
    error_ = TraceError{"cannot write trace " + path_.string() + ": " + reason};
    counts_.dropped += block_.kind == BlockKind::kRecords ? block_.records : 0;
    counts_.events -= block_.kind == BlockKind::kRecords ? block_.records : 0;
    // What was written of the block in part would be ignored as a torn tail; without it, the file says less wrong.
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(counts_.bytes));
    block_ = {};
    used_ = 0;
  }

  const std::filesystem::path path_;
  UniqueFd file_;
  const TraceWriterOptions options_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> compressor_;
  RecordEncoder encoder_;
  ByteSpace raw_;
  ByteSpace packed_;
  std::size_t used_ = 0;      // of raw_
  std::size_t messages_ = 0;  // bytes of the block's messages as they were given
  BlockHeader block_{};       // in the making; records == 0: none
  std::chrono::steady_clock::time_point block_start_;
  std::uint64_t last_sequence_ = 0;
  std::vector<IndexedBlock> index_;
};

TraceWriter::TraceWriter(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

TraceWriter::~TraceWriter() {
  if (impl_ != nullptr) static_cast<void>(close());
}

TraceResult<std::unique_ptr<TraceWriter>> TraceWriter::open(const std::filesystem::path& path, TraceHeader header,
                                                            const TraceWriterOptions& options) {
  // Named when its header is written: a recording that is killed leaves a trace or no file.
  UniqueFd file = options.existing == ExistingTrace::kRefuse ? open_unnamed(path) : UniqueFd();
  const bool unnamed = file.valid();
  if (!unnamed) {
    const int mode = options.existing == ExistingTrace::kRefuse ? O_EXCL : O_TRUNC;
    file.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666));
    if (!file.valid()) return tl::unexpected(cannot_create(path, Errno::last()));
  }
  const int fd = file.get();
  auto impl = std::make_unique<Impl>(path, std::move(file), options);
  header.format_version = kTraceFormatVersion;
  header.oldest_readable = kTraceOldestReadable;
  header.payload = options.payload;
  impl->write_header(header);
  if (impl->error_) return tl::unexpected(*impl->error_);
  if (unnamed) {
    if (const auto named = give_name(fd, path); !named) return tl::unexpected(cannot_create(path, named.error()));
  }
  return std::unique_ptr<TraceWriter>(new TraceWriter(std::move(impl)));
}

void TraceWriter::on_event(const Event& event) {
  impl_->add(event);
}
bool TraceWriter::wants_file_data() const noexcept {
  return impl_->keeps_file_data();
}
void TraceWriter::flush_if_due(std::chrono::steady_clock::time_point now) {
  impl_->flush_if_due(now);
}
void TraceWriter::flush() {
  impl_->flush();
}

void TraceWriter::append_block(const BlockHeader& block, Bytes stored) {
  impl_->append(block, stored);
}

std::uint64_t TraceWriter::waiting() const noexcept {
  return impl_->waiting();
}

TraceResult<void> TraceWriter::close() {
  return impl_->close();
}

const std::optional<TraceError>& TraceWriter::error() const noexcept {
  return impl_->error_;
}
const TraceWriterCounts& TraceWriter::counts() const noexcept {
  return impl_->counts_;
}

}  // namespace fusereplay
