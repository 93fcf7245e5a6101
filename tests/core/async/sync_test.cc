#include "core/async/sync.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fusereplay {
namespace {

class SyncTest : public testing::Test {
 protected:
  void spawn(Async<void> task) {
    run_detached(std::move(task), [this](const Result<void>& result) { finished_ += result.has_value() ? 1 : 0; });
  }

  ManualClock clock_{1000};
  ManualExecutor executor_{clock_};
  Executor::Scope scope_{executor_};
  std::string log_;
  int finished_ = 0;
};

Async<void> exclusive(AsyncSharedMutex& mutex, AsyncEvent& until, std::string& log, char name) {
  const auto lock = co_await mutex.lock();
  log += name;
  co_await until.wait();
  log += static_cast<char>(name + 32);
  co_return {};
}
Async<void> shared(AsyncSharedMutex& mutex, AsyncEvent& until, std::string& log, char name) {
  const auto lock = co_await mutex.lock_shared();
  log += name;
  co_await until.wait();
  log += static_cast<char>(name + 32);
  co_return {};
}

TEST_F(SyncTest, ReadersShareAWriterDoesNotAndNobodyOvertakes) {
  AsyncSharedMutex mutex;
  AsyncEvent until;
  spawn(shared(mutex, until, log_, 'A'));
  spawn(shared(mutex, until, log_, 'B'));
  spawn(exclusive(mutex, until, log_, 'C'));
  spawn(shared(mutex, until, log_, 'D'));
  spawn(shared(mutex, until, log_, 'E'));
  executor_.run_ready();
  EXPECT_EQ(log_, "AB") << "D and E wait behind the writer C";
  until.set();
  executor_.run_ready();
  EXPECT_EQ(finished_, 5);
  EXPECT_EQ(log_.substr(0, 4), "ABab");
  EXPECT_EQ(log_.substr(4, 2), "Cc");
  EXPECT_EQ(log_.size(), 10U);
}

Async<void> take(AsyncMutex& mutex, AsyncEvent& until, std::string& log, char name) {
  const auto lock = co_await mutex.lock();
  log += name;
  co_await until.wait();
  co_return {};
}

TEST_F(SyncTest, AMutexGoesToTheLongestWaiter) {
  AsyncMutex mutex;
  AsyncEvent until;
  for (const char name : {'A', 'B', 'C'}) spawn(take(mutex, until, log_, name));
  EXPECT_EQ(log_, "A");
  EXPECT_FALSE(mutex.try_lock());
  until.set();
  executor_.run_ready();
  EXPECT_EQ(log_, "ABC");
  EXPECT_TRUE(mutex.try_lock());
}

TEST_F(SyncTest, AReleasedMutexCannotBeSnatchedFromItsNextOwner) {
  AsyncMutex mutex;
  AsyncEvent until;
  auto held = mutex.try_lock();
  spawn(take(mutex, until, log_, 'A'));
  held.unlock();
  EXPECT_FALSE(mutex.try_lock()) << "it belongs to A already, though A has not run yet";
  until.set();
  executor_.run_ready();
  EXPECT_EQ(log_, "A");
}

Async<void> wait_twice(AsyncEvent& event, std::string& log) {
  co_await event.wait();
  log += '1';
  co_await event.wait();
  log += '2';
  co_return {};
}

TEST_F(SyncTest, AnEventStaysSetUntilReset) {
  AsyncEvent event;
  spawn(wait_twice(event, log_));
  event.set();
  event.reset();
  executor_.run_ready();
  EXPECT_EQ(log_, "1");
  event.set();
  executor_.run_ready();
  EXPECT_EQ(log_, "12");
}

Async<void> nap(std::int64_t nanoseconds, std::string& log, char name) {
  co_await sleep_for(nanoseconds);
  log += name;
  co_return {};
}

TEST_F(SyncTest, SleepersWakeByTheClockInOrder) {
  spawn(nap(300, log_, 'C'));
  spawn(nap(100, log_, 'A'));
  spawn(nap(0, log_, '0'));
  spawn(nap(200, log_, 'B'));
  executor_.run_ready();
  EXPECT_EQ(log_, "0");
  clock_.set(1150);
  executor_.run_ready();
  EXPECT_EQ(log_, "0A");
  clock_.set(1300);
  executor_.run_ready();
  EXPECT_EQ(log_, "0ABC");
}

template <class Waiting>
Async<void> wait_for(Waiting& waiting, std::string& log, char name) {
  const auto lock = co_await Awaiting(waiting);
  if (lock) log += name;
  co_return {};
}

TEST_F(SyncTest, WhoIsInterruptedLeavesTheQueueOfAMutex) {
  AsyncMutex mutex;
  auto held = mutex.try_lock();
  auto first = mutex.lock();
  auto second = mutex.lock();
  auto third = mutex.lock();
  spawn(wait_for(first, log_, 'A'));
  spawn(wait_for(second, log_, 'B'));
  second.interrupt();
  third.interrupt();  // before it waits
  spawn(wait_for(third, log_, 'C'));
  executor_.run_ready();
  EXPECT_EQ(finished_, 2);
  held.unlock();
  first.interrupt();  // too late: it has the mutex
  executor_.run_ready();
  EXPECT_EQ(finished_, 3);
  EXPECT_EQ(log_, "A");
  EXPECT_TRUE(mutex.try_lock());
}

TEST_F(SyncTest, ReadersBehindAWriterThatIsInterruptedGoIn) {
  AsyncSharedMutex mutex;
  AsyncEvent until;
  spawn(shared(mutex, until, log_, 'A'));
  auto writer = mutex.lock();
  auto other = mutex.lock();
  spawn(wait_for(writer, log_, 'W'));
  spawn(shared(mutex, until, log_, 'B'));
  spawn(wait_for(other, log_, 'X'));
  spawn(shared(mutex, until, log_, 'C'));
  executor_.run_ready();
  EXPECT_EQ(log_, "A");
  writer.interrupt();
  executor_.run_ready();
  EXPECT_EQ(log_, "AB") << "C waits behind the other writer";
  other.interrupt();
  executor_.run_ready();
  EXPECT_EQ(log_, "ABC");
  until.set();
  executor_.run_ready();
  EXPECT_EQ(finished_, 5);
}

TEST_F(SyncTest, AWaitForAnEventMayBeInterrupted) {
  AsyncEvent event;
  auto first = event.wait();
  auto second = event.wait();
  const auto wait = [](AsyncEvent::Awaiter& waiting) -> Async<void> {
    co_await Awaiting(waiting);
    co_return {};
  };
  spawn(wait(first));
  spawn(wait(second));
  first.interrupt();
  executor_.run_ready();
  EXPECT_EQ(finished_, 1);
  EXPECT_TRUE(first.interrupted());
  event.set();
  second.interrupt();
  executor_.run_ready();
  EXPECT_EQ(finished_, 2);
  EXPECT_FALSE(second.interrupted());
}

}  // namespace
}  // namespace fusereplay
