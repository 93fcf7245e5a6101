// Several processes with calls outstanding together: which locks hold them apart, and what a signal does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "simulator/mount.h"
#include "tests/simulator/asked.h"

namespace fusereplay {
namespace {

using testing::Asked;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// memfs with a choice of what INIT grants and how long names hold.
std::unique_ptr<Operations> memfs(Timeout timeout = Timeout::seconds(1)) {
  MemfsOptions options;
  options.entry_timeout = options.attribute_timeout = timeout;
  return std::make_unique<Memfs>(options);
}

struct ThreeProcesses : ::testing::Test {
  void TearDown() override { EXPECT_EQ(mount.trouble(), ""); }

  Asked asked;
  SimulatedMount mount{memfs(), {.observers = {&asked}}};
  SimulatedProcess& one{mount.spawn({.pid = 1001})};
  SimulatedProcess& two{mount.spawn({.pid = 1002})};
  SimulatedProcess& three{mount.spawn({.pid = 1003})};
};

auto unlink(std::string path) {
  return [path](SystemCalls& calls) { return calls.unlink(path); };
}
auto mkdir(std::string path) {
  return [path](SystemCalls& calls) { return calls.mkdir(path, 0755); };
}
auto stat(std::string path) {
  return [path](SystemCalls& calls) { return calls.stat(path); };
}
auto list(std::string path) {
  return [path](SystemCalls& calls) { return calls.list(path); };
}

TEST_F(ThreeProcesses, ACallThatDoesNotWaitIsOverAtOnce) {
  auto made = one.start(mkdir("/d"));
  EXPECT_TRUE(made.done());
  EXPECT_TRUE(made.get());
  EXPECT_EQ(one.waits_for(), "");
}

TEST_F(ThreeProcesses, WhatIsHeldIsReadByTheServerAndNotAnswered) {
  mount.creat("/a", 0644);
  mount.hold(Opcode::kUnlink);
  auto removed = one.start(unlink("/a"));
  EXPECT_FALSE(removed.done());
  ASSERT_THAT(mount.outstanding(), SizeIs(1));
  EXPECT_EQ(mount.outstanding()[0].opcode, "UNLINK");
  EXPECT_EQ(mount.outstanding()[0].pid, 1001U);
  EXPECT_THAT(one.waits_for(), HasSubstr("UNLINK"));
  EXPECT_TRUE(mount.stat("/a"));  // the plain call goes on beside it
  mount.let_go(Opcode::kUnlink);
  EXPECT_TRUE(removed.done());
  EXPECT_TRUE(removed.get());
  EXPECT_EQ(mount.stat("/a").error(), Errno(ENOENT));
}

TEST_F(ThreeProcesses, ChangesOfOneDirectoryWaitForEachOther) {
  mount.creat("/a", 0644);
  mount.hold(Opcode::kUnlink);
  auto removed = one.start(unlink("/a"));
  asked.take();
  auto made = two.start(mkdir("/d"));
  EXPECT_EQ(asked.take(), "");  // not even its LOOKUP: that is under the lock too
  EXPECT_EQ(two.waits_for(), "i_rwsem of nodeid 1 for pid 1002 is held by pid 1001");
  mount.let_go(Opcode::kUnlink);
  EXPECT_TRUE(removed.get());
  EXPECT_TRUE(made.get());
  EXPECT_EQ(asked.take(), "LOOKUP MKDIR ");
}

TEST_F(ThreeProcesses, ChangesOfTwoDirectoriesDoNot) {
  mount.mkdir("/d", 0755);
  mount.mkdir("/e", 0755);
  mount.hold(Opcode::kMkdir);
  auto first = one.start(mkdir("/d/x"));
  auto second = two.start(mkdir("/e/x"));
  EXPECT_THAT(mount.outstanding(), SizeIs(2));
  mount.let_go(mount.outstanding()[1].unique);
  EXPECT_FALSE(first.done());
  EXPECT_TRUE(second.done());
  mount.let_go(Opcode::kMkdir);
  EXPECT_TRUE(first.get());
}

TEST_F(ThreeProcesses, RenamesBetweenDirectoriesWaitForEachOther) {
  for (const char* name : {"/a", "/b", "/c", "/d"}) mount.mkdir(name, 0755);
  mount.mkdir("/a/x", 0755);
  mount.mkdir("/c/x", 0755);
  mount.hold(Opcode::kRename);
  auto first = one.start([](SystemCalls& calls) { return calls.rename("/a/x", "/b/x"); });
  auto second = two.start([](SystemCalls& calls) { return calls.rename("/c/x", "/d/x"); });
  EXPECT_EQ(two.waits_for(), "s_vfs_rename_mutex for pid 1002 is held by pid 1001");
  mount.let_go(Opcode::kRename);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(ThreeProcesses, WhatAnUnlinkRemovesIsLockedToo) {
  const Fd file = mount.creat("/a", 0644).value();
  mount.hold(Opcode::kUnlink);
  auto removed = one.start(unlink("/a"));
  auto written = two.start([](SystemCalls& calls) { return calls.truncate("/a", 3); });
  EXPECT_THAT(two.waits_for(), HasSubstr("i_rwsem of nodeid 2 for pid 1002 is held by pid 1001"));
  mount.let_go(Opcode::kUnlink);
  EXPECT_TRUE(written.get());
  EXPECT_TRUE(removed.get());
  mount.close(file);
}

TEST_F(ThreeProcesses, ReadersOfADirectoryShareItAndAWriterWaitsForAll) {
  mount.mkdir("/d", 0755);
  mount.creat("/d/x", 0644);
  mount.drop_caches();
  mount.hold(Opcode::kReaddirplus);
  mount.hold(Opcode::kReaddir);
  auto first = one.start(list("/d"));
  auto second = two.start(list("/d"));
  auto made = three.start(mkdir("/d/y"));
  EXPECT_THAT(three.waits_for(), HasSubstr("is held by pid 1001, pid 1002"));
  EXPECT_THAT(mount.outstanding(), SizeIs(2));
  mount.let_go(Opcode::kReaddirplus);
  mount.let_go(Opcode::kReaddir);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(made.get());
}

TEST_F(ThreeProcesses, WhoWantsTheNameThatIsLookedUpWaitsAndDoesNotAskAgain) {
  mount.mkdir("/d", 0755);
  mount.mknod("/d/x", 0644);
  mount.drop_caches();
  mount.stat("/d");
  asked.take();
  mount.hold(Opcode::kLookup);
  auto first = one.start(stat("/d/x"));
  auto second = two.start(stat("/d/x"));
  EXPECT_THAT(two.waits_for(), HasSubstr("the name x"));
  auto third = three.start(stat("/d/y"));  // another name: nobody waits
  EXPECT_EQ(asked.take(), "LOOKUP LOOKUP ");
  mount.let_go(Opcode::kLookup);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_EQ(third.get().error(), Errno(ENOENT));
}

TEST(TwoProcesses, LookupsOfOneDirectoryAreSerialWithoutParallelDirops) {
  SimulatedMountSetup setup;
  setup.kernel.offered &= ~kInitParallelDirops;
  SimulatedMount mount(memfs(), setup);
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  SimulatedProcess& two = mount.spawn({.pid = 1002});
  mount.hold(Opcode::kLookup);
  auto first = one.start(stat("/x"));
  auto second = two.start(stat("/y"));
  EXPECT_THAT(two.waits_for(), HasSubstr("fuse_inode.mutex of nodeid 1"));
  mount.let_go(Opcode::kLookup);
  EXPECT_EQ(first.get().error(), Errno(ENOENT));
  EXPECT_EQ(second.get().error(), Errno(ENOENT));
}

TEST(TwoProcesses, ARevalidationHoldsNoLock) {
  Asked asked;
  SimulatedMount mount(memfs(Timeout{}), {.observers = {&asked}});
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  SimulatedProcess& two = mount.spawn({.pid = 1002});
  mount.creat("/a", 0644);
  mount.hold(Opcode::kMkdir);
  auto made = one.start(mkdir("/d"));
  EXPECT_FALSE(made.done());
  auto known = two.start(stat("/a"));  // the name expired at once: a LOOKUP beside the MKDIR
  EXPECT_TRUE(known.done());
  mount.let_go(Opcode::kMkdir);
  EXPECT_TRUE(made.get());
  EXPECT_EQ(mount.trouble(), "");
}

TEST_F(ThreeProcesses, AReaderWaitsForThePageThatAnotherReads) {
  const Fd file = mount.creat("/a", 0644).value();
  mount.write(file, "hello");
  mount.close(file);
  const auto read = [](SystemCalls& calls) {
    const Fd fd = calls.open("/a", O_RDONLY).value();
    return calls.read(fd, 5);
  };
  mount.hold(Opcode::kRead);
  mount.drop_caches();
  asked.take();
  auto first = one.start(read);
  auto second = two.start(read);
  EXPECT_THAT(asked.take(), HasSubstr("READ "));
  EXPECT_THAT(two.waits_for(), HasSubstr("page 0 of nodeid"));
  mount.let_go(Opcode::kRead);
  EXPECT_EQ(first.get().value(), "hello");
  EXPECT_EQ(second.get().value(), "hello");
}

TEST_F(ThreeProcesses, ASignalMakesAnInterruptAndTheReplyStillCounts) {
  mount.creat("/a", 0644);
  mount.hold(Opcode::kUnlink);
  auto removed = one.start(unlink("/a"));
  asked.take();
  one.signal();
  EXPECT_EQ(asked.take(), "INTERRUPT ");
  EXPECT_FALSE(removed.done());
  one.signal();
  EXPECT_EQ(asked.take(), "");  // once for a request
  mount.let_go(Opcode::kUnlink);
  EXPECT_TRUE(removed.get());
}

TEST_F(ThreeProcesses, WhoIsKilledStillWaitsForWhatTheServerHasRead) {
  const Fd file = one.creat("/a", 0644).value();
  static_cast<void>(file);
  mount.hold(Opcode::kUnlink);
  auto removed = one.start(unlink("/a"));
  one.kill();
  EXPECT_FALSE(removed.done());
  asked.take();
  mount.let_go(Opcode::kUnlink);
  EXPECT_TRUE(removed.get());
  EXPECT_EQ(one.open_descriptors(), 0U);  // and then it dies
  EXPECT_THAT(asked.take(), HasSubstr("FLUSH RELEASE"));
}

TEST(DeadEnds, TwoLocksTakenInDifferentOrderAreNamedWithTheirHolders) {
  SimulatedMount mount(memfs());
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  mount.hold(Opcode::kMkdir);
  auto made = one.start(mkdir("/d"));
  EXPECT_EQ(mount.mkdir("/e", 0755).error(), Errno(EDEADLK));  // nobody lets the first one go
  ASSERT_FALSE(mount.dead_ends().empty());
  EXPECT_EQ(mount.dead_ends()[0], "i_rwsem of nodeid 1 for pid 1000 is held by pid 1001");
  EXPECT_THAT(mount.dead_ends()[1], HasSubstr("MKDIR"));
  EXPECT_THAT(mount.dead_ends()[1], HasSubstr("held by the test"));
  EXPECT_EQ(made.get().error(), Errno(EDEADLK));
}

TEST(DeadEnds, AMountEndsWithCallsOutstanding) {
  SimulatedMount mount(memfs());
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  SimulatedProcess& two = mount.spawn({.pid = 1002});
  mount.hold(Opcode::kMkdir);
  auto made = one.start(mkdir("/d"));
  auto waits = two.start(mkdir("/e"));
  mount.abort();
  EXPECT_EQ(made.get().error(), Errno(ECONNABORTED));
  EXPECT_EQ(waits.get().error(), Errno(ENOTCONN));
  auto left = one.start([](SystemCalls& calls) { return calls.stat("/x"); });
  EXPECT_TRUE(left.done());
}

TEST(DeadEnds, AMountIsDestroyedWithCallsOutstanding) {
  SimulatedMount mount(memfs());
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  mount.hold(Opcode::kMkdir);
  auto made = one.start(mkdir("/d"));
  EXPECT_FALSE(made.done());
}

}  // namespace
}  // namespace fusereplay
