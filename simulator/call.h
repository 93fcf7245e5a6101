// Private to the simulator: how a system call runs.
#pragma once

#include "simulator/kernel/kernel.h"
#include "simulator/system_calls.h"

namespace fusereplay {

/// Runs the call, unless nothing is mounted any more, then lets the server do what it left behind.
template <class Body>
auto SystemCalls::call(Body&& body) {
  if (!kernel_.mounted) return decltype(body())(Errno(ENOTCONN));
  auto result = body();
  kernel_.queue.settle();
  return result;
}

}  // namespace fusereplay
