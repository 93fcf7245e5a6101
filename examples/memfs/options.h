// How a memfs is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/operations/types.h"

namespace fusereplay {

struct MemfsOptions {
  enum class Handlers : std::uint8_t { kOneAtATime, kConcurrent };

  std::uint64_t capacity = std::uint64_t{4} << 30;  // bytes of file data
  std::uint64_t inodes = std::uint64_t{1} << 20;    // the root included; at least 1
  std::uint32_t max_links = 65000;                  // names of a file, subdirectories of a directory
  std::uint32_t files = 0;                          // empty ones in the root to begin with: 00000, 00001 and so on
  std::uint32_t owner = 0;                          // uid and gid of the root
  Timeout entry_timeout = Timeout::seconds(1);
  Timeout attribute_timeout = Timeout::seconds(1);
  Handlers handlers = Handlers::kOneAtATime;
  enum class Locks : std::uint8_t { kKernel, kOwn };         // who keeps locks: POSIX_LOCKS and FLOCK_LOCKS off or on
  enum class Writes : std::uint8_t { kThrough, kBack };      // FUSE_WRITEBACK_CACHE
  enum class Handles : std::uint8_t { kCached, kExported };  // EXPORT_SUPPORT: file handles outlive the kernel's caches
  Locks locks = Locks::kKernel;
  Writes writes = Writes::kThrough;
  Handles handles = Handles::kCached;
};

/// Reads "threads,locks,writeback,export,capacity=SIZE,inodes=COUNT,files=COUNT,owner=UID,timeout=SECONDS": any of
/// these, in any order; SIZE may end in K, M or G. The error is one line that names the word and what is known.
tl::expected<MemfsOptions, std::string> parse_memfs_options(std::string_view text);

}  // namespace fusereplay
