// A FUSE program, unmodified, behind the Server interface: a child process that takes a socket for its device.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "core/program/program.h"
#include "core/protocol/view.h"
#include "core/server/server.h"

namespace fusereplay {

/// For clients that turn its work(), such as SimulatedMount: all replies come there, on the client's one thread.
///
/// INIT. The program is offered neither splicing, nor io_uring, nor passthrough of files: they need a device. In its
/// reply max_write and max_pages are lowered so that every message fits the socket; the program goes by its own,
/// larger numbers, which is harmless, for requests are then smaller than it expects.
///
/// REFUSED REPLIES. A program on a socket never learns that a reply was refused. What the reply gave is therefore
/// taken back here, by FORGET, RELEASE and RELEASEDIR of our own (reference 1.4), which the client does not see.
///
/// THE END. A program that ends, closes its device, or sends a packet that is not one message, is gone: run_one() says
/// so, and obstacle() why, with the last it wrote to stderr. One that is silent for ProgramSetup::patience is not
/// waited for any more, for that request. disconnect() ends it by SIGTERM, then SIGKILL, and only then closes the
/// device.
class ProgramServer final : public Server, public ServerWork {
 public:
  static tl::expected<std::unique_ptr<ProgramServer>, std::string> start(const ProgramSetup& setup);
  ~ProgramServer() override;

  void handle(IncomingRequest request, ReplyChannel& replies) override;
  void disconnect() override;
  ServerWork* work() noexcept override { return this; }
  ServerProgress run_one() override;
  std::string obstacle() const override { return obstacle_; }

  const Program& program() const noexcept { return program_; }
  /// How it ended, once it has: by itself, or in disconnect().
  std::optional<ProgramEnd> end() { return program_.end(); }

 private:
  /// A request that the program has not answered.
  struct Awaited {
    Opcode opcode{};
    std::uint64_t nodeid = 0;
    bool asks_size = false;
    std::uint32_t open_flags = 0;  // of OPEN, OPENDIR, CREATE and TMPFILE
    bool ours = false;             // takes back what a refused reply gave
    bool given_up = false;         // waited for in vain
  };
  using Packet = std::vector<std::byte>;

  ProgramServer(Program program, const ProgramSetup& setup);
  bool send_packet(Bytes bytes);
  /// The next packet that is there; nothing where none is, or where the program is gone.
  std::optional<Packet> receive();
  /// False once `deadline` has passed. `events`: POLLIN, POLLOUT.
  bool wait(short events, std::chrono::steady_clock::time_point deadline);
  void deliver(Packet packet);
  void settle_init(Packet& packet) const;
  void take_back(const Awaited& request, const Message& reply);
  void send_release(Opcode opcode, std::uint64_t nodeid, std::uint64_t handle, std::uint32_t flags);
  void send_forget(std::uint64_t nodeid);
  void give_up();
  void look_for_end();
  void set_gone(std::string reason);
  void set_gone_with_its_device();
  std::string last_words() const;

  Program program_;
  std::chrono::milliseconds patience_;
  std::chrono::milliseconds end_patience_;
  Packet space_;              // no packet is larger: it would not fit the program's send buffer
  std::deque<Packet> inbox_;  // what came while a request was being sent
  std::unordered_map<std::uint64_t, Awaited> awaited_;
  std::size_t waited_for_ = 0;  // of awaited_, those not given up
  std::uint64_t own_uniques_ = 0;
  ReplyChannel* replies_ = nullptr;
  bool gone_ = false;
  std::string obstacle_;
};

}  // namespace fusereplay
