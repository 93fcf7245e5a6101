// FUSE over io_uring: what is the same as over the device, and what is not.
#include "core/session/ring_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/protocol/view.h"
#include "core/session/connection_control.h"
#include "tests/session/raw_server.h"
#include "tests/session/recording_sink.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

class RingLive : public TransportLiveTest {
 protected:
  Transport transport() const override { return Transport::kRing; }
  LiveMountOptions over_rings() { return {.transport = Transport::kRing, .observers = {&sink_}}; }

  RecordingSink sink_;
};

TEST_F(RingLive, CallersAreServedByTheirCpusQueue) {
  RawServer server;
  LiveMount mount(server, over_rings());
  const auto result = mount.run("cat file; ls; stat -c %s file; stat nothing 2>/dev/null || echo missing");
  EXPECT_EQ(result.output, std::string(RawServer::kText) + "file\n26\nmissing\n") << result;
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  EXPECT_EQ(server.disconnects(), 1);
  std::map<std::uint64_t, std::uint32_t> asked;
  unsigned over_rings = 0;
  for (const RecordedEvent& event : sink_.events()) {
    if (event.kind == EventKind::kRequest) {
      const bool device = event.channel == 0;
      EXPECT_TRUE(!device || event.opcode == Opcode::kInit || event.opcode == Opcode::kForget ||
                  event.opcode == Opcode::kBatchForget)
          << opcode_name(event.opcode);
      over_rings += device ? 0 : 1;
      asked[event.unique] = event.channel;
    } else if (event.kind == EventKind::kReply) {
      EXPECT_EQ(event.channel, asked[event.unique]) << "a reply leaves where its request came";
    }
  }
  EXPECT_GE(over_rings, 10U);
}

TEST_F(RingLive, DataOfEverySizeComesWhole) {
  RawServer server;
  LiveMount mount(server, over_rings());
  const auto result = mount.run(
      "for size in 1 4096 100000 1048576; do head -c $size /dev/zero | dd of=file bs=$size "
      "oflag=direct iflag=fullblock conv=notrunc status=none || exit 1; done");
  EXPECT_TRUE(result.ok()) << result;
  mount.unmount();
  std::vector<std::size_t> sizes;
  for (const IncomingRequest& request : server.take_writes()) {
    const auto view = RequestView::parse(request.bytes);
    ASSERT_TRUE(view);
    sizes.push_back(view->fixed<wire::WriteIn>().size);
    EXPECT_EQ(view->header().len, request.bytes.size());
  }
  EXPECT_THAT(sizes, ::testing::ElementsAre(1, 4096, 100000, 1048576));
}

/// Answers "slow" lookups from a thread of its own, all others at once; a lookup of "never" not at all.
class SlowServer final : public Server {
 public:
  ~SlowServer() override {
    if (thread_.joinable()) thread_.join();
  }
  void handle(IncomingRequest request, ReplyChannel& replies) override {
    const auto view = RequestView::parse(request.bytes);
    if (view && view->opcode() == Opcode::kLookup && view->name(0) == "never") {
      const std::lock_guard lock(mutex_);
      kept_ = std::move(request);
      replies_ = &replies;
      came_.notify_all();
      return;
    }
    if (view && view->opcode() == Opcode::kLookup && view->name(0) == "slow") {
      thread_ = std::thread(
          [this, request = std::move(request), &replies]() mutable { inner_.handle(std::move(request), replies); });
      return;
    }
    inner_.handle(std::move(request), replies);
  }
  void disconnect() override { inner_.disconnect(); }

  void await_never() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return replies_ != nullptr; });
  }
  /// What the reply to "never" comes to, now.
  std::int64_t answer_never(std::int32_t error = -ENOENT) {
    wire::OutHeader header{.len = sizeof(header), .error = error, .unique = 0};
    header.unique = RequestView::parse(kept_.bytes)->unique();
    return replies_->send(Message{.head = std::as_bytes(std::span(&header, 1)), .tail = {}});
  }

 private:
  RawServer inner_;
  std::thread thread_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable came_;
  IncomingRequest kept_;
  ReplyChannel* replies_ = nullptr;
};

TEST_F(RingLive, ARepliesThreadMayBeAnyThread) {
  SlowServer server;
  LiveMount mount(server, over_rings());
  const auto result = mount.run("stat slow 2>/dev/null || cat file");
  EXPECT_EQ(result.output, RawServer::kText) << result;
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

TEST_F(RingLive, AnAbortSetsEverybodyFreeAndLaterRepliesFindNobody) {
  SlowServer server;
  LiveMount mount(server, over_rings());
  ChildProcess child = mount.start("stat never");
  server.await_never();
  ASSERT_TRUE(mount.session().abort());
  EXPECT_FALSE(child.wait(LiveMount::kChildTime).ok());
  EXPECT_EQ(mount.session().wait(), EndReason::kAborted);
  EXPECT_EQ(server.answer_never(), -ENOENT);
}

TEST_F(RingLive, ARefusableHeaderIsRefusedAndTheRequestCanStillBeAnswered) {
  SlowServer server;
  LiveMount mount(server, over_rings());
  ChildProcess child = mount.start("stat never 2>/dev/null || echo missing");
  server.await_never();
  EXPECT_EQ(server.answer_never(ENOENT), -EINVAL) << "rule R2";
  EXPECT_EQ(server.answer_never(), static_cast<std::int64_t>(sizeof(wire::OutHeader)));
  EXPECT_EQ(server.answer_never(), -ENOENT) << "once";
  EXPECT_EQ(child.wait(LiveMount::kChildTime).output, "missing\n");
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

class RingOff : public LiveTest {};

TEST_F(RingOff, WhereTheKernelDoesNotOfferItTheMountIsRefusedWithWhatToDo) {
  std::string setting;
  std::ifstream("/sys/module/fuse/parameters/enable_uring") >> setting;
  if (setting == "Y") GTEST_SKIP() << "somebody has switched it on";
  RawServer server;
  Session session(server, {.mountpoint = LiveEnvironment::make_directory("mount"),
                           .mount = {},
                           .transport = Transport::kRing,
                           .observers = {}});
  const auto started = session.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, ::testing::HasSubstr("io_uring"));
}

TEST(RingQueues, AreOneForEachPossibleCpu) {
  EXPECT_GE(ring_queues(), std::thread::hardware_concurrency());
}

}  // namespace
}  // namespace fusereplay::testing
