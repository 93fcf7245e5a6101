// Attributes from what the C library gives, and of nodes that only exist in memory.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "core/operations/types.h"

namespace fusereplay {

/// A device number as Attributes::rdev and mknod() carry it (include/linux/kdev_t.h new_encode_dev): 12 bits of major,
/// 20 of minor.
std::uint32_t encode_device(std::uint32_t major, std::uint32_t minor) noexcept;

/// What stat(2) or statx(2) said of another file; `ino` and all else as there. Of statx the basic fields must be valid.
Attributes attributes_of(const struct ::stat& status) noexcept;
Attributes attributes_of(const struct ::statx& status) noexcept;
/// With the birth time, where it is valid; the mask says only what the protocol can carry. `timeout` is left 0.
StatxReply statx_reply_of(const struct ::statx& status) noexcept;

/// A node of one's own: type, size and blocks fit each other, nlink is 1, or 2 for a directory; owner and times are
/// left 0. `permissions`: the 12 bits that chmod(2) takes.
Attributes directory_attributes(std::uint64_t ino, std::uint32_t permissions) noexcept;
Attributes file_attributes(std::uint64_t ino, std::uint32_t permissions, std::uint64_t size) noexcept;
Attributes symlink_attributes(std::uint64_t ino, std::string_view target) noexcept;

}  // namespace fusereplay
