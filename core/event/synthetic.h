// How a request that was made up, beyond what a recording holds, is told from one that a kernel sent: by its unique.
#pragma once

#include <cstdint>

namespace fusereplay {

/// Set in the unique of a request that a replay made up (replayer/synthetic.h), and so in its reply's. No kernel counts
/// that far: uniques begin at 2 and go up by 2 (fs/fuse/dev.c fuse_get_unique).
/// In an ordered stream the events of such an exchange repeat the sequence of the recorded event they stand with.
inline constexpr std::uint64_t kUniqueSyntheticBit = std::uint64_t{1} << 62;

constexpr bool is_synthetic(std::uint64_t unique) noexcept {
  return (unique & kUniqueSyntheticBit) != 0 && (unique >> 63) == 0;
}

}  // namespace fusereplay
