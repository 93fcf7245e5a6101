#include "examples/memfs/options.h"

#include <charconv>
#include <optional>

namespace fusereplay {
namespace {

/// A decimal number, with K, M or G for powers of 1024; nothing where it is none or does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const unsigned shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 64;
  if (shift == 64 || value > (UINT64_MAX >> shift)) return std::nullopt;
  return value << shift;
}

bool apply(std::string_view word, MemfsOptions& options) {
  if (word == "threads") {
    options.handlers = MemfsOptions::Handlers::kConcurrent;
    return true;
  }
  if (word == "locks") {
    options.locks = MemfsOptions::Locks::kOwn;
    return true;
  }
  if (word == "writeback") {
    options.writes = MemfsOptions::Writes::kBack;
    return true;
  }
  if (word == "export") {
    options.handles = MemfsOptions::Handles::kExported;
    return true;
  }
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = word.substr(0, equals);
  const std::optional<std::uint64_t> value = parse_number(word.substr(equals + 1));
  if (!value) return false;
  if (key == "capacity") {
    options.capacity = *value;
  } else if (key == "inodes" && *value >= 1) {
    options.inodes = *value;
  } else if (key == "files" && *value <= UINT32_MAX) {
    options.files = static_cast<std::uint32_t>(*value);
  } else if (key == "owner" && *value <= UINT32_MAX) {
    options.owner = static_cast<std::uint32_t>(*value);
  } else if (key == "timeout" && *value <= UINT32_MAX) {
    options.entry_timeout = options.attribute_timeout = Timeout::seconds(*value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

tl::expected<MemfsOptions, std::string> parse_memfs_options(std::string_view text) {
  MemfsOptions options;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    if (!apply(word, options)) {
      return tl::unexpected("memfs does not know '" + std::string(word) +
                            "'; it takes threads, locks, writeback, export, capacity=SIZE[K|M|G], inodes=COUNT, "
                            "files=COUNT, owner=UID, timeout=SECONDS, separated by commas");
    }
    text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
  }
  return options;
}

}  // namespace fusereplay
