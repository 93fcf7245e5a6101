// A RealMount alone, for the race detector: the test's thread, the device's, and the server's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/async/sync.h"
#include "examples/memfs/memfs.h"
#include "testing/real_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RealMountThreads : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string obstacle = RealMount::obstacle();
    if (obstacle.empty()) return;
    std::fprintf(stderr, "SKIPPED: nothing can be mounted for real: %s\n", obstacle.c_str());
    GTEST_SKIP() << "nothing can be mounted for real: " << obstacle;
  }
};

/// Counts, without a lock: between two calls the filesystem is the test's.
class Counting final : public Memfs {
 public:
  int mkdirs = 0;
  int limit = 0;

  /// Goes on on the server's own thread.
  Async<Entry> mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation) override {
    if (++mkdirs > limit) co_return Errno(EDQUOT);
    co_await sleep_for(100'000);
    co_return co_await Memfs::mkdir(request, parent, name, creation);
  }
};

TEST_F(RealMountThreads, BetweenCallsTheFilesystemIsTheTests) {
  auto owned = std::make_unique<Counting>();
  Counting& filesystem = *owned;
  RealMount mount(std::move(owned));
  for (int i = 0; i < 20; ++i) {
    filesystem.limit = i;
    EXPECT_EQ(mount.mkdir("/refused", 0755).error(), Errno(EDQUOT));
    filesystem.limit = 1000;
    EXPECT_TRUE(mount.mkdir("/d" + std::to_string(i), 0755));
    EXPECT_EQ(filesystem.mkdirs, 2 * (i + 1));
    filesystem.mkdirs = 2 * (i + 1);
  }
  EXPECT_EQ(mount.lookup_counts().size(), 20U);
  mount.drop_caches();
  EXPECT_TRUE(mount.lookup_counts().empty());
  EXPECT_EQ(mount.trouble(), "");
}

TEST_F(RealMountThreads, AnAbortEndsIt) {
  RealMount mount(std::make_unique<Memfs>());
  EXPECT_TRUE(mount.mkdir("/d", 0755));
  mount.abort();
  EXPECT_EQ(mount.mkdir("/e", 0755).error(), Errno(ENOTCONN));
}

/// Answers no MKDIR until the connection has ended.
class Silent final : public Memfs {
 public:
  Async<void> init(Connection& connection) override {
    connection_ = &connection;
    return Memfs::init(connection);
  }
  Async<Entry> mkdir(const Request& request, NodeId, std::string_view, const Creation&) override {
    AsyncEvent ended;
    const Interrupts::Watch watch(connection_->interrupts(), request.unique(), ended);
    co_await ended.wait();
    co_return Errno(EINTR);
  }

 private:
  Connection* connection_ = nullptr;
};

TEST_F(RealMountThreads, ACallThatIsNeverAnsweredEndsWithTheConnection) {
  RealMount mount(std::make_unique<Silent>(), {.deadline = std::chrono::milliseconds(100)});
  EXPECT_EQ(mount.mkdir("/d", 0755).error(), Errno(ECONNABORTED));
  EXPECT_EQ(mount.stat("/e").error(), Errno(ENOTCONN));
  EXPECT_THAT(mount.dead_ends(), ElementsAre("a call was not answered within 100 ms"));
  EXPECT_THAT(mount.trouble(), HasSubstr("not answered"));
}

}  // namespace
}  // namespace fusereplay::testing
