// For each of the reply rules R1 to R20, servers that break just it, and what a kernel makes of that.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "tests/simulator/spoilt_server.h"

namespace fusereplay::testing {

struct BrokenRule {
  std::string_view rule;  // "R4"
  std::string_view name;  // of a test: letters only
  Spoil spoil;
  /// On the first line, how memfs is tuned (tests/simulator/tuned.h). Then a script (tests/simulator/script.h) with the
  /// result of each call behind "->": all of it, or its first words. "hangs": nobody answers, until the connection is
  /// aborted.
  std::string_view calls;
  /// What write(2) says of the spoilt replies.
  std::string written = "ok";
  /// What the server believes to be in use when all is closed and dropped: see SpoiltServer::left().
  std::string left = "";
  /// The rules that complain.
  std::string reported;
  /// kDeadlock: the kernel waits until the connection is aborted, in the write of a notification. The model lets that
  /// fail with EDEADLK, says why, and goes on.
  enum class Where : std::uint8_t { kBoth, kRealOnly, kDeadlock };
  Where where = Where::kBoth;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
inline void PrintTo(const BrokenRule& broken, std::ostream* out) {
  *out << broken.rule << " " << broken.name;
}

std::span<const BrokenRule> broken_rules();

}  // namespace fusereplay::testing
