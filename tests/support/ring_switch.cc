#include "tests/support/ring_switch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/result.h"
#include "core/session/ring_queue.h"

namespace fusereplay::testing {

RingSwitch::RingSwitch() : setting_(::open("/sys/module/fuse/parameters/enable_uring", O_RDWR | O_CLOEXEC)) {
  if (!setting_.valid()) {
    obstacle_ = "io_uring cannot be switched on for FUSE here: " + describe(Errno::last());
    return;
  }
  ::flock(setting_.get(), LOCK_EX);
  if (::pread(setting_.get(), &before_, 1, 0) != 1 || ::pwrite(setting_.get(), "Y", 1, 0) != 1) {
    obstacle_ = "io_uring cannot be switched on for FUSE here: " + describe(Errno::last());
    return;
  }
  obstacle_ = ring_obstacle();
}

RingSwitch::~RingSwitch() {
  if (before_ != 0) static_cast<void>(::pwrite(setting_.get(), &before_, 1, 0) == 1);
}

}  // namespace fusereplay::testing
