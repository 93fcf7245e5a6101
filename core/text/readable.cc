#include "core/text/readable.h"

#include <array>
#include <cinttypes>
#include <cstdio>

#include "core/text/json.h"

namespace fusereplay {
namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, arguments...);
  return text.data();
}

}  // namespace

std::string quoted_text(std::string_view bytes, std::size_t limit) {
  const bool cut = bytes.size() > limit;
  bytes = bytes.substr(0, limit);
  const bool utf8 = is_utf8(bytes);
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      text += format("\\x%02x", static_cast<unsigned>(byte));
    } else {
      text += c;
    }
  }
  text += '"';
  if (cut) text += "...";
  return text;
}

void append_duration(LineBuffer& line, std::int64_t nanoseconds) noexcept {
  struct Unit {
    std::uint64_t nanoseconds;
    std::uint64_t parts;  // of a unit that are shown: 10 for one decimal
    unsigned decimals;
    std::string_view name;
  };
  constexpr std::array kUnits = {Unit{1'000, 10, 1, " us"}, Unit{1'000'000, 100, 2, " ms"},
                                 Unit{1'000'000'000, 100, 2, " s"}};
  if (nanoseconds < 1'000) {
    if (nanoseconds < 0) line << "-";
    line << static_cast<std::uint64_t>(nanoseconds < 0 ? -nanoseconds : nanoseconds) << " ns";
    return;
  }
  const auto value = static_cast<std::uint64_t>(nanoseconds);
  const Unit& unit = value < 1'000'000 ? kUnits[0] : value < 1'000'000'000 ? kUnits[1] : kUnits[2];
  const std::uint64_t part = unit.nanoseconds / unit.parts;
  const std::uint64_t shown = value / part + (value % part * 2 >= part ? 1 : 0);
  line << shown / unit.parts << ".";
  line.digits(shown % unit.parts, 10, unit.decimals) << unit.name;
}

std::string duration_text(std::int64_t nanoseconds) {
  LineBuffer line;
  append_duration(line, nanoseconds);
  return std::string(line.text());
}

std::string size_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return format("%" PRIu64 " B", bytes);
  if (bytes < 1024 * 1024) return format("%.1f KiB", value / 1024);
  if (bytes < 1024 * 1024 * 1024) return format("%.1f MiB", value / (1024 * 1024));
  return format("%.2f GiB", value / (1024.0 * 1024 * 1024));
}

std::string count_text(std::uint64_t count, std::string_view what) {
  std::string text = std::to_string(count) + ' ' + std::string(what);
  if (count != 1) text += 's';
  return text;
}

}  // namespace fusereplay
