// A mount served straight from its device, one request after the other: as little as possible between kernel and
// server.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "core/server/server.h"
#include "core/session/mount.h"
#include "tests/support/watchdog.h"

namespace fusereplay::testing {

/// Mounts when constructed, throws where that fails; unmounts when destroyed. Files of the mount are for other
/// processes. Unlike a Session it takes any answer to INIT, and shows what the kernel makes of it.
class DeviceLoop final : private ReplyChannel {
 public:
  /// `server` and the ordered `observers` outlive it; both are called on the loop's thread only.
  DeviceLoop(Server& server, std::vector<EventSink*> observers, const MountOptions& options);
  ~DeviceLoop() override;
  DeviceLoop(const DeviceLoop&) = delete;
  DeviceLoop& operator=(const DeviceLoop&) = delete;

  const std::string& path() const noexcept { return mount_->mountpoint(); }
  /// Ends the connection under everybody. Any thread.
  void abort();
  /// Unmounts, and returns when the server has been disconnected.
  void finish();
  /// What write(2) to a clone of the device says.
  std::int64_t send_elsewhere(Bytes bytes);

 private:
  std::int64_t send(const Message& message) override;
  std::int64_t write_and_tell(int device, std::uint32_t channel, const Message& message);
  void run();
  void emit(Event& event);

  Server& server_;
  std::vector<EventSink*> observers_;
  std::unique_ptr<Mount> mount_;
  UniqueFd clone_;
  Conversation conversation_;
  std::uint64_t sequence_ = 0;
  std::atomic<bool> aborted_ = false;
  Watchdog watchdog_;
  std::thread thread_;
};

}  // namespace fusereplay::testing
