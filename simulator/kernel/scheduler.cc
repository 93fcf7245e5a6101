#include "simulator/kernel/scheduler.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include "core/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUSEREPLAY_ASAN_FIBERS 1
#endif
#if __has_feature(thread_sanitizer)
#define FUSEREPLAY_TSAN_FIBERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FUSEREPLAY_ASAN_FIBERS 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FUSEREPLAY_TSAN_FIBERS 1
#endif
#ifdef FUSEREPLAY_ASAN_FIBERS
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FUSEREPLAY_TSAN_FIBERS
#include <sanitizer/tsan_interface.h>
#endif

namespace fusereplay::kernel {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;  // only the kernel model runs there; pages come as they are touched

}  // namespace

/// A stack of a task's own, and the switches to it and back. The sanitizers must be told of both.
struct Task::Stack {
  Stack(Scheduler& scheduler, Task& task) {
    boost::context::protected_fixedsize_stack allocator(kStackBytes);
    const boost::context::stack_context memory = allocator.allocate();
    bottom_ = static_cast<std::byte*>(memory.sp) - memory.size;
    size_ = memory.size;
#ifdef FUSEREPLAY_TSAN_FIBERS
    tsan_ = __tsan_create_fiber(0);
#endif
    fiber_ = boost::context::fiber(std::allocator_arg, boost::context::preallocated(memory.sp, memory.size, memory),
                                   allocator, [this, &scheduler, &task](boost::context::fiber&& test) {
                                     test_ = std::move(test);
                                     arrived(nullptr);
                                     while (!ending_) {
                                       task.body_();
                                       task.body_ = nullptr;
                                       scheduler.idle_.push_back(&task);
                                       leave();
                                     }
                                     leaving_for_good();
                                     return std::move(test_);
                                   });
  }
  ~Stack() {
    ending_ = true;
    enter();
#ifdef FUSEREPLAY_TSAN_FIBERS
    __tsan_destroy_fiber(tsan_);
#endif
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// From the test's stack: runs the task until it leaves.
  void enter() {
#ifdef FUSEREPLAY_ASAN_FIBERS
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, bottom_, size_);
#endif
#ifdef FUSEREPLAY_TSAN_FIBERS
    tsan_test_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_, 0);
#endif
    fiber_ = std::move(fiber_).resume();
#ifdef FUSEREPLAY_ASAN_FIBERS
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  }
  /// From the task's stack: back to whoever entered.
  void leave() {
    void* fake = nullptr;
#ifdef FUSEREPLAY_ASAN_FIBERS
    __sanitizer_start_switch_fiber(&fake, test_bottom_, test_size_);
#endif
#ifdef FUSEREPLAY_TSAN_FIBERS
    __tsan_switch_to_fiber(tsan_test_, 0);
#endif
    test_ = std::move(test_).resume();
    arrived(fake);
  }

 private:
  void arrived([[maybe_unused]] void* fake) {
#ifdef FUSEREPLAY_ASAN_FIBERS
    __sanitizer_finish_switch_fiber(fake, &test_bottom_, &test_size_);
#endif
  }
  void leaving_for_good() {
#ifdef FUSEREPLAY_ASAN_FIBERS
    __sanitizer_start_switch_fiber(nullptr, test_bottom_, test_size_);
#endif
#ifdef FUSEREPLAY_TSAN_FIBERS
    __tsan_switch_to_fiber(tsan_test_, 0);
#endif
  }

  boost::context::fiber fiber_;
  boost::context::fiber test_;
  std::byte* bottom_ = nullptr;
  std::size_t size_ = 0;
  bool ending_ = false;
#ifdef FUSEREPLAY_ASAN_FIBERS
  const void* test_bottom_ = nullptr;
  std::size_t test_size_ = 0;
#endif
#ifdef FUSEREPLAY_TSAN_FIBERS
  void* tsan_ = nullptr;
  void* tsan_test_ = nullptr;
#endif
};

Task::Task() = default;
Task::~Task() = default;

Scheduler::Scheduler() = default;

Scheduler::~Scheduler() {
  FUSEREPLAY_CHECK(idle_.size() == tasks_.size(), "every task of a simulation is over before it is destroyed");
}

Task& Scheduler::start(std::uint32_t pid, std::function<void()> body) {
  if (idle_.empty()) {
    tasks_.push_back(std::make_unique<Task>());
    tasks_.back()->stack_ = std::make_unique<Task::Stack>(*this, *tasks_.back());
    idle_.push_back(tasks_.back().get());
  }
  Task& task = *idle_.back();
  idle_.pop_back();
  task.pid_ = pid;
  task.signal_ = Signal::kNone;
  task.broken_ = false;
  task.body_ = std::move(body);
  if (on_test_stack()) {
    resume(task);
  } else {
    task.ready_ = [](void*) { return true; };
    waiting_.push_back(&task);
  }
  return task;
}

bool Scheduler::alive(const Task& task) const noexcept {
  return std::find(idle_.begin(), idle_.end(), &task) == idle_.end();
}

void Scheduler::end(Task& task) {
  if (!alive(task)) return;
  task.broken_ = true;
  std::erase(waiting_, &task);
  resume(task);
  FUSEREPLAY_CHECK(!alive(task), "a task that cannot wait ends");
}

void Scheduler::end_tasks() {
  while (!waiting_.empty()) end(*waiting_.front());
}

bool Scheduler::run_one() {
  for (Task* const task : waiting_) {
    if (!task->ready_(task->condition_)) continue;
    std::erase(waiting_, task);
    resume(*task);
    return true;
  }
  if (server_step_ == nullptr) return false;
  Task* const before = std::exchange(current_, &server_);
  const bool did = server_step_->step();
  current_ = before;
  return did;
}

bool Scheduler::run_until(bool (*done)(void*), void* condition) {
  do {
    if (!run_one()) return done(condition);
  } while (!done(condition));
  return true;
}

bool Scheduler::block(Task& task, bool (*done)(void*), void* condition) {
  task.ready_ = done;
  task.condition_ = condition;
  waiting_.push_back(&task);
  task.stack_->leave();
  return done(condition);
}

void Scheduler::resume(Task& task) {
  Task* const before = std::exchange(current_, &task);
  task.stack_->enter();
  current_ = before;
}

void Scheduler::report(const WaitReason& reason) {
  const auto add = [this](const WaitReason& why) {
    std::string line = why.describe();
    if (line.empty()) return;
    if (std::find(dead_ends_.begin(), dead_ends_.end(), line) == dead_ends_.end())
      dead_ends_.push_back(std::move(line));
  };
  add(reason);
  for (const Task* task : waiting_) {
    if (task->reason_ != nullptr) add(*task->reason_);
  }
}

}  // namespace fusereplay::kernel
