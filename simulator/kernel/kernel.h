// The parts of a simulated kernel, put together.
#pragma once

#include "core/async/clock.h"
#include "simulator/kernel/filesystem.h"
#include "simulator/kernel/path_walk.h"
#include "simulator/kernel/request_queue.h"
#include "simulator/kernel/scheduler.h"

namespace fusereplay::kernel {

struct Kernel {
  Kernel(Server& server, ManualExecutor* executor, Clock& clock, const KernelProfile& profile,
         const SimulatedMountOptions& options)
      : queue(server, executor, clock, scheduler),
        filesystem(queue, clock, scheduler, profile, options),
        walk(filesystem) {}

  Scheduler scheduler;
  RequestQueue queue;
  Filesystem filesystem;
  PathWalk walk;
  bool mounted = true;           // no path leads here any more once it is not
  bool server_may_wait = false;  // its notifications can wait for a lock that a call holds
};

}  // namespace fusereplay::kernel
