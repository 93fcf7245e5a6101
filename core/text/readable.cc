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

std::string duration_text(std::int64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 1'000) return format("%" PRId64 " ns", nanoseconds);
  if (nanoseconds < 1'000'000) return format("%.1f us", value / 1e3);
  if (nanoseconds < 1'000'000'000) return format("%.2f ms", value / 1e6);
  return format("%.2f s", value / 1e9);
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
