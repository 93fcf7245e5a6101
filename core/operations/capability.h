// What of the protocol a filesystem can ask for in init(), by name.
#pragma once

#include <cstdint>
#include <string>

#include "core/protocol/flags.h"

namespace fusereplay {

/// Sets of them combine with |. Each is the bit of the INIT reply that switches it on; bits without a name here are the
/// runtime's own (message sizes, io_uring) or are not served. What each does to the requests that come: reference
/// section 7, and the table in docs/writing-a-filesystem.md.
enum class Capability : std::uint64_t {
  kNone = 0,
  // On by default where the kernel offers them: they change how many requests come, not what they mean.
  kAsyncRead = kInitAsyncRead,
  kAsyncDirectIo = kInitAsyncDio,
  kParallelDirops = kInitParallelDirops,
  kReaddirplus = kInitDoReaddirplus,         // Connection::set_readdirplus() sets these two
  kReaddirplusAuto = kInitReaddirplusAuto,   // where the kernel finds it useful; needs kReaddirplus
  kAutoInvalidateData = kInitAutoInvalData,  // cached data goes when mtime or size change
  kIoctlOnDirectories = kInitHasIoctlDir,
  // To be asked for.
  kExplicitInvalidateData = kInitExplicitInvalData,  // cached data goes only when a notification says so
  kAtomicTruncate = kInitAtomicOTrunc,
  kWritebackCache = kInitWritebackCache,
  kPosixLocks = kInitPosixLocks,
  kFlockLocks = kInitFlockLocks,
  kKillpriv = kInitHandleKillpriv,
  kKillprivV2 = kInitHandleKillprivV2,
  kPosixAcl = kInitPosixAcl,
  kDontMask = kInitDontMask,
  kCacheSymlinks = kInitCacheSymlinks,
  kNoOpen = kInitNoOpenSupport,        // open() and release() are never called, every handle is 0
  kNoOpendir = kInitNoOpendirSupport,  // likewise opendir() and releasedir(), and listings are cached
  kExport = kInitExportSupport,
  kNoExport = kInitNoExportSupport,  // no file handle of this mount can be opened
  kSecurityContext = kInitSecurityCtx,
  kSupplementaryGroup = kInitCreateSuppGroup,
  kExpireOnly = kInitHasExpireOnly,  // Notifier::expire_entry() is understood: the name is not just dropped
  kDirectIoAllowMmap = kInitDirectIoAllowMmap,
  kPassthrough = kInitPassthrough,
  kResend = kInitHasResend,  // Notifier::resend() is understood
  kAbortError = kInitAbortError,
};

constexpr std::uint64_t raw(Capability set) noexcept {
  return static_cast<std::uint64_t>(set);
}
constexpr Capability operator|(Capability a, Capability b) noexcept {
  return Capability{raw(a) | raw(b)};
}
constexpr Capability operator&(Capability a, Capability b) noexcept {
  return Capability{raw(a) & raw(b)};
}
constexpr Capability operator~(Capability a) noexcept {
  return Capability{~raw(a)};
}
constexpr bool any(Capability set) noexcept {
  return raw(set) != 0;
}

/// "WRITEBACK_CACHE, PASSTHROUGH"; a bit that the protocol has no name for as "bit 60".
std::string names_of(Capability set);

/// What no reply may claim: not the filesystem's to ask for, or nothing that this runtime serves.
Capability not_served(Capability set) noexcept;

/// Why `set` cannot be had together, naming the obstacle: "PASSTHROUGH and WRITEBACK_CACHE exclude each other: ...".
/// Empty where it can.
std::string conflict_in(Capability set);

/// When a listing brings the attributes of its entries along.
enum class Readdirplus : std::uint8_t {
  kAuto,    // the kernel decides: at the start of a listing, and while its entries are looked up. The default
  kAlways,  // every READDIR is a READDIRPLUS
  kNever,
};

/// How much a filesystem depends on what it asks for.
enum class Need : std::uint8_t {
  kWanted,    // it goes on without; what is missing is logged, once
  kRequired,  // it is not mounted without; the reason is told
};

}  // namespace fusereplay
