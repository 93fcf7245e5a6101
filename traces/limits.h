// The limits of the trace contract, section 5: what a writer never exceeds and a reader never accepts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fusereplay {

/// Raw and stored size of a block: a record of the largest message fits.
inline constexpr std::size_t kMaxBlockBytes = std::size_t{32} << 20;
/// A message, rebuilt. Linux messages reach 1 MiB and a little, and more only where fs.fuse.max_pages_limit was raised.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{8} << 20;
/// All messages of a block, rebuilt: what is kept as a reference or a size must not make a small file endless work.
inline constexpr std::size_t kMaxBlockMessageBytes = std::size_t{64} << 20;
/// The data that later records may refer to is that of messages up to this size...
inline constexpr std::size_t kMaxSharedMessage = (std::size_t{1} << 20) + 4096;
/// ... in blocks up to this raw size; others are not looked into.
inline constexpr std::size_t kMaxSharedBlock = std::size_t{4} << 20;
/// A name in a directory record (rule K15, PATH_MAX - 1).
inline constexpr std::size_t kMaxEntryNameBytes = 4095;
/// A record has at most this many bytes for a message of `size` bytes. A field of 2 bytes takes up to 5 (tag and
/// varint), one of 8 up to 12; what a record has beside the message fits the constant.
constexpr std::size_t max_record_bytes(std::size_t size) noexcept {
  return 3 * size + 1024;
}

}  // namespace fusereplay
