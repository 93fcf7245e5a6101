#include "tests/simulator/simulated_target.h"

namespace fusereplay::testing {

std::string SimulatedTarget::on_special(const Call& c) {
  if (c.name == "ioctl") {
    IoctlArguments how = c.ioctl();
    if (!how.descriptor.empty()) how.number = static_cast<std::uint64_t>(files_.at(how.descriptor));
    const std::span<char> memory(how.memory.data(), how.memory.size());
    const auto result = how.by_number ? mount_.ioctl(fd(c, 0), how.command, how.number)
                                      : mount_.ioctl(fd(c, 0), how.command, std::as_writable_bytes(memory));
    return result ? describe_ioctl(*result, how.memory) : to_string(result.error());
  }
  return {};
}

}  // namespace fusereplay::testing
