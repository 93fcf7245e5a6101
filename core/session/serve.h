// The whole main() of a filesystem's own program: command line, mount, signals, background, exit status.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/operations/operations.h"

namespace fusereplay {

/// Whether a program that serves leaves its caller.
enum class Ground : std::uint8_t { kForeground, kBackground };

/// A command line: [-f | -b] [--log FILE] [-o OPTION[,OPTION...]]... MOUNTPOINT.
struct ServeArguments {
  std::string mountpoint;            // empty: the command line was not understood
  std::vector<std::string> options;  // what followed -o, split at commas
  Ground ground = Ground::kForeground;
  std::string log;
};
ServeArguments parse_serve_arguments(int argc, char** argv);
/// "[-f | -b] [--log FILE] [-o OPTION[,OPTION...]] MOUNTPOINT"
inline constexpr const char* kServeUsage = "[-f | -b] [--log FILE] [-o OPTION[,OPTION...]] MOUNTPOINT";

struct ServeOptions {
  std::string name;                        // shown as the mount's type, fuse.NAME, and before messages
  std::string mountpoint;                  // or "/dev/fd/N", see Mount::create()
  std::vector<std::string> mount_options;  // and io_uring: over rings instead of the device
  unsigned threads = 1;
  Ground ground = Ground::kForeground;
  std::string log = {};  // in the background: where messages go
};

/// Mounts, serves until the mount's end, and returns the process's exit status:
///   0  a clean end: unmounted, by whoever, or by a first SIGINT, SIGTERM or SIGHUP
///   2  a mount option that is none
///   3  any other end, with one line on stderr: not mounted, refused in init(), aborted
/// In the background the caller gets 0 when the kernel has taken the answer to INIT. To be called from main(), before
/// any thread is started.
int serve(std::unique_ptr<Operations> operations, const ServeOptions& options);

}  // namespace fusereplay
