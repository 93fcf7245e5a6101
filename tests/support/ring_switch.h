// Switches FUSE over io_uring on for a test, and back.
#pragma once

#include <optional>
#include <string>

#include "core/session/init_gate.h"
#include "core/unique_fd.h"
#include "tests/support/live_mount.h"

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

/// A live test whose mounts use this transport; skipped where it cannot be had.
class TransportLiveTest : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (transport() == Transport::kDevice) return;
    rings_.emplace();
    if (!rings_->obstacle().empty()) GTEST_SKIP() << rings_->obstacle();
  }
  virtual Transport transport() const = 0;

 private:
  std::optional<RingSwitch> rings_;
};

}  // namespace fusereplay::testing
