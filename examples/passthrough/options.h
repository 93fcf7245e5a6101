// How a passthrough is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/operations/types.h"

namespace fusereplay {

struct PassthroughOptions {
  enum class Handlers : std::uint8_t { kOneAtATime, kConcurrent };
  /// What the kernel may keep of the source, which others can change behind our back.
  enum class Cache : std::uint8_t {
    kAuto,    // names and attributes for a second, file data until the next open
    kAlways,  // all of it: nobody else changes the source
    kNever,   // nothing; reads and writes come here as they are made
  };
  enum class Io : std::uint8_t {
    kCached,
    kDirect,
    kPassthrough,  // the kernel reads and writes the source's files by itself, where it lets us say so
                   // (FUSE_PASSTHROUGH)
  };
  enum class Writes : std::uint8_t { kThrough, kBack };     // FUSE_WRITEBACK_CACHE
  enum class Locks : std::uint8_t { kKernel, kForwarded };  // the kernel's own, or taken on the source's files

  std::string source;
  Cache cache = Cache::kAuto;
  Io io = Io::kCached;
  Writes writes = Writes::kThrough;
  Locks locks = Locks::kKernel;
  Timeout entry_timeout = Timeout::seconds(1);
  Timeout attribute_timeout = Timeout::seconds(1);
  Handlers handlers = Handlers::kOneAtATime;
};

/// Reads "[WORD,...]DIRECTORY". The words: threads, cache=auto|always|never, direct-io, passthrough, writeback,
/// locks, entry-timeout=SECONDS, attribute-timeout=SECONDS; a cache policy sets both timeouts. The first word that
/// starts with
/// '/' or '.' begins the directory, which is all the rest. The error is one line that names what is wrong and what is
/// known.
tl::expected<PassthroughOptions, std::string> parse_passthrough_options(std::string_view text);

}  // namespace fusereplay
