#include "core/async/async.h"

namespace fusereplay::internal {

// Out of line: a compiler that inlined the address into a coroutine could keep it across a change of thread.
const void* this_thread_token() noexcept {
  static thread_local const char token = 0;
  return &token;
}

}  // namespace fusereplay::internal
