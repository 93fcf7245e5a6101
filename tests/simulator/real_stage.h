// Several processes on a real mount: programs that make the calls they are sent over a socket.
#pragma once

#include <future>
#include <thread>

#include "core/server/server.h"
#include "core/unique_fd.h"
#include "tests/simulator/stage.h"
#include "tests/support/child_process.h"

namespace fusereplay::testing {

/// A server that takes its time with requests of some opcodes. Called by the session's thread and by the test's.
class HoldingServer final : public Server {
 public:
  explicit HoldingServer(Server& inner) : inner_(inner) {}

  void handle(IncomingRequest request, ReplyChannel& replies) override;
  void disconnect() override;
  void hold(Opcode opcode);
  void let_go(Opcode opcode);
  /// Writes it to the device; returns what write(2) does.
  std::int64_t notify(const std::vector<std::byte>& message);

 private:
  struct Held {
    Opcode opcode;
    IncomingRequest request;
    ReplyChannel* replies;
  };

  Server& inner_;
  std::mutex mutex_;  // guards all below
  std::vector<Opcode> opcodes_;
  std::vector<Held> held_;
  ReplyChannel* channel_ = nullptr;
};

/// See stage.h.
class RealStage final : public Stage {
 public:
  /// Starts the processes below `directory`. `server` and `log` outlive the stage.
  RealStage(const std::string& directory, HoldingServer& server, StepLog& log, std::size_t processes);
  ~RealStage() override;

 protected:
  void hold(Opcode opcode) override { server_.hold(opcode); }
  void let_go(Opcode opcode) override { server_.let_go(opcode); }
  void start(std::size_t process, const Call& call) override;
  void signal(std::size_t process) override;
  void kill(std::size_t process) override;
  void notify(std::vector<std::byte> message) override;
  void settle() override;
  std::optional<std::string> result(std::size_t process) override;
  std::optional<std::string> told() override;

 private:
  struct Actor;

  std::string snapshot() const;

  HoldingServer& server_;
  StepLog& step_log_;
  std::vector<std::unique_ptr<Actor>> actors_;  // by number; none is 0
  std::thread notifier_;
  std::future<std::string> telling_;
  std::string told_;
};

}  // namespace fusereplay::testing
