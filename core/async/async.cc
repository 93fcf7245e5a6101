#include "core/async/async.h"

#include <string_view>

namespace fusereplay::internal {

std::string place_text(const SourcePlace& place) {
  std::string_view file = place.file;
  while (file.starts_with("../")) file.remove_prefix(3);
  return std::string(file) + ":" + std::to_string(place.line);
}

#if defined(__clang__)
const void* this_thread_token() noexcept {
  static thread_local const char token = 0;
  return &token;
}
#endif

}  // namespace fusereplay::internal
