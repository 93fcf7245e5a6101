// Calls of a RealMount that are no file's data, names or attributes.
#include <linux/ioctl.h>
#include <sys/syscall.h>

#include <cstring>

#include "testing/real_mount_parts.h"

namespace fusereplay {

Outcome<int> RealMount::ioctl(Fd fd, std::uint32_t command, std::uint64_t argument) {
  const auto result = call(SYS_ioctl, static_cast<int>(fd), command, argument);
  if (!result) return result.error();
  return static_cast<int>(*result);
}

Outcome<int> RealMount::ioctl(Fd fd, std::uint32_t command, std::span<std::byte> memory) {
  if (_IOC_DIR(command) != _IOC_NONE && memory.size() < _IOC_SIZE(command)) return Errno(EFAULT);
  std::byte* const shared = parts_->caller.allocate(memory.size());
  if (!memory.empty()) std::memcpy(shared, memory.data(), memory.size());
  const auto result = call(SYS_ioctl, static_cast<int>(fd), command, shared);
  if (!memory.empty()) std::memcpy(memory.data(), shared, memory.size());
  if (!result) return result.error();
  return static_cast<int>(*result);
}

}  // namespace fusereplay
