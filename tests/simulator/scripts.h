// The scripts that a real mount and a simulated one must agree on.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

namespace fusereplay::testing {

struct Script {
  std::string_view name;  // of a test: letters only
  std::string_view calls;
};

inline void PrintTo(const Script& script, std::ostream* out) {
  *out << script.name;
}

std::span<const Script> fidelity_scripts();

}  // namespace fusereplay::testing
