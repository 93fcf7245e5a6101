// A step of libc's time and a reading of it, as a replay with --time recorded does for each request.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <ctime>

#include "replayer/libc_time.h"

namespace fusereplay {
namespace {

LibcTime* libc_time = nullptr;

std::int64_t read_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void step(benchmark::State& state) {
  std::int64_t instant = 1'700'000'000'000'000'000;
  for (auto _ : state) {
    ++instant;
    libc_time->set(std::span(&instant, 1));
  }
}
void step_and_read(benchmark::State& state) {
  std::int64_t instant = 1'700'000'000'000'000'000;
  for (auto _ : state) {
    ++instant;
    libc_time->set(std::span(&instant, 1));
    if (read_clock() != instant) state.SkipWithError("the clock does not show what was set");
  }
}
BENCHMARK(step);
BENCHMARK(step_and_read);

}  // namespace
}  // namespace fusereplay

int main(int argc, char** argv) {
  using fusereplay::LibcTime;
  if (!LibcTime::restarted()) {
    std::fprintf(stderr, "%s\n", LibcTime::restart({argv, argv + argc}).c_str());
    return 2;
  }
  const auto time = LibcTime::take();
  if (!time) {
    std::fprintf(stderr, "%s\n", time.error().c_str());
    return 2;
  }
  fusereplay::libc_time = time->get();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
