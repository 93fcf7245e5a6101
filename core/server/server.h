// Who answers: the seam between every client (kernel, replayer, simulator, test) and every server.
#pragma once

#include <cstdint>

#include "core/event/buffer.h"
#include "core/protocol/message.h"

namespace fusereplay {

/// Where a server sends its replies and notifications. Owned by the client.
class ReplyChannel {
 public:
  virtual ~ReplyChannel() = default;
  /// Passes one reply or notification on and returns what write(2) on the device would: its size in bytes, or a
  /// negative errno (ENOENT: no such request any more, rule R7; EINVAL: the kernel refused its form). Any thread.
  /// Does not block on other requests. The message is not used after the call.
  virtual std::int64_t send(const Message& message) = 0;
};

/// One request on its way to a server.
struct IncomingRequest {
  BufferRef buffer;           // keeps `bytes` alive; the server may keep the reference until it has replied
  Bytes bytes;                // one whole message, 8-byte aligned
  std::int64_t received = 0;  // ns since the epoch: when it was read. What the filesystem takes for "now"
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
};

}  // namespace fusereplay
