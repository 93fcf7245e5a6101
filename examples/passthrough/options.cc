#include "examples/passthrough/options.h"

#include <charconv>
#include <optional>

namespace fusereplay {
namespace {

constexpr std::uint64_t kDay = 86400;

std::optional<Timeout> parse_timeout(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Timeout::seconds(seconds);
}

bool apply_cache(std::string_view policy, PassthroughOptions& options) {
  std::uint64_t seconds = 0;
  if (policy == "auto") {
    options.cache = PassthroughOptions::Cache::kAuto;
    seconds = 1;
  } else if (policy == "always") {
    options.cache = PassthroughOptions::Cache::kAlways;
    seconds = kDay;
  } else if (policy == "never") {
    options.cache = PassthroughOptions::Cache::kNever;
    options.io = PassthroughOptions::Io::kDirect;
  } else {
    return false;
  }
  options.entry_timeout = options.attribute_timeout = Timeout::seconds(seconds);
  return true;
}

/// What the kernel would refuse, one line; empty where there is nothing of the kind.
std::string conflict_in(const PassthroughOptions& options, bool passthrough) {
  if (!passthrough) return {};
  if (options.io == PassthroughOptions::Io::kDirect) {
    return "passthrough and direct-io (or cache=never) exclude each other: reads and writes come here, or they do not";
  }
  if (options.writes == PassthroughOptions::Writes::kBack) {
    return "passthrough and writeback exclude each other: the kernel opens no backing files where it keeps what is "
           "written";
  }
  return {};
}

bool apply(std::string_view word, PassthroughOptions& options) {
  if (word == "threads") {
    options.handlers = PassthroughOptions::Handlers::kConcurrent;
  } else if (word == "direct-io") {
    options.io = PassthroughOptions::Io::kDirect;
  } else if (word == "writeback") {
    options.writes = PassthroughOptions::Writes::kBack;
  } else if (word == "locks") {
    options.locks = PassthroughOptions::Locks::kForwarded;
  } else {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = word.substr(equals + 1);
    if (key == "cache") return apply_cache(value, options);
    const std::optional<Timeout> timeout = parse_timeout(value);
    if (!timeout) return false;
    if (key == "entry-timeout") {
      options.entry_timeout = *timeout;
    } else if (key == "attribute-timeout") {
      options.attribute_timeout = *timeout;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

tl::expected<PassthroughOptions, std::string> parse_passthrough_options(std::string_view text) {
  PassthroughOptions options;
  bool passthrough = false;
  while (!text.empty() && text.front() != '/' && text.front() != '.') {
    const std::string_view word = text.substr(0, text.find(','));
    if (word == "passthrough") {
      passthrough = true;
    } else if (!apply(word, options)) {
      return tl::unexpected(
          "passthrough does not know '" + std::string(word) +
          "'; it takes threads, cache=auto|always|never, direct-io, passthrough, writeback, "
          "locks, entry-timeout=SECONDS, attribute-timeout=SECONDS, separated by commas, then the directory "
          "(starting with / or .)");
    }
    text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
  }
  if (text.empty()) {
    return tl::unexpected(
        std::string("passthrough needs the directory to show, behind its options: passthrough:locks,/srv/tree"));
  }
  if (std::string conflict = conflict_in(options, passthrough); !conflict.empty()) {
    return tl::unexpected(std::move(conflict));
  }
  if (passthrough) options.io = PassthroughOptions::Io::kPassthrough;
  options.source = text;
  return options;
}

}  // namespace fusereplay
