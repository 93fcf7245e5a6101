#include "core/result.h"

#include <cstring>

namespace fusereplay {

std::string to_string(Errno error) {
  if (const char* name = ::strerrorname_np(error.value()); name != nullptr) return name;
  return "errno " + std::to_string(error.value());
}

std::string describe(Errno error) {
  if (const char* text = ::strerrordesc_np(error.value()); text != nullptr) return text;
  return "unknown error";
}

}  // namespace fusereplay
