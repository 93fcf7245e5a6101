#include "core/operations/interrupts.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "core/protocol/builder.h"

namespace fusereplay {
namespace {

TEST(Interrupts, WakeWhoWatches) {
  Interrupts interrupts;
  AsyncEvent wake;
  AsyncEvent other;
  const Interrupts::Watch watch(interrupts, 4, wake);
  const Interrupts::Watch another(interrupts, 6, other);
  EXPECT_FALSE(watch.interrupted());
  interrupts.interrupt(4);
  EXPECT_TRUE(watch.interrupted());
  EXPECT_TRUE(wake.is_set());
  EXPECT_FALSE(another.interrupted());
  EXPECT_FALSE(other.is_set());
}

TEST(Interrupts, OneThatComesBeforeTheWatchIsNotLost) {
  Interrupts interrupts;
  interrupts.interrupt(4);
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 4, wake);
  EXPECT_TRUE(watch.interrupted());
  EXPECT_TRUE(wake.is_set());
}

TEST(Interrupts, OfRequestsNobodyWatchesAreForgottenInTheEnd) {
  Interrupts interrupts;
  for (std::uint64_t unique = 2; unique < 400; unique += 2) interrupts.interrupt(unique);
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 2, wake);
  EXPECT_FALSE(watch.interrupted());
}

TEST(Interrupts, TheEndInterruptsWhoWaitsAndWhoWill) {
  Interrupts interrupts;
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 4, wake);
  interrupts.interrupt_all();
  EXPECT_TRUE(watch.interrupted());
  AsyncEvent later;
  const Interrupts::Watch late(interrupts, 6, later);
  EXPECT_TRUE(late.interrupted());
}

/// Waits as a handler of request 4 would.
struct Waits : ::testing::Test {
  Waits() {
    wire::InHeader header{};
    header.unique = 4;
    header.nodeid = 1;
    EXPECT_TRUE(view_.read(message_.start_request(Opcode::kReadlink, header).finish(), {}, {}));
  }
  template <class T>
  void start(Async<T> wait) {
    const Executor::Scope scope(executor);
    run_detached(std::move(wait), [this](const auto& result) { error = result ? 0 : result.error().value(); });
  }
  /// What came of it; none while it waits.
  std::optional<int> outcome() {
    executor.run_ready();
    return std::exchange(error, std::nullopt);
  }

  ManualClock clock;
  ManualExecutor executor{clock};
  Interrupts interrupts;
  std::optional<int> error;

 private:
  class Nobody final : public ReplyChannel {
    std::int64_t send(const Message&) override { return -ENOENT; }
  };
  MessageBuilder message_;
  RequestView view_;
  Nobody nobody_;

 public:
  const Request request{view_, 0, nobody_};
};

TEST_F(Waits, ForAMutexEndWithEintr) {
  AsyncMutex mutex;
  auto held = mutex.try_lock();
  start(interrupts.lock_interruptible(request, mutex));
  EXPECT_EQ(outcome(), std::nullopt);
  interrupts.interrupt(4);
  EXPECT_EQ(outcome(), EINTR);
  held.unlock();
  start(interrupts.lock_interruptible(request, mutex));
  EXPECT_EQ(outcome(), 0);
}

TEST_F(Waits, ForASharedMutexEndWithEintr) {
  AsyncSharedMutex mutex;
  AsyncSharedMutex::Lock held;
  const auto hold = [&]() -> Async<void> {
    held = co_await mutex.lock();
    co_return {};
  };
  start(hold());
  EXPECT_EQ(outcome(), 0);
  start(interrupts.lock_shared_interruptible(request, mutex));
  EXPECT_EQ(outcome(), std::nullopt);
  interrupts.interrupt(4);
  EXPECT_EQ(outcome(), EINTR);
  start(interrupts.lock_interruptible(request, mutex));
  interrupts.interrupt_all();
  EXPECT_EQ(outcome(), EINTR);
}

TEST_F(Waits, ForAnEventEndWithEintrUnlessItHasCome) {
  AsyncEvent event;
  start(interrupts.wait_interruptible(request, event));
  EXPECT_EQ(outcome(), std::nullopt);
  event.set();
  interrupts.interrupt(4);
  EXPECT_EQ(outcome(), 0);
  event.reset();
  start(interrupts.wait_interruptible(request, event));
  interrupts.interrupt(4);
  EXPECT_EQ(outcome(), EINTR);
}

TEST_F(Waits, ForATimeEndWithEintrAndLeaveNoTimer) {
  start(interrupts.sleep_interruptible(request, 100));
  EXPECT_EQ(outcome(), std::nullopt);
  interrupts.interrupt(4);
  EXPECT_EQ(outcome(), EINTR);
  clock.set(100);
  EXPECT_EQ(executor.run_ready(), 0U);
}

TEST_F(Waits, ForATimeEndWithIt) {
  start(interrupts.sleep_interruptible(request, 100));
  clock.set(99);
  EXPECT_EQ(outcome(), std::nullopt);
  clock.set(100);
  EXPECT_EQ(outcome(), 0);
}

TEST_F(Waits, OfWhoWasInterruptedBeforeEndAtOnce) {
  interrupts.interrupt(4);
  AsyncMutex mutex;
  auto held = mutex.try_lock();
  start(interrupts.lock_interruptible(request, mutex));
  EXPECT_EQ(outcome(), EINTR);
  held.unlock();
  start(interrupts.lock_interruptible(request, mutex));
  EXPECT_EQ(outcome(), 0) << "but nothing had to be waited for";
  AsyncEvent event;
  start(interrupts.wait_interruptible(request, event));
  EXPECT_EQ(outcome(), EINTR);
  start(interrupts.sleep_interruptible(request, 100));
  EXPECT_EQ(outcome(), EINTR);
}

}  // namespace
}  // namespace fusereplay
