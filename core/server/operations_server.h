// An Operations behind the Server interface: the one dispatcher, from bytes to handler to reply.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/async/clock.h"
#include "core/async/executor.h"
#include "core/async/waiting_work.h"
#include "core/operations/operations.h"
#include "core/server/outstanding.h"
#include "core/server/server.h"

namespace fusereplay {

/// Serves one connection with one Operations.
///
/// INIT is answered here: Operations::init() states what it wants and what it requires (core/operations/connection.h);
/// where that cannot be had, INIT is answered with an error, the reason is logged, and refusal() tells it.
/// Requests that are malformed get EIO, unknown opcodes ENOSYS. A reply whose form the kernel would refuse is caught,
/// logged and replaced by EIO (reference 3.1). An exception that escapes a handler: EIO and a log line. Where send()
/// reports that a reply was refused, its effect on counts and handles is undone by forget(), release() and releasedir()
/// (reference 1.4).
class OperationsServer final : public Server {
 public:
  struct Options {
    /// Where suspended handlers go on. Null: a pool of one thread of the server's own.
    Executor* executor = nullptr;
    /// What Connection::clock() shows. Null: the machine's.
    Clock* clock = nullptr;
    /// Takes one line without a newline; any thread. Null: stderr.
    std::function<void(std::string_view)> log;
    /// Where notifications are written, each for as long as the kernel takes. Null: `executor`, whose owner then sees
    /// to it that no write waits; where that is null too, threads of the server's own.
    WaitingWork* notifications = nullptr;
  };

  OperationsServer(std::unique_ptr<Operations> operations, Options options);
  explicit OperationsServer(std::unique_ptr<Operations> operations);
  /// disconnect() must have been called if handle() was.
  ~OperationsServer() override;

  /// Waits while 16 messages of FORGETs are before handlers that run one at a time, unless it is called by one of them.
  void handle(IncomingRequest request, ReplyChannel& replies) override;
  /// Waits for handlers that are suspended, for spawned tasks and for notifications that are being written, then runs
  /// Operations::destroy(). With a ManualExecutor, whoever turns its crank must have let them end.
  void disconnect() override;

  /// Why INIT was answered with an error, one line; empty where it was not. Once the answer is on its way.
  const std::string& refusal() const noexcept;
  Operations& operations() noexcept;
  /// After disconnect(): for another server, on another connection.
  std::unique_ptr<Operations> take_operations() noexcept;
  /// The connection's, also before INIT.
  Notifier& notifier() noexcept;
  /// Requests whose handler has suspended and not ended, tasks (undo, Connection::spawn) not ended, notifications not
  /// written. Any thread.
  std::size_t outstanding() const;
  /// Requests that are not answered, the oldest first: what their handlers do. Any thread, at any time.
  std::vector<OutstandingRequest> outstanding_requests() const;
  /// Likewise for a signal handler: async-signal-safe.
  CrashedRequests outstanding_requests_in_crash(std::span<OutstandingRequest> space) const noexcept;
  /// Writes them to the log, a line each, as does setting the attribute fuse_stacktrace of the root (setfattr -n
  /// fuse_stacktrace MOUNTPOINT), which no handler sees. Any thread.
  void report();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
