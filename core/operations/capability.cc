#include "core/operations/capability.h"

#include <array>
#include <bit>

namespace fusereplay {
namespace {

struct Conflict {
  Capability set;  // all of it together
  const char* obstacle;
};

using enum Capability;

// fs/fuse/inode.c process_init_reply, and what the promises mean.
constexpr std::array kConflicts = {
    Conflict{kPassthrough | kWritebackCache, "the kernel opens no backing files where it keeps what is written"},
    Conflict{kPassthrough | kNoOpen, "backing files are named in the answer to OPEN, which would never be sent"},
    Conflict{kAtomicTruncate | kNoOpen,
             "O_TRUNC would come with OPEN, which would never be sent: files would keep "
             "what was to be cut off"},
    Conflict{kAutoInvalidateData | kExplicitInvalidateData, "the kernel would not look at the second"},
    Conflict{kKillpriv | kKillprivV2,
             "the first clears set-id bits at every write and change, the second only where "
             "the request says so"},
    Conflict{kExport | kNoExport, "one opens file handles, the other refuses to"},
};

constexpr Capability kServed =
    kAsyncRead | kAsyncDirectIo | kParallelDirops | kReaddirplus | kReaddirplusAuto | kAutoInvalidateData |
    kIoctlOnDirectories | kExplicitInvalidateData | kAtomicTruncate | kWritebackCache | kPosixLocks | kFlockLocks |
    kKillpriv | kKillprivV2 | kPosixAcl | kDontMask | kCacheSymlinks | kNoOpen | kNoOpendir | kExport | kNoExport |
    kSecurityContext | kSupplementaryGroup | kExpireOnly | kDirectIoAllowMmap | kPassthrough | kResend | kAbortError |
    Capability{kInitBigWrites | kInitMaxPages | kInitSetxattrExt | kInitInitExt | kInitRequestTimeout};

}  // namespace

std::string names_of(Capability set) {
  std::string names;
  for (std::uint64_t rest = raw(set); rest != 0; rest &= rest - 1) {
    const auto bit = static_cast<unsigned>(std::countr_zero(rest));
    if (!names.empty()) names += ", ";
    const std::string_view name = init_flag_name(bit);
    names += name.empty() ? "bit " + std::to_string(bit) : std::string(name);
  }
  return names;
}

Capability not_served(Capability set) noexcept {
  return set & ~kServed;
}

std::string conflict_in(Capability set) {
  for (const Conflict& conflict : kConflicts) {
    if ((set & conflict.set) != conflict.set) continue;
    const auto first = Capability{raw(conflict.set) & (~raw(conflict.set) + 1)};
    return names_of(first) + " and " + names_of(conflict.set & ~first) + " exclude each other: " + conflict.obstacle;
  }
  return {};
}

}  // namespace fusereplay
