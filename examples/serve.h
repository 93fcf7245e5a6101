// What the examples' mains share: a filesystem on a real mount until it is unmounted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/operations/operations.h"

namespace fusereplay {

/// A command line: [-o OPTION[,OPTION...]]... MOUNTPOINT.
struct ServeArguments {
  std::string mountpoint;            // empty: the command line was not understood
  std::vector<std::string> options;  // what followed -o, split at commas
};
ServeArguments parse_serve_arguments(int argc, char** argv);

struct ServeOptions {
  std::string name;  // shown as the mount's type: fuse.NAME
  std::string mountpoint;
  std::vector<std::string> mount_options;  // and io_uring: over rings instead of the device
  unsigned threads = 1;
};

/// Mounts, serves until umount(8) or a signal, and returns the process's exit status: 0 after a clean end, 3 after any
/// other, with a line on stderr.
int serve(std::unique_ptr<Operations> operations, const ServeOptions& options);

}  // namespace fusereplay
