#include "core/async/async.h"

namespace fusereplay::internal {

#if defined(__clang__)
const void* this_thread_token() noexcept {
  static thread_local const char token = 0;
  return &token;
}
#endif

}  // namespace fusereplay::internal
