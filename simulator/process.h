// Who makes a system call.
#pragma once

#include <cstdint>
#include <vector>

namespace fusereplay {

/// A simulated process of one thread: what a request's header says of its caller, and what permissions are judged by.
struct Process {
  std::uint32_t pid = 1000;  // of the thread, as the server's pid namespace numbers it
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups = {};
  std::uint32_t umask = 022;

  /// uid 0 has every capability, any other none.
  bool capable() const noexcept { return uid == 0; }
  bool in_group(std::uint32_t group) const noexcept {
    if (group == gid) return true;
    for (const std::uint32_t one : groups) {
      if (one == group) return true;
    }
    return false;
  }
};

}  // namespace fusereplay
