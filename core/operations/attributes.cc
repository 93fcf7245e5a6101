#include "core/operations/attributes.h"

#include <sys/sysmacros.h>

namespace fusereplay {
namespace {

constexpr std::uint64_t kBlock = 512;
constexpr unsigned kCarried = STATX_BASIC_STATS | STATX_BTIME;

Timestamp timestamp(const struct ::timespec& time) noexcept {
  return {.seconds = time.tv_sec, .nanoseconds = static_cast<std::uint32_t>(time.tv_nsec)};
}

Timestamp timestamp(const struct ::statx_timestamp& time) noexcept {
  return {.seconds = time.tv_sec, .nanoseconds = time.tv_nsec};
}

Attributes node(std::uint64_t ino, std::uint32_t type, std::uint32_t permissions, std::uint64_t size) noexcept {
  return {.ino = ino, .size = size, .blocks = (size + kBlock - 1) / kBlock, .mode = type | (permissions & 07777)};
}

}  // namespace

std::uint32_t encode_device(std::uint32_t major, std::uint32_t minor) noexcept {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

Attributes attributes_of(const struct ::stat& status) noexcept {
  return {.ino = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .blocks = static_cast<std::uint64_t>(status.st_blocks),
          .atime = timestamp(status.st_atim),
          .mtime = timestamp(status.st_mtim),
          .ctime = timestamp(status.st_ctim),
          .mode = status.st_mode,
          .nlink = static_cast<std::uint32_t>(status.st_nlink),
          .uid = status.st_uid,
          .gid = status.st_gid,
          .rdev = encode_device(major(status.st_rdev), minor(status.st_rdev)),
          .block_size = static_cast<std::uint32_t>(status.st_blksize)};
}

Attributes attributes_of(const struct ::statx& status) noexcept {
  return {.ino = status.stx_ino,
          .size = status.stx_size,
          .blocks = status.stx_blocks,
          .atime = timestamp(status.stx_atime),
          .mtime = timestamp(status.stx_mtime),
          .ctime = timestamp(status.stx_ctime),
          .mode = status.stx_mode,
          .nlink = status.stx_nlink,
          .uid = status.stx_uid,
          .gid = status.stx_gid,
          .rdev = encode_device(status.stx_rdev_major, status.stx_rdev_minor),
          .block_size = status.stx_blksize};
}

StatxReply statx_reply_of(const struct ::statx& status) noexcept {
  StatxReply reply;
  reply.attributes = attributes_of(status);
  if ((status.stx_mask & STATX_BTIME) != 0) reply.birth = timestamp(status.stx_btime);
  reply.mask = status.stx_mask & kCarried;
  reply.statx_attributes = status.stx_attributes;
  reply.statx_attributes_mask = status.stx_attributes_mask;
  return reply;
}

Attributes directory_attributes(std::uint64_t ino, std::uint32_t permissions) noexcept {
  Attributes attributes = node(ino, S_IFDIR, permissions, 0);
  attributes.nlink = 2;
  return attributes;
}

Attributes file_attributes(std::uint64_t ino, std::uint32_t permissions, std::uint64_t size) noexcept {
  return node(ino, S_IFREG, permissions, size);
}

Attributes symlink_attributes(std::uint64_t ino, std::string_view target) noexcept {
  return node(ino, S_IFLNK, 0777, target.size());
}

}  // namespace fusereplay
