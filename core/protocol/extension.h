// Request extensions: security contexts and supplementary groups on creating requests (fs/fuse/dir.c get_create_ext).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/view.h"

namespace fusereplay {

/// One xattr the new inode must get with its creation.
struct SecurityContext {
  std::string_view name;  // "security.selinux"
  Bytes value;
};

/// The extensions of one request; views into its bytes.
struct Extensions {
  std::vector<SecurityContext> security_contexts;
  /// The block of security contexts is there: always, once SECURITY_CTX is negotiated, even with no context in it.
  bool has_security_block = false;
  std::vector<std::uint32_t> groups;  // the caller's supplementary groups that matter for the new inode
};

/// kBadExtensions where a size or count runs past the bytes. Kinds of extension unknown to 7.45 are skipped.
tl::expected<Extensions, MessageError> parse_extensions(Bytes bytes);

/// The bytes of these extensions, a multiple of 8 long; empty for none. The security block comes first, and is written
/// when it holds a context or has_security_block says so.
std::vector<std::byte> encode_extensions(const Extensions& extensions);

}  // namespace fusereplay
