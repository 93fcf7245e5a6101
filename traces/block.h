// The bytes around the records: block headers (docs/trace-contract.md, section 2.1). Private to traces/.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

#include "core/protocol/message.h"

namespace fusereplay {

inline constexpr std::uint32_t kBlockMagic = 0x42545246;  // "FRTB"
inline constexpr std::uint16_t kBlockHeaderVersion = 1;
inline constexpr std::size_t kBlockHeaderBytes = 64;

enum class BlockKind : std::uint8_t { kHeader = 1, kRecords = 2, kEnd = 3, kIndex = 4 };
enum class BlockCodec : std::uint8_t { kStored = 0, kZstd = 1 };

/// Host values; see the contract for what each means.
struct BlockHeader {
  BlockKind kind = BlockKind::kRecords;
  BlockCodec codec = BlockCodec::kStored;
  std::uint32_t records = 0;
  std::uint32_t raw_size = 0;
  std::uint32_t stored_size = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::int64_t first_begin = 0;
  std::int64_t last_begin = 0;
  std::uint32_t body_crc = 0;
};

/// With magic, version and the header's own checksum.
std::array<std::byte, kBlockHeaderBytes> encode_block_header(const BlockHeader& header) noexcept;

enum class BlockHeaderError : std::uint8_t {
  kNoBlock,      // no magic, or a checksum that does not fit: these bytes are no block header
  kUnsupported,  // a sound header of a version, kind or codec that this reader does not know
  kTooLarge,     // sizes above the limits, or that contradict the kind
};

/// Judges kBlockHeaderBytes bytes.
tl::expected<BlockHeader, BlockHeaderError> decode_block_header(Bytes bytes) noexcept;

}  // namespace fusereplay
