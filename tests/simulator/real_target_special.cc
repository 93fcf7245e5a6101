#include <sys/ioctl.h>

#include "tests/simulator/real_target.h"

namespace fusereplay::testing {

std::string RealTarget::ioctl(const Call& c) {
  IoctlArguments how = c.ioctl();
  if (!how.descriptor.empty()) how.number = static_cast<std::uint64_t>(files_.at(how.descriptor));
  const int result =
      how.by_number ? ::ioctl(fd(c, 0), how.command, how.number) : ::ioctl(fd(c, 0), how.command, how.memory.data());
  return result < 0 ? to_string(Errno::last()) : describe_ioctl(result, how.memory);
}

const RealTarget::Methods& RealTarget::special_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"ioctl", [](Self s, const Call& c) { return s.ioctl(c); }},
  };
  return all;
}

}  // namespace fusereplay::testing
