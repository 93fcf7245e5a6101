#include "core/operations/encode.h"

namespace fusereplay::internal {

wire::StatxOut to_wire(const StatxReply& from) noexcept {
  const Attributes& attributes = from.attributes;
  wire::StatxOut out{};
  out.attr_valid = from.timeout.nanoseconds / kSecond;
  out.attr_valid_nsec = static_cast<std::uint32_t>(from.timeout.nanoseconds % kSecond);
  wire::Statx& stat = out.stat;
  stat.mask = from.mask;
  stat.blksize = attributes.block_size;
  stat.attributes = from.statx_attributes;
  stat.attributes_mask = from.statx_attributes_mask;
  stat.nlink = attributes.nlink;
  stat.uid = attributes.uid;
  stat.gid = attributes.gid;
  stat.mode = static_cast<std::uint16_t>(attributes.mode);
  stat.ino = attributes.ino;
  stat.size = attributes.size;
  stat.blocks = attributes.blocks;
  stat.atime = to_wire(attributes.atime);
  stat.btime = to_wire(from.birth);
  stat.ctime = to_wire(attributes.ctime);
  stat.mtime = to_wire(attributes.mtime);
  // rdev comes as new_encode_dev packs it: minor low 8 bits, major 12 bits, minor high 12 bits.
  stat.rdev_major = (attributes.rdev & 0xfff00) >> 8;
  stat.rdev_minor = (attributes.rdev & 0xff) | ((attributes.rdev >> 12) & 0xfff00);
  return out;
}

}  // namespace fusereplay::internal
