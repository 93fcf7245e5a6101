// The server around the handlers: INIT, malformed requests, bad answers, exceptions, suspension, disconnect.
#include "core/server/operations_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <latch>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "core/async/sync.h"
#include "core/client/client.h"
#include "core/operations/inode_table.h"

namespace fusereplay {
namespace {

class Odd : public Operations {
 public:
  Async<void> init(Connection& connection) override {
    if (refuse_init) return Errno(EPERM);
    connection.limits().max_write = 256 * 1024;
    connection.limits().time_granularity = 1000;
    exported = connection.want(Capability::kExport);
    connection.refuse(Capability::kReaddirplus);
    if (concurrent) connection.run_handlers_concurrently();
    return Result<void>{};
  }
  Async<void> destroy() override {
    destroyed = true;
    return Result<void>{};
  }
  Async<std::string> readlink(const Request&, NodeId node) override {
    if (raw(node) == 2) return std::string(5000, 'x');  // longer than the kernel takes (rule R3)
    if (raw(node) == 3) throw std::runtime_error("boom");
    if (raw(node) == 4) return Errno(600);  // no errno (rule R2)
    return throw_later();
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name == "wait") co_await event.wait();
    co_return Entry{.node = NodeId{7}, .attributes = {.mode = S_IFREG}};
  }
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    const int now = inside.fetch_add(1) + 1;
    if (now > most) most = now;
    for (int i = 0; concurrent && most < 2 && i < 1'000'000; ++i) std::this_thread::yield();
    inside.fetch_sub(1);
    return AttributesReply{{.mode = S_IFDIR}, {}};
  }

  bool refuse_init = false;
  bool exported = false;
  bool concurrent = false;
  bool destroyed = false;
  AsyncEvent event;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};

 private:
  static Async<std::string> throw_later() {
    throw std::runtime_error("late");
    co_return "";
  }
};

class OperationsServerTest : public testing::Test {
 protected:
  ~OperationsServerTest() override {
    if (!disconnected_) server_.disconnect();
  }
  Odd& odd() { return static_cast<Odd&>(server_.operations()); }

  std::vector<std::string> log_;
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  OperationsServer server_{
      std::make_unique<Odd>(),
      {.executor = &executor_, .clock = &clock_, .log = [this](std::string_view line) { log_.emplace_back(line); }}};
  Client client_{server_, &executor_};
  bool disconnected_ = false;
};

TEST_F(OperationsServerTest, InitGrantsWhatIsOfferedAndWanted) {
  const InitReply reply =
      client_.init(kInitMaxPages | kInitAsyncRead | kInitExportSupport | kInitDoReaddirplus).get().value();
  EXPECT_EQ(reply.minor, kProtocolMinor);
  EXPECT_EQ(reply.flags, kInitMaxPages | kInitAsyncRead | kInitExportSupport);
  EXPECT_TRUE(odd().exported);
  EXPECT_EQ(reply.wire.max_write, 256U * 1024);
  EXPECT_EQ(reply.wire.max_pages, 64);
  EXPECT_EQ(reply.wire.time_gran, 1000U);
}

TEST_F(OperationsServerTest, InitTakesTheSmallerMinorAndNeverClaimsWhatIsNotOffered) {
  const InitReply reply = client_.init(0, 31).get().value();
  EXPECT_EQ(reply.minor, 31U);
  EXPECT_EQ(reply.flags, 0U);
  EXPECT_FALSE(odd().exported);
  EXPECT_EQ(reply.wire.max_write, 128U * 1024) << "32 pages is the kernel's limit without MAX_PAGES";
}

TEST_F(OperationsServerTest, AnInitThatFailsRefusesTheConnection) {
  odd().refuse_init = true;
  EXPECT_EQ(client_.init().get().error(), Errno(EPERM));
}

TEST_F(OperationsServerTest, ARequestThatIsTooShortGetsEio) {
  client_.init().get().value();
  const auto reply = client_.request(Opcode::kOpen, NodeId{3}, [](MessageBuilder&) {}).get();
  EXPECT_EQ(reply.error(), Errno(EIO));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find("OPEN"), std::string::npos);
}

TEST_F(OperationsServerTest, AnUnknownOpcodeGetsEnosys) {
  client_.init().get().value();
  const auto reply = client_.request(static_cast<Opcode>(777), NodeId{3}, [](MessageBuilder&) {}).get();
  EXPECT_EQ(reply.error(), Errno(ENOSYS));
}

TEST_F(OperationsServerTest, AReplyTheKernelWouldRefuseBecomesEioAndALogLine) {
  client_.init().get().value();
  EXPECT_EQ(client_.readlink(NodeId{2}).get().error(), Errno(EIO));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find("READLINK"), std::string::npos);
  EXPECT_NE(log_[0].find("R3"), std::string::npos);
  EXPECT_EQ(client_.readlink(NodeId{4}).get().error(), Errno(EIO));
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[1].find("600"), std::string::npos);
}

TEST_F(OperationsServerTest, AnExceptionBecomesEioAndALogLine) {
  client_.init().get().value();
  EXPECT_EQ(client_.readlink(NodeId{3}).get().error(), Errno(EIO));
  EXPECT_EQ(client_.readlink(NodeId{5}).get().error(), Errno(EIO));
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[0].find("boom"), std::string::npos);
  EXPECT_NE(log_[1].find("late"), std::string::npos);
}

TEST_F(OperationsServerTest, ASuspendedHandlerHoldsUpNoOther) {
  client_.init().get().value();
  const auto waiting = client_.lookup(kRoot, "wait");
  EXPECT_FALSE(waiting.replied());
  EXPECT_TRUE(client_.getattr(kRoot).get().has_value());
  EXPECT_EQ(server_.outstanding(), 1U);
  odd().event.set();
  EXPECT_EQ(waiting.get().value().node, NodeId{7});
  EXPECT_EQ(server_.outstanding(), 0U);
}

TEST_F(OperationsServerTest, InterruptIsHarmless) {
  client_.init().get().value();
  const auto waiting = client_.lookup(kRoot, "wait");
  client_.interrupt(waiting.unique());
  client_.interrupt(4242);
  odd().event.set();
  EXPECT_TRUE(waiting.get().has_value());
}

TEST_F(OperationsServerTest, DisconnectDestroysOnce) {
  client_.init().get().value();
  EXPECT_FALSE(odd().destroyed);
  server_.disconnect();
  disconnected_ = true;
  EXPECT_TRUE(odd().destroyed);
}

/// Four threads of requests at once; returns the most handlers that were inside together.
int most_inside(bool concurrent) {
  auto operations = std::make_unique<Odd>();
  Odd& odd = *operations;
  odd.concurrent = concurrent;
  OperationsServer server(std::move(operations));
  Client first(server);
  first.init().get().value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&server] {
      Client client(server);
      for (int round = 0; round < 200; ++round) EXPECT_TRUE(client.getattr(kRoot).get().has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  server.disconnect();
  return odd.most;
}

/// "block" comes back on the pool and holds the strand; so does "hold", which does not suspend; "late" suspends.
class Queueing final : public Operations {
 public:
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name == "block") {
      co_await resume_block.wait();
      holding.count_down();
      let_go.wait();
    } else if (name == "hold") {
      blocked_is_over.count_down();
      let_hold_go.wait();
    } else {
      suspended.count_down();
      co_await resume_late.wait();
      order.emplace_back("late");
    }
    co_return Errno(ENOENT);
  }
  Async<void> destroy() override {
    order.emplace_back("destroy");
    destroyed.release();
    return Result<void>{};
  }

  AsyncEvent resume_block;
  AsyncEvent resume_late;
  std::latch holding{1};
  std::latch let_go{1};
  std::latch blocked_is_over{1};
  std::latch let_hold_go{1};
  std::latch suspended{1};
  std::binary_semaphore destroyed{0};
  std::vector<std::string> order;
};

TEST(Disconnect, WaitsForARequestThatStillQueuesForTheStrand) {
  SystemClock clock;
  PoolExecutor pool(1, "pool", clock);
  OperationsServer server(std::make_unique<Queueing>(), {.executor = &pool, .clock = &clock, .log = {}});
  auto& filesystem = static_cast<Queueing&>(server.operations());
  Client client(server, nullptr);
  client.init().get().value();
  const auto blocking = client.lookup(kRoot, "block");
  filesystem.resume_block.set();
  filesystem.holding.wait();
  const auto hold = client.lookup(kRoot, "hold");  // only queued, as the strand is held
  const auto late = client.lookup(kRoot, "late");
  std::thread ending([&] { server.disconnect(); });
  filesystem.let_go.count_down();
  filesystem.blocked_is_over.wait();
  EXPECT_FALSE(filesystem.destroyed.try_acquire_for(std::chrono::milliseconds(20)));  // time to see that none suspends
  filesystem.let_hold_go.count_down();
  filesystem.suspended.wait();
  EXPECT_FALSE(filesystem.destroyed.try_acquire_for(std::chrono::milliseconds(100)));
  filesystem.resume_late.set();
  ending.join();
  EXPECT_EQ(late.get().error(), Errno(ENOENT));
  EXPECT_EQ(filesystem.order, (std::vector<std::string>{"late", "destroy"}));
}

TEST(Concurrency, HandlersRunOneAtATimeByDefault) {
  EXPECT_EQ(most_inside(false), 1);
}
TEST(Concurrency, HandlersRunTogetherWhereTheFilesystemSaysSo) {
  EXPECT_GT(most_inside(true), 1);
}

}  // namespace
}  // namespace fusereplay
