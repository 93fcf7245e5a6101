#include "core/async/sync.h"

namespace fusereplay {

using internal::WaitState;

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
    state_ = WaitState::kCame;
    return false;
  }
  if (state_ == WaitState::kInterrupted) return false;
  suspend(task);
  state_ = WaitState::kWaiting;
  mutex_.waiters_.push(*this);
  return true;
}

void AsyncMutex::LockAwaiter::interrupt() noexcept {
  {
    const std::lock_guard guard(mutex_.guard_);
    const WaitState before = state_;
    if (before == WaitState::kCame || before == WaitState::kInterrupted) return;
    state_ = WaitState::kInterrupted;
    if (before == WaitState::kNew) return;
    mutex_.waiters_.remove(*this);
  }
  wake();
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
    if (next == nullptr) {
      held_ = false;
    } else {
      next->state_ = WaitState::kCame;
    }
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
    state_ = WaitState::kCame;
    return false;
  }
  if (state_ == WaitState::kInterrupted) return false;
  suspend(task);
  state_ = WaitState::kWaiting;
  mutex_.waiters_.push(*this);
  return true;
}

void AsyncSharedMutex::LockAwaiter::interrupt() noexcept {
  WorkQueue woken;
  {
    const std::lock_guard guard(mutex_.guard_);
    const WaitState before = state_;
    if (before == WaitState::kCame || before == WaitState::kInterrupted) return;
    state_ = WaitState::kInterrupted;
    if (before == WaitState::kNew) return;
    if (mutex_.next_ == this) {
      mutex_.next_ = nullptr;
    } else {
      mutex_.waiters_.remove(*this);
    }
    woken.push(*this);
    mutex_.let_in(woken);  // readers behind a writer that goes
  }
  while (auto* waiter = static_cast<LockAwaiter*>(woken.pop())) waiter->wake();
}

void AsyncSharedMutex::let_in(WorkQueue& woken) noexcept {
  while (true) {
    if (next_ == nullptr) next_ = static_cast<LockAwaiter*>(waiters_.pop());
    if (next_ == nullptr || !may_enter(next_->mode_)) break;
    enter(next_->mode_);
    next_->state_ = WaitState::kCame;
    woken.push(*std::exchange(next_, nullptr));
  }
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
    let_in(woken);
  }
  while (auto* waiter = static_cast<LockAwaiter*>(woken.pop())) waiter->wake();
}

bool AsyncEvent::Awaiter::await_suspend(std::coroutine_handle<> task) noexcept {
  const std::lock_guard guard(event_.guard_);
  if (event_.set_ || state_ == WaitState::kInterrupted) return false;
  suspend(task);
  state_ = WaitState::kWaiting;
  event_.waiters_.push(*this);
  return true;
}

void AsyncEvent::Awaiter::interrupt() noexcept {
  {
    const std::lock_guard guard(event_.guard_);
    const WaitState before = state_;
    if (before == WaitState::kNew) state_ = WaitState::kInterrupted;
    if (before != WaitState::kWaiting || !event_.waiters_.remove(*this)) return;
    state_ = WaitState::kInterrupted;
  }
  wake();
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
