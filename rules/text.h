// Putting the line of a finding together.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "core/protocol/opcode.h"

namespace fusereplay {

inline void append_text(std::string& out, std::string_view part) {
  out += part;
}
inline void append_text(std::string& out, std::integral auto number) {
  out += std::to_string(number);
}
inline void append_text(std::string& out, Opcode opcode) {
  const std::string_view name = opcode_name(opcode);
  if (name.empty()) {
    out += "opcode " + std::to_string(static_cast<std::uint32_t>(opcode));
  } else {
    out += name;
  }
}

/// The parts one after the other: text, numbers, opcodes by name.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

/// A name in quotes, cut after 80 bytes, with bytes that do not print as \xNN.
std::string quoted(std::string_view name);

}  // namespace fusereplay
