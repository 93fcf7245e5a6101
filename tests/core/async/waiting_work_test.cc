#include "core/async/waiting_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>

namespace fusereplay {
namespace {

struct Task final : Work {
  explicit Task(std::function<void()> what) : body(std::move(what)) {}
  void run() noexcept override { body(); }
  std::function<void()> body;
};

TEST(WaitingThreads, EveryWorkRunsOnce) {
  constexpr int kWorks = 1000;
  std::atomic<int> runs{0};
  std::vector<std::unique_ptr<Task>> tasks;
  {
    WaitingThreads threads("test-waiting");
    for (int i = 0; i < kWorks; ++i) {
      tasks.push_back(std::make_unique<Task>([&] { ++runs; }));
      threads.post(*tasks.back());
    }
  }
  EXPECT_EQ(runs, kWorks);
}

TEST(WaitingThreads, ManyMayWaitAtATimeForWhatComesLast) {
  constexpr int kWaiting = 20;
  std::counting_semaphore<> let_go(0);
  std::latch all(kWaiting + 1);
  std::vector<std::unique_ptr<Task>> tasks;
  WaitingThreads threads("test-waiting");
  for (int i = 0; i < kWaiting; ++i) {
    tasks.push_back(std::make_unique<Task>([&] {
      let_go.acquire();
      all.count_down();
    }));
    threads.post(*tasks.back());
  }
  tasks.push_back(std::make_unique<Task>([&] {
    let_go.release(kWaiting);
    all.count_down();
  }));
  threads.post(*tasks.back());
  all.wait();
  EXPECT_GE(threads.threads(), static_cast<std::size_t>(kWaiting) + 1);
}

TEST(WaitingThreads, TheEndRunsWhatIsQueued) {
  int runs = 0;
  std::binary_semaphore begun(0);
  std::binary_semaphore go(0);
  Task first([&] {
    begun.release();
    go.acquire();
  });
  Task second([&] { ++runs; });
  Task third([&] { ++runs; });
  {
    WaitingThreads threads("test-waiting");
    threads.post(first);
    begun.acquire();
    threads.post(second);
    threads.post(third);
    go.release();
  }
  EXPECT_EQ(runs, 2);
}

TEST(WaitingThreads, NoneStartBeforeThereIsWork) {
  const WaitingThreads threads("test-waiting");
  EXPECT_EQ(threads.threads(), 0U);
}

}  // namespace
}  // namespace fusereplay
