// The kernel drops what it cached of thousands of files at once (a hundred thousand with FUSEREPLAY_LONG=1): others are
// served meanwhile, and memory stays bounded.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/protocol/view.h"
#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

std::uint32_t files() {
  return std::getenv("FUSEREPLAY_LONG") == nullptr ? 20'000 : 100'000;
}

/// Bytes that malloc has given out. (The sanitizers' own allocators do not tell.)
std::uint64_t allocated() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

/// Watches the flood go by.
class Flood final : public EventSink {
 public:
  void on_event(const Event& event) override {
    const std::uint64_t forgets = event.kind == EventKind::kRequest ? forgets_in(event.message) : 0;
    const std::lock_guard lock(mutex_);
    if (forgets != 0) {
      forgotten_ += forgets;
      ++messages_;
      between_ += std::exchange(answered_, 0);
      most_ = std::max(most_, allocated());
      told_.notify_all();
    } else if (event.kind == EventKind::kReply && messages_ != 0) {
      ++answered_;
    } else if (event.mark == Mark::kAborted) {  // by the watchdog
      ended_ = true;
      told_.notify_all();
    }
  }
  void await(std::uint64_t forgotten) {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [&] { return ended_ || forgotten_ >= forgotten; });
    EXPECT_FALSE(ended_);
  }
  /// Another one follows.
  void begin() {
    const std::lock_guard lock(mutex_);
    forgotten_ = messages_ = answered_ = between_ = 0;
  }
  struct Seen {
    std::uint64_t messages = 0;  // that told of nodes forgotten
    std::uint64_t between = 0;   // replies after the first of them and before the last
    std::uint64_t most = 0;      // bytes allocated when one came, of all floods
  };
  Seen seen() const {
    const std::lock_guard lock(mutex_);
    return {messages_, between_, most_};
  }

 private:
  static std::uint64_t forgets_in(const Message& message) {
    const auto request = RequestView::parse(message.head);
    if (!request || request->opcode() == Opcode::kForget) return request ? 1 : 0;
    return request->opcode() == Opcode::kBatchForget ? request->fixed<wire::BatchForgetIn>().count : 0;
  }

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable told_;
  bool ended_ = false;
  std::uint64_t forgotten_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t answered_ = 0;  // replies since the last of them
  std::uint64_t between_ = 0;
  std::uint64_t most_ = 0;
};

/// Holds its thread when it is asked whether a file may be read, until it is released.
class HoldsItsThread final : public Memfs {
 public:
  explicit HoldsItsThread(const MemfsOptions& options) : Memfs(options) {}

  Async<void> access(const Request&, NodeId node, std::uint32_t) override {
    if (node == kRoot) return Result<void>();  // asked by chdir(2), before a child runs
    std::unique_lock lock(mutex_);
    held_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    return Result<void>();
  }
  void await_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool held_ = false;
  bool released_ = false;
};

// What may be allocated on top while a flood lasts: buffers of a MiB where forgets come in large batches, in the hands
// of each thread and before the strand. Piled up, a flood of a hundred thousand takes 100 MiB and more.
constexpr std::uint64_t kMore = std::uint64_t{20} << 20;

struct Way {
  const char* name;
  unsigned threads;
  Transport transport;
};

class ForgetFlood : public TransportLiveTest, public ::testing::WithParamInterface<Way> {
 protected:
  Transport transport() const override { return GetParam().transport; }
  static MemfsOptions many_files() {
    MemfsOptions options;
    options.files = files();
    options.entry_timeout = options.attribute_timeout = Timeout::seconds(1000);
    return options;
  }
  LiveMountOptions watched() {
    LiveMountOptions options;
    options.threads = GetParam().threads;
    options.transport = GetParam().transport;
    options.observers = {&flood_};
    return options;
  }

  static void cache_all(LiveMount& mount) {
    const ChildResult result = mount.run("find . -links 5");
    EXPECT_TRUE(result.ok()) << result;
  }
  /// From outside the mount, which might be held.
  static void forget(const LiveMount& mount) {
    const ChildResult result = ChildProcess({FORGET, mount.path()}, "/").wait(LiveMount::kChildTime);
    EXPECT_TRUE(result.ok()) << result;
  }
  /// Says what was seen; no more may have been allocated than it takes.
  void expect_bounded(std::uint64_t before) const {
    const Flood::Seen seen = flood_.seen();
    const std::uint64_t more = seen.most - std::min(before, seen.most);
    std::printf("%llu messages, %llu replies between them, at most %llu KiB more\n",
                static_cast<unsigned long long>(seen.messages), static_cast<unsigned long long>(seen.between),
                static_cast<unsigned long long>(more >> 10));
    EXPECT_LT(more, kMore);
  }

  Flood flood_;
};
INSTANTIATE_TEST_SUITE_P(Over, ForgetFlood,
                         ::testing::Values(Way{"OneThread", 1, Transport::kDevice},
                                           Way{"FourThreads", 4, Transport::kDevice},
                                           Way{"Rings", 1, Transport::kRing}),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_P(ForgetFlood, StarvesNobodyAndIsNotPiledUp) {
  OperationsServer server(std::make_unique<Memfs>(many_files()));
  LiveMount mount(server, watched());
  const ChildProcess asking = mount.start("exec " KEEPS_ASKING " 00007");
  const std::uint64_t before = allocated();
  // On a busy machine the one who asks may not get a CPU while a flood lasts; another flood then.
  constexpr int kFloods = 10;
  for (int floods = 0; floods < kFloods && flood_.seen().between == 0; ++floods) {
    cache_all(mount);
    flood_.begin();
    forget(mount);
    flood_.await(files() - 1);
  }
  EXPECT_GT(flood_.seen().between, 0U) << "replies between the first FORGET and the last";
  expect_bounded(before);
}

TEST_P(ForgetFlood, IsNotPiledUpBehindAHandlerThatHoldsItsThread) {
  if (GetParam().threads == 1 && GetParam().transport == Transport::kDevice) GTEST_SKIP() << "nobody else reads";
  auto owned = std::make_unique<HoldsItsThread>(many_files());
  HoldsItsThread& filesystem = *owned;
  OperationsServer server(std::move(owned));
  LiveMount mount(server, watched());
  cache_all(mount);
  ChildProcess held = mount.start("test -r 00007");
  filesystem.await_held();
  const std::uint64_t before = allocated();
  forget(mount);
  filesystem.release();
  EXPECT_TRUE(held.wait(LiveMount::kChildTime).ok());
  flood_.await(files() - 1);
  expect_bounded(before);
}

}  // namespace
}  // namespace fusereplay::testing
