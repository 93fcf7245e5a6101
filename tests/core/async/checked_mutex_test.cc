#include "core/async/checked_mutex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace fusereplay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class CheckedMutexTest : public ::testing::Test {
 protected:
  void spawn(Async<void> task) {
    run_detached(std::move(task), [this](const Result<void>& result) { finished_ += result.has_value() ? 1 : 0; });
    executor_.run_ready();
  }
  /// Holds the first, takes the second, gives both back.
  Async<void> nest(CheckedMutex& outer, CheckedMutex& inner) {
    const auto first = co_await outer.lock();
    co_await as_result(take(inner));
    co_return {};
  }
  static Async<void> take(CheckedMutex& mutex) {
    const auto lock = co_await mutex.lock();
    co_return {};
  }
  static Async<void> hold(CheckedMutex& mutex, AsyncEvent& until) {
    const auto lock = co_await mutex.lock();
    co_await until.wait();
    co_return {};
  }

  ManualClock clock_{1000};
  ManualExecutor executor_{clock_};
  Executor::Scope scope_{executor_};
  std::vector<std::string> findings_;
  LockOrder order_{[this](std::string_view finding) { findings_.emplace_back(finding); }};
  std::optional<CheckedMutex> a_{std::in_place, order_, "a"};
  CheckedMutex b_{order_, "b"};
  CheckedMutex c_{order_, "c"};
  int finished_ = 0;
};

TEST_F(CheckedMutexTest, ExcludesAndKnowsWhoHoldsIt) {
  AsyncEvent until;
  spawn(hold(b_, until));
  spawn(take(b_));
  EXPECT_EQ(finished_, 0);
  EXPECT_THAT(order_.held(), AllOf(StartsWith("b: held by a task that owes no reply, locked at "),
                                   HasSubstr("tests/core/async/checked_mutex_test.cc:")));
  until.set();
  executor_.run_ready();
  EXPECT_EQ(finished_, 2);
  EXPECT_EQ(order_.held(), "");
  EXPECT_THAT(findings_, IsEmpty());
}

TEST_F(CheckedMutexTest, TwoOrdersAreToldThoughNoTaskEverWaited) {
  spawn(nest(*a_, b_));
  spawn(nest(*a_, b_));
  EXPECT_THAT(findings_, IsEmpty());
  spawn(nest(b_, *a_));
  spawn(nest(b_, *a_));
  EXPECT_EQ(finished_, 4);
  EXPECT_THAT(findings_, ElementsAre(AllOf(HasSubstr("locks a ("), HasSubstr("while it holds b ("),
                                           HasSubstr("but b was locked ("), HasSubstr("while a was held"))));
}

TEST_F(CheckedMutexTest, SoIsACircleOfThree) {
  spawn(nest(*a_, b_));
  spawn(nest(b_, c_));
  EXPECT_THAT(findings_, IsEmpty());
  spawn(nest(c_, *a_));
  EXPECT_THAT(findings_, ElementsAre(AllOf(HasSubstr("while it holds c ("), HasSubstr("but b was locked ("),
                                           HasSubstr("and c was locked ("))));
}

TEST_F(CheckedMutexTest, WhatIsTakenOneAfterTheOtherHasNoOrder) {
  for (CheckedMutex* const mutex : {&*a_, &b_, &*a_}) spawn(take(*mutex));
  AsyncEvent until;
  spawn(hold(*a_, until));
  spawn(take(b_));  // another task holds a
  until.set();
  executor_.run_ready();
  spawn(nest(b_, *a_));
  EXPECT_THAT(findings_, IsEmpty());
}

TEST_F(CheckedMutexTest, ATaskThatLocksWhatItHoldsIsTold) {
  const auto twice = [](CheckedMutex& mutex) -> Async<void> {
    auto first = co_await mutex.lock();
    AsyncMutex::LockAwaiter* waiting = nullptr;
    CheckedMutex::LockAwaiter again = mutex.lock();
    waiting = &again;
    waiting->interrupt();  // else it would wait for ever
    const auto second = co_await Awaiting(again);
    co_return second ? Result<void>(Errno(EDEADLK)) : Result<void>();
  };
  spawn(twice(b_));
  EXPECT_EQ(finished_, 1);
  EXPECT_THAT(findings_, ElementsAre(AllOf(HasSubstr("locks b at "), HasSubstr("which it holds since "))));
  EXPECT_EQ(order_.held(), "");
}

TEST_F(CheckedMutexTest, AMutexThatIsGoneIsInNobodysWay) {
  spawn(nest(b_, *a_));
  spawn(nest(*a_, c_));
  a_.reset();
  spawn(nest(c_, b_));
  EXPECT_THAT(findings_, IsEmpty());
}

}  // namespace
}  // namespace fusereplay
