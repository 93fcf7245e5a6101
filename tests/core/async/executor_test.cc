#include "core/async/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

namespace fusereplay {
namespace {

class Do final : public Work {
 public:
  explicit Do(std::function<void()> what) : what_(std::move(what)) {}
  void run() noexcept override { what_(); }

 private:
  std::function<void()> what_;
};

TEST(ManualExecutor, RunsPostedWorkInOrderWhenTurned) {
  ManualClock clock;
  ManualExecutor executor(clock);
  std::vector<int> order;
  Do first([&] { order.push_back(1); });
  Do second([&] { order.push_back(2); });
  executor.post(first);
  executor.post(second);
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(executor.run_ready(), 2U);
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(ManualExecutor, TimersWaitForTheClock) {
  ManualClock clock(100);
  ManualExecutor executor(clock);
  std::vector<int> order;
  Do late([&] { order.push_back(2); });
  Do early([&] { order.push_back(1); });
  executor.post_at(300, late);
  executor.post_at(200, early);
  EXPECT_EQ(executor.run_ready(), 0U);
  clock.set(300);
  executor.run_ready();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(ManualExecutor, WhatIsTakenBackInTimeDoesNotRun) {
  ManualClock clock{100};
  ManualExecutor executor(clock);
  Strand strand(executor);
  for (Executor* const on : {static_cast<Executor*>(&executor), static_cast<Executor*>(&strand)}) {
    const std::int64_t now = clock.monotonic();
    int ran = 0;
    Do first([&] { ran += 1; });
    Do second([&] { ran += 10; });
    on->post_at(now + 100, first);
    on->post_at(now + 100, second);
    EXPECT_TRUE(on->take_back(first));
    EXPECT_FALSE(on->take_back(first));
    clock.set(now + 100);
    executor.run_ready();
    EXPECT_EQ(ran, 10);
    EXPECT_FALSE(on->take_back(second)) << "it has run";
  }
}

TEST(Strand, DispatchRunsInlineWhenIdleAndInTurnWhenBusy) {
  ManualClock clock;
  ManualExecutor executor(clock);
  Strand strand(executor);
  std::vector<int> order;
  Do inner([&] { order.push_back(2); });
  Do outer([&] {
    EXPECT_EQ(Executor::current(), &strand);
    strand.dispatch(inner);
    order.push_back(1);
  });
  strand.dispatch(outer);
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(Executor::current(), nullptr);
}

TEST(Strand, PostNeverRunsInline) {
  ManualClock clock;
  ManualExecutor executor(clock);
  Strand strand(executor);
  int ran = 0;
  Do work([&] { ++ran; });
  strand.post(work);
  EXPECT_EQ(ran, 0);
  executor.run_ready();
  EXPECT_EQ(ran, 1);
}

TEST(Strand, WorkFromManyThreadsRunsOneAtATimeAndInEachThreadsOrder) {
  SystemClock clock;
  PoolExecutor pool(2, "test-pool", clock);
  Strand strand(pool);
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  std::atomic<int> inside{0};
  std::vector<int> last(kThreads, -1);  // guarded by the strand
  int broken = 0;                       // likewise
  std::latch all(kThreads * kEach);
  std::vector<std::unique_ptr<Do>> work;
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int i = 0; i < kEach; ++i) {
      work.push_back(std::make_unique<Do>([&, thread, i] {
        if (inside.fetch_add(1) != 0 || last[thread] != i - 1) ++broken;
        last[thread] = i;
        inside.fetch_sub(1);
        all.count_down();
      }));
    }
  }
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        Work& one = *work[static_cast<std::size_t>(thread * kEach + i)];
        if (i % 2 == 0) {
          strand.dispatch(one);
        } else {
          strand.post(one);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all.wait();
  EXPECT_EQ(broken, 0);
}

TEST(PoolExecutor, RunsTimersInOrderOfTheirDeadlines) {
  SystemClock clock;
  std::vector<int> order;  // written by the one pool thread
  std::latch both(2);
  Do late([&] {
    order.push_back(2);
    both.count_down();
  });
  Do early([&] {
    order.push_back(1);
    both.count_down();
  });
  PoolExecutor pool(1, "test-pool", clock);
  const std::int64_t now = clock.monotonic();
  pool.post_at(now + 2'000'000, late);
  pool.post_at(now + 1'000'000, early);
  both.wait();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(PoolExecutor, TimersMayBeTakenBackWhileTheyFire) {
  SystemClock clock;
  PoolExecutor pool(2, "test-pool", clock);
  Strand strand(pool);
  for (int i = 0; i < 200; ++i) {
    std::binary_semaphore ran(0);
    Do work([&] { ran.release(); });
    strand.post_at(clock.monotonic() + i * 500, work);
    if (!strand.take_back(work)) ran.acquire();
  }
}

TEST(PoolExecutor, FinishesWhatIsQueuedBeforeItEnds) {
  SystemClock clock;
  std::atomic<int> ran{0};
  std::vector<std::unique_ptr<Do>> work;
  for (int i = 0; i < 1000; ++i) work.push_back(std::make_unique<Do>([&] { ++ran; }));
  {
    PoolExecutor pool(3, "test-pool", clock);
    for (const auto& one : work) pool.post(*one);
  }
  EXPECT_EQ(ran, 1000);
}

}  // namespace
}  // namespace fusereplay
