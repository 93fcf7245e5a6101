// The scripts that a real mount and a simulated one must agree on, a file for each area.
#pragma once

#include <ostream>
#include <span>
#include <string_view>
#include <vector>

namespace fusereplay::testing {

struct Script {
  std::string_view name;    // of a test: letters only
  std::string_view tuning;  // see tuned.h
  std::string_view calls;   // see script.h
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
inline void PrintTo(const Script& script, std::ostream* out) {
  *out << script.name;
}

std::span<const Script> scripts_on_names();
std::span<const Script> scripts_on_open();
std::span<const Script> scripts_on_data();
std::span<const Script> scripts_on_listing();
std::span<const Script> scripts_on_attributes();
std::span<const Script> scripts_on_permissions();
std::span<const Script> scripts_on_xattrs();
std::span<const Script> scripts_on_caching();
std::span<const Script> scripts_on_settings();
std::span<const Script> scripts_on_without();
std::span<const Script> scripts_on_ioctl();
std::span<const Script> scripts_on_writeback();
std::span<const Script> scripts_on_memory();
std::span<const Script> scripts_on_handles();
std::span<const Script> scripts_on_directories();
std::span<const Script> scripts_on_remount();
/// All of them.
std::vector<Script> fidelity_scripts();

}  // namespace fusereplay::testing
