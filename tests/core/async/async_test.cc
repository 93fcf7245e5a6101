#include "core/async/async.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/async/executor.h"
#include "core/async/sync.h"

namespace fusereplay {
namespace {

template <class T>
std::optional<Result<T>> start(Async<T> task, std::optional<Result<T>>& slot) {
  run_detached(std::move(task), [&slot](Result<T> result) { slot.emplace(std::move(result)); });
  return slot;
}

Async<int> ready_value() {
  return 7;
}
Async<int> ready_error() {
  return Errno(ENOENT);
}
Async<void> ready_void() {
  return Result<void>{};
}

TEST(Async, AReadyValueNeedsNoFrame) {
  EXPECT_TRUE(ready_value().ready());
  EXPECT_TRUE(ready_error().ready());
  EXPECT_TRUE(ready_void().ready());
}

Async<int> adds(int& steps) {
  const int value = co_await ready_value();
  ++steps;
  co_await ready_void();
  ++steps;
  const int more = co_await Result<int>(1);
  ++steps;
  co_return value + more;
}

TEST(Async, AwaitingGivesValues) {
  std::optional<Result<int>> slot;
  int steps = 0;
  start(adds(steps), slot);
  EXPECT_EQ(slot->value(), 8);
  EXPECT_EQ(steps, 3);
}

Async<int> stops(int& steps) {
  ++steps;
  co_await ready_error();
  ++steps;
  co_return 0;
}
Async<int> stops_at_result(int& steps) {
  ++steps;
  co_await Result<void>(Errno(EACCES));
  ++steps;
  co_return 0;
}

TEST(Async, AnErrorEndsTheAwaiter) {
  std::optional<Result<int>> slot;
  int steps = 0;
  start(stops(steps), slot);
  EXPECT_EQ(slot->error(), Errno(ENOENT));
  EXPECT_EQ(steps, 1);
  slot.reset();
  start(stops_at_result(steps), slot);
  EXPECT_EQ(slot->error(), Errno(EACCES));
  EXPECT_EQ(steps, 2);
}

Async<int> looks() {
  const auto failed = co_await as_result(ready_error());
  const auto fine = co_await as_result(ready_value());
  co_return failed.has_value() ? -1 : fine.value();
}

TEST(Async, AsResultShowsTheError) {
  std::optional<Result<int>> slot;
  start(looks(), slot);
  EXPECT_EQ(slot->value(), 7);
}

TEST(Async, ATaskNeverAwaitedRunsNothing) {
  int steps = 0;
  { const Async<int> dropped = stops(steps); }
  EXPECT_EQ(steps, 0);
}

Async<int> waits_then_fails(AsyncEvent& event) {
  co_await event.wait();
  co_return Errno(ETIME);
}
Async<int> outer(AsyncEvent& event, AsyncMutex& mutex, int& reached) {
  const auto lock = co_await mutex.lock();
  const int value = co_await waits_then_fails(event);
  ++reached;
  co_return value;
}

TEST(Async, AnErrorAfterASuspensionDropsTheLocksOfEveryFrame) {
  ManualClock clock;
  ManualExecutor executor(clock);
  const Executor::Scope scope(executor);
  AsyncEvent event;
  AsyncMutex mutex;
  int reached = 0;
  std::optional<Result<int>> slot;
  start(outer(event, mutex, reached), slot);
  EXPECT_FALSE(slot.has_value());
  EXPECT_FALSE(mutex.try_lock());
  event.set();
  EXPECT_FALSE(slot.has_value()) << "set() must not run the waiter inside itself";
  executor.run_ready();
  EXPECT_EQ(slot->error(), Errno(ETIME));
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(mutex.try_lock());
}

Async<int> child_of_many(AsyncMutex& mutex, int& counter) {
  const auto lock = co_await mutex.lock();
  co_return ++counter;
}
Async<void> works(AsyncMutex& mutex, int& counter, int rounds) {
  for (int i = 0; i < rounds; ++i) co_await child_of_many(mutex, counter);
  co_return {};
}

TEST(Async, TasksThatMoveBetweenThreadsLoseNothing) {
  SystemClock clock;
  PoolExecutor pool(4, "test-pool", clock);
  AsyncMutex mutex;
  int counter = 0;  // guarded by mutex
  constexpr int kTasks = 16;
  constexpr int kRounds = 2000;
  std::atomic<int> done{0};
  std::mutex done_mutex;
  std::condition_variable all_done;
  struct Start final : Work {
    explicit Start(std::function<void()> what) : what_(std::move(what)) {}
    void run() noexcept override { what_(); }
    std::function<void()> what_;
  };
  std::vector<std::unique_ptr<Start>> starts;
  for (int i = 0; i < kTasks; ++i) {
    starts.push_back(std::make_unique<Start>([&] {
      run_detached(works(mutex, counter, kRounds), [&](const Result<void>& result) {
        EXPECT_TRUE(result.has_value());
        const std::lock_guard guard(done_mutex);
        if (++done == kTasks) all_done.notify_one();
      });
    }));
    pool.post(*starts.back());
  }
  std::unique_lock guard(done_mutex);
  all_done.wait(guard, [&] { return done == kTasks; });
  EXPECT_EQ(counter, kTasks * kRounds);
}

}  // namespace
}  // namespace fusereplay
