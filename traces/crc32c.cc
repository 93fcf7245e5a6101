#include "traces/crc32c.h"

#include <boost/crc.hpp>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace fusereplay {

std::uint32_t internal::crc32c_portable(Bytes bytes) noexcept {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

#if defined(__x86_64__)
namespace {
// Compiled for SSE 4.2 whatever the rest is compiled for: called only where the processor has it.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(Bytes bytes) noexcept {
  std::uint64_t crc = 0xFFFFFFFF;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
  return ~narrow;
}
}  // namespace

std::uint32_t crc32c(Bytes bytes) noexcept {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  return has_instruction ? crc32c_sse42(bytes) : internal::crc32c_portable(bytes);
}
#else
std::uint32_t crc32c(Bytes bytes) noexcept {
  return internal::crc32c_portable(bytes);
}
#endif

}  // namespace fusereplay
