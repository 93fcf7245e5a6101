#include "core/async/executor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "core/alternate_stack.h"
#include "core/async/frame_pool.h"
#include "core/check.h"

namespace fusereplay {

namespace {
thread_local constinit Executor* current_executor = nullptr;
}

void WorkQueue::push(Work& work) noexcept {
  work.next_ = nullptr;
  (head_ == nullptr ? head_ : tail_->next_) = &work;
  tail_ = &work;
}

Work* WorkQueue::pop() noexcept {
  Work* work = head_;
  if (work != nullptr) head_ = work->next_;
  return work;
}

bool WorkQueue::remove(Work& work) noexcept {
  Work* before = nullptr;
  for (Work* at = head_; at != nullptr; before = at, at = at->next_) {
    if (at != &work) continue;
    (before == nullptr ? head_ : before->next_) = at->next_;
    if (tail_ == at) tail_ = before;
    return true;
  }
  return false;
}

Executor* Executor::current() noexcept {
  return current_executor;
}

Executor::Scope::Scope(Executor& executor) noexcept : previous_(std::exchange(current_executor, &executor)) {}
Executor::Scope::~Scope() {
  current_executor = previous_;
}

namespace internal {

void Timers::add(std::int64_t deadline, Work& work) {
  queue_.emplace(deadline, &work);  // behind those of the same instant
}

Work* Timers::pop_due(std::int64_t now) {
  if (queue_.empty() || queue_.begin()->first > now) return nullptr;
  Work* work = queue_.begin()->second;
  queue_.erase(queue_.begin());
  return work;
}

bool Timers::remove(const Work& work) noexcept {
  const auto found =
      std::find_if(queue_.begin(), queue_.end(), [&](const auto& timer) { return timer.second == &work; });
  if (found == queue_.end()) return false;
  queue_.erase(found);
  return true;
}

}  // namespace internal

PoolExecutor::PoolExecutor(unsigned threads, const std::string& name, Clock& clock) : clock_(clock) {
  FUSEREPLAY_CHECK(threads > 0 && name.size() < 16, "a pool has threads, and names that the kernel takes");
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      const AlternateStack stack;
      run();
    });
  }
}

PoolExecutor::~PoolExecutor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void PoolExecutor::post(Work& work) noexcept {
  {
    const std::lock_guard lock(mutex_);
    queue_.push(work);
  }
  wake_.notify_one();
}

void PoolExecutor::dispatch(Work& work) noexcept {
  const Scope scope(*this);
  work.run();
}

void PoolExecutor::post_at(std::int64_t deadline, Work& work) {
  {
    const std::lock_guard lock(mutex_);
    timers_.add(deadline, work);
  }
  wake_.notify_one();
}

bool PoolExecutor::take_back(Work& work) noexcept {
  const std::lock_guard lock(mutex_);
  return timers_.remove(work);
}

void PoolExecutor::run() {
  const Scope scope(*this);
  std::unique_lock lock(mutex_);
  while (true) {
    while (Work* due = timers_.empty() ? nullptr : timers_.pop_due(clock_.monotonic())) queue_.push(*due);
    if (Work* work = queue_.pop()) {
      if (!queue_.empty()) wake_.notify_one();
      lock.unlock();
      work->run();
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (timers_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, std::chrono::nanoseconds(timers_.next_deadline() - clock_.monotonic()));
    }
  }
}

namespace {
// Marks a strand as being run, with nothing pushed meanwhile.
struct Sentinel final : Work {
  void run() noexcept override {}
};
Sentinel running;
}  // namespace

void Strand::dispatch(Work& work) noexcept {
  Work* state = nullptr;
  if (state_.compare_exchange_strong(state, &running, std::memory_order_acquire)) {
    const Scope scope(*this);
    work.run();
    run_queued();
    return;
  }
  post(work);
}

void Strand::post(Work& work) noexcept {
  Work* state = state_.load(std::memory_order_relaxed);
  while (true) {
    if (state == nullptr) {
      if (state_.compare_exchange_weak(state, &running, std::memory_order_acquire)) {
        ready_.push(work);
        underlying_.post(drain_);
        return;
      }
    } else {
      work.next_ = state == &running ? nullptr : state;
      if (state_.compare_exchange_weak(state, &work, std::memory_order_release, std::memory_order_relaxed)) return;
    }
  }
}

Strand::~Strand() {
  while (draining_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void Strand::drain() noexcept {
  draining_.fetch_add(1, std::memory_order_relaxed);
  {
    const Scope scope(*this);
    run_queued();
  }
  draining_.fetch_sub(1, std::memory_order_release);  // nothing of the strand is touched behind this
}

void Strand::run_queued() noexcept {
  while (true) {
    while (Work* work = ready_.pop()) work->run();
    Work* state = &running;
    if (state_.compare_exchange_strong(state, nullptr, std::memory_order_release, std::memory_order_relaxed)) return;
    Work* newest = state_.exchange(&running, std::memory_order_acquire);
    Work* oldest = nullptr;
    while (newest != nullptr) {
      Work* next = newest->next_;
      newest->next_ = oldest;
      oldest = std::exchange(newest, next);
    }
    while (oldest != nullptr) {
      Work* next = oldest->next_;
      ready_.push(*oldest);
      oldest = next;
    }
  }
}

/// A timer of the underlying executor that posts to the strand.
struct Strand::Delayed final : Work, internal::FrameAllocated {
  Delayed(Strand& owner, Work& later) noexcept : strand(owner), work(later) {}
  void run() noexcept override {
    {
      const std::lock_guard lock(strand.delayed_mutex_);
      std::erase(strand.delayed_, this);
    }
    strand.post(work);
    delete this;
  }
  Strand& strand;
  Work& work;
};

void Strand::post_at(std::int64_t deadline, Work& work) {
  const std::lock_guard lock(delayed_mutex_);
  delayed_.push_back(new Delayed(*this, work));
  underlying_.post_at(deadline, *delayed_.back());
}

bool Strand::take_back(Work& work) noexcept {
  const std::lock_guard lock(delayed_mutex_);
  const auto found =
      std::find_if(delayed_.begin(), delayed_.end(), [&](const Delayed* delayed) { return &delayed->work == &work; });
  if (found == delayed_.end() || !underlying_.take_back(**found)) return false;
  delete *found;
  delayed_.erase(found);
  return true;
}

void ManualExecutor::dispatch(Work& work) noexcept {
  const Scope scope(*this);
  work.run();
}

bool ManualExecutor::run_one() noexcept {
  while (Work* due = timers_.empty() ? nullptr : timers_.pop_due(clock_.monotonic())) queue_.push(*due);
  Work* work = queue_.pop();
  if (work == nullptr) return false;
  dispatch(*work);
  return true;
}

std::size_t ManualExecutor::run_ready() {
  std::size_t count = 0;
  while (run_one()) ++count;
  return count;
}

}  // namespace fusereplay
