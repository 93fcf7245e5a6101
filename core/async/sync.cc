#include "core/async/sync.h"

namespace fusereplay {

namespace internal {

void Waiter::suspend(std::coroutine_handle<> task) noexcept {
  task_ = task;
  executor_ = Executor::current();
  FUSEREPLAY_CHECK(executor_ != nullptr, "a task that waits runs on an executor");
}

}  // namespace internal

bool AsyncMutex::LockAwaiter::await_suspend(std::coroutine_handle<> task) noexcept {
  const std::lock_guard guard(mutex_.guard_);
  if (!mutex_.held_) {
    mutex_.held_ = true;
    return false;
  }
  suspend(task);
  mutex_.waiters_.push(*this);
  return true;
}

AsyncMutex::Lock AsyncMutex::try_lock() noexcept {
  const std::lock_guard guard(guard_);
  if (held_) return {};
  held_ = true;
  return Lock(*this);
}

void AsyncMutex::release() noexcept {
  LockAwaiter* next = nullptr;
  {
    const std::lock_guard guard(guard_);
    next = static_cast<LockAwaiter*>(waiters_.pop());
    if (next == nullptr) held_ = false;
  }
  if (next != nullptr) next->wake();  // it holds the mutex now
}

bool AsyncSharedMutex::may_enter(Mode mode) const noexcept {
  return !writer_ && (mode == Mode::kShared || readers_ == 0);
}

void AsyncSharedMutex::enter(Mode mode) noexcept {
  if (mode == Mode::kShared) {
    ++readers_;
  } else {
    writer_ = true;
  }
}

bool AsyncSharedMutex::LockAwaiter::await_suspend(std::coroutine_handle<> task) noexcept {
  const std::lock_guard guard(mutex_.guard_);
  if (mutex_.next_ == nullptr && mutex_.waiters_.empty() && mutex_.may_enter(mode_)) {
    mutex_.enter(mode_);
    return false;
  }
  suspend(task);
  mutex_.waiters_.push(*this);
  return true;
}

void AsyncSharedMutex::release(Mode mode) noexcept {
  WorkQueue woken;
  {
    const std::lock_guard guard(guard_);
    if (mode == Mode::kShared) {
      --readers_;
    } else {
      writer_ = false;
    }
    while (true) {
      if (next_ == nullptr) next_ = static_cast<LockAwaiter*>(waiters_.pop());
      if (next_ == nullptr || !may_enter(next_->mode_)) break;
      enter(next_->mode_);
      woken.push(*std::exchange(next_, nullptr));
    }
  }
  while (auto* waiter = static_cast<LockAwaiter*>(woken.pop())) waiter->wake();
}

bool AsyncEvent::Awaiter::await_suspend(std::coroutine_handle<> task) noexcept {
  const std::lock_guard guard(event_.guard_);
  if (event_.set_) return false;
  suspend(task);
  event_.waiters_.push(*this);
  return true;
}

void AsyncEvent::set() noexcept {
  WorkQueue woken;
  {
    const std::lock_guard guard(guard_);
    set_ = true;
    std::swap(woken, waiters_);
  }
  while (auto* waiter = static_cast<Awaiter*>(woken.pop())) waiter->wake();
}

void AsyncEvent::reset() noexcept {
  const std::lock_guard guard(guard_);
  set_ = false;
}

bool AsyncEvent::is_set() const noexcept {
  const std::lock_guard guard(guard_);
  return set_;
}

void SleepAwaiter::await_suspend(std::coroutine_handle<> task) {
  suspend(task);
  Executor& executor = *Executor::current();
  executor.post_at(executor.clock().monotonic() + nanoseconds_, *this);
}

}  // namespace fusereplay
