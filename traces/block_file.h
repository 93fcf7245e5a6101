// A trace file as a row of blocks: finds them, reads them, trusts nothing. Private to traces/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/unique_fd.h"
#include "traces/block.h"
#include "traces/byte_space.h"
#include "traces/error.h"

struct ZSTD_DCtx_s;

namespace fusereplay {

/// One thread at a time. Never allocates for a size that the limits of the contract do not allow.
class BlockFile {
 public:
  enum class Found : std::uint8_t {
    kBlock,
    kNoBlock,  // the bytes there are no whole, sound block
    kBad,      // they are one that must be refused, or cannot be read: error() says why
  };

  /// The error is one line: no such file, no regular file.
  static TraceResult<std::unique_ptr<BlockFile>> open(const std::filesystem::path& path);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  /// Bytes in the file now; it may still be written.
  std::uint64_t size() const noexcept;

  /// The header of the block at `offset`, all of whose bytes are in the file.
  Found header(std::uint64_t offset, BlockHeader& header);
  /// The body of the block of this header at `offset`: header.raw_size bytes in `raw`.
  Found body(std::uint64_t offset, const BlockHeader& header, ByteSpace& raw);
  /// Where the first whole block at or after `from` seems to begin: its body is not looked at.
  std::optional<std::uint64_t> find(std::uint64_t from);
  /// Up to `count` bytes from `offset` on; how many there were, or nothing on a read error, which error() tells.
  std::optional<std::size_t> read(std::byte* to, std::size_t count, std::uint64_t offset);

  const TraceError& error() const noexcept { return error_; }
  /// Sets error() to "PATH is damaged at offset N: WHAT".
  void damaged(std::uint64_t offset, std::string_view what);

 private:
  struct FreeContext {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  BlockFile(std::filesystem::path path, UniqueFd file);

  const std::filesystem::path path_;
  const UniqueFd file_;
  std::unique_ptr<ZSTD_DCtx_s, FreeContext> decompressor_;
  ByteSpace stored_;
  TraceError error_;
};

}  // namespace fusereplay
