// Random scripts: the same seed, the same script.
#pragma once

#include <cstdint>
#include <string>

namespace fusereplay::testing {

struct GeneratedScript {
  std::string tuning;
  std::string calls;
};

/// `calls` lines over a few names and descriptors, so that they meet.
/// kWriteback: with the writeback cache, and files in memory.
enum class Variant : std::uint8_t { kPlain, kWriteback };

GeneratedScript generate_script(std::uint64_t seed, unsigned calls, Variant variant);

}  // namespace fusereplay::testing
