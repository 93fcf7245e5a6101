// Random scripts: the same seed, the same script.
#pragma once

#include <cstdint>
#include <string>

namespace fusereplay::testing {

/// `calls` lines over a few names and descriptors, so that they meet. Begins with the settings in brackets.
std::string generate_script(std::uint64_t seed, unsigned calls);

}  // namespace fusereplay::testing
