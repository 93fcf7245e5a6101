#include "traces/block.h"

#include "traces/crc32c.h"
#include "traces/limits.h"

namespace fusereplay {
namespace {

template <class T>
void put(std::byte* to, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> 8 * i);
}

template <class T>
T get(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<std::uint64_t>(from[i]) << 8 * i;
  return static_cast<T>(value);
}

constexpr std::size_t kHeaderCrcOffset = 60;

bool sizes_make_sense(const BlockHeader& header) noexcept {
  if (header.raw_size > kMaxBlockBytes || header.stored_size > kMaxBlockBytes) return false;
  if (header.codec == BlockCodec::kStored && header.raw_size != header.stored_size) return false;
  switch (header.kind) {
    case BlockKind::kHeader:
      return header.records == 1 && header.raw_size != 0;
    case BlockKind::kRecords:
      return header.records != 0 && header.records <= header.raw_size && header.first_sequence != 0 &&
             header.last_sequence >= header.first_sequence &&
             header.last_sequence - header.first_sequence >= header.records - 1;
    case BlockKind::kEnd:
      return header.records == 0 && header.raw_size == 0 && header.stored_size == 0 && header.first_begin >= 0;
    case BlockKind::kIndex:
      return header.records != 0 && header.records <= header.raw_size / 3;
  }
  return false;
}

}  // namespace

std::array<std::byte, kBlockHeaderBytes> encode_block_header(const BlockHeader& header) noexcept {
  std::array<std::byte, kBlockHeaderBytes> bytes{};
  std::byte* const at = bytes.data();
  put(at, kBlockMagic);
  put(at + 4, kBlockHeaderVersion);
  put(at + 6, static_cast<std::uint8_t>(header.kind));
  put(at + 7, static_cast<std::uint8_t>(header.codec));
  put(at + 8, header.records);
  put(at + 12, header.raw_size);
  put(at + 16, header.stored_size);
  put(at + 24, header.first_sequence);
  put(at + 32, header.last_sequence);
  put(at + 40, header.first_begin);
  put(at + 48, header.last_begin);
  put(at + 56, header.body_crc);
  put(at + kHeaderCrcOffset, crc32c(Bytes(at, kHeaderCrcOffset)));
  return bytes;
}

tl::expected<BlockHeader, BlockHeaderError> decode_block_header(Bytes bytes) noexcept {
  if (bytes.size() < kBlockHeaderBytes) return tl::unexpected(BlockHeaderError::kNoBlock);
  const std::byte* const at = bytes.data();
  if (get<std::uint32_t>(at) != kBlockMagic) return tl::unexpected(BlockHeaderError::kNoBlock);
  if (get<std::uint32_t>(at + kHeaderCrcOffset) != crc32c(Bytes(at, kHeaderCrcOffset))) {
    return tl::unexpected(BlockHeaderError::kNoBlock);
  }
  const auto kind = get<std::uint8_t>(at + 6);
  const auto codec = get<std::uint8_t>(at + 7);
  if (get<std::uint16_t>(at + 4) != kBlockHeaderVersion || kind < 1 || kind > 4 || codec > 1) {
    return tl::unexpected(BlockHeaderError::kUnsupported);
  }
  BlockHeader header;
  header.kind = static_cast<BlockKind>(kind);
  header.codec = static_cast<BlockCodec>(codec);
  header.records = get<std::uint32_t>(at + 8);
  header.raw_size = get<std::uint32_t>(at + 12);
  header.stored_size = get<std::uint32_t>(at + 16);
  header.first_sequence = get<std::uint64_t>(at + 24);
  header.last_sequence = get<std::uint64_t>(at + 32);
  header.first_begin = get<std::int64_t>(at + 40);
  header.last_begin = get<std::int64_t>(at + 48);
  header.body_crc = get<std::uint32_t>(at + 56);
  if (!sizes_make_sense(header)) return tl::unexpected(BlockHeaderError::kTooLarge);
  return header;
}

}  // namespace fusereplay
