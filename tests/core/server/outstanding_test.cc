// What a server tells of requests that are not answered.
#include "core/server/outstanding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <span>
#include <thread>

#include "core/async/sync.h"
#include "core/client/client.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// GETATTR waits for a bell, in a task that it awaits; ACCESS holds its thread until it may go on.
class WaitingFs final : public Operations {
 public:
  static constexpr unsigned kHandlerLine = __LINE__ + 2;
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    co_await bell_rings();
    co_return AttributesReply{Attributes{.mode = 0040755}, {}};
  }
  Async<void> access(const Request&, NodeId, std::uint32_t) override {
    entered = true;
    entered.notify_all();
    leave.wait(false);
    return Result<void>();
  }

  AsyncEvent bell;
  std::atomic<bool> entered{false};
  std::atomic<bool> leave{false};

 private:
  static constexpr unsigned kWaitLine = __LINE__ + 2;
  Async<void> bell_rings() {
    co_await bell.wait();
    co_return {};
  }

 public:
  static constexpr unsigned wait_line() { return kWaitLine; }
};

class OutstandingRequests : public ::testing::Test {
 protected:
  OutstandingRequests() : server_(std::make_unique<WaitingFs>(), options()), fs_(waiting_fs()), client_(server_) {
    EXPECT_TRUE(client_.init().get());
  }
  ~OutstandingRequests() override {
    fs_.bell.set();
    server_.disconnect();
  }
  OperationsServer::Options options() {
    OperationsServer::Options options;
    options.log = [this](std::string_view line) { log_ += std::string(line) + '\n'; };
    return options;
  }
  WaitingFs& waiting_fs() { return static_cast<WaitingFs&>(server_.operations()); }

  std::string log_;
  OperationsServer server_;
  WaitingFs& fs_;
  Client client_;
};

TEST_F(OutstandingRequests, ASuspendedHandlerIsToldWithBothPlaces) {
  const auto pending = client_.getattr(kRoot);
  const auto requests = server_.outstanding_requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].state, OutstandingRequest::State::kSuspended);
  EXPECT_EQ(requests[0].opcode, Opcode::kGetattr);
  EXPECT_EQ(requests[0].nodeid, 1U);
  EXPECT_EQ(requests[0].handler.line, WaitingFs::kHandlerLine);
  EXPECT_EQ(requests[0].wait.line, WaitingFs::wait_line());
  EXPECT_THAT(requests[0].wait.file, HasSubstr("outstanding_test.cc"));
}

TEST_F(OutstandingRequests, AnAnsweredOneIsNoLongerTold) {
  auto pending = client_.getattr(kRoot);
  fs_.bell.set();
  EXPECT_TRUE(pending.get());
  while (server_.outstanding() != 0) std::this_thread::yield();
  EXPECT_THAT(server_.outstanding_requests(), IsEmpty());
}

TEST_F(OutstandingRequests, AHandlerThatHoldsItsThreadIsToldWithTheThread) {
  std::thread caller([this] { EXPECT_TRUE(client_.access(kRoot, 4).get()); });
  fs_.entered.wait(false);
  const auto requests = server_.outstanding_requests();
  EXPECT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests.at(0).state, OutstandingRequest::State::kRunning);
  EXPECT_EQ(requests.at(0).opcode, Opcode::kAccess);
  EXPECT_NE(requests.at(0).thread, static_cast<std::uint32_t>(::gettid()));
  fs_.leave = true;
  fs_.leave.notify_all();
  caller.join();
  EXPECT_THAT(server_.outstanding_requests(), IsEmpty());
}

TEST_F(OutstandingRequests, ACrashIsToldTheSameAndWhetherThatIsAll) {
  const auto first = client_.getattr(kRoot);
  const auto second = client_.getattr(NodeId{2});
  std::array<OutstandingRequest, 3> space;
  const CrashedRequests all = server_.outstanding_requests_in_crash(space);
  const auto requests = server_.outstanding_requests();
  ASSERT_EQ(all.count, 2U);
  EXPECT_TRUE(all.complete);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(describe(space[i], 0), describe(requests[i], 0));
  const CrashedRequests some = server_.outstanding_requests_in_crash(std::span(space).first(1));
  EXPECT_EQ(some.count, 1U);
  EXPECT_FALSE(some.complete);
}

TEST_F(OutstandingRequests, SettingTheAttributeWritesTheReport) {
  const auto pending = client_.getattr(kRoot);
  EXPECT_TRUE(client_.setxattr(kRoot, "fuse_stacktrace", SetXattr{}).get());
  EXPECT_THAT(log_, ::testing::StartsWith("1 request outstanding\n  GETATTR "));
  EXPECT_THAT(log_, HasSubstr(": suspended at "));
  EXPECT_THAT(log_, HasSubstr("tests/core/server/outstanding_test.cc:"));
  EXPECT_EQ(client_.setxattr(kRoot, "user.other", SetXattr{}).get().error(), Errno(ENOSYS));
}

TEST(OutstandingRequest, IsDescribedInALine) {
  OutstandingRequest request{.state = OutstandingRequest::State::kRunning,
                             .opcode = Opcode::kRead,
                             .unique = 44,
                             .nodeid = 7,
                             .pid = 812,
                             .received = 1'000,
                             .thread = 33};
  EXPECT_EQ(describe(request, 2'500'001'000), "READ 44 of node 7 for pid 812, 2.50 s: running on thread 33");
  request.state = OutstandingRequest::State::kSuspended;
  EXPECT_EQ(describe(request, 1'000), "READ 44 of node 7 for pid 812, 0 ns: suspended");
}

}  // namespace
}  // namespace fusereplay
