// Servers that reply in their work(): what a SimulatedMount does while they work, when they stop, and when they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "core/protocol/view.h"
#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "simulator/mount.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A memfs that answers when its crank is turned, and not one request of `lost`.
class LateServer final : public Server, public ServerWork {
 public:
  explicit LateServer(Opcode lost = Opcode{}, ServerProgress then = ServerProgress::kIdle)
      : inner_(std::make_unique<Memfs>()), lost_(lost), then_(then) {}

  void handle(IncomingRequest request, ReplyChannel& replies) override {
    waiting_.emplace_back(std::move(request), &replies);
  }
  void disconnect() override {
    waiting_.clear();
    inner_.disconnect();
  }
  ServerWork* work() noexcept override { return this; }
  ServerProgress run_one() override {
    if (waiting_.empty()) return ServerProgress::kIdle;
    auto [request, replies] = std::move(waiting_.front());
    waiting_.pop_front();
    if (read_in_header(request.bytes)->opcode == static_cast<std::uint32_t>(lost_)) return then_;
    inner_.handle(std::move(request), *replies);
    return ServerProgress::kDone;
  }
  std::string obstacle() const override { return "the post was lost"; }

 private:
  OperationsServer inner_;
  Opcode lost_;
  ServerProgress then_;
  std::deque<std::pair<IncomingRequest, ReplyChannel*>> waiting_;
};

TEST(ServerWork, IsTurnedUntilTheCallIsAnsweredAndNothingIsLeft) {
  SimulatedMount mount(std::make_unique<LateServer>());
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  EXPECT_EQ(mount.pwrite(file, "hello", 0), 5);
  EXPECT_EQ(mount.pread(file, 100, 0), "hello");
  mount.close(file);
  EXPECT_TRUE(mount.quiet()) << "the RELEASE was answered";
  mount.drop_caches();
  EXPECT_TRUE(mount.lookup_counts().empty());
  EXPECT_EQ(mount.trouble(), "");
}

TEST(ServerWork, ACallThatIsNotAnsweredSaysWhy) {
  SimulatedMount mount(std::make_unique<LateServer>(Opcode::kMkdir));
  EXPECT_EQ(mount.mkdir("/d", 0755).error(), Errno(EDEADLK));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("was never answered: the post was lost")));
  EXPECT_TRUE(mount.stat("/")) << "the rest goes on";
}

TEST(ServerWork, AServerThatEndsEndsTheConnection) {
  SimulatedMount mount(std::make_unique<LateServer>(Opcode::kMkdir, ServerProgress::kGone));
  EXPECT_EQ(mount.mkdir("/d", 0755).error(), Errno(ECONNABORTED));
  EXPECT_EQ(mount.stat("/e").error(), Errno(ENOTCONN));
  EXPECT_THAT(mount.dead_ends(), ElementsAre("the post was lost"));
}

}  // namespace
}  // namespace fusereplay
