// One device fd of a connection: requests come in, replies to them go out, each an event where somebody listens.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "core/event/event.h"
#include "core/result.h"
#include "core/server/server.h"
#include "core/session/event_source.h"
#include "core/session/init_gate.h"
#include "core/session/splice_pipe.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// Writes a message to a device fd, head and tail at once: what write(2) returned, or -errno. Any thread.
std::int64_t write_message(int device, const Message& message) noexcept;

/// ReplyChannel::groups_of() as /proc says, which must be of the mount's pid namespace.
Result<std::vector<std::uint32_t>> groups_of_task(std::uint32_t pid);

/// Read by one thread, its owner; replied through by any. The fd stays open until the channel is destroyed, so that a
/// late reply cannot reach another file.
class DeviceChannel final : public ReplyChannel {
 public:
  /// `index` is Event::channel. `events` and `gate` outlive the channel.
  DeviceChannel(UniqueFd device, std::uint32_t index, EventSource& events, InitGate& gate) noexcept
      : device_(std::move(device)), index_(index), events_(events), gate_(gate) {}

  /// Waits for a message and reads it into `buffer`; its size. ENODEV: unmounted or aborted; ECONNABORTED: aborted
  /// (where ABORT_ERROR is negotiated). Reads that the kernel broke off for another reason are repeated.
  Result<std::size_t> receive(Buffer& buffer) noexcept;

  std::int64_t send(const Message& message) override;
  /// By splice(2), where no observer wants the data and it is worth it.
  std::optional<std::int64_t> send_file(std::uint64_t unique, const FileRange& file) override;
  Result<std::vector<std::uint32_t>> groups_of(std::uint32_t pid) const override { return groups_of_task(pid); }
  Result<std::int32_t> open_backing(int fd) override;
  void close_backing(std::int32_t id) noexcept override;

  int device() const noexcept { return device_.get(); }
  std::uint32_t index() const noexcept { return index_; }

 private:
  std::int64_t answer_init(const Message& answer);
  std::int64_t pass_on(const Message& message);

  const UniqueFd device_;
  const std::uint32_t index_;
  EventSource& events_;
  InitGate& gate_;
  std::mutex pipe_mutex_;  // guards pipe_; innermost, and never waited for
  SplicePipe pipe_;
};

}  // namespace fusereplay
