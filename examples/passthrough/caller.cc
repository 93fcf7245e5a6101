#include "examples/passthrough/caller.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace fusereplay::passthrough {
namespace {

/// Leaving fsuid 0 took the capabilities over files (kernel/capability: CAP_FS_SET) from this thread's effective set;
/// those to pass permission checks come back. What is not permitted stays out.
void raise_override() noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return;
  constexpr std::uint32_t kWanted = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER;
  data[0].effective |= kWanted & data[0].permitted;
  ::syscall(SYS_capset, &header, data.data());
}

}  // namespace

CallerScope::CallerScope(const Request& request, Privilege privilege) noexcept {
  if (::geteuid() != 0 || (request.uid() == 0 && request.gid() == 0)) return;
  changed_ = true;
  ::setfsgid(request.gid());
  ::setfsuid(request.uid());
  if (privilege == Privilege::kOverride && request.uid() != 0) raise_override();
}

CallerScope::~CallerScope() {
  if (!changed_) return;
  ::setfsuid(0);  // takes the file capabilities back with it
  ::setfsgid(::getegid());
}

}  // namespace fusereplay::passthrough
