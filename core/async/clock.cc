#include "core/async/clock.h"

#include <ctime>

namespace fusereplay {

namespace {
std::int64_t read_clock(clockid_t id) noexcept {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
}  // namespace

std::int64_t SystemClock::realtime() const noexcept {
  return read_clock(CLOCK_REALTIME);
}
std::int64_t SystemClock::monotonic() const noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

}  // namespace fusereplay
