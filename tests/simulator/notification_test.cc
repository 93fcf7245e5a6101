// Notifications: what the kernel then no longer believes, what they wait for, and what comes of sending one in the
// wrong place (reference section 4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <functional>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<Operations> memfs() {
  MemfsOptions options;
  options.entry_timeout = options.attribute_timeout = Timeout::seconds(100);
  return std::make_unique<Memfs>(options);
}

struct Notified : ::testing::Test {
  void TearDown() override { EXPECT_EQ(mount.trouble(), ""); }

  Outcome<void> inval_entry(std::uint64_t parent, std::string_view name, std::uint32_t flags = 0) {
    return mount.notify(message.start_notification(NotifyCode::kInvalEntry)
                            .add(wire::NotifyInvalEntryOut{
                                .parent = parent, .namelen = static_cast<std::uint32_t>(name.size()), .flags = flags})
                            .name(name)
                            .finish());
  }
  Outcome<void> inval_inode(std::uint64_t nodeid, std::int64_t offset, std::int64_t length) {
    return mount.notify(message.start_notification(NotifyCode::kInvalInode)
                            .add(wire::NotifyInvalInodeOut{.ino = nodeid, .off = offset, .len = length})
                            .finish());
  }
  Outcome<void> removed(std::uint64_t parent, std::uint64_t child, std::string_view name) {
    return mount.notify(
        message.start_notification(NotifyCode::kDelete)
            .add(wire::NotifyDeleteOut{
                .parent = parent, .child = child, .namelen = static_cast<std::uint32_t>(name.size()), .padding = 0})
            .name(name)
            .finish());
  }
  Outcome<void> store(std::uint64_t nodeid, std::uint64_t offset, std::string_view data) {
    return mount.notify(
        message.start_notification(NotifyCode::kStore)
            .add(wire::NotifyStoreOut{
                .nodeid = nodeid, .offset = offset, .size = static_cast<std::uint32_t>(data.size()), .padding = 0})
            .bytes(std::as_bytes(std::span(data.data(), data.size())))
            .finish());
  }
  void make_file(std::string_view path, std::string_view data = "") {
    const Fd file = mount.creat(path, 0644).value();
    mount.write(file, data);
    mount.close(file);
    mount.stat(path);
    asked.take();
  }

  Asked asked;
  MessageBuilder message;
  SimulatedMount mount{memfs(), {.observers = {&asked}}};
};

TEST_F(Notified, InvalEntryMakesTheNextUseLookTheNameUp) {
  make_file("/a");
  mount.stat("/a");
  EXPECT_EQ(asked.take(), "");
  EXPECT_TRUE(inval_entry(1, "a"));
  EXPECT_EQ(asked.take(), "FORGET ");
  mount.stat("/a");
  EXPECT_EQ(asked.take(), "LOOKUP ");
  EXPECT_EQ(inval_entry(1, "none").error(), Errno(ENOENT));
  EXPECT_EQ(inval_entry(77, "a").error(), Errno(ENOENT));
  EXPECT_EQ(inval_entry(2, "a").error(), Errno(ENOTDIR));
  EXPECT_EQ(inval_entry(1, std::string(5000, 'x')).error(), Errno(ENAMETOOLONG));
}

TEST_F(Notified, ExpireOnlyKeepsTheNameAndAsksAgain) {
  make_file("/a");
  EXPECT_TRUE(inval_entry(1, "a", kExpireOnly));
  EXPECT_EQ(asked.take(), "");
  EXPECT_THAT(mount.dentries(), ::testing::SizeIs(1));
  mount.stat("/a");
  EXPECT_EQ(asked.take(), "LOOKUP ");
}

TEST_F(Notified, InvalInodeDropsAttributesAndPages) {
  make_file("/a", "hello");
  const Fd file = mount.open("/a", O_RDONLY).value();
  mount.read(file, 5);
  asked.take();
  EXPECT_EQ(mount.pread(file, 5, 0), "hello");
  EXPECT_EQ(asked.take(), "");
  EXPECT_TRUE(inval_inode(2, -1, 0));  // attributes alone
  EXPECT_EQ(mount.pread(file, 5, 0), "hello");
  EXPECT_EQ(asked.take(), "GETATTR ");
  EXPECT_TRUE(inval_inode(2, 0, 0));
  EXPECT_EQ(mount.pread(file, 5, 0), "hello");
  EXPECT_EQ(asked.take(), "GETATTR READ ");
  EXPECT_EQ(inval_inode(99, 0, 0).error(), Errno(ENOENT));
  mount.close(file);
}

TEST_F(Notified, DeleteTakesANameOnlyWithTheRightChild) {
  make_file("/a");
  make_file("/b");
  EXPECT_EQ(removed(1, 99, "a").error(), Errno(ENOENT));
  EXPECT_TRUE(removed(1, 3, "b"));
  mount.mkdir("/d", 0755);
  make_file("/d/x");
  const Fd held = mount.open("/d/x", O_RDONLY).value();
  EXPECT_EQ(removed(1, 4, "d").error(), Errno(ENOTEMPTY));
  mount.close(held);
}

TEST_F(Notified, WhatLiesBelowADirectoryThatIsNoLongerFoundIsForgottenWithTheRest) {
  mount.mkdir("/d", 0755);
  make_file("/d/x");
  const Fd held = mount.open("/d/x", O_RDONLY).value();
  EXPECT_TRUE(inval_entry(1, "d"));
  mount.close(held);
  EXPECT_THAT(mount.lookup_counts(), ::testing::SizeIs(2));
  mount.drop_caches();
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
}

TEST_F(Notified, StoreFillsPagesThatAReaderThenDoesNotAskFor) {
  make_file("/a");
  const Fd file = mount.open("/a", O_RDONLY).value();
  EXPECT_TRUE(store(2, 0, "stored"));
  asked.take();
  EXPECT_EQ(mount.pread(file, 100, 0), "");  // the server is asked for the size, and knows of none
  EXPECT_EQ(asked.take(), "GETATTR ");
  EXPECT_EQ(store(1, 0, "x").error(), Errno(EINVAL));
  EXPECT_EQ(store(99, 0, "x").error(), Errno(ENOENT));
  mount.close(file);
}

TEST_F(Notified, RetrieveBringsWhatIsCachedUnderTheServersNumber) {
  make_file("/a", "hello");
  const Fd file = mount.open("/a", O_RDONLY).value();
  mount.read(file, 5);
  EXPECT_TRUE(mount.notify(
      message.start_notification(NotifyCode::kRetrieve)
          .add(wire::NotifyRetrieveOut{.notify_unique = 4711, .nodeid = 2, .offset = 1, .size = 100, .padding = 0})
          .finish()));
  EXPECT_THAT(asked.take(), HasSubstr("NOTIFY_REPLY"));
  wire::InHeader header;
  std::memcpy(&header, asked.last().data(), sizeof(header));
  EXPECT_EQ(header.unique, 4711U);
  EXPECT_EQ(header.len, sizeof(header) + sizeof(wire::NotifyRetrieveIn) + 4);
  mount.close(file);
}

TEST_F(Notified, EpochAndPrune) {
  make_file("/a");
  EXPECT_TRUE(mount.notify(message.start_notification(NotifyCode::kIncEpoch).finish()));
  mount.stat("/a");
  EXPECT_EQ(asked.take(), "LOOKUP FORGET ");  // the old name is dropped, the new one is of the same inode
  const std::uint64_t nodeid = 2;
  EXPECT_TRUE(mount.notify(message.start_notification(NotifyCode::kPrune)
                               .add(wire::NotifyPruneOut{.count = 1, .padding = 0, .spare = 0})
                               .bytes(std::as_bytes(std::span(&nodeid, 1)))
                               .finish()));
  EXPECT_EQ(asked.take(), "FORGET ");
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
}

TEST(NotifiedKernels, KnowOnlyTheCodesOfTheirTime) {
  SimulatedMountSetup setup;
  setup.kernel = KernelProfile::linux_6_12();
  SimulatedMount mount(memfs(), setup);
  MessageBuilder message;
  EXPECT_EQ(mount.notify(message.start_notification(NotifyCode::kIncEpoch).finish()).error(), Errno(EINVAL));
  EXPECT_TRUE(mount.notify(message.start_notification(NotifyCode::kResend).finish()));
}

TEST_F(Notified, InvalEntryWaitsForWhoChangesTheDirectory) {
  make_file("/a");
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  SimulatedProcess& server_thread = mount.spawn({.pid = 1});
  mount.hold(Opcode::kMkdir);
  auto made = one.start([](SystemCalls& calls) { return calls.mkdir("/d", 0755); });
  auto told = server_thread.start([this](SystemCalls&) { return inval_entry(1, "a"); });
  EXPECT_FALSE(told.done());
  EXPECT_THAT(server_thread.waits_for(), HasSubstr("i_rwsem of nodeid 1"));
  mount.let_go(Opcode::kMkdir);
  EXPECT_TRUE(told.get());
  EXPECT_TRUE(made.get());
}

TEST_F(Notified, InvalInodeWaitsForThePageThatIsRead) {
  make_file("/a", "hello");
  SimulatedProcess& one = mount.spawn({.pid = 1001});
  SimulatedProcess& server_thread = mount.spawn({.pid = 1});
  EXPECT_TRUE(inval_inode(2, 0, 0));
  mount.hold(Opcode::kRead);
  auto read = one.start([](SystemCalls& calls) {
    const Fd fd = calls.open("/a", O_RDONLY).value();
    return calls.read(fd, 5);
  });
  auto told = server_thread.start([this](SystemCalls&) { return inval_inode(2, 0, 0); });
  EXPECT_THAT(server_thread.waits_for(), HasSubstr("page 0 of nodeid 2"));
  mount.let_go(Opcode::kRead);
  EXPECT_EQ(read.get().value(), "hello");
  EXPECT_TRUE(told.get());
}

/// memfs, and a word to the kernel before or after the reply to one kind of request.
class Notifier final : public Server, public ReplyChannel {
 public:
  enum class When { kBeforeReply, kAfterReply };
  Notifier(Opcode at, When when) : inner_(memfs()), at_(at), when_(when) {}

  void handle(IncomingRequest request, ReplyChannel& replies) override {
    const bool now = read_in_header(request.bytes)->opcode == static_cast<std::uint32_t>(at_);
    if (now && when_ == When::kBeforeReply) notify(replies);
    inner_.handle(std::move(request), replies);
    if (now && when_ == When::kAfterReply) notify(replies);
  }
  void disconnect() override { inner_.disconnect(); }
  std::int64_t send(const Message&) override { return 0; }

  std::int64_t result = 1;

 private:
  void notify(ReplyChannel& kernel) {
    MessageBuilder message;
    const Bytes bytes = message.start_notification(NotifyCode::kInvalEntry)
                            .add(wire::NotifyInvalEntryOut{.parent = 1, .namelen = 1, .flags = 0})
                            .name("a")
                            .finish();
    result = kernel.send(Message{.head = bytes, .tail = {}, .owner = nullptr});
  }

  OperationsServer inner_;
  Opcode at_;
  When when_;
};

TEST(ANotificationFromAHandler, BeforeItsReplyIsADeadlockWithItsOwnCaller) {
  auto server = std::make_unique<Notifier>(Opcode::kMkdir, Notifier::When::kBeforeReply);
  const Notifier& notifier = *server;
  SimulatedMount mount(std::move(server));
  mount.mknod("/a", 0644);
  mount.mkdir("/d", 0755);
  EXPECT_EQ(notifier.result, -EDEADLK);
  ASSERT_THAT(mount.dead_ends(), ::testing::SizeIs(2));
  EXPECT_EQ(mount.dead_ends()[0], "i_rwsem of nodeid 1 for the server is held by pid 1000");
  EXPECT_THAT(mount.dead_ends()[1], HasSubstr("MKDIR"));
}

TEST(ANotificationFromAHandler, AfterItsReplyWaitsForTheCallerToLetGo) {
  auto server = std::make_unique<Notifier>(Opcode::kMkdir, Notifier::When::kAfterReply);
  const Notifier& notifier = *server;
  SimulatedMount mount(std::move(server));
  mount.mknod("/a", 0644);
  EXPECT_TRUE(mount.mkdir("/d", 0755));
  EXPECT_GT(notifier.result, 0);
  EXPECT_EQ(mount.trouble(), "");
}

}  // namespace
}  // namespace fusereplay
