#include "simulator/kernel/profile.h"

namespace fusereplay {
namespace {

constexpr std::uint64_t kLinux61 =
    kInitAsyncRead | kInitPosixLocks | kInitAtomicOTrunc | kInitExportSupport | kInitBigWrites | kInitDontMask |
    kInitSpliceWrite | kInitSpliceMove | kInitSpliceRead | kInitFlockLocks | kInitHasIoctlDir | kInitAutoInvalData |
    kInitDoReaddirplus | kInitReaddirplusAuto | kInitAsyncDio | kInitWritebackCache | kInitNoOpenSupport |
    kInitParallelDirops | kInitHandleKillpriv | kInitPosixAcl | kInitAbortError | kInitMaxPages | kInitCacheSymlinks |
    kInitNoOpendirSupport | kInitExplicitInvalData | kInitHandleKillprivV2 | kInitSetxattrExt | kInitInitExt |
    kInitSecurityCtx | kInitCreateSuppGroup | kInitHasExpireOnly;
constexpr std::uint64_t kLinux612 =
    kLinux61 | kInitDirectIoAllowMmap | kInitPassthrough | kInitNoExportSupport | kInitHasResend | kInitAllowIdmap;
constexpr std::uint64_t kLinux618 = kLinux612 | kInitRequestTimeout;

}  // namespace

KernelProfile KernelProfile::linux_6_1() noexcept {
  KernelProfile profile;
  profile.minor = 38;
  profile.offered = kLinux61;
  profile.flush_drains = true;
  profile.writeback_copies = true;
  return profile;
}

KernelProfile KernelProfile::linux_6_12() noexcept {
  KernelProfile profile;
  profile.minor = 41;
  profile.offered = kLinux612;
  profile.flush_drains = true;
  profile.writeback_copies = true;
  profile.skips_stale_evicted = true;
  profile.parallel_direct_writes = true;
  return profile;
}

KernelProfile KernelProfile::linux_6_18() noexcept {
  KernelProfile profile;
  profile.minor = 45;
  profile.offered = kLinux618;
  profile.many_pages_name_max = 4095;
  profile.readahead_alignment = 4;
  profile.sized_readdir = true;
  profile.skips_stale_evicted = true;
  profile.parallel_direct_writes = true;
  return profile;
}

}  // namespace fusereplay
