// SimulatedMount: what a call costs that the caches answer, and a round of requests to memfs with all rules listening.
#include <benchmark/benchmark.h>
#include <fcntl.h>

#include <memory>

#include "examples/memfs/memfs.h"
#include "simulator/mount.h"

namespace fusereplay {
namespace {

std::unique_ptr<Operations> memfs(Timeout timeout) {
  MemfsOptions options;
  options.entry_timeout = options.attribute_timeout = timeout;
  return std::make_unique<Memfs>(options);
}

/// stat of a path whose name and attributes are cached. Mark: 100 ns.
void cached_stat(benchmark::State& state) {
  SimulatedMount mount(memfs(Timeout::seconds(1000)));
  mount.close(mount.open("/file", O_CREAT | O_RDWR, 0644).value());
  for (auto _ : state) benchmark::DoNotOptimize(mount.stat("/file"));
}
BENCHMARK(cached_stat);

void cached_deep_stat(benchmark::State& state) {
  SimulatedMount mount(memfs(Timeout::seconds(1000)));
  mount.mkdir("/one", 0755);
  mount.mkdir("/one/two", 0755);
  mount.close(mount.open("/one/two/file", O_CREAT | O_RDWR, 0644).value());
  for (auto _ : state) benchmark::DoNotOptimize(mount.stat("/one/two/file"));
}
BENCHMARK(cached_deep_stat);

/// LOOKUP, GETATTR, OPEN, READ, RELEASE, and the FLUSH that every close sends. Mark: 2 us.
void round_of_requests(benchmark::State& state) {
  SimulatedMount mount(memfs(Timeout{}));
  const Fd made = mount.open("/file", O_CREAT | O_RDWR, 0644).value();
  mount.write(made, std::string(4096, 'x'));
  mount.close(made);
  std::byte data[4096];
  for (auto _ : state) {
    const Fd file = mount.open("/file", O_RDONLY).value();
    benchmark::DoNotOptimize(mount.pread(file, data, 0));
    mount.close(file);
  }
  if (!mount.trouble().empty()) state.SkipWithError(mount.trouble().c_str());
}
BENCHMARK(round_of_requests);

void mkdir_and_rmdir(benchmark::State& state) {
  SimulatedMount mount(memfs(Timeout::seconds(1000)));
  for (auto _ : state) {
    mount.mkdir("/d", 0755);
    mount.rmdir("/d");
  }
}
BENCHMARK(mkdir_and_rmdir);

}  // namespace
}  // namespace fusereplay
