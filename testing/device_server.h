// Serves one FUSE device with one thread, and tells observers of it in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "core/server/server.h"
#include "core/unique_fd.h"

namespace fusereplay::testing {

/// Reads requests from the device and hands them to the server, on a thread of its own. Replies may come on any thread.
class DeviceServer final : private ReplyChannel {
 public:
  /// `observers` are ordered sinks; one thread at a time tells them, with mutex() locked. All outlive this.
  DeviceServer(UniqueFd device, Server& server, std::vector<EventSink*> observers);
  ~DeviceServer() override;
  DeviceServer(const DeviceServer&) = delete;
  DeviceServer& operator=(const DeviceServer&) = delete;

  /// Guards the observers. Not to be held over a call that needs the server.
  std::mutex& mutex() noexcept { return mutex_; }

  /// Answers STATFS itself and shows it to nobody: a request to wait for, behind all that came before.
  void answer_statfs(bool itself) noexcept { answers_statfs_ = itself; }
  /// Messages that have been handed to the server, those not counted that it answered itself.
  std::uint64_t messages() const noexcept { return messages_; }
  /// What the caller has done so far is seen by the server from the next message on. The kernel sees to that, but no
  /// race detector can see the kernel do it.
  void hand_over() noexcept { ++handed_over_; }
  /// Something waits to be read.
  bool readable() const noexcept;

  /// Closes the device, and with it the connection: whoever waits gets ECONNABORTED. Any thread.
  void abort();
  /// Waits until the mount has gone, or the connection has been aborted; the server is disconnected then.
  void join();

 private:
  std::int64_t send(const Message& message) override;
  Result<std::vector<std::uint32_t>> groups_of(std::uint32_t pid) const override;
  void run();
  std::shared_ptr<UniqueFd> device() const;
  void take(Bytes message);
  void emit(Event& event);
  void mark(Mark mark);

  Server& server_;
  std::vector<EventSink*> observers_;  // guarded by mutex_, as is what they are told
  mutable std::mutex mutex_;
  Conversation conversation_;         // guarded by mutex_
  std::uint64_t sequence_ = 0;        // guarded by mutex_
  std::shared_ptr<UniqueFd> device_;  // guarded by mutex_; null once the connection has ended
  UniqueFd stop_;                     // eventfd
  std::atomic<bool> aborted_ = false;
  std::atomic<bool> answers_statfs_ = false;
  std::atomic<std::uint64_t> messages_ = 0;
  std::atomic<std::uint64_t> handed_over_ = 0;
  std::thread thread_;
};

}  // namespace fusereplay::testing
