// flock(2), fcntl(2) locks and poll(2) of several processes: asked of the server, and kept by the kernel where the
// server does not keep them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

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

struct flock bytes(short type, off_t start, off_t length) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

/// Whether the server keeps locks.
struct LockTest : ::testing::TestWithParam<bool> {
  LockTest() : mount(std::make_unique<Memfs>(options()), {.observers = {&asked}}) {
    mount.mknod("/a", 0666);
    one_fd = one.open("/a", O_RDWR).value();
    two_fd = two.open("/a", O_RDWR).value();
    asked.take();
  }
  static MemfsOptions options() {
    MemfsOptions options;
    options.locks = GetParam() ? MemfsOptions::Locks::kOwn : MemfsOptions::Locks::kKernel;
    return options;
  }
  void TearDown() override {
    one.close(one_fd);
    two.close(two_fd);
    EXPECT_EQ(mount.trouble(), "");
  }
  /// The requests a lock makes: none where the kernel keeps it.
  std::string if_asked(std::string names) const { return GetParam() ? names : std::string(); }

  Asked asked;
  SimulatedMount mount;
  SimulatedProcess& one{mount.spawn({.pid = 1001})};
  SimulatedProcess& two{mount.spawn({.pid = 1002})};
  Fd one_fd{};
  Fd two_fd{};
};

TEST_P(LockTest, RecordLocksConflictWhereTheyOverlap) {
  EXPECT_TRUE(one.setlk(one_fd, bytes(F_WRLCK, 0, 10)));
  EXPECT_EQ(two.setlk(two_fd, bytes(F_RDLCK, 9, 1)).error(), Errno(EAGAIN));
  EXPECT_TRUE(two.setlk(two_fd, bytes(F_WRLCK, 10, 5)));
  EXPECT_EQ(asked.take(), if_asked("SETLK SETLK SETLK "));
  EXPECT_TRUE(one.setlk(one_fd, bytes(F_UNLCK, 4, 2)));  // a hole
  EXPECT_TRUE(two.setlk(two_fd, bytes(F_RDLCK, 4, 2)));
  const auto found = two.getlk(two_fd, bytes(F_WRLCK, 0, 0));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->l_type, F_WRLCK);
  EXPECT_EQ(found->l_start, 0);
  EXPECT_EQ(found->l_len, 4);
  EXPECT_EQ(found->l_pid, 1001);
  EXPECT_EQ(one.getlk(one_fd, bytes(F_RDLCK, 100, 0))->l_type, F_UNLCK);
  EXPECT_EQ(one.setlk(one_fd, bytes(F_RDLCK, -1, 1)).error(), Errno(EINVAL));
}

TEST_P(LockTest, WhoWaitsForARecordLockGetsItWhenItIsFreed) {
  EXPECT_TRUE(one.setlk(one_fd, bytes(F_WRLCK, 0, 0)));
  auto waits = two.start([this](SystemCalls& calls) { return calls.setlkw(two_fd, bytes(F_RDLCK, 5, 1)); });
  EXPECT_FALSE(waits.done());
  EXPECT_TRUE(one.setlk(one_fd, bytes(F_UNLCK, 0, 0)));
  EXPECT_TRUE(waits.done());
  EXPECT_TRUE(waits.get());
}

TEST_P(LockTest, ASignalEndsTheWait) {
  EXPECT_TRUE(one.flock(one_fd, LOCK_EX));
  auto waits = two.start([this](SystemCalls& calls) { return calls.flock(two_fd, LOCK_SH); });
  EXPECT_FALSE(waits.done());
  two.signal();
  EXPECT_EQ(asked.take(), if_asked("SETLKW SETLKW INTERRUPT "));
  EXPECT_EQ(waits.get().error(), Errno(EINTR));
}

TEST_P(LockTest, ClosingAnyDescriptorFreesRecordLocksAndTheLastOneFlocks) {
  EXPECT_TRUE(one.setlk(one_fd, bytes(F_WRLCK, 0, 0)));
  EXPECT_TRUE(one.flock(one_fd, LOCK_EX));
  const Fd copy = one.dup(one_fd).value();
  one.close(copy);
  EXPECT_TRUE(two.setlk(two_fd, bytes(F_WRLCK, 0, 0)));
  EXPECT_EQ(two.flock(two_fd, LOCK_SH | LOCK_NB).error(), Errno(EAGAIN));
  one.close(one_fd);
  EXPECT_TRUE(two.flock(two_fd, LOCK_SH | LOCK_NB));
}

TEST_P(LockTest, AFlockIsConvertedAndTwoReadersShareIt) {
  EXPECT_TRUE(one.flock(one_fd, LOCK_EX));
  EXPECT_TRUE(one.flock(one_fd, LOCK_SH));
  EXPECT_TRUE(two.flock(two_fd, LOCK_SH));
  EXPECT_EQ(one.flock(one_fd, LOCK_EX | LOCK_NB).error(), Errno(EAGAIN));
  EXPECT_TRUE(one.flock(one_fd, LOCK_UN));
  EXPECT_EQ(one.flock(one_fd, 0).error(), Errno(EINVAL));
  EXPECT_TRUE(two.flock(two_fd, LOCK_EX));
}

INSTANTIATE_TEST_SUITE_P(Kept, LockTest, ::testing::Bool(),
                         [](const auto& kept) { return kept.param ? "ByTheServer" : "ByTheKernel"; });

/// memfs whose files become readable when told so.
class Pollable final : public Server {
 public:
  void handle(IncomingRequest request, ReplyChannel& replies) override {
    const wire::InHeader header = *read_in_header(request.bytes);
    if (header.opcode != static_cast<std::uint32_t>(Opcode::kPoll)) {
      inner_.handle(std::move(request), replies);
      return;
    }
    wire::PollIn in;
    std::memcpy(&in, request.bytes.data() + sizeof(header), sizeof(in));
    if ((in.flags & kPollScheduleNotify) != 0) handle_ = in.kh;
    MessageBuilder reply;
    const Bytes bytes = reply.start_reply(header.unique, 0).add(wire::PollOut{.revents = ready, .padding = 0}).finish();
    replies.send(Message{.head = bytes, .tail = {}, .owner = nullptr});
  }
  void disconnect() override { inner_.disconnect(); }
  std::uint64_t handle_to_notify() const { return handle_; }

  std::uint32_t ready = 0;

 private:
  OperationsServer inner_{std::make_unique<Memfs>()};
  std::uint64_t handle_ = 0;
};

struct Poll : ::testing::Test {
  Poll() {
    auto made = std::make_unique<Pollable>();
    server = made.get();
    mount = std::make_unique<SimulatedMount>(std::move(made));
    mount->mknod("/a", 0666);
  }
  Outcome<void> wake() {
    MessageBuilder message;
    return mount->notify(message.start_notification(NotifyCode::kPoll)
                             .add(wire::NotifyPollOut{.kh = server->handle_to_notify()})
                             .finish());
  }
  Pollable* server = nullptr;
  std::unique_ptr<SimulatedMount> mount;
};

TEST_F(Poll, AsksWhatIsReadyAndDoesNotWaitWithoutATimeout) {
  const Fd fd = mount->open("/a", O_RDONLY).value();
  EXPECT_EQ(mount->poll(fd, POLLIN, 0), 0U);
  EXPECT_EQ(server->handle_to_notify(), 0U);  // nobody asked to be told
  server->ready = POLLIN | POLLOUT;
  EXPECT_EQ(mount->poll(fd, POLLIN, 0), std::uint32_t{POLLIN});
  EXPECT_EQ(mount->poll(Fd{99}, POLLIN, 0), std::uint32_t{POLLNVAL});
  mount->close(fd);
}

TEST_F(Poll, WaitsForTheNotificationAndAsksAgain) {
  SimulatedProcess& one = mount->spawn({.pid = 1001});
  const Fd fd = one.open("/a", O_RDONLY).value();
  auto polled = one.start([fd](SystemCalls& calls) { return calls.poll(fd, POLLIN, -1); });
  EXPECT_THAT(one.waits_for(), HasSubstr("NOTIFY_POLL"));
  EXPECT_TRUE(wake());
  EXPECT_FALSE(polled.done());  // asked again, and still not ready
  server->ready = POLLIN;
  EXPECT_TRUE(wake());
  EXPECT_EQ(polled.get(), std::uint32_t{POLLIN});
  one.close(fd);
}

TEST_F(Poll, EndsAtItsTimeoutOrWithASignal) {
  SimulatedProcess& one = mount->spawn({.pid = 1001});
  const Fd fd = one.open("/a", O_RDONLY).value();
  auto polled = one.start([fd](SystemCalls& calls) { return calls.poll(fd, POLLIN, 1'000'000); });
  mount->advance_time(999'999);
  EXPECT_FALSE(polled.done());
  mount->advance_time(1);
  EXPECT_EQ(polled.get(), 0U);
  auto interrupted = one.start([fd](SystemCalls& calls) { return calls.poll(fd, POLLIN, -1); });
  one.signal();
  EXPECT_EQ(interrupted.get().error(), Errno(EINTR));
  one.close(fd);
}

}  // namespace
}  // namespace fusereplay
