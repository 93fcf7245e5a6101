// SimulatedMount as its user sees it: calls, what they leave behind, and what a test can make happen.
#include "simulator/mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "core/async/sync.h"
#include "core/event/conversation.h"
#include "examples/memfs/memfs.h"
#include "tests/simulator/asked.h"

namespace fusereplay {
namespace {

using testing::Asked;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using MyFs = Memfs;

std::unique_ptr<Operations> memfs(Timeout timeout = Timeout::seconds(1)) {
  MemfsOptions options;
  options.entry_timeout = options.attribute_timeout = timeout;
  return std::make_unique<Memfs>(options);
}

struct Watched {
  explicit Watched(Timeout timeout = Timeout::seconds(1)) : mount(memfs(timeout), {.observers = {&asked}}) {
    asked.take();
  }
  Asked asked;
  SimulatedMount mount;
};

TEST(SimulatedMount, TheFirstExampleOfTheDesign) {
  SimulatedMount mount(std::make_unique<MyFs>());
  auto file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  mount.unlink("/a");
  EXPECT_EQ(mount.pwrite(file, "x", 0), 1);  // unlinked but open
  mount.close(file);
  mount.drop_caches();
  EXPECT_TRUE(mount.lookup_counts().empty());
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, AFileIsMadeWrittenReadAndRemoved) {
  Watched watched;
  SimulatedMount& mount = watched.mount;
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  EXPECT_EQ(watched.asked.take(), "LOOKUP CREATE ");
  EXPECT_EQ(mount.write(file, "hello"), 5);
  EXPECT_EQ(watched.asked.take(), "GETXATTR WRITE ");
  EXPECT_EQ(mount.pread(file, 100, 1).value(), "ello");
  EXPECT_EQ(watched.asked.take(), "GETATTR READ ");
  EXPECT_TRUE(mount.close(file));
  EXPECT_EQ(watched.asked.take(), "FLUSH RELEASE ");
  EXPECT_EQ(mount.stat("/a")->st_size, 5);
  EXPECT_EQ(watched.asked.take(), "GETATTR ") << "reading made atime doubtful";
  EXPECT_EQ(mount.stat("/a")->st_size, 5);
  EXPECT_EQ(watched.asked.take(), "");
  EXPECT_TRUE(mount.unlink("/a"));
  EXPECT_EQ(watched.asked.take(), "UNLINK FORGET ") << "nobody holds the inode any more";
  EXPECT_EQ(mount.stat("/a").error(), Errno(ENOENT));
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, AnExpiredNameIsLookedUpAgain) {
  Watched watched;
  SimulatedMount& mount = watched.mount;
  EXPECT_TRUE(mount.mkdir("/d", 0755));
  EXPECT_TRUE(mount.stat("/d"));
  watched.asked.take();
  EXPECT_TRUE(mount.stat("/d"));
  EXPECT_EQ(watched.asked.take(), "");
  mount.advance_time(2'000'000'000);
  EXPECT_TRUE(mount.stat("/d"));
  EXPECT_EQ(watched.asked.take(), "LOOKUP ") << "whose reply brings attributes too";
  EXPECT_TRUE(mount.expire("/d"));
  EXPECT_TRUE(mount.stat("/d"));
  EXPECT_EQ(watched.asked.take(), "LOOKUP ");
  EXPECT_EQ(mount.expire("/nothing").error(), Errno(ENOENT));
  EXPECT_THAT(mount.lookup_counts(), ElementsAre(::testing::Pair(2, 3)));
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, ForgettingAnInodeSendsItsWholeCount) {
  Watched watched;
  SimulatedMount& mount = watched.mount;
  EXPECT_TRUE(mount.mkdir("/d", 0755));
  EXPECT_TRUE(mount.mkdir("/d/e", 0755));
  const auto counts = mount.lookup_counts();
  ASSERT_THAT(counts, SizeIs(2));
  watched.asked.take();
  EXPECT_EQ(mount.forget(99).error(), Errno(ENOENT));
  EXPECT_TRUE(mount.forget(counts.begin()->first));
  EXPECT_EQ(watched.asked.take(), "BATCH_FORGET ") << "what lies below goes with it";
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  const Fd directory = mount.open("/d", O_RDONLY | O_DIRECTORY).value();
  EXPECT_EQ(mount.forget(counts.begin()->first).error(), Errno(EBUSY));
  mount.close(directory);
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, ListingsGoOnWhereTheyStopped) {
  SimulatedMount mount(memfs());
  std::vector<std::string> made;
  for (int i = 0; i < 200; ++i) {
    made.push_back("file" + std::to_string(i));
    mount.close(mount.open("/" + made.back(), O_CREAT | O_WRONLY, 0600).value());
  }
  EXPECT_EQ(mount.list("/").value(), made);
  const Fd directory = mount.open("/", O_RDONLY | O_DIRECTORY).value();
  const auto first = mount.getdents(directory, 4096).value();
  ASSERT_GT(first.size(), 10U);
  EXPECT_TRUE(mount.lseek(directory, static_cast<std::int64_t>(first[5].position), SEEK_SET));
  EXPECT_EQ(mount.getdents(directory, 4096)->front(), first[6]);
  mount.close(directory);
  mount.drop_caches();
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, LargeFilesAreWrittenAndReadInPieces) {
  Watched watched;
  SimulatedMount& mount = watched.mount;
  std::string data(3'000'001, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 4096);
  const Fd file = mount.open("/big", O_CREAT | O_RDWR, 0644).value();
  EXPECT_EQ(mount.write(file, data), data.size());
  EXPECT_EQ(watched.asked.take(), "LOOKUP CREATE GETXATTR WRITE WRITE WRITE ");
  EXPECT_EQ(mount.pread(file, data.size() + 5, 0).value(), data);
  EXPECT_EQ(mount.pread(file, 10'000, 1'234'567).value(), data.substr(1'234'567, 10'000));
  EXPECT_TRUE(mount.ftruncate(file, 5000));
  EXPECT_EQ(mount.pread(file, 10'000, 0).value(), data.substr(0, 5000));
  EXPECT_EQ(mount.pwrite(file, "end", 6000), 3);
  EXPECT_EQ(mount.pread(file, 10'000, 4999).value(), data.substr(4999, 1) + std::string(1000, '\0') + "end");
  mount.close(file);
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, AReplyThatIsRefusedLeavesNoCount) {
  SimulatedMount mount(memfs());
  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.stat("/d").error(), Errno(ECONNABORTED));
  mount.refuse_next_reply(Errno(EINVAL));
  EXPECT_EQ(mount.stat("/d").error(), Errno(EIO));
  EXPECT_TRUE(mount.mkdir("/d", 0755));
  mount.drop_caches();
  mount.refuse_next_reply(Errno(EFAULT));
  EXPECT_EQ(mount.stat("/d").error(), Errno(EIO));
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  EXPECT_TRUE(mount.rmdir("/d"));
}

TEST(SimulatedMount, NothingIsForgottenAtUnmount) {
  Asked asked;
  {
    SimulatedMount mount(memfs(), {.observers = {&asked}});
    EXPECT_TRUE(mount.mkdir("/d", 0755));
    const Fd file = mount.open("/f", O_CREAT | O_RDWR, 0644).value();
    EXPECT_EQ(mount.unmount().error(), Errno(EBUSY));
    mount.close(file);
    asked.take();
    EXPECT_TRUE(mount.unmount());
    EXPECT_EQ(mount.stat("/d").error(), Errno(ENOTCONN));
    EXPECT_EQ(mount.trouble(), "");
  }
  EXPECT_EQ(asked.take(), "");
}

TEST(SimulatedMount, WhatWasMountedIsMountedAgainWithWhatItKept) {
  auto owned = std::make_unique<Memfs>();
  Memfs& memfs = *owned;
  Asked asked;
  SimulatedMount mount(std::move(owned), {.observers = {&asked}});
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  mount.write(file, "kept");
  mount.unlink("/b");
  EXPECT_EQ(mount.mount_again().error(), Errno(EBUSY));
  mount.close(file);
  EXPECT_EQ(mount.mount_again().error(), Errno(EBUSY));  // it is mounted
  ASSERT_TRUE(mount.unmount());
  asked.take();
  ASSERT_TRUE(mount.mount_again());
  EXPECT_EQ(asked.take(), "INIT ");
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  EXPECT_EQ(memfs.usage().open, 0U);
  const Fd again = mount.open("/a", O_RDONLY).value();
  EXPECT_EQ(mount.read(again, 10), "kept");
  mount.close(again);
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, AnUnlinkedFileIsGoneWhenItIsMountedAgainAfterAnAbort) {
  auto owned = std::make_unique<Memfs>();
  Memfs& memfs = *owned;
  SimulatedMount mount(std::move(owned));
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  mount.unlink("/a");
  mount.abort();
  mount.close(file);
  ASSERT_TRUE(mount.mount_again());
  EXPECT_EQ(memfs.usage(), (Memfs::Usage{.inodes = 1}));
  EXPECT_EQ(mount.stat("/a").error(), Errno(ENOENT));
  EXPECT_EQ(memfs.check_invariants(), "");
  EXPECT_EQ(mount.trouble(), "");
}

TEST(SimulatedMount, FindingsOfAnEarlierMountAreKept) {
  SimulatedMount mount(memfs());
  mount.refuse_next_reply(Errno(EINVAL));
  mount.mkdir("/a", 0755);
  const std::size_t before = mount.findings().size();
  EXPECT_NE(before, 0U);
  mount.unmount();
  ASSERT_TRUE(mount.mount_again());
  EXPECT_EQ(mount.findings().size(), before);
}

TEST(SimulatedMount, ADirectoryThatAProcessIsInKeepsItMounted) {
  SimulatedMount mount(memfs());
  mount.mkdir("/a", 0755);
  mount.chdir("/a");
  EXPECT_EQ(mount.unmount().error(), Errno(EBUSY));
  mount.drop_caches();
  EXPECT_THAT(mount.lookup_counts(), SizeIs(1));
  mount.chdir("/");
  EXPECT_TRUE(mount.unmount());
}

TEST(SimulatedMount, AfterAnAbortNothingWorks) {
  SimulatedMount mount(memfs());
  const Fd file = mount.open("/f", O_CREAT | O_RDWR, 0644).value();
  mount.abort();
  EXPECT_EQ(mount.write(file, "x").error(), Errno(ENOTCONN));
  EXPECT_EQ(mount.close(file).error(), Errno(ENOTCONN));
  EXPECT_EQ(mount.mkdir("/d", 0755).error(), Errno(ENOTCONN));
}

/// Never answers a LOOKUP of "silent".
class Silent : public Memfs {
 public:
  using Memfs::Memfs;
  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override {
    if (name == "silent") co_await never_.wait();
    co_return co_await Memfs::lookup(request, parent, name);
  }
  void answer() { never_.set(); }

 private:
  AsyncEvent never_;
};

TEST(SimulatedMount, ACallWithoutAnAnswerIsADeadEndThatNamesIt) {
  auto filesystem = std::make_unique<Silent>();
  Silent& silent = *filesystem;
  SimulatedMount mount(std::move(filesystem));
  EXPECT_EQ(mount.stat("/silent").error(), Errno(EDEADLK));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("LOOKUP 4 of nodeid 1 for pid 1000 was never answered")));
  EXPECT_THAT(mount.outstanding(), SizeIs(1));
  EXPECT_THAT(mount.trouble(), HasSubstr("LOOKUP 4"));
  silent.answer();
  EXPECT_EQ(mount.stat("/other").error(), Errno(ENOENT));
  EXPECT_TRUE(mount.quiet());
}

TEST(SimulatedMount, AHandlerThatNeverEndsDoesNotHangTheTest) {
  ::testing::internal::CaptureStderr();
  {
    SimulatedMount mount(std::make_unique<Silent>());
    EXPECT_EQ(mount.stat("/silent").error(), Errno(EDEADLK));
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("a handler of a simulated mount never ended"));
}

}  // namespace
}  // namespace fusereplay
