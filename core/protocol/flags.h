// The protocol's flag bits, to 7.45. Names follow include/uapi/linux/fuse.h.
#pragma once

#include <cstdint>
#include <string_view>

namespace fusereplay {

// INIT: flags holds bits 0..31, flags2 bits 32..63 (valid with kInitExt). What each does: reference section 7.
enum InitFlag : std::uint64_t {
  kInitAsyncRead = 1ULL << 0,
  kInitPosixLocks = 1ULL << 1,
  kInitFileOps = 1ULL << 2,
  kInitAtomicOTrunc = 1ULL << 3,
  kInitExportSupport = 1ULL << 4,
  kInitBigWrites = 1ULL << 5,
  kInitDontMask = 1ULL << 6,
  kInitSpliceWrite = 1ULL << 7,
  kInitSpliceMove = 1ULL << 8,
  kInitSpliceRead = 1ULL << 9,
  kInitFlockLocks = 1ULL << 10,
  kInitHasIoctlDir = 1ULL << 11,
  kInitAutoInvalData = 1ULL << 12,
  kInitDoReaddirplus = 1ULL << 13,
  kInitReaddirplusAuto = 1ULL << 14,
  kInitAsyncDio = 1ULL << 15,
  kInitWritebackCache = 1ULL << 16,
  kInitNoOpenSupport = 1ULL << 17,
  kInitParallelDirops = 1ULL << 18,
  kInitHandleKillpriv = 1ULL << 19,
  kInitPosixAcl = 1ULL << 20,
  kInitAbortError = 1ULL << 21,
  kInitMaxPages = 1ULL << 22,
  kInitCacheSymlinks = 1ULL << 23,
  kInitNoOpendirSupport = 1ULL << 24,
  kInitExplicitInvalData = 1ULL << 25,
  kInitMapAlignment = 1ULL << 26,
  kInitSubmounts = 1ULL << 27,
  kInitHandleKillprivV2 = 1ULL << 28,
  kInitSetxattrExt = 1ULL << 29,
  kInitInitExt = 1ULL << 30,
  kInitReserved = 1ULL << 31,
  kInitSecurityCtx = 1ULL << 32,
  kInitHasInodeDax = 1ULL << 33,
  kInitCreateSuppGroup = 1ULL << 34,
  kInitHasExpireOnly = 1ULL << 35,
  kInitDirectIoAllowMmap = 1ULL << 36,
  kInitPassthrough = 1ULL << 37,
  kInitNoExportSupport = 1ULL << 38,
  kInitHasResend = 1ULL << 39,
  kInitAllowIdmap = 1ULL << 40,
  kInitOverIoUring = 1ULL << 41,
  kInitRequestTimeout = 1ULL << 42,
};
/// "ASYNC_READ"; empty for a bit without a name. `bit` is 0..63.
std::string_view init_flag_name(unsigned bit) noexcept;

// Attr.flags
inline constexpr std::uint32_t kAttrSubmount = 1U << 0;
inline constexpr std::uint32_t kAttrDax = 1U << 1;
// GetattrIn.getattr_flags
inline constexpr std::uint32_t kGetattrFh = 1U << 0;
// SetattrIn.valid
inline constexpr std::uint32_t kSetattrMode = 1U << 0;
inline constexpr std::uint32_t kSetattrUid = 1U << 1;
inline constexpr std::uint32_t kSetattrGid = 1U << 2;
inline constexpr std::uint32_t kSetattrSize = 1U << 3;
inline constexpr std::uint32_t kSetattrAtime = 1U << 4;
inline constexpr std::uint32_t kSetattrMtime = 1U << 5;
inline constexpr std::uint32_t kSetattrFh = 1U << 6;
inline constexpr std::uint32_t kSetattrAtimeNow = 1U << 7;
inline constexpr std::uint32_t kSetattrMtimeNow = 1U << 8;
inline constexpr std::uint32_t kSetattrLockOwner = 1U << 9;
inline constexpr std::uint32_t kSetattrCtime = 1U << 10;
inline constexpr std::uint32_t kSetattrKillSuidgid = 1U << 11;
// OpenIn.open_flags, CreateIn.open_flags
inline constexpr std::uint32_t kOpenKillSuidgid = 1U << 0;
// OpenOut.open_flags
inline constexpr std::uint32_t kFopenDirectIo = 1U << 0;
inline constexpr std::uint32_t kFopenKeepCache = 1U << 1;
inline constexpr std::uint32_t kFopenNonseekable = 1U << 2;
inline constexpr std::uint32_t kFopenCacheDir = 1U << 3;
inline constexpr std::uint32_t kFopenStream = 1U << 4;
inline constexpr std::uint32_t kFopenNoflush = 1U << 5;
inline constexpr std::uint32_t kFopenParallelDirectWrites = 1U << 6;
inline constexpr std::uint32_t kFopenPassthrough = 1U << 7;
/// Whether an open that was answered with these flags sends no READ and no WRITE.
constexpr bool goes_past_filesystem(std::uint32_t open_flags) noexcept {
  return (open_flags & (kFopenPassthrough | kFopenDirectIo)) == kFopenPassthrough;
}
// ReleaseIn.release_flags
inline constexpr std::uint32_t kReleaseFlush = 1U << 0;
inline constexpr std::uint32_t kReleaseFlockUnlock = 1U << 1;
// ReadIn.read_flags
inline constexpr std::uint32_t kReadLockowner = 1U << 1;
// WriteIn.write_flags
inline constexpr std::uint32_t kWriteCache = 1U << 0;
inline constexpr std::uint32_t kWriteLockowner = 1U << 1;
inline constexpr std::uint32_t kWriteKillSuidgid = 1U << 2;
// FsyncIn.fsync_flags
inline constexpr std::uint32_t kFsyncDatasync = 1U << 0;
// LkIn.lk_flags
inline constexpr std::uint32_t kLkFlock = 1U << 0;
// IoctlIn.flags, IoctlOut.flags
inline constexpr std::uint32_t kIoctlCompat = 1U << 0;
inline constexpr std::uint32_t kIoctlUnrestricted = 1U << 1;
inline constexpr std::uint32_t kIoctlRetry = 1U << 2;
inline constexpr std::uint32_t kIoctl32Bit = 1U << 3;
inline constexpr std::uint32_t kIoctlDir = 1U << 4;
inline constexpr std::uint32_t kIoctlCompatX32 = 1U << 5;
inline constexpr std::uint32_t kIoctlMaxIov = 256;
// PollIn.flags
inline constexpr std::uint32_t kPollScheduleNotify = 1U << 0;
// SetxattrIn.setxattr_flags
inline constexpr std::uint32_t kSetxattrAclKillSgid = 1U << 0;
// NotifyInvalEntryOut.flags
inline constexpr std::uint32_t kExpireOnly = 1U << 0;
// ExtHeader.type
inline constexpr std::uint32_t kExtMaxSecctx = 31;
inline constexpr std::uint32_t kExtGroups = 32;

}  // namespace fusereplay
