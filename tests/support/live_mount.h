// A real mount for a test: a Session over the given server, work done by child processes, nothing left behind.
//
//   class MemfsLive : public LiveTest {};
//   TEST_F(MemfsLive, KeepsWhatWasWritten) {
//     OperationsServer server(...);
//     LiveMount mount(server, {.threads = 4});
//     EXPECT_TRUE(mount.run("echo hello > file && grep hello file").ok());
//     EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
//   }
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/session/connection_control.h"
#include "core/session/session.h"
#include "tests/support/child_process.h"
#include "tests/support/live_environment.h"
#include "tests/support/watchdog.h"

namespace fusereplay::testing {

/// Skips where nothing can be mounted. Base of every live fixture.
class LiveTest : public ::testing::Test {
 protected:
  void SetUp() override { skip_without_fuse(); }
};

struct LiveMountOptions {
  unsigned threads = 1;
  Transport transport = Transport::kDevice;
  std::vector<EventSink*> observers = {};
  MountOptions mount = {};
  std::chrono::seconds deadline{120};  // of the whole mount; sanitizers need their time
};

/// Mounted when constructed (throws where that fails), unmounted when destroyed, by abort if it must be. Files of the
/// mount must be used by children only: a test that waits for its own server cannot be ended by its watchdog.
class LiveMount {
 public:
  static constexpr std::chrono::seconds kChildTime{60};

  /// `server` and the observers outlive the mount.
  explicit LiveMount(Server& server, LiveMountOptions options = {});
  LiveMount(const LiveMount&) = delete;
  LiveMount& operator=(const LiveMount&) = delete;

  /// The mount point, or what lies below it.
  std::string path(const std::string& below = "") const;
  Session& session() noexcept { return session_; }

  /// Runs `command` by sh, inside the mount point, to its end.
  ChildResult run(const std::string& command, std::chrono::seconds timeout = kChildTime);
  /// Starts it.
  ChildProcess start(const std::string& command);
  /// Unmounts and waits for the session's end.
  EndReason unmount();

 private:
  std::optional<ConnectionControl> control_;  // the watchdog's own: it may bark while the session is being destroyed
  std::optional<Watchdog> watchdog_;          // outlives the session, which may hang in its end
  Session session_;
};

}  // namespace fusereplay::testing
