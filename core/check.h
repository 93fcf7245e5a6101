// Assertions that stay on in release builds: they guard what cannot happen unless this code is wrong.
#pragma once

#include <string_view>

namespace fusereplay::internal {
/// Writes one line naming the broken assertion to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, std::string_view condition,
                               std::string_view message) noexcept;
}  // namespace fusereplay::internal

/// Aborts with file, line and `message` unless `condition` holds. For what can happen, return an Errno instead.
#define FUSEREPLAY_CHECK(condition, message)                                         \
  do {                                                                               \
    if (!(condition)) [[unlikely]] {                                                 \
      ::fusereplay::internal::check_failed(__FILE__, __LINE__, #condition, message); \
    }                                                                                \
  } while (false)
