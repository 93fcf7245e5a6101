// Whether the kernel takes an entry or its attributes: the judgement that counts, handles and findings agree on.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/event/conversation.h"
#include "core/protocol/wire.h"

namespace fusereplay {

/// fs/fuse/dir.c fuse_invalid_attr.
enum class AttrFault : std::uint8_t { kNone, kType, kSize };
AttrFault check_attr(std::uint32_t mode, std::uint64_t size) noexcept;

/// Why the kernel does not take an entry for good.
enum class EntryFault : std::uint8_t {
  kNone,
  kNegative,     // nodeid 0 in a LOOKUP: fine, and nothing is counted
  kNoNodeId,     // nodeid 0 where something was created (rule R4)
  kRoot,         // nodeid 1 (rule R4)
  kAttrType,     // rule R5
  kAttrSize,     // rule R5
  kCreatedType,  // rule R7
};

/// The entry in a successful reply to LOOKUP, MKNOD, MKDIR, SYMLINK, LINK, CREATE or TMPFILE (`request.known`).
/// `linked_type` are the S_IFMT bits of a LINK's source, 0 when unknown.
/// fs/fuse/dir.c fuse_lookup_name, fuse_lookup, create_new_entry, fuse_create_open.
EntryFault check_entry(const RequestContext& request, const wire::EntryOut& entry, std::uint32_t linked_type) noexcept;

/// A name in a directory record as the kernel takes it: 1 to `max` bytes without '/' (fs/fuse/readdir.c parse_dirfile).
/// NULs are not looked for.
bool valid_record_name(std::string_view name, std::size_t max) noexcept;
/// "directory"; "no file type" for bits that are none.
std::string_view type_name(std::uint32_t mode) noexcept;

}  // namespace fusereplay
