// Any server, run on threads of its own, for a client that has one thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/server/server.h"

namespace fusereplay {

/// handle() hands a request to a thread and returns; whatever the server sends, on whichever thread, is passed on where
/// work() is turned. The sender waits for that, as for write(2), and gets what the client said. Since the client runs
/// none of the server's code, a sender may hold any lock of the server meanwhile. For filesystems that reply later, or
/// from other threads, on a SimulatedMount.
class ThreadedServer final : public Server, public ServerWork {
 public:
  struct Options {
    /// That run the server's handle(): 1 for a server that wants its requests one after the other.
    unsigned threads = 1;
    /// How long a reply may take before its request is given up.
    std::chrono::milliseconds patience{30'000};
  };

  ThreadedServer(std::unique_ptr<Server> server, Options options);
  /// disconnect() must have been called if handle() was.
  ~ThreadedServer() override;

  /// One thread calls this and work().
  void handle(IncomingRequest request, ReplyChannel& replies) override;
  /// Whoever waits to send gets ENOENT, and so does whoever sends from then on. Waits for handle() of the server to
  /// return on all threads, then disconnects the server.
  void disconnect() override;
  ServerWork* work() noexcept override { return this; }
  /// Waits until something is sent, or nothing is under way: every request handled, and answered if it has an answer.
  ServerProgress run_one() override;
  std::string obstacle() const override;

 private:
  /// What the server sends to: stands in for the client.
  class Channel final : public ReplyChannel {
   public:
    explicit Channel(ThreadedServer& owner) noexcept : owner_(owner) {}
    std::int64_t send(const Message& message) override { return owner_.hand_over(message); }

   private:
    ThreadedServer& owner_;
  };
  /// One that waits to be passed on; lives on its sender's stack.
  struct Sending {
    const Message* message;
    std::int64_t result = 0;
    bool done = false;
  };

  std::int64_t hand_over(const Message& message);
  void run();
  bool idle() const noexcept { return awaited_.empty() && requests_.empty() && handling_ <= stuck_; }

  const std::unique_ptr<Server> server_;
  const std::chrono::milliseconds patience_;
  Channel channel_{*this};
  ReplyChannel* replies_ = nullptr;  // the client's thread only

  mutable std::mutex mutex_;           // guards all below but threads_; innermost
  std::condition_variable work_;       // requests_ or closed_ changed
  std::condition_variable progress_;   // outbox_ or idle() changed
  std::condition_variable passed_on_;  // a Sending is done
  std::deque<IncomingRequest> requests_;
  std::deque<Sending*> outbox_;
  std::unordered_set<std::uint64_t> awaited_;  // uniques
  unsigned handling_ = 0;                      // threads inside the server
  unsigned stuck_ = 0;                         // of them, those that were waited for in vain
  bool closed_ = false;
  std::string obstacle_;
  std::vector<std::thread> threads_;
};

}  // namespace fusereplay
