// Handlers' answers as wire structs.
#pragma once

#include "core/operations/types.h"
#include "core/protocol/wire.h"

namespace fusereplay::internal {

inline wire::Attr to_wire(const Attributes& from) noexcept {
  return {.ino = from.ino,
          .size = from.size,
          .blocks = from.blocks,
          .atime = static_cast<std::uint64_t>(from.atime.seconds),
          .mtime = static_cast<std::uint64_t>(from.mtime.seconds),
          .ctime = static_cast<std::uint64_t>(from.ctime.seconds),
          .atimensec = from.atime.nanoseconds,
          .mtimensec = from.mtime.nanoseconds,
          .ctimensec = from.ctime.nanoseconds,
          .mode = from.mode,
          .nlink = from.nlink,
          .uid = from.uid,
          .gid = from.gid,
          .rdev = from.rdev,
          .blksize = from.block_size,
          .flags = from.flags};
}

inline constexpr std::uint64_t kSecond = 1'000'000'000;

inline wire::EntryOut to_wire(const Entry& from) noexcept {
  return {.nodeid = raw(from.node),
          .generation = from.generation,
          .entry_valid = from.entry_timeout.nanoseconds / kSecond,
          .attr_valid = from.attribute_timeout.nanoseconds / kSecond,
          .entry_valid_nsec = static_cast<std::uint32_t>(from.entry_timeout.nanoseconds % kSecond),
          .attr_valid_nsec = static_cast<std::uint32_t>(from.attribute_timeout.nanoseconds % kSecond),
          .attr = to_wire(from.attributes)};
}

inline wire::AttrOut to_wire(const AttributesReply& from) noexcept {
  return {.attr_valid = from.timeout.nanoseconds / kSecond,
          .attr_valid_nsec = static_cast<std::uint32_t>(from.timeout.nanoseconds % kSecond),
          .dummy = 0,
          .attr = to_wire(from.attributes)};
}

inline wire::OpenOut to_wire(const Opened& from) noexcept {
  return {.fh = raw(from.handle), .open_flags = from.flags, .backing_id = from.backing_id};
}

inline wire::Kstatfs to_wire(const FilesystemStatistics& from) noexcept {
  return {.blocks = from.blocks,
          .bfree = from.blocks_free,
          .bavail = from.blocks_available,
          .files = from.files,
          .ffree = from.files_free,
          .bsize = from.block_size,
          .namelen = from.name_length,
          .frsize = from.fragment_size,
          .padding = 0,
          .spare = {}};
}

inline wire::FileLock to_wire(const FileLock& from) noexcept {
  return {.start = from.start, .end = from.end, .type = from.type, .pid = from.pid};
}

inline wire::SxTime to_wire(Timestamp from) noexcept {
  return {.tv_sec = from.seconds, .tv_nsec = from.nanoseconds, .reserved = 0};
}

wire::StatxOut to_wire(const StatxReply& from) noexcept;

}  // namespace fusereplay::internal
