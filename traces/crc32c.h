// CRC32C (Castagnoli), as block headers use it.
#pragma once

#include <cstdint>

#include "core/protocol/message.h"

namespace fusereplay {

/// The checksum of `bytes`: by the processor's instruction where there is one, else by table. About 7 GB/s and 0.4
/// GB/s.
std::uint32_t crc32c(Bytes bytes) noexcept;

namespace internal {
/// The portable form, for the test that both agree.
std::uint32_t crc32c_portable(Bytes bytes) noexcept;
}  // namespace internal

}  // namespace fusereplay
