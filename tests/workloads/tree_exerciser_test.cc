// Six processes at once do random calls on one mount, all observers listening; in the end nothing may be wrong with
// the tree, nothing found, and nothing left. FUSEREPLAY_LONG=1 makes it half an hour in all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/server/operations_server.h"
#include "examples/broken/broken_link.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"
#include "tests/workloads/observers.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

enum class Kind : std::uint8_t { kMemfs, kPassthrough };

struct Way {
  const char* name;
  unsigned threads;
  Transport transport;
  MemfsOptions::Handlers handlers;
  MemfsOptions::Writes writes;
  MemfsOptions::Locks locks;
};
using Handlers = MemfsOptions::Handlers;
using Writes = MemfsOptions::Writes;
using Locks = MemfsOptions::Locks;

constexpr Way kWays[] = {
    {"OneThread", 1, Transport::kDevice, Handlers::kOneAtATime, Writes::kThrough, Locks::kKernel},
    {"OneThreadConcurrent", 1, Transport::kDevice, Handlers::kConcurrent, Writes::kBack, Locks::kOwn},
    {"FourThreads", 4, Transport::kDevice, Handlers::kOneAtATime, Writes::kThrough, Locks::kOwn},
    {"FourThreadsConcurrent", 4, Transport::kDevice, Handlers::kConcurrent, Writes::kThrough, Locks::kOwn},
    {"FourThreadsWriteback", 4, Transport::kDevice, Handlers::kConcurrent, Writes::kBack, Locks::kKernel},
    {"Rings", 1, Transport::kRing, Handlers::kOneAtATime, Writes::kBack, Locks::kOwn},
    {"RingsConcurrent", 1, Transport::kRing, Handlers::kConcurrent, Writes::kThrough, Locks::kOwn},
};
constexpr std::chrono::seconds kLong{1800};  // of all ways together

bool is_long() {
  return std::getenv("FUSEREPLAY_LONG") != nullptr;
}

/// A filesystem, and what it has in use.
struct Served {
  std::unique_ptr<Operations> operations;
  std::function<bool()> is_empty;
};

Served make_memfs(const Way& way) {
  MemfsOptions options;
  options.handlers = way.handlers;
  options.writes = way.writes;
  options.locks = way.locks;
  auto memfs = std::make_unique<Memfs>(options);
  const Memfs& kept = *memfs;
  return {std::move(memfs), [&kept] { return kept.usage() == Memfs::Usage{.inodes = 1, .pages = 0, .open = 0}; }};
}

Served make_passthrough(const Way& way) {
  PassthroughOptions options;
  options.source = LiveEnvironment::make_directory("source");
  using Own = PassthroughOptions;
  options.handlers = way.handlers == Handlers::kConcurrent ? Own::Handlers::kConcurrent : Own::Handlers::kOneAtATime;
  options.writes = way.writes == Writes::kBack ? Own::Writes::kBack : Own::Writes::kThrough;
  options.locks = way.locks == Locks::kOwn ? Own::Locks::kForwarded : Own::Locks::kKernel;
  auto made = Passthrough::make(options);
  if (!made) throw std::runtime_error(made.error());
  const Passthrough& kept = **made;
  return {std::move(*made), [&kept] { return kept.usage() == Passthrough::Usage{.inodes = 1, .open = 0}; }};
}

/// What the server logs: it must be nothing.
class Log {
 public:
  OperationsServer::Options options() {
    OperationsServer::Options options;
    options.log = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(line) + '\n';
    };
    return options;
  }
  /// After the unmount.
  const std::string& text() const { return text_; }

 private:
  std::mutex mutex_;  // guards text_
  std::string text_;
};

std::string exerciser(unsigned seed) {
  constexpr unsigned kProcesses = 6;
  const unsigned steps = is_long() ? 15'000 : 250;
  return TREE_EXERCISER " . " + std::to_string(seed) + " " + std::to_string(kProcesses) + " " + std::to_string(steps);
}

class TreeExerciserLive : public TransportLiveTest, public ::testing::WithParamInterface<std::tuple<Kind, Way>> {
 protected:
  Transport transport() const override { return std::get<Way>(GetParam()).transport; }

  /// One mount, from the first call to the end, and what was found.
  std::string round(unsigned seed) {
    const auto& [kind, way] = GetParam();
    Served served = kind == Kind::kMemfs ? make_memfs(way) : make_passthrough(way);
    Log log;
    Observers observers(std::string(way.name) + "-" + std::to_string(seed));
    OperationsServer server(std::move(served.operations), log.options());
    {
      LiveMountOptions options;
      options.threads = way.threads;
      options.transport = way.transport;
      options.observers = {&observers.live()};
      options.mount.options = {"default_permissions"};
      options.deadline = std::chrono::seconds{600};
      LiveMount mount(server, options);
      const ChildResult worked = mount.run(exerciser(seed), std::chrono::seconds{500});
      EXPECT_TRUE(worked.ok()) << worked;
      EXPECT_TRUE(mount.run(FORGET " .").ok());
      // What the kernel gives back is on its way; each call lets some of it be read.
      for (int calls = 0; calls < 200 && !served.is_empty(); ++calls) mount.run("stat -f .");
      EXPECT_TRUE(served.is_empty()) << "something leaked";
      EXPECT_EQ(server.outstanding(), 0U);
      EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
    }
    std::string wrong = observers.end(Observers::Left::kNothing) + log.text();
    events_ += observers.events();
    if (HasFailure()) std::printf("seed %u: the trace is %s\n", seed, observers.keep_trace().c_str());
    return wrong;
  }

  std::uint64_t events_ = 0;
};

std::string name_of(const ::testing::TestParamInfo<std::tuple<Kind, Way>>& info) {
  const auto& [kind, way] = info.param;
  return std::string(kind == Kind::kMemfs ? "Memfs" : "Passthrough") + way.name;
}

INSTANTIATE_TEST_SUITE_P(Ways, TreeExerciserLive,
                         ::testing::Combine(::testing::Values(Kind::kMemfs, Kind::kPassthrough),
                                            ::testing::ValuesIn(kWays)),
                         name_of);

TEST_P(TreeExerciserLive, LeavesNothingWrongAndNothingBehind) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + (is_long() ? kLong / (2 * std::ssize(kWays)) : std::chrono::seconds{0});
  unsigned seed = 1;
  do {
    EXPECT_EQ(round(seed), "") << "seed " << seed;
    ++seed;
  } while (!HasFailure() && Clock::now() < end);
  std::printf("%u rounds, %llu events\n", seed - 1, static_cast<unsigned long long>(events_));
}

/// Puts what is not written at the start a byte too far.
class WritesBeside final : public Memfs {
 public:
  Async<std::uint32_t> write(const Request& request, NodeId node, FileHandle handle, Offset offset, Bytes data,
                             std::uint32_t flags) override {
    const std::uint64_t beside = offset != 0 ? 1 : 0;
    return Memfs::write(request, node, handle, Offset{offset + beside}, data, flags);
  }
};

/// Lets everybody have every record lock.
class LocksNothing final : public Memfs {
 public:
  LocksNothing() : Memfs({.handlers = Handlers::kConcurrent, .locks = Locks::kOwn}) {}
  Async<void> setlk(const Request&, NodeId, FileHandle, LockOwner, const FileLock&, LockWait) override {
    return Result<void>();
  }
};

class TreeExerciserOnBroken : public LiveTest {
 protected:
  /// What the exerciser said, and what the observers found.
  std::pair<ChildResult, std::string> run(std::unique_ptr<Operations> filesystem, const std::string& command) {
    OperationsServer server(std::move(filesystem));
    Observers observers("broken");
    LiveMountOptions options;
    options.threads = 4;
    options.observers = {&observers.live()};
    LiveMount mount(server, options);
    ChildResult result = mount.run(command);
    EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
    std::string found = observers.end(Observers::Left::kAnything);
    observers.drop_trace();
    return {std::move(result), std::move(found)};
  }
};

TEST_F(TreeExerciserOnBroken, DataThatIsElsewhereIsFound) {
  const auto [result, found] = run(std::make_unique<WritesBeside>(), TREE_EXERCISER " . 1 2 1000");
  EXPECT_THAT(result.output, HasSubstr("neither 0 nor"));
  EXPECT_EQ(found, "") << "the rules do not know the data";
}

TEST_F(TreeExerciserOnBroken, LocksThatDoNotHoldAreFound) {
  const auto [result, found] = run(std::make_unique<LocksNothing>(), TREE_EXERCISER " . 1 4 1000");
  EXPECT_THAT(result.output, HasSubstr("of the lock file holds"));
}

TEST_F(TreeExerciserOnBroken, ALinkWithANodeidOfItsOwnIsFound) {
  const auto [result, found] = run(std::make_unique<BrokenLink>(), TREE_EXERCISER " . 1 2 1000");
  EXPECT_THAT(found, HasSubstr("R8"));
}

}  // namespace
}  // namespace fusereplay::testing
