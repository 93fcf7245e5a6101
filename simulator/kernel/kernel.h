// The parts of a simulated kernel, put together.
#pragma once

#include "core/async/clock.h"
#include "simulator/kernel/filesystem.h"
#include "simulator/kernel/path_walk.h"
#include "simulator/kernel/request_queue.h"

namespace fusereplay::kernel {

struct Kernel {
  Kernel(Server& server, ManualExecutor* executor, Clock& clock, const KernelProfile& profile,
         const SimulatedMountOptions& options)
      : queue(server, executor, clock), filesystem(queue, clock, profile, options), walk(filesystem) {}

  RequestQueue queue;
  Filesystem filesystem;
  PathWalk walk;
  bool mounted = true;  // no path leads here any more once it is not
};

}  // namespace fusereplay::kernel
