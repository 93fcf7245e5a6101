#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace fusereplay::internal {

void check_failed(const char* file, int line, std::string_view condition, std::string_view message) noexcept {
  std::fprintf(stderr, "fusereplay: %s:%d: assertion failed: %.*s: %.*s\n", file, line,
               static_cast<int>(condition.size()), condition.data(), static_cast<int>(message.size()), message.data());
  std::abort();
}

}  // namespace fusereplay::internal
