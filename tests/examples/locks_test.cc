// Locks, of memfs and of passthrough alike: what fcntl(2) and flock(2) promise, waiting, and being interrupted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <thread>

#include "core/server/operations_server.h"
#include "core/unique_fd.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"
#include "tests/examples/filesystem_user.h"
#include "tests/traces/temporary_directory.h"

namespace fusereplay::testing {
namespace {

constexpr LockOwner kOne{1};
constexpr LockOwner kTwo{2};
constexpr LockOwner kThree{3};
constexpr std::uint64_t kEnd = INT64_MAX;

constexpr FileLock range(std::uint32_t type, std::uint64_t start = 0, std::uint64_t end = kEnd, std::uint32_t pid = 7) {
  return {.start = start, .end = end, .type = type, .pid = pid};
}

class Locks : public ::testing::TestWithParam<const char*> {
 protected:
  Locks() : server_(make(GetParam())), user_(server_) {
    const auto init = user_.client.init().get();
    EXPECT_EQ(init->flags & (kInitPosixLocks | kInitFlockLocks), kInitPosixLocks | kInitFlockLocks);
    const Created made = user_.create(kRoot, "a").value();
    node_ = made.entry.node;
    handle_ = made.opened.handle;
  }
  void TearDown() override {
    if (ended_) return;
    user_.give_back();
    server_.disconnect();
  }

  Client::Pending<void> start(LockOwner owner, const FileLock& lock, LockWait wait = LockWait::kYes) {
    return user_.client.setlk(node_, handle_, owner, lock, wait);
  }
  int set(LockOwner owner, const FileLock& lock) { return error_of(start(owner, lock, LockWait::kNo).get()); }
  FileLock ask(LockOwner owner, const FileLock& lock) {
    return user_.client.getlk(node_, handle_, owner, lock).get().value();
  }
  int flock(LockOwner owner, FileHandle handle, std::uint32_t type) {
    return error_of(user_.client.flock(node_, handle, owner, range(type), LockWait::kNo).get());
  }

  const test::TemporaryDirectory source_;
  OperationsServer server_;
  FilesystemUser user_;
  NodeId node_{};
  FileHandle handle_{};
  bool ended_ = false;

 private:
  std::unique_ptr<Operations> make(std::string_view name) const {
    if (name == "memfs") return std::make_unique<Memfs>(parse_memfs_options("locks").value());
    return Passthrough::make(parse_passthrough_options("locks," + (source_ / "").string()).value()).value();
  }
};

INSTANTIATE_TEST_SUITE_P(Filesystems, Locks, ::testing::Values("memfs", "passthrough"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Locks, SharedOnesMeetAndExclusiveOnesDoNot) {
  EXPECT_EQ(set(kOne, range(F_RDLCK, 0, 9)), 0);
  EXPECT_EQ(set(kTwo, range(F_RDLCK, 5, 14)), 0);
  EXPECT_EQ(set(kTwo, range(F_WRLCK, 5, 14)), EAGAIN);
  EXPECT_EQ(set(kTwo, range(F_WRLCK, 10, 14)), 0);
  EXPECT_EQ(set(kOne, range(F_RDLCK, 0, 10)), EAGAIN);
  EXPECT_EQ(set(kThree, range(9)), EINVAL);
}

TEST_P(Locks, SaysWhoIsInTheWay) {
  EXPECT_EQ(ask(kTwo, range(F_WRLCK)).type, std::uint32_t{F_UNLCK});
  EXPECT_EQ(set(kOne, range(F_WRLCK, 10, 19, 42)), 0);
  const FileLock found = ask(kTwo, range(F_RDLCK, 0, kEnd, 8));
  EXPECT_EQ(found.type, std::uint32_t{F_WRLCK});
  EXPECT_EQ(found.start, 10U);
  EXPECT_EQ(found.end, 19U);
  EXPECT_EQ(found.pid, 42U);
  EXPECT_EQ(ask(kOne, range(F_WRLCK)).type, std::uint32_t{F_UNLCK}) << "one's own is not";
  EXPECT_EQ(ask(kTwo, range(F_WRLCK, 20, 30)).type, std::uint32_t{F_UNLCK});
}

TEST_P(Locks, GivingBackTheMiddleLeavesBothEnds) {
  EXPECT_EQ(set(kOne, range(F_WRLCK, 0, 29)), 0);
  EXPECT_EQ(set(kOne, range(F_UNLCK, 10, 19)), 0);
  EXPECT_EQ(set(kTwo, range(F_WRLCK, 10, 19)), 0);
  EXPECT_EQ(set(kTwo, range(F_WRLCK, 9, 9)), EAGAIN);
  EXPECT_EQ(set(kTwo, range(F_WRLCK, 20, 20)), EAGAIN);
  EXPECT_EQ(ask(kTwo, range(F_WRLCK, 0, 9)).end, 9U);
}

TEST_P(Locks, NeighboursOfOneKindAreOne) {
  EXPECT_EQ(set(kOne, range(F_RDLCK, 0, 9)), 0);
  EXPECT_EQ(set(kOne, range(F_RDLCK, 10, 19)), 0);
  const FileLock found = ask(kTwo, range(F_WRLCK));
  EXPECT_EQ(found.start, 0U);
  EXPECT_EQ(found.end, 19U);
  EXPECT_EQ(set(kOne, range(F_WRLCK, 5, 9)), 0);
  EXPECT_EQ(ask(kTwo, range(F_RDLCK)).start, 5U);
  EXPECT_EQ(ask(kTwo, range(F_RDLCK)).end, 9U);
}

TEST_P(Locks, WhoWaitsGoesOnWhenTheLockIsGivenBack) {
  EXPECT_EQ(set(kOne, range(F_WRLCK)), 0);
  const auto waiting = start(kTwo, range(F_WRLCK));
  EXPECT_EQ(user_.stat(node_).size, 0U) << "others are served meanwhile";
  EXPECT_FALSE(waiting.replied());
  EXPECT_EQ(set(kOne, range(F_UNLCK)), 0);
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(set(kOne, range(F_RDLCK)), EAGAIN);
}

TEST_P(Locks, FlushGivesBackTheOwnersRecordLocks) {
  EXPECT_EQ(set(kOne, range(F_WRLCK)), 0);
  const auto waiting = start(kTwo, range(F_WRLCK));
  EXPECT_TRUE(user_.client.flush(node_, handle_, kThree).get());
  EXPECT_FALSE(waiting.replied());
  EXPECT_TRUE(user_.client.flush(node_, handle_, kOne).get());
  EXPECT_TRUE(waiting.get());
}

TEST_P(Locks, AnInterruptEndsAWait) {
  EXPECT_EQ(set(kOne, range(F_WRLCK)), 0);
  const auto waiting = start(kTwo, range(F_WRLCK));
  EXPECT_EQ(user_.stat(node_).size, 0U);
  EXPECT_FALSE(waiting.replied());
  user_.client.interrupt(waiting.unique());
  EXPECT_EQ(error_of(waiting.get()), EINTR);
  EXPECT_EQ(set(kOne, range(F_UNLCK)), 0);
  EXPECT_EQ(set(kThree, range(F_WRLCK)), 0) << "who was interrupted holds nothing";
}

TEST_P(Locks, TheConnectionsEndEndsAWait) {
  EXPECT_EQ(set(kOne, range(F_WRLCK)), 0);
  const auto waiting = start(kTwo, range(F_WRLCK));
  user_.give_back();
  server_.disconnect();
  ended_ = true;
  EXPECT_EQ(error_of(waiting.get()), EINTR);
}

TEST_P(Locks, FlockHasWholeFilesAndGoesWithItsOpenFile) {
  const FileHandle other = user_.open(node_)->handle;
  EXPECT_EQ(flock(kOne, handle_, F_RDLCK), 0);
  EXPECT_EQ(flock(kTwo, other, F_RDLCK), 0);
  EXPECT_EQ(flock(kOne, handle_, F_WRLCK), EAGAIN);
  EXPECT_EQ(set(kThree, range(F_WRLCK)), 0) << "record locks are another matter";
  const auto waiting = user_.client.flock(node_, handle_, kOne, range(F_WRLCK), LockWait::kYes);
  EXPECT_FALSE(waiting.replied());
  EXPECT_TRUE(user_.release(node_, other, {.release_flags = kReleaseFlockUnlock, .lock_owner = kTwo}));
  EXPECT_TRUE(waiting.get());
}

TEST_P(Locks, ManyTakeTurnsOnManyThreads) {
  std::vector<std::thread> threads;
  int counter = 0;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    threads.emplace_back([&, number] {
      Client client(server_);
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(client.setlk(node_, handle_, LockOwner{number}, range(F_WRLCK), LockWait::kYes).get());
        ++counter;  // guarded by the lock
        EXPECT_TRUE(client.setlk(node_, handle_, LockOwner{number}, range(F_UNLCK), LockWait::kNo).get());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 400);
}

class SourceLocks : public Locks {};
INSTANTIATE_TEST_SUITE_P(Passthrough, SourceLocks, ::testing::Values("passthrough"));

TEST_P(SourceLocks, OtherProgramsMeetThem) {
  const UniqueFd outside(::open((source_ / "a").c_str(), O_RDWR));
  struct flock all {};
  all.l_type = F_WRLCK;
  EXPECT_EQ(set(kOne, range(F_RDLCK, 10, 19)), 0);
  ASSERT_EQ(::fcntl(outside.get(), F_OFD_GETLK, &all), 0);
  EXPECT_EQ(all.l_type, F_RDLCK);
  EXPECT_EQ(all.l_start, 10);
  EXPECT_EQ(all.l_len, 10);
  EXPECT_EQ(flock(kOne, handle_, F_WRLCK), 0);
  EXPECT_EQ(::flock(outside.get(), LOCK_SH | LOCK_NB), -1);
  EXPECT_EQ(set(kOne, range(F_UNLCK)), 0);
  EXPECT_EQ(flock(kOne, handle_, F_UNLCK), 0);
  EXPECT_EQ(::flock(outside.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(flock(kOne, handle_, F_RDLCK), EAGAIN);
}

TEST_P(SourceLocks, WaitForOtherProgramsToo) {
  const UniqueFd outside(::open((source_ / "a").c_str(), O_RDWR));
  struct flock all {};
  all.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(outside.get(), F_OFD_SETLK, &all), 0);
  EXPECT_EQ(ask(kOne, range(F_RDLCK)).type, std::uint32_t{F_WRLCK});
  EXPECT_EQ(set(kOne, range(F_RDLCK)), EAGAIN);
  const auto waiting = start(kOne, range(F_RDLCK));
  const auto doomed = start(kTwo, range(F_RDLCK));
  user_.client.interrupt(doomed.unique());
  EXPECT_EQ(error_of(doomed.get()), EINTR);
  EXPECT_FALSE(waiting.replied());
  all.l_type = F_UNLCK;
  ASSERT_EQ(::fcntl(outside.get(), F_OFD_SETLK, &all), 0);
  EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace fusereplay::testing
