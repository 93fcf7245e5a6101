// Wire structs as the types handlers speak: the other direction of core/operations/encode.h, for clients.
#pragma once

#include "core/operations/types.h"
#include "core/protocol/wire.h"

namespace fusereplay::internal {

constexpr Timeout timeout_from_wire(std::uint64_t whole, std::uint32_t nanoseconds) noexcept {
  return {whole * 1'000'000'000 + nanoseconds};
}

inline Timestamp time_from_wire(std::uint64_t whole, std::uint32_t nanoseconds) noexcept {
  return {static_cast<std::int64_t>(whole), nanoseconds};
}

inline Attributes from_wire(const wire::Attr& from) noexcept {
  return {.ino = from.ino,
          .size = from.size,
          .blocks = from.blocks,
          .atime = time_from_wire(from.atime, from.atimensec),
          .mtime = time_from_wire(from.mtime, from.mtimensec),
          .ctime = time_from_wire(from.ctime, from.ctimensec),
          .mode = from.mode,
          .nlink = from.nlink,
          .uid = from.uid,
          .gid = from.gid,
          .rdev = from.rdev,
          .block_size = from.blksize,
          .flags = from.flags};
}

inline AttributesReply from_wire(const wire::AttrOut& from) noexcept {
  return {.attributes = from_wire(from.attr), .timeout = timeout_from_wire(from.attr_valid, from.attr_valid_nsec)};
}

inline Entry from_wire(const wire::EntryOut& from) noexcept {
  return {.node = NodeId{from.nodeid},
          .generation = from.generation,
          .attributes = from_wire(from.attr),
          .entry_timeout = timeout_from_wire(from.entry_valid, from.entry_valid_nsec),
          .attribute_timeout = timeout_from_wire(from.attr_valid, from.attr_valid_nsec)};
}

inline Opened from_wire(const wire::OpenOut& from) noexcept {
  return {.handle = FileHandle{from.fh}, .flags = from.open_flags, .backing_id = from.backing_id};
}

inline FilesystemStatistics from_wire(const wire::Kstatfs& from) noexcept {
  return {.blocks = from.blocks,
          .blocks_free = from.bfree,
          .blocks_available = from.bavail,
          .files = from.files,
          .files_free = from.ffree,
          .block_size = from.bsize,
          .fragment_size = from.frsize,
          .name_length = from.namelen};
}

inline FileLock from_wire(const wire::FileLock& from) noexcept {
  return {.start = from.start, .end = from.end, .type = from.type, .pid = from.pid};
}

inline Timestamp from_wire(const wire::SxTime& from) noexcept {
  return {from.tv_sec, from.tv_nsec};
}

inline StatxReply from_wire(const wire::StatxOut& from) noexcept {
  const wire::Statx& stat = from.stat;
  StatxReply reply;
  reply.attributes = {.ino = stat.ino,
                      .size = stat.size,
                      .blocks = stat.blocks,
                      .atime = from_wire(stat.atime),
                      .mtime = from_wire(stat.mtime),
                      .ctime = from_wire(stat.ctime),
                      .mode = stat.mode,
                      .nlink = stat.nlink,
                      .uid = stat.uid,
                      .gid = stat.gid,
                      .rdev = (stat.rdev_minor & 0xff) | stat.rdev_major << 8 | (stat.rdev_minor & ~0xffU) << 12,
                      .block_size = stat.blksize,
                      .flags = 0};
  reply.birth = from_wire(stat.btime);
  reply.mask = stat.mask;
  reply.statx_attributes = stat.attributes;
  reply.statx_attributes_mask = stat.attributes_mask;
  reply.timeout = timeout_from_wire(from.attr_valid, from.attr_valid_nsec);
  return reply;
}

}  // namespace fusereplay::internal
