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

  class LockAwaiter : private internal::Waiter {
   public:
    explicit LockAwaiter(AsyncMutex& mutex) noexcept : mutex_(mutex) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    Lock await_resume() noexcept { return Lock(mutex_); }

   private:
    friend class AsyncMutex;
    AsyncMutex& mutex_;
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

  class LockAwaiter : private internal::Waiter {
   public:
    LockAwaiter(AsyncSharedMutex& mutex, Mode mode) noexcept : mutex_(mutex), mode_(mode) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    Lock await_resume() noexcept { return Lock(mutex_, mode_); }

   private:
    friend class AsyncSharedMutex;
    AsyncSharedMutex& mutex_;
    Mode mode_;
  };

  AsyncSharedMutex() noexcept = default;
  AsyncSharedMutex(const AsyncSharedMutex&) = delete;
  AsyncSharedMutex& operator=(const AsyncSharedMutex&) = delete;

  LockAwaiter lock_shared() noexcept { return LockAwaiter(*this, Mode::kShared); }
  LockAwaiter lock() noexcept { return LockAwaiter(*this, Mode::kExclusive); }

 private:
  bool may_enter(Mode mode) const noexcept;
  void enter(Mode mode) noexcept;
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
  class Awaiter : private internal::Waiter {
   public:
    explicit Awaiter(AsyncEvent& event) noexcept : event_(event) {}
    bool await_ready() const noexcept { return event_.is_set(); }
    bool await_suspend(std::coroutine_handle<> task) noexcept;
    void await_resume() const noexcept {}

   private:
    friend class AsyncEvent;
    AsyncEvent& event_;
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
