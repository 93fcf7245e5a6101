// Ending a session by signals, and surviving those that would end it uncleanly.
#pragma once

#include <csignal>
#include <functional>
#include <memory>

#include "core/session/session.h"

namespace fusereplay {

/// Holds back SIGINT, SIGTERM and SIGHUP from the calling thread until release(), and for good from the threads it
/// starts meanwhile: between a mount and its guard they would end the process and leave the mount. To be made before
/// any other thread, which would take them.
class HeldEndSignals {
 public:
  HeldEndSignals();
  ~HeldEndSignals() { release(); }
  /// On the thread that made it.
  void release();
  HeldEndSignals(const HeldEndSignals&) = delete;
  HeldEndSignals& operator=(const HeldEndSignals&) = delete;

 private:
  sigset_t before_;
  bool held_ = true;
};

/// While it lives: SIGINT, SIGTERM and SIGHUP unmount the session; the second of them aborts its connection, for a
/// filesystem that hangs or a mount that is busy, and ends the process where it may not abort; SIGPIPE does nothing. A
/// signal that is ignored when the guard is made stays ignored (nohup). Handlers are restored by the destructor.
/// Programs started meanwhile get the default actions (handlers do not survive execve, as ignored signals would). One
/// guard at a time in a process. `session` is started and outlives the guard.
class SignalGuard {
 public:
  /// `report`, where given, is called for each SIGUSR1, on the guard's own thread: for what a mount that hangs should
  /// tell (OperationsServer::report()).
  explicit SignalGuard(Session& session, std::function<void()> report = {});
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// The first signal that asked for the end; 0 while there is none. Any thread.
  int received() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
