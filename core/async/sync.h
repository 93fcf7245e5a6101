// What tasks wait for: mutex, shared mutex, event, sleep. A waiting task holds no thread; it goes on on the executor it
// waited on, never inside the call that lets it go.
#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>

#include "core/async/async.h"
#include "core/async/executor.h"

namespace fusereplay {

namespace internal {
/// A suspended task in a queue of waiters.
class Waiter : public Work {
 public:
  void suspend(std::coroutine_handle<> task) noexcept;
  void run() noexcept override { task_.resume(); }
  /// Resumes it on its executor.
  void wake() noexcept { executor_->post(*this); }

 private:
  std::coroutine_handle<> task_;
  Executor* executor_ = nullptr;
};
}  // namespace internal

/// Somebody who waits and may be told not to: what Interrupts::Watch wakes.
class Interruptible {
 public:
  /// The wait ends without what was waited for, unless that has come. Any thread; before the wait too: then there is
  /// none, but what is free is had.
  virtual void interrupt() noexcept = 0;

 protected:
  ~Interruptible() = default;
};

namespace internal {
/// How far a wait that can be interrupted has come.
enum class WaitState : std::uint8_t { kNew, kWaiting, kCame, kInterrupted };
}  // namespace internal

/// Awaits an awaiter that is a variable, to be interrupted: g++ 12 would copy that one into the frame.
template <class Awaiter>
class Awaiting {
 public:
  explicit Awaiting(Awaiter& awaiter) noexcept : awaiter_(awaiter) {}
  bool await_ready() const noexcept { return awaiter_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> task) {
    return awaiter_.await_suspend(task);
  }
  decltype(auto) await_resume() { return awaiter_.await_resume(); }

 private:
  Awaiter& awaiter_;
};

/// Mutual exclusion between tasks, first come, first served. Thread-safe.
///   const auto lock = co_await mutex.lock();
class AsyncMutex {
 public:
  /// Holds the mutex; releases it when destroyed, on any thread.
  class [[nodiscard]] Lock {
   public:
    Lock() noexcept = default;
    explicit Lock(AsyncMutex& mutex) noexcept : mutex_(&mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&& other) noexcept {
      if (this != &other) {
        unlock();
        mutex_ = std::exchange(other.mutex_, nullptr);
      }
      return *this;
    }
    ~Lock() { unlock(); }
    void unlock() noexcept {
      if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->release();
    }
    explicit operator bool() const noexcept { return mutex_ != nullptr; }

   private:
    AsyncMutex* mutex_ = nullptr;
  };

  class LockAwaiter : private internal::Waiter, public Interruptible {
   public:
    explicit LockAwaiter(AsyncMutex& mutex) noexcept : mutex_(mutex) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    /// Empty where it was interrupted.
    Lock await_resume() noexcept { return state_ == internal::WaitState::kCame ? Lock(mutex_) : Lock(); }
    void interrupt() noexcept override;

   private:
    friend class AsyncMutex;
    AsyncMutex& mutex_;
    internal::WaitState state_ = internal::WaitState::kNew;  // guarded by the mutex's guard_ while it waits
  };

  AsyncMutex() noexcept = default;
  AsyncMutex(const AsyncMutex&) = delete;
  AsyncMutex& operator=(const AsyncMutex&) = delete;

  LockAwaiter lock() noexcept { return LockAwaiter(*this); }
  /// Without waiting; an empty Lock when it is held.
  Lock try_lock() noexcept;

 private:
  void release() noexcept;

  std::mutex guard_;  // guards held_ and waiters_; innermost
  bool held_ = false;
  WorkQueue waiters_;  // of LockAwaiter
};

/// Shared by readers or held by one writer, first come, first served: a reader behind a waiting writer waits.
/// Thread-safe.
class AsyncSharedMutex {
 public:
  enum class Mode : std::uint8_t { kShared, kExclusive };

  class [[nodiscard]] Lock {
   public:
    Lock() noexcept = default;
    Lock(AsyncSharedMutex& mutex, Mode mode) noexcept : mutex_(&mutex), mode_(mode) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)), mode_(other.mode_) {}
    Lock& operator=(Lock&& other) noexcept {
      if (this != &other) {
        unlock();
        mutex_ = std::exchange(other.mutex_, nullptr);
        mode_ = other.mode_;
      }
      return *this;
    }
    ~Lock() { unlock(); }
    void unlock() noexcept {
      if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->release(mode_);
    }
    explicit operator bool() const noexcept { return mutex_ != nullptr; }

   private:
    AsyncSharedMutex* mutex_ = nullptr;
    Mode mode_ = Mode::kShared;
  };

  class LockAwaiter : private internal::Waiter, public Interruptible {
   public:
    LockAwaiter(AsyncSharedMutex& mutex, Mode mode) noexcept : mutex_(mutex), mode_(mode) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    /// Empty where it was interrupted.
    Lock await_resume() noexcept { return state_ == internal::WaitState::kCame ? Lock(mutex_, mode_) : Lock(); }
    void interrupt() noexcept override;

   private:
    friend class AsyncSharedMutex;
    AsyncSharedMutex& mutex_;
    Mode mode_;
    internal::WaitState state_ = internal::WaitState::kNew;  // guarded by the mutex's guard_ while it waits
  };

  AsyncSharedMutex() noexcept = default;
  AsyncSharedMutex(const AsyncSharedMutex&) = delete;
  AsyncSharedMutex& operator=(const AsyncSharedMutex&) = delete;

  LockAwaiter lock_shared() noexcept { return LockAwaiter(*this, Mode::kShared); }
  LockAwaiter lock() noexcept { return LockAwaiter(*this, Mode::kExclusive); }

 private:
  bool may_enter(Mode mode) const noexcept;
  void enter(Mode mode) noexcept;
  /// With guard_ locked: those who may go in now, of those who wait.
  void let_in(WorkQueue& woken) noexcept;
  void release(Mode mode) noexcept;

  std::mutex guard_;  // guards all below; innermost
  std::uint64_t readers_ = 0;
  bool writer_ = false;
  WorkQueue waiters_;            // of LockAwaiter
  LockAwaiter* next_ = nullptr;  // taken from waiters_, not yet let in
};

/// A flag to wait for. set() lets everyone go on who waits, and everyone after, until reset(). Thread-safe.
class AsyncEvent {
 public:
  class Awaiter : private internal::Waiter, public Interruptible {
   public:
    explicit Awaiter(AsyncEvent& event) noexcept : event_(event) {}
    bool await_ready() const noexcept { return event_.is_set(); }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    void await_resume() const noexcept {}
    void interrupt() noexcept override;
    /// After the wait: it was ended by interrupt().
    bool interrupted() const noexcept { return state_ == internal::WaitState::kInterrupted; }

   private:
    friend class AsyncEvent;
    AsyncEvent& event_;
    internal::WaitState state_ = internal::WaitState::kNew;  // guarded by the event's guard_ while it waits
  };

  AsyncEvent() noexcept = default;
  AsyncEvent(const AsyncEvent&) = delete;
  AsyncEvent& operator=(const AsyncEvent&) = delete;

  Awaiter wait() noexcept { return Awaiter(*this); }
  void set() noexcept;
  void reset() noexcept;
  bool is_set() const noexcept;

 private:
  mutable std::mutex guard_;  // guards set_ and waiters_; innermost
  bool set_ = false;
  WorkQueue waiters_;  // of Awaiter
};

/// Suspends for this long by the current executor's clock; what sleep_for() gives.
class SleepAwaiter : private internal::Waiter {
 public:
  explicit SleepAwaiter(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
  bool await_ready() const noexcept { return nanoseconds_ <= 0; }
  void await_suspend(std::coroutine_handle<> task);
  void await_resume() const noexcept {}

 private:
  std::int64_t nanoseconds_;
};

inline SleepAwaiter sleep_for(std::int64_t nanoseconds) noexcept {
  return SleepAwaiter(nanoseconds);
}

}  // namespace fusereplay
