#include "traces/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/result.h"
#include "traces/crc32c.h"

namespace fusereplay {

void BlockFile::FreeContext::operator()(ZSTD_DCtx_s* context) const noexcept {
  ZSTD_freeDCtx(context);
}

BlockFile::BlockFile(std::filesystem::path path, UniqueFd file)
    : path_(std::move(path)), file_(std::move(file)), decompressor_(ZSTD_createDCtx()) {
  FUSEREPLAY_CHECK(decompressor_ != nullptr, "memory for a decompressor");
}
BlockFile::~BlockFile() = default;

TraceResult<std::unique_ptr<BlockFile>> BlockFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    return tl::unexpected(TraceError{"cannot open trace " + path.string() + ": " + describe(Errno::last())});
  }
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return tl::unexpected(TraceError{path.string() + " is not a trace: it is no regular file"});
  }
  return std::unique_ptr<BlockFile>(new BlockFile(path, std::move(file)));
}

std::uint64_t BlockFile::size() const noexcept {
  struct stat status {};
  return ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::optional<std::size_t> BlockFile::read(std::byte* to, std::size_t count, std::uint64_t offset) {
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

void BlockFile::damaged(std::uint64_t offset, std::string_view what) {
  error_.message = path_.string() + " is damaged at offset " + std::to_string(offset) + ": ";
  error_.message += what;
}

BlockFile::Found BlockFile::header(std::uint64_t offset, BlockHeader& header) {
  std::array<std::byte, kBlockHeaderBytes> bytes;
  const auto got = read(bytes.data(), bytes.size(), offset);
  if (!got) return Found::kBad;
  const auto decoded = decode_block_header(Bytes(bytes.data(), *got));
  if (!decoded) {
    if (decoded.error() == BlockHeaderError::kNoBlock) return Found::kNoBlock;
    damaged(offset, decoded.error() == BlockHeaderError::kUnsupported
                        ? "a block of a kind this version does not know; a newer fusereplay may read it"
                        : "a block with sizes that cannot be");
    return Found::kBad;
  }
  if (offset + kBlockHeaderBytes + decoded->stored_size > size()) return Found::kNoBlock;
  header = *decoded;
  return Found::kBlock;
}

BlockFile::Found BlockFile::body(std::uint64_t offset, const BlockHeader& header, ByteSpace& raw) {
  const bool packed = header.codec == BlockCodec::kZstd;
  ByteSpace& stored = packed ? stored_ : raw;
  stored.reserve(header.stored_size, 0);
  const auto got = read(stored.data(), header.stored_size, offset + kBlockHeaderBytes);
  if (!got) return Found::kBad;
  if (*got != header.stored_size || crc32c(Bytes(stored.data(), *got)) != header.body_crc) return Found::kNoBlock;
  if (!packed) return Found::kBlock;
  raw.reserve(header.raw_size, 0);
  const std::size_t size =
      ZSTD_decompressDCtx(decompressor_.get(), raw.data(), header.raw_size, stored.data(), header.stored_size);
  if (ZSTD_isError(size) == 0 && size == header.raw_size) return Found::kBlock;
  damaged(offset, "a body that does not decompress to its size");
  return Found::kBad;
}

std::optional<std::uint64_t> BlockFile::find(std::uint64_t from) {
  constexpr std::size_t kWindow = 64 * 1024;
  ByteSpace window;
  window.reserve(kWindow, 0);
  const std::uint64_t end = size();
  std::array<char, sizeof(kBlockMagic)> magic;
  std::memcpy(magic.data(), &kBlockMagic, sizeof(kBlockMagic));
  while (from + kBlockHeaderBytes <= end) {
    const auto got = read(window.data(), kWindow, from);
    if (!got || *got < kBlockHeaderBytes) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(window.data()), *got);
    const std::size_t last = *got - kBlockHeaderBytes;
    for (std::size_t at = 0; at <= last; ++at) {
      at = text.find(std::string_view(magic.data(), magic.size()), at);
      if (at == std::string_view::npos || at > last) break;
      const auto header = decode_block_header(Bytes(window.data() + at, kBlockHeaderBytes));
      if (header && from + at + kBlockHeaderBytes + header->stored_size <= end) return from + at;
    }
    from += last + 1;
  }
  return std::nullopt;
}

}  // namespace fusereplay
