// A file changed in every way holds what it should: on memfs and passthrough, with and without the writeback cache,
// over the device and over rings, the rules listening. FUSEREPLAY_LONG=1 makes it a million operations each.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <tuple>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"
#include "tests/examples/judge.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

enum class Kind : std::uint8_t { kMemfs, kPassthrough };
enum class Cache : std::uint8_t { kThrough, kBack };

unsigned long operations() {
  return std::getenv("FUSEREPLAY_LONG") == nullptr ? 3000 : 1'000'000;
}

std::unique_ptr<Operations> make(Kind kind, Cache cache) {
  if (kind == Kind::kMemfs) {
    MemfsOptions options;
    if (cache == Cache::kBack) options.writes = MemfsOptions::Writes::kBack;
    return std::make_unique<Memfs>(options);
  }
  PassthroughOptions options;
  options.source = LiveEnvironment::make_directory("source");
  if (cache == Cache::kBack) options.writes = PassthroughOptions::Writes::kBack;
  auto made = Passthrough::make(options);
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

using Way = std::tuple<Kind, Cache, Transport>;

class FileExerciser : public TransportLiveTest, public ::testing::WithParamInterface<Way> {
  Transport transport() const override { return std::get<Transport>(GetParam()); }
};

std::string name_of(const ::testing::TestParamInfo<Way>& info) {
  const auto [kind, cache, transport] = info.param;
  return std::string(kind == Kind::kMemfs ? "Memfs" : "Passthrough") + (cache == Cache::kBack ? "Writeback" : "") +
         (transport == Transport::kRing ? "OverRings" : "");
}

INSTANTIATE_TEST_SUITE_P(Ways, FileExerciser,
                         ::testing::Combine(::testing::Values(Kind::kMemfs, Kind::kPassthrough),
                                            ::testing::Values(Cache::kThrough, Cache::kBack),
                                            ::testing::Values(Transport::kDevice, Transport::kRing)),
                         name_of);

TEST_P(FileExerciser, FindsWhatItWrote) {
  const auto [kind, cache, transport] = GetParam();
  constexpr std::chrono::seconds kLongest{3000};
  // A million operations are more than a judge that keeps them all could hold.
  const bool judged = operations() < 10'000;
  Judge judge;
  OperationsServer server(make(kind, cache));
  {
    LiveMountOptions options;
    options.threads = 2;
    options.transport = transport;
    if (judged) options.observers = {&judge};
    options.deadline = kLongest;
    LiveMount mount(server, options);
    const auto result = mount.run(std::string(FILE_EXERCISER) + " file 1 " + std::to_string(operations()), kLongest);
    EXPECT_TRUE(result.ok()) << result;
    EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  }
  EXPECT_EQ(judge.verdict().text, "");  // of nothing, where nothing was heard
}

}  // namespace
}  // namespace fusereplay::testing
