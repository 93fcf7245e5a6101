// Who answers: the seam between every client (kernel, replayer, simulator, test) and every server.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/event/buffer.h"
#include "core/protocol/message.h"
#include "core/result.h"

namespace fusereplay {

/// Where a server sends its replies and notifications. Owned by the client.
class ReplyChannel {
 public:
  virtual ~ReplyChannel() = default;
  /// Passes one reply or notification on and returns what write(2) on the device would: its size in bytes, or a
  /// negative errno (ENOENT: no such request any more, rule R7; EINVAL: the kernel refused its form). Any thread.
  /// Does not block on other requests. The message is not used after the call.
  virtual std::int64_t send(const Message& message) = 0;
  /// The reply to `unique`, a success whose only body is what is there of `file`. Where nobody would look at these
  /// bytes they may be passed on unread; then returns as send() does. Else nullopt, and nothing has been passed on:
  /// read them, and send() them.
  virtual std::optional<std::int64_t> send_file(std::uint64_t unique, const FileRange& file) {
    static_cast<void>(unique);
    static_cast<void>(file);
    return std::nullopt;
  }
  /// The supplementary groups of the task with this pid, which waits for a reply. ESRCH: not known here, or no such
  /// task any more. Any thread.
  virtual Result<std::vector<std::uint32_t>> groups_of(std::uint32_t /*pid*/) const { return Errno(ESRCH); }
  /// Makes the file that is open as `fd` known to the kernel, so that an answer to OPEN may name it by this number
  /// (BackingFiles). EPERM where there is no kernel, as where the caller may not. Any thread.
  virtual Result<std::int32_t> open_backing(int fd) {
    static_cast<void>(fd);
    return Errno(EPERM);
  }
  /// Takes that back.
  virtual void close_backing(std::int32_t id) noexcept { static_cast<void>(id); }
};

/// One request on its way to a server.
struct IncomingRequest {
  BufferRef buffer;           // keeps `bytes` alive; the server may keep the reference until it has replied
  Bytes bytes;                // one whole message, 8-byte aligned
  std::int64_t received = 0;  // ns since the epoch: when it was read. What the filesystem takes for "now"
};

/// What came of a turn of ServerWork.
enum class ServerProgress : std::uint8_t {
  kDone,  // a message was passed on: there may be more
  kIdle,  // nothing is there, and nothing is left to wait for
  kGone,  // the server has ended: no reply will come any more
};

/// What a server does outside of handle(), for clients with one thread: whoever turns the crank gets its messages on
/// that thread, through the ReplyChannel that the request came with.
class ServerWork {
 public:
  /// Passes on one message. While requests are unanswered it waits for one, up to a limit that the server sets: a
  /// request that was waited for in vain is not waited for again. Not inside handle().
  virtual ServerProgress run_one() = 0;
  /// After kIdle or kGone: what became of the requests that are unanswered, "the program ended with status 1". Empty
  /// where there is nothing to tell.
  virtual std::string obstacle() const = 0;

 protected:
  ~ServerWork() = default;
};

/// Answers requests. One connection a server.
class Server {
 public:
  virtual ~Server() = default;
  /// Takes one request and replies to it exactly once (never to FORGET, BATCH_FORGET, NOTIFY_REPLY) through `replies`,
  /// before returning or later, on any thread. `replies` outlives disconnect(). May be called on several threads at
  /// once. The first request of a connection is INIT (rule K1).
  virtual void handle(IncomingRequest request, ReplyChannel& replies) = 0;
  /// The connection is gone: no handle() is running or will follow; counts and handles are void (rule F11). Returns
  /// when no reply is outstanding any more. Called once.
  virtual void disconnect() = 0;
  /// Null: replies come by themselves. Else they come only while somebody turns this; lives as long as the server.
  virtual ServerWork* work() noexcept { return nullptr; }
};

}  // namespace fusereplay
