#include "core/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/server/operations_server.h"
#include "core/session/connection_control.h"
#include "tests/session/raw_server.h"
#include "tests/session/recording_sink.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

unsigned device_threads() {
  unsigned count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    if (name.starts_with("device-")) ++count;
  }
  return count;
}

std::string in_mount_table(const std::string& mountpoint) {
  return find_connection(mountpoint) ? "mounted" : "not mounted";
}

class SessionLive : public LiveTest {
 protected:
  /// What every way to end has in common; the reason is the caller's to check.
  void expect_clean_end(const std::string& mountpoint, Mark last) {
    EXPECT_EQ(in_mount_table(mountpoint), "not mounted");
    EXPECT_EQ(device_threads(), 0U);
    EXPECT_EQ(server_.disconnects(), 1);
    const auto events = sink_.delivered();
    ASSERT_GE(events.size(), 2U);
    EXPECT_EQ(events.front().mark, Mark::kMounted);
    EXPECT_EQ(events.front().sequence, 1U);
    EXPECT_EQ(events.back().mark, last);
    EXPECT_EQ(events.back().sequence, events.size()) << "dense, and the mark is the last";
  }

  RawServer server_;
  RecordingSink sink_;
};

TEST_F(SessionLive, ServesWhatTheServerAnswers) {
  LiveMount mount(server_, {.observers = {&sink_}});
  const auto result = mount.run("cat file; ls; stat -c %s file; stat nothing 2>/dev/null || echo missing");
  EXPECT_EQ(result.output, std::string(RawServer::kText) + "file\n26\nmissing\n") << result;
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  expect_clean_end(mount.path(), Mark::kUnmounted);
}

/// Whoever looks a name up makes the kernel forget it.
class Forgetful final : public Operations {
 public:
  Async<void> init(Connection& connection) override {
    notifier_ = &connection.notifier();
    return Result<void>();
  }
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = {.mode = S_IFDIR | 0755}};
  }
  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    co_await notifier_->inval_entry(parent, name);  // the caller has its directory locked
    notifier_->poll(1);
    const Timeout long_time = Timeout::seconds(3600);
    co_return Entry{.node = {}, .entry_timeout = long_time};
  }

 private:
  Notifier* notifier_ = nullptr;
};

TEST_F(SessionLive, NotificationsFollowTheirHandlersReplyAndAreEventsOfTheSequence) {
  OperationsServer server(std::make_unique<Forgetful>());
  LiveMount mount(server, {.threads = 2, .observers = {&sink_}});
  mount.run("for i in 1 2 3 4 5 6 7 8; do test -e a$i; done");
  ASSERT_TRUE(server.notifier().wait_until_written(std::chrono::seconds(60)));
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  const auto events = sink_.events();
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i].sequence, i + 1);
  std::size_t lookups = 0;
  std::size_t polls = 0;
  std::size_t names = 0;
  for (const RecordedEvent& event : events) {
    if (event.kind == EventKind::kRequest && event.opcode == Opcode::kLookup) ++lookups;
    if (event.kind != EventKind::kNotification) continue;
    if (event.error == static_cast<std::int32_t>(NotifyCode::kPoll)) {
      ++polls;
      continue;
    }
    ++names;
    EXPECT_TRUE(event.result > 0 || event.result == -ENOENT) << event.result;
    EXPECT_NE(event.thread, events[1].thread) << "no thread of the device waits for it";
    EXPECT_LE(names, polls);
  }
  EXPECT_GE(lookups, 8U);
  EXPECT_EQ(polls, lookups);
  EXPECT_EQ(names, lookups);
}

/// A LOOKUP that is never answered keeps its directory locked, for which a notification waits.
class Stuck final : public Operations {
 public:
  Async<void> init(Connection& connection) override {
    connection_ = &connection;
    return Result<void>();
  }
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = {.mode = S_IFDIR | 0755}};
  }
  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override {
    if (name != "stuck") co_return Errno(ENOENT);
    connection_->spawn(tell(parent));
    co_await connection_->interrupts().wait_interruptible(request, never_);
    co_return Errno(ENOENT);
  }
  bool told() const noexcept { return told_; }

 private:
  Async<void> tell(NodeId parent) {
    co_await connection_->notifier().inval_entry(parent, "stuck");
    told_ = true;
    co_return {};
  }

  Connection* connection_ = nullptr;
  AsyncEvent never_;
  std::atomic<bool> told_{false};
};

TEST_F(SessionLive, AnAbortEndsWhatNotificationsWaitFor) {
  OperationsServer server(std::make_unique<Stuck>());
  LiveMount mount(server, {.observers = {&sink_}});
  ChildProcess caller = mount.start("test -e stuck");
  while (server.notifier().unfinished() == 0) std::this_thread::yield();
  EXPECT_FALSE(static_cast<Stuck&>(server.operations()).told());
  ASSERT_TRUE(mount.session().abort());
  EXPECT_EQ(mount.session().wait(), EndReason::kAborted);
  EXPECT_TRUE(static_cast<Stuck&>(server.operations()).told());
  EXPECT_EQ(server.notifier().unfinished(), 0U);
  EXPECT_FALSE(caller.wait(LiveMount::kChildTime).ok());
}

TEST_F(SessionLive, EndsByUmount8) {
  LiveMount mount(server_, {.threads = 2, .observers = {&sink_}});
  ASSERT_TRUE(mount.run("cat file").ok());
  const auto umount = ChildProcess({"umount", mount.path()}, "").wait(LiveMount::kChildTime);
  EXPECT_TRUE(umount.ok()) << umount;
  EXPECT_EQ(mount.session().wait(), EndReason::kUnmounted);
  expect_clean_end(mount.path(), Mark::kUnmounted);
}

TEST_F(SessionLive, EndsByAbortOfItsConnection) {
  LiveMount mount(server_, {.threads = 2, .observers = {&sink_}});
  ASSERT_TRUE(mount.run("cat file").ok());
  ASSERT_TRUE(ConnectionControl::open(mount.session().mount().connection())->abort());
  EXPECT_EQ(mount.session().wait(), EndReason::kAborted);
  expect_clean_end(mount.path(), Mark::kAborted);
}

TEST_F(SessionLive, TellsAnAbortFromAnUnmountWithoutAbortError) {
  RawServer server({.init_flags = 0});
  LiveMount mount(server, {.threads = 2});
  ASSERT_TRUE(mount.run("cat file").ok());
  ASSERT_TRUE(ConnectionControl::open(mount.session().mount().connection())->abort());
  EXPECT_EQ(mount.session().wait(), EndReason::kAborted);
  EXPECT_EQ(in_mount_table(mount.path()), "not mounted");
}

TEST_F(SessionLive, EndsByItsOwnAbort) {
  LiveMount mount(server_, {.observers = {&sink_}});
  ASSERT_TRUE(mount.session().abort());
  EXPECT_EQ(mount.session().wait(), EndReason::kAborted);
  expect_clean_end(mount.path(), Mark::kAborted);
}

TEST_F(SessionLive, EndsWhenDestroyedEvenIfBusy) {
  std::string mountpoint;
  std::optional<ChildProcess> user;  // outlives the mount
  {
    LiveMount mount(server_, {.observers = {&sink_}});
    mountpoint = mount.path();
    user.emplace(mount.start("exec 3< file; exec sleep 1000"));
    sink_.wait_for([](const RecordedEvent& event) { return event.opcode == Opcode::kOpen; });
  }
  expect_clean_end(mountpoint, Mark::kAborted);
}

TEST_F(SessionLive, UnmountingIsIdempotentAndSoIsWaiting) {
  LiveMount mount(server_, {.threads = 4});
  EXPECT_TRUE(mount.session().unmount());
  EXPECT_TRUE(mount.session().unmount());
  EXPECT_EQ(mount.session().wait(), EndReason::kUnmounted);
  EXPECT_EQ(mount.session().wait(), EndReason::kUnmounted);
  EXPECT_TRUE(mount.session().unmount());
  EXPECT_EQ(server_.disconnects(), 1);
}

TEST_F(SessionLive, ABusyMountIsServedUntilItsLastUserLeaves) {
  LiveMount mount(server_, {.observers = {&sink_}});
  ChildProcess user = mount.start("exec 3< file; exec sleep 1000");
  sink_.wait_for([](const RecordedEvent& event) { return event.opcode == Opcode::kOpen; });
  const std::string opened = "/proc/" + std::to_string(user.pid()) + "/fd/3";
  const auto leads_to = [&] {  // a number that the child may have inherited, for something else
    std::error_code none;
    return std::filesystem::read_symlink(opened, none).filename();
  };
  while (leads_to() != "file") std::this_thread::yield();
  ASSERT_TRUE(mount.session().unmount());
  EXPECT_EQ(in_mount_table(mount.path()), "not mounted");
  const auto reader = ChildProcess({"cat", opened}, "").wait(LiveMount::kChildTime);
  EXPECT_EQ(reader.output, RawServer::kText) << reader;
  user.signal(SIGKILL);
  EXPECT_EQ(mount.session().wait(), EndReason::kUnmounted);
  expect_clean_end(mount.path(), Mark::kUnmounted);
}

TEST_F(SessionLive, ARefusedInitEndsTheSession) {
  RawServer server({.init_error = EPROTO});
  LiveMount mount(server, {.threads = 4});
  EXPECT_EQ(mount.session().wait(), EndReason::kInitRefused);
  EXPECT_EQ(in_mount_table(mount.path()), "not mounted");
  EXPECT_EQ(server.disconnects(), 1);
}

/// Never answers.
class SilentServer final : public Server {
 public:
  void handle(IncomingRequest, ReplyChannel&) override {}
  void disconnect() override {}
};

TEST_F(SessionLive, AnInitNeverAnsweredDoesNotKeepTheSession) {
  SilentServer server;
  LiveMount mount(server, {.threads = 2});
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

TEST_F(SessionLive, RepliesGoToTheDeviceThatReadTheRequest) {
  LiveMount mount(server_, {.threads = 4, .observers = {&sink_}});
  const auto result = mount.run("for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5; do cat file; done) & done; wait");
  ASSERT_TRUE(result.ok()) << result;
  ASSERT_EQ(mount.unmount(), EndReason::kUnmounted);
  std::map<std::uint64_t, std::uint32_t> readers;  // by unique
  std::set<std::uint32_t> channels;
  for (const RecordedEvent& event : sink_.events()) {
    if (event.kind == EventKind::kRequest) {
      readers[event.unique] = event.channel;
      channels.insert(event.channel);
    } else if (event.kind == EventKind::kReply) {
      EXPECT_EQ(event.channel, readers.at(event.unique));
      EXPECT_GT(event.result, 0) << "a reply on another device is refused with ENOENT (rule R1)";
      EXPECT_LE(event.begin, event.end);
    }
  }
  EXPECT_GT(channels.size(), 1U);
}

TEST_F(SessionLive, LookupsInOneDirectoryAreOutstandingTogether) {
  RawServer server({.lookups_together = 4});
  LiveMount mount(server, {.threads = 4, .observers = {&sink_}});
  const auto result = mount.run("for i in 1 2 3 4; do stat held$i > /dev/null & done; wait");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

TEST_F(SessionLive, ARequestIsShownBeforeItIsHandledAndItsReplyAfterItsWrite) {
  LiveMount mount(server_, {.observers = {&sink_}});
  ASSERT_TRUE(mount.run("cat file").ok());
  mount.unmount();
  const auto delivered = sink_.delivered();  // one thread: the order of delivery is the order of things
  ASSERT_GE(delivered.size(), 4U);
  EXPECT_EQ(delivered[1].opcode, Opcode::kInit);
  EXPECT_EQ(delivered[1].kind, EventKind::kRequest);
  EXPECT_EQ(delivered[2].kind, EventKind::kReply);
  EXPECT_EQ(delivered[2].unique, delivered[1].unique);
  EXPECT_EQ(delivered[2].result, 80);
  EXPECT_TRUE(std::is_sorted(delivered.begin(), delivered.end(),
                             [](const auto& a, const auto& b) { return a.sequence < b.sequence; }));
}

TEST_F(SessionLive, LargeMessagesKeepTheReadBufferAndSmallOnesAreCopiedOutOfIt) {
  LiveMount mount(server_, {.threads = 1});
  const auto result = mount.run("dd if=/dev/zero of=file bs=1M count=4 conv=notrunc status=none && echo short > file");
  ASSERT_TRUE(result.ok()) << result;
  const auto writes = server_.take_writes();
  ASSERT_EQ(writes.size(), 5U);
  std::set<const std::byte*> places;
  for (const IncomingRequest& write : writes) {
    places.insert(write.bytes.data());
    EXPECT_EQ(write.bytes.data(), write.buffer->data());
    EXPECT_TRUE(write.buffer.unique()) << "nobody reads into it any more";
    EXPECT_GT(write.received, 0);
  }
  EXPECT_EQ(places.size(), writes.size());
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(writes[i].bytes.size(), (1U << 20) + sizeof(wire::InHeader) + sizeof(wire::WriteIn));
    EXPECT_EQ(writes[i].buffer->capacity(), writes[0].buffer->capacity());
    EXPECT_GT(writes[i].buffer->capacity(), writes[i].bytes.size()) << "a read buffer, not one made for the message";
  }
  EXPECT_EQ(writes[4].buffer->capacity(), 4096U);
}

TEST_F(SessionLive, ReadBuffersFollowTheServersMaxWrite) {
  RawServer server({.max_write = 128 << 10});
  LiveMount mount(server, {.threads = 1});
  ASSERT_TRUE(mount.run("dd if=/dev/zero of=file bs=1M count=1 conv=notrunc status=none").ok());
  const auto writes = server.take_writes();
  ASSERT_EQ(writes.size(), 8U);
  EXPECT_LT(writes[0].buffer->capacity(), 256U << 10);
}

TEST_F(SessionLive, AMountPointThatIsMissingLeavesNothingBehind) {
  Session session(server_, {.mountpoint = "/nonexistent", .mount = {}, .threads = 1, .observers = {&sink_}});
  EXPECT_EQ(session.start().error().kind, MountErrorKind::kNoMountpoint);
  EXPECT_TRUE(sink_.events().empty());
  EXPECT_EQ(server_.disconnects(), 0);
}

TEST_F(SessionLive, EndReasonsHaveNames) {
  EXPECT_EQ(describe(EndReason::kUnmounted), "unmounted");
  EXPECT_EQ(describe(EndReason::kAborted), "aborted");
  EXPECT_EQ(describe(EndReason::kInitRefused), "INIT refused");
}

}  // namespace
}  // namespace fusereplay::testing
