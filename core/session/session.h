// A live mount: the kernel as the client of a Server, with observers listening.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/event/event.h"
#include "core/server/server.h"
#include "core/session/init_gate.h"
#include "core/session/mount.h"

namespace fusereplay {

struct SessionOptions {
  std::string mountpoint;
  MountOptions mount;
  unsigned threads = 1;  // device threads: the first on the mount's fd, each other one on a clone; 1..64
  Transport transport = Transport::kDevice;  // kRing: start() fails where it cannot be had
  std::vector<EventSink*> observers;         // live sinks; they outlive the session
};

/// How a session ended.
enum class EndReason : std::uint8_t {
  kUnmounted,    // by us, by umount(8), by fusermount3
  kAborted,      // the connection was aborted under the server
  kInitRefused,  // the server answered INIT with an error, or with what the kernel does not take; then unmounted
};
/// "unmounted", "aborted", "INIT refused".
std::string_view describe(EndReason reason) noexcept;

/// Mounts, reads requests, hands them to the server, passes its replies on. INIT is a request like any other: the
/// server answers it, and the session takes the size of its read buffers from that answer (fs/fuse/dev.c
/// fuse_dev_do_read wants room for a WRITE of max_write); until then nothing but INIT is read.
///
/// THREADS. Server::handle runs on the device threads, all signals blocked in them. A reply goes to the fd that read
/// its request, from whatever thread answers. Over a ring a thread for each CPU does the same for what is asked there;
/// the device threads go on with the rest (core/session/ring_queue.h).
///
/// EVENTS (only where there are observers). kMounted is the first, before anything is read; kUnmounted or kAborted the
/// last, after every thread has ended and Server::disconnect has returned. A request is shown to the observers before
/// the server sees it; a reply after its write, with its result, under the number it took before (core/event/event.h
/// ORDER). Request: begin equals IncomingRequest::received; result is what read(2) returned.
class Session {
 public:
  /// `server` and the observers outlive the session.
  Session(Server& server, SessionOptions options);
  /// A session that was started and not waited for is unmounted; if the mount is busy, aborted.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Mounts and starts the device threads. Once. On an error nothing is left behind.
  tl::expected<void, MountError> start();

  /// Waits until the kernel has taken the answer to INIT, from when on the mount serves: true. False: the server
  /// refused INIT, or the connection ended first; wait() tells. After start(), any thread.
  bool wait_until_ready();

  /// Returns when the connection has ended, the device threads are joined, the mount is gone, the server disconnected
  /// and the last mark delivered. Any number of threads, any number of times, after start().
  EndReason wait();

  /// Asks the session to end, see Mount::unmount(). Any thread but one that handles a request; idempotent. Does not
  /// wait for the device threads.
  Result<void> unmount();
  /// Ends the connection by force, see ConnectionControl::abort(). Any thread. Errors: those of
  /// Mount::control(), where the connection cannot be controlled.
  Result<void> abort();

  /// Valid after start().
  const Mount& mount() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
