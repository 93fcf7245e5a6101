// Switches FUSE over io_uring on for a test, and back.
#pragma once

#include <string>

#include "core/unique_fd.h"

namespace fusereplay::testing {

/// While it exists, new mounts are offered io_uring; then the machine is as it was. One at a time on the machine: the
/// next waits.
class RingSwitch {
 public:
  RingSwitch();
  ~RingSwitch();
  RingSwitch(const RingSwitch&) = delete;
  RingSwitch& operator=(const RingSwitch&) = delete;

  /// Why it cannot be switched here; empty where it is on.
  const std::string& obstacle() const noexcept { return obstacle_; }

 private:
  UniqueFd setting_;
  char before_ = 0;
  std::string obstacle_;
};

}  // namespace fusereplay::testing
