// What the examples of one property each prove, on a simulated mount and on a real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <set>

#include "examples/properties/errors_fs.h"
#include "examples/properties/flush_fs.h"
#include "examples/properties/forget_fs.h"
#include "examples/properties/interrupt_fs.h"
#include "examples/properties/locks_fs.h"
#include "examples/properties/notification_fs.h"
#include "examples/properties/paging_fs.h"
#include "examples/properties/timeout_fs.h"
#include "examples/properties/unlinked_fs.h"
#include "testing/every_mount.h"
#include "testing/matchers.h"

namespace fusereplay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Tests of the filesystem Fs on any mount.
template <class Mount, class Fs>
class PropertyTest : public MountTest<Mount> {
 protected:
  std::unique_ptr<Operations> make_filesystem() override {
    auto made = make();
    fs_ = made.get();
    return made;
  }
  virtual std::unique_ptr<Fs> make() {
    if constexpr (std::is_default_constructible_v<Fs>) return std::make_unique<Fs>();
    return nullptr;
  }
  /// Once mount() has been called.
  Fs& fs() { return *fs_; }

 private:
  Fs* fs_ = nullptr;
};

template <class Mount>
class Forget : public PropertyTest<Mount, ForgetFs> {};
TYPED_TEST_SUITE(Forget, EveryMount, MountName);

TYPED_TEST(Forget, AnInodeLivesAsLongAsTheKernelMayNameIt) {
  auto& mount = this->mount();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) EXPECT_THAT(mount.stat("/file-" + std::to_string(i)), Succeeds());
  }
  EXPECT_EQ(this->fs().alive(), 50U);
  const Fd held = mount.open("/file-7", O_RDONLY).value();
  mount.drop_caches();
  EXPECT_EQ(this->fs().alive(), 1U) << "which is open";
  EXPECT_THAT(mount.fstat(held), Succeeds());
  mount.close(held);
  mount.drop_caches();
  EXPECT_EQ(this->fs().alive(), 0U);
  EXPECT_EQ(this->fs().surprises(), 0U);
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
}

template <class Mount>
class Flush : public PropertyTest<Mount, FlushFs> {};
TYPED_TEST_SUITE(Flush, EveryMount, MountName);

TYPED_TEST(Flush, ComesOnceForEachCloseAndReleaseOnceForEachOpen) {
  auto& mount = this->mount();
  const Fd first = mount.open("/file", O_RDWR).value();
  const Fd copy = mount.dup(first).value();
  const Fd second = mount.open("/file", O_RDONLY).value();
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("open 1", "open 2"));
  mount.close(first);
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("flush 1"));
  mount.fsync(copy);
  mount.close(second);
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("fsync 1", "flush 2", "release 2"));
  mount.close(copy);
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("flush 1", "release 1"));
}

TYPED_TEST(Flush, ItsErrorIsThatOfCloseAndTheFileIsClosedAllTheSame) {
  auto& mount = this->mount();
  const Fd file = mount.open("/file", O_RDWR).value();
  this->fs().fail_flush(Errno(ENOSPC));
  this->fs().fail_release(Errno(EIO));
  EXPECT_THAT(mount.close(file), FailsWith(ENOSPC));
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("open 1", "flush 1", "release 1"));
  EXPECT_THAT(mount.close(file), FailsWith(EBADF));
  this->fs().fail_flush(std::nullopt);
  EXPECT_THAT(mount.close(mount.open("/file", O_RDWR).value()), Succeeds()) << "whatever RELEASE says";
}

TYPED_TEST(Flush, WithoutItNobodyAsksAgain) {
  auto& mount = this->mount();
  const Fd first = mount.open("/file", O_RDWR).value();
  const Fd second = mount.open("/file", O_RDWR).value();
  this->fs().fail_flush(Errno(ENOSYS));
  EXPECT_THAT(mount.close(first), Succeeds());
  EXPECT_THAT(mount.close(second), Succeeds());
  EXPECT_THAT(this->fs().take_diary(), ElementsAre("open 1", "open 2", "flush 1", "release 1", "release 2"));
}

template <class Mount>
class Paging : public PropertyTest<Mount, PagingFs> {
  std::unique_ptr<PagingFs> make() override { return std::make_unique<PagingFs>(500); }
};
TYPED_TEST_SUITE(Paging, EveryMount, MountName);

TYPED_TEST(Paging, EveryEntryIsShownOnceWhateverIsRemovedMeanwhile) {
  auto& mount = this->mount();
  const Fd directory = mount.open("/", O_RDONLY | O_DIRECTORY).value();
  std::vector<std::string> shown;
  std::set<std::string> removed;
  while (true) {
    const auto page = mount.getdents(directory, 1000).value();
    if (page.empty()) break;
    for (const ListedEntry& entry : page) shown.push_back(entry.name);
    // One behind, that was shown, and one ahead, that will not be.
    for (const std::string& name : {page.front().name, "entry-" + std::to_string(shown.size() + 100)}) {
      if (mount.unlink("/" + name)) removed.insert(name);
    }
  }
  mount.close(directory);
  EXPECT_THAT(std::set<std::string>(shown.begin(), shown.end()), SizeIs(shown.size())) << "nothing twice";
  for (int i = 1; i <= 500; ++i) {
    const std::string name = "entry-" + std::to_string(i);
    EXPECT_TRUE(removed.contains(name) || std::find(shown.begin(), shown.end(), name) != shown.end()) << name;
  }
  EXPECT_GT(this->fs().pages(), 3U);
  EXPECT_FALSE(removed.empty());
}

TYPED_TEST(Paging, AnyPlaceThatWasShownIsFoundAgain) {
  auto& mount = this->mount();
  const Fd directory = mount.open("/", O_RDONLY | O_DIRECTORY).value();
  std::vector<ListedEntry> all;
  for (auto page = mount.getdents(directory).value(); !page.empty(); page = mount.getdents(directory).value()) {
    all.insert(all.end(), page.begin(), page.end());
  }
  ASSERT_EQ(all.size(), 500U);
  mount.unlink("/" + all[123].name);  // whose place stays
  for (const std::size_t at : {499U, 250U, 123U, 0U}) {
    mount.lseek(directory, static_cast<std::int64_t>(all[at].position), SEEK_SET);
    const auto page = mount.getdents(directory).value();
    EXPECT_EQ(page.empty() ? "the end" : page.front().name, at == 499 ? "the end" : all[at + 1].name);
  }
  mount.close(directory);
}

template <class Mount>
class Unlinked : public PropertyTest<Mount, UnlinkedFs> {};
TYPED_TEST_SUITE(Unlinked, EveryMount, MountName);

TYPED_TEST(Unlinked, AFileWithoutANameWorksOnUntilItIsClosed) {
  auto& mount = this->mount();
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  EXPECT_THAT(mount.write(file, "hello"), SucceedsWith(5U));
  EXPECT_THAT(mount.unlink("/a"), Succeeds());
  EXPECT_THAT(mount.stat("/a"), FailsWith(ENOENT));
  EXPECT_THAT(mount.pwrite(file, "J", 0), SucceedsWith(1U));
  EXPECT_THAT(mount.pread(file, 100, 0), SucceedsWith("Jello"));
  EXPECT_THAT(mount.fstat(file), SucceedsWith(HasLinks(0)));
  const Fd other = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  EXPECT_THAT(mount.pread(other, 100, 0), SucceedsWith("")) << "the name is another file's now";
  EXPECT_EQ(this->fs().files(), 2U);
  mount.close(file);
  EXPECT_EQ(this->fs().files(), 1U);
  mount.close(other);
  mount.drop_caches();
  EXPECT_EQ(this->fs().files(), 1U) << "which still has its name";
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
}

template <class Mount>
class Errors : public PropertyTest<Mount, ErrorsFs> {};
TYPED_TEST_SUITE(Errors, EveryMount, MountName);

TYPED_TEST(Errors, TheCallerGetsWhatTheHandlerSays) {
  auto& mount = this->mount();
  for (const int error : {EPERM, ENOENT, EINTR, EIO, EAGAIN, ENOMEM, EACCES, EBUSY, EXDEV, EROFS, ENAMETOOLONG, ELOOP,
                          ESTALE, EDQUOT, ECANCELED, EHWPOISON, 200, 511}) {
    const std::string path = "/" + std::to_string(error);
    EXPECT_THAT(mount.open(path, O_RDONLY), FailsWith(error));
    EXPECT_THAT(mount.chmod(path, 0600), FailsWith(error));
    EXPECT_THAT(mount.unlink(path), FailsWith(error));
    EXPECT_THAT(mount.getxattr(path, "user.a"), FailsWith(error));
  }
}

TYPED_TEST(Errors, ButENOSYSMeansThatThereIsNoSuchOperation) {
  auto& mount = this->mount();
  const std::string path = "/" + std::to_string(ENOSYS);
  EXPECT_THAT(mount.chmod(path, 0600), FailsWith(ENOSYS));
  EXPECT_THAT(mount.unlink(path), FailsWith(ENOSYS));
  EXPECT_THAT(mount.getxattr("/5", "user.a"), FailsWith(EIO));
  EXPECT_THAT(mount.getxattr(path, "user.a"), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(mount.getxattr("/5", "user.a"), FailsWith(EOPNOTSUPP)) << "of any file";
  EXPECT_THAT(mount.close(mount.open("/0", O_RDONLY).value()), Succeeds());
  EXPECT_EQ(this->fs().opens(), 1U);
  EXPECT_THAT(mount.close(mount.open(path, O_RDONLY).value()), Succeeds());
  EXPECT_THAT(mount.close(mount.open("/5", O_RDONLY).value()), Succeeds()) << "nobody is asked any more";
  EXPECT_EQ(this->fs().opens(), 2U);
}

template <class Mount>
class Timeouts : public PropertyTest<Mount, TimeoutFs> {};
TYPED_TEST_SUITE(Timeouts, EveryMount, MountName);

TYPED_TEST(Timeouts, TheKernelAsksAgainWhenItMayNotBelieve) {
  auto& mount = this->mount();
  /// LOOKUPs and GETATTRs that looking three times at a path takes.
  const auto asked = [&](const char* path) {
    const std::uint64_t lookups = this->fs().lookups();
    const std::uint64_t getattrs = this->fs().getattrs();
    for (int i = 0; i < 3; ++i) mount.stat(path);
    return std::pair(this->fs().lookups() - lookups, this->fs().getattrs() - getattrs);
  };
  EXPECT_EQ(asked("/kept"), std::pair(1UL, 0UL));
  EXPECT_EQ(asked("/kept"), std::pair(0UL, 0UL));
  EXPECT_EQ(asked("/checked"), std::pair(3UL, 3UL));
  EXPECT_EQ(asked("/stale-attributes"), std::pair(1UL, 3UL));
  EXPECT_EQ(asked("/never"), std::pair(1UL, 0UL));
  EXPECT_EQ(asked("/never"), std::pair(0UL, 0UL));
  EXPECT_EQ(asked("/not-yet"), std::pair(3UL, 0UL));
  mount.drop_caches();
  EXPECT_EQ(asked("/kept"), std::pair(1UL, 0UL));
  EXPECT_EQ(asked("/never"), std::pair(1UL, 0UL));
}

template <class Mount>
class Locks : public PropertyTest<Mount, LocksFs> {};
TYPED_TEST_SUITE(Locks, EveryMount, MountName);

TYPED_TEST(Locks, OfAProcessGoWithItsFirstClose) {
  auto& mount = this->mount();
  struct flock lock {};
  lock.l_type = F_WRLCK;
  const Fd file = mount.open("/file", O_RDWR).value();
  EXPECT_THAT(mount.setlk(file, lock), Succeeds());
  EXPECT_EQ(this->fs().record_locks(), 1U);
  mount.close(mount.dup(file).value());
  EXPECT_EQ(this->fs().record_locks(), 0U);
  EXPECT_THAT(mount.setlk(file, lock), Succeeds());
  mount.close(mount.open("/file", O_RDONLY).value());
  EXPECT_EQ(this->fs().record_locks(), 0U) << "though the file that took it is open";
  mount.close(file);
}

TYPED_TEST(Locks, OfAnOpenFileGoWithItsLastClose) {
  auto& mount = this->mount();
  const Fd file = mount.open("/file", O_RDWR).value();
  const Fd copy = mount.dup(file).value();
  const Fd other = mount.open("/file", O_RDWR).value();
  EXPECT_THAT(mount.flock(file, LOCK_EX | LOCK_NB), Succeeds());
  EXPECT_THAT(mount.flock(copy, LOCK_EX | LOCK_NB), Succeeds()) << "which is the same open file";
  EXPECT_THAT(mount.flock(other, LOCK_SH | LOCK_NB), FailsWith(EAGAIN));
  mount.close(file);
  EXPECT_EQ(this->fs().flocks(), 1U);
  mount.close(copy);
  EXPECT_EQ(this->fs().flocks(), 0U);
  EXPECT_THAT(mount.flock(other, LOCK_SH | LOCK_NB), Succeeds());
  EXPECT_THAT(mount.flock(other, LOCK_UN), Succeeds());
  mount.close(other);
  EXPECT_EQ(this->fs().flocks(), 0U);
}

template <class Mount>
class Interruptions : public PropertyTest<Mount, InterruptFs> {
 protected:
  /// Signals come from now on where a handler waits.
  void interrupt_who_waits() {
    this->fs().when_waiting([this] { this->mount().signal(); });
  }
  void interrupt_nobody() {
    this->fs().when_waiting([] {});
  }
};
TYPED_TEST_SUITE(Interruptions, EveryMount, MountName);

TYPED_TEST(Interruptions, EndAReadOfWhatIsNotThere) {
  auto& mount = this->mount();
  const Fd queue = mount.open("/queue", O_RDONLY).value();
  this->interrupt_who_waits();
  EXPECT_THAT(mount.read(queue, 100), FailsWith(EINTR));
  EXPECT_THAT(mount.read(queue, 100), FailsWith(EINTR));
  this->interrupt_nobody();
  this->fs().put("first");
  EXPECT_THAT(mount.read(queue, 100), SucceedsWith("first"));
  mount.close(queue);
}

TYPED_TEST(Interruptions, EndAWaitForALock) {
  auto& mount = this->mount();
  const Fd door = mount.open("/door", O_RDONLY).value();
  const Fd queue = mount.open("/queue", O_RDONLY).value();
  EXPECT_THAT(mount.flock(queue, LOCK_EX), Succeeds());
  this->interrupt_who_waits();
  EXPECT_THAT(mount.open("/door", O_RDONLY), FailsWith(EINTR));
  EXPECT_THAT(mount.flock(door, LOCK_EX), FailsWith(EINTR));
  this->interrupt_nobody();
  mount.close(queue);
  EXPECT_THAT(mount.flock(door, LOCK_EX), Succeeds()) << "nobody is before it";
  mount.close(door);
  EXPECT_THAT(mount.close(mount.open("/door", O_RDONLY).value()), Succeeds());
}

TYPED_TEST(Interruptions, EndASleep) {
  auto& mount = this->mount();
  const Fd queue = mount.open("/queue", O_RDONLY).value();
  this->interrupt_who_waits();
  EXPECT_THAT(mount.fsync(queue), FailsWith(EINTR));
  mount.close(queue);
}

TYPED_TEST(Interruptions, AreNobodysWhereNobodyWaits) {
  auto& mount = this->mount();
  const Fd queue = mount.open("/queue", O_RDONLY).value();
  this->interrupt_who_waits();
  for (const char* message : {"first", "second", "third"}) {
    this->fs().put(message);
    EXPECT_THAT(mount.read(queue, 100), SucceedsWith(message));
  }
  EXPECT_THAT(mount.close(mount.open("/door", O_RDONLY).value()), Succeeds());
  this->interrupt_nobody();
  mount.signal();
  this->fs().put("last");
  EXPECT_THAT(mount.read(queue, 100), SucceedsWith("last"));
  mount.close(queue);
}

template <class Mount>
class Notifications : public PropertyTest<Mount, NotificationFs> {};
TYPED_TEST_SUITE(Notifications, EveryMount, MountName);

TYPED_TEST(Notifications, WhatTheKernelKnowsItBelievesUntilItIsTold) {
  auto& mount = this->mount();
  const Fd news = mount.open("/news", O_RDONLY).value();
  EXPECT_THAT(mount.pread(news, 100, 0), SucceedsWith("nothing new"));
  this->fs().publish("at last");
  EXPECT_THAT(mount.pread(news, 100, 0), SucceedsWith("nothing new"));
  EXPECT_TRUE(this->fs().tell_of_news().done());
  EXPECT_THAT(mount.pread(news, 100, 0), SucceedsWith("at last"));
  EXPECT_THAT(mount.fstat(news), SucceedsWith(HasSize(7)));
  mount.close(news);
}

TYPED_TEST(Notifications, ANameMayComeAndGo) {
  auto& mount = this->mount();
  EXPECT_THAT(mount.stat("/scoop"), FailsWith(ENOENT));
  this->fs().set_scoop(NotificationFs::Scoop::kThere);
  EXPECT_THAT(mount.stat("/scoop"), FailsWith(ENOENT)) << "as it was told";
  EXPECT_TRUE(this->fs().tell_of_scoop().done());
  EXPECT_THAT(mount.stat("/scoop"), Succeeds());
  this->fs().set_scoop(NotificationFs::Scoop::kGone);
  EXPECT_THAT(mount.stat("/scoop"), Succeeds());
  EXPECT_TRUE(this->fs().tell_of_scoop().done());
  EXPECT_THAT(mount.stat("/scoop"), FailsWith(ENOENT));
  mount.drop_caches();
  EXPECT_EQ(this->fs().tell_of_scoop(), Notified(ENOENT)) << "there is nothing that the kernel believes";
}

TYPED_TEST(Notifications, AHandlerMayTellOfWhatItsOwnCallerHolds) {
  auto& mount = this->mount();
  const Fd news = mount.open("/news", O_RDONLY).value();
  const Fd inbox = mount.open("/inbox", O_RDWR).value();
  for (const std::string_view text : {"one", "three", "four"}) {
    mount.pread(news, 100, 0);
    mount.stat("/scoop");
    EXPECT_THAT(mount.pwrite(inbox, text, 0), SucceedsWith(text.size()));
    EXPECT_THAT(mount.pread(news, 100, 0), SucceedsWith(std::string(text)));
    EXPECT_THAT(mount.stat("/scoop"), Succeeds());
    EXPECT_THAT(mount.unlink("/scoop"), Succeeds());
    EXPECT_THAT(mount.pread(news, 100, 0), SucceedsWith("a denial"));
  }
  mount.close(inbox);
  mount.close(news);
}

// What only a simulated mount can show.
using Clock = PropertyTest<SimulatedMount, TimeoutFs>;
TEST_F(Clock, TimePassesWhenTheTestSaysSo) {
  mount().stat("/kept");
  mount().advance_time(3'599'000'000'000);
  mount().stat("/kept");
  EXPECT_EQ(fs().lookups(), 1U);
  mount().advance_time(2'000'000'000);
  mount().stat("/kept");
  EXPECT_EQ(fs().lookups(), 2U);
}

}  // namespace
}  // namespace fusereplay::testing
