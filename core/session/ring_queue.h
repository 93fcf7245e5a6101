// One queue of FUSE over io_uring: the requests that one CPU's tasks make, and the replies to them
// (fs/fuse/dev_uring.c, Linux 6.14 and later).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/event/event.h"
#include "core/result.h"
#include "core/server/server.h"
#include "core/session/event_source.h"

namespace fusereplay {

/// Shares memory with the kernel: a reply and the wait for the next request are one system call, made on the CPU of the
/// task that asks. INIT, FORGET, INTERRUPT and notifications still go through the device.
///
/// LIMIT. The kernel puts a request into one of `depth` entries, where it stays until it is answered; further requests
/// of that CPU wait in the kernel. So handlers that wait for each other must be fewer than that.
///
/// RESULTS. What the kernel thinks of a reply is not told before the next request (reference 1.4): send() judges the
/// header as the device would, and returns the size.
///
/// THREADS. serve() runs on the queue's own thread, to which the kernel's work for it is bound. send() may be called on
/// any.
class RingQueue final : public ReplyChannel {
 public:
  struct Setup {
    std::uint16_t cpu = 0;      // of the tasks it serves
    std::uint32_t channel = 0;  // Event::channel
    unsigned depth = 32;        // requests outstanding at a time
    std::size_t payload = 0;    // bytes of the largest payload (fs/fuse/dev_uring.c fuse_uring_create)
  };
  /// `device` is any of the connection's, `notifications` what goes over it. All outlive the queue.
  RingQueue(int device, const Setup& setup, EventSource& events, ReplyChannel& notifications);
  ~RingQueue() override;
  RingQueue(const RingQueue&) = delete;
  RingQueue& operator=(const RingQueue&) = delete;

  using Handle = std::function<void(IncomingRequest request)>;
  /// Registers the entries and hands requests over until the connection has ended, or stop(). An error: there is no
  /// ring, and the kernel waits for it with every request. Once.
  Result<void> serve(const Handle& handle);
  /// The connection has ended: lets serve() return, also where every entry waits for its reply. Any thread.
  void stop();

  std::int64_t send(const Message& message) override;
  Result<std::vector<std::uint32_t>> groups_of(std::uint32_t pid) const override;

 private:
  class Ring;
  std::unique_ptr<Ring> ring_;
};

/// Why FUSE over io_uring cannot be had here and now, one line that says what to do; empty where it can.
std::string ring_obstacle();
/// The queues a connection needs: one for each CPU that the machine could have (num_possible_cpus).
std::uint16_t ring_queues();

}  // namespace fusereplay
