// Runs the command of --run inside a mount.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "core/result.h"

namespace fusereplay {

/// `command` with every "{}" replaced by `mountpoint`, quoted for the shell.
std::string expand_command(const std::string& command, const std::string& mountpoint);

/// How a child ended, as a shell tells it: its exit status, or 128 + the signal that ended it.
struct ChildStatus {
  int value = 0;
  int signal = 0;  // 0: it exited
};
/// "exit status 3", "signal 9 (Killed)".
std::string to_string(const ChildStatus& status);

/// Runs `sh -c command` with `directory` as its working directory and waits for it. Standard streams, process group
/// and environment are the caller's, signals as they are by default. While it runs `interrupted` is asked now and
/// then; when it first says true the child gets SIGTERM. Errors: what starting it failed with, also ENOTCONN and the
/// like from `directory`.
Result<ChildStatus> run_child(const std::string& command, const std::string& directory,
                              const std::function<bool()>& interrupted);

}  // namespace fusereplay
