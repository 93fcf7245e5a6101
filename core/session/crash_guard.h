// What a program that crashes tells before it dies: the requests that it has not answered, and what to do now.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/server/operations_server.h"
#include "core/session/mount_options.h"

namespace fusereplay {

/// While it lives: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write to stderr the signal, the thread, the requests
/// that `server` has not answered (the lines of OperationsServer::report(), that of the crashed thread marked) and
/// `advice`; then the process dies by the same signal, at the same place, with a core dump where these are wanted.
/// Nothing is allocated, and no lock waited for longer than a second. What a recorder's rings hold lies in files, and
/// stays.
///
/// A signal that has a handler when the guard is made keeps it; a line on stderr says so, except under a sanitizer,
/// which has a report of its own. To be made before the mount, whose first request
/// may be the one. One guard at a time in a process. `server` outlives the guard. Threads of this
/// library and the one that makes the guard have a stack for the handler (core/alternate_stack.h).
class CrashGuard {
 public:
  /// `advice`: lines for whoever finds the report, without newlines.
  CrashGuard(const OperationsServer& server, std::vector<std::string> advice);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What becomes of a mount whose process crashes, and how to free it: a line of advice.
std::string after_crash(const std::string& mountpoint, const MountOptions& options);

}  // namespace fusereplay
