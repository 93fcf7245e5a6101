// What the compiler must get right for Async to be sound, in every preset. Each canary is a shape that some version of
// g++ or clang has miscompiled, or that Async's design relies on.
#include <gtest/gtest.h>

#include <vector>

#include "core/async/async.h"
#include "core/async/executor.h"
#include "core/async/sync.h"

namespace fusereplay {
namespace {

/// Counts its lives.
class Tracked {
 public:
  explicit Tracked(int& alive) noexcept : alive_(&alive) { ++alive; }
  Tracked(const Tracked& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Tracked(Tracked&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Tracked& operator=(const Tracked&) = default;
  ~Tracked() { --*alive_; }

 private:
  int* alive_;
};

template <class T>
Result<T> outcome_of(Async<T> task) {
  std::optional<Result<T>> outcome;
  run_detached(std::move(task), [&](Result<T> result) { outcome.emplace(std::move(result)); });
  return std::move(*outcome);
}

Async<int> give(Tracked, int value) {
  co_return value;
}
Async<int> fail(Tracked, int error) {
  co_return Errno(error);
}

Async<int> with_temporaries(int& alive) {
  const int first = co_await give(Tracked(alive), 1);
  const int second = co_await give(Tracked(alive), 2) + co_await give(Tracked(alive), 3);
  co_return first + second;
}

TEST(CompilerCanary, TemporariesWithConstructorsInAwaitDieOnce) {
  int alive = 0;
  EXPECT_EQ(outcome_of(with_temporaries(alive)).value(), 6);
  EXPECT_EQ(alive, 0);
}

Async<int> ends_in_the_middle(int& alive, bool& reached) {
  const Tracked local(alive);
  const int value = co_await fail(Tracked(alive), EPERM);
  reached = true;
  co_return value;
}

TEST(CompilerCanary, AnErrorDestroysTheFrameAtTheAwait) {
  int alive = 0;
  bool reached = false;
  EXPECT_EQ(outcome_of(ends_in_the_middle(alive, reached)).error(), Errno(EPERM));
  EXPECT_FALSE(reached);
  EXPECT_EQ(alive, 0);
}

Async<int> parent_sees_no_child(int& alive, int& alive_after) {
  bool reached = false;
  const auto result = co_await as_result(ends_in_the_middle(alive, reached));
  alive_after = alive;
  co_return result ? 0 : result.error().value();
}

TEST(CompilerCanary, AnErrorFrameIsGoneBeforeItsCallerGoesOn) {
  int alive = 0;
  int alive_after = -1;
  EXPECT_EQ(outcome_of(parent_sees_no_child(alive, alive_after)).value(), EPERM);
  EXPECT_EQ(alive_after, 0);
}

Async<int> conditional(bool first, int& alive) {
  const int value = first ? co_await give(Tracked(alive), 1) : co_await give(Tracked(alive), 2);
  co_return value;
}

TEST(CompilerCanary, TheAllowedFormOfAConditionalAwaitIsSound) {
  int alive = 0;
  EXPECT_EQ(outcome_of(conditional(true, alive)).value(), 1);
  EXPECT_EQ(outcome_of(conditional(false, alive)).value(), 2);
  EXPECT_EQ(alive, 0);
}

Async<int> one(int value) {
  co_return value;
}
Async<std::int64_t> many(int count) {
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await one(i);
  co_return sum;
}

TEST(CompilerCanary, AwaitsThatFinishAtOnceUseNoStack) {
  constexpr int kCount = 1'000'000;  // with symmetric transfer and no tail calls this overflows any stack
  EXPECT_EQ(outcome_of(many(kCount)).value(), std::int64_t{kCount} * (kCount - 1) / 2);
}

Async<void> hold_in_turn(AsyncMutex& mutex, int& passed) {
  const auto lock = co_await mutex.lock();
  ++passed;
  co_return {};
}

TEST(CompilerCanary, AChainOfWaitersUsesNoStack) {
  ManualClock clock;
  ManualExecutor executor(clock);
  const Executor::Scope scope(executor);
  AsyncMutex mutex;
  auto first = mutex.try_lock();
  int passed = 0;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) run_detached(hold_in_turn(mutex, passed), [](const Result<void>&) {});
  first.unlock();
  executor.run_ready();
  EXPECT_EQ(passed, kCount);
}

Async<int> keeps_its_arguments(std::string text, std::vector<int> numbers) {
  const int size = co_await one(static_cast<int>(text.size()));
  co_return size + static_cast<int>(numbers.size());
}

TEST(CompilerCanary, ParametersLiveInTheFrame) {
  EXPECT_EQ(outcome_of(keeps_its_arguments(std::string(100, 'x'), {1, 2, 3})).value(), 103);
}

struct Base {
  virtual ~Base() = default;
  virtual Async<int> answer(int by) = 0;
};
struct Derived final : Base {
  Async<int> answer(int by) override { co_return value + co_await one(by); }
  int value = 40;
};

TEST(CompilerCanary, VirtualMembersAreCoroutines) {
  Derived derived;
  Base& base = derived;
  EXPECT_EQ(outcome_of(base.answer(2)).value(), 42);
}

Async<int> throws() {
  throw std::runtime_error("out");
  co_return 0;
}
Async<int> lets_through(int& alive) {
  const Tracked local(alive);
  co_return co_await throws();
}

TEST(CompilerCanary, AnExceptionPassesThroughAwaits) {
  int alive = 0;
  bool caught = false;
  struct Catch {
    static Async<int> run(int& counter, bool& seen) {
      try {
        co_return co_await lets_through(counter);
      } catch (const std::runtime_error&) {
        seen = true;
      }
      co_return 1;
    }
  };
  EXPECT_EQ(outcome_of(Catch::run(alive, caught)).value(), 1);
  EXPECT_TRUE(caught);
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace fusereplay
