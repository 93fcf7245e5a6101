// A mutex for tasks that knows its owner, and finds what can deadlock when it first could, not when it first does.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/async.h"
#include "core/async/sync.h"

namespace fusereplay {

class CheckedMutex;

/// Which mutexes were taken while which others were held, for the mutexes of one filesystem. Two findings, each told
/// once for the same mutexes: a task locks what it holds, so that it waits for itself for ever; and mutexes are taken
/// in orders that contradict each other, in whatever tasks and however long ago, so that tasks can wait for each other
/// in a circle, though none has yet.
///
/// Thread-safe. Outlives its mutexes. A lock costs about a microsecond: for tests, and for a mount that hangs.
class LockOrder {
 public:
  /// `report` is told of each finding, one line, on the thread that is about to wait; it may not lock what is checked.
  explicit LockOrder(std::function<void(std::string_view)> report) : report_(std::move(report)) {}
  LockOrder(const LockOrder&) = delete;
  LockOrder& operator=(const LockOrder&) = delete;

  /// Who holds what, a line each: "nodes: held by MKDIR 12, locked at fs.cc:31".
  std::string held() const;

 private:
  friend class CheckedMutex;
  /// A task that holds or waits: the request it answers, or one without.
  struct Task {
    const void* identity = nullptr;
    std::string name;
  };
  struct Holding {
    const CheckedMutex* mutex;
    Task task;
    internal::SourcePlace place;
  };
  /// `second` was locked while `first` was held.
  struct Nesting {
    internal::SourcePlace first;
    internal::SourcePlace second;
  };
  using Id = std::uint64_t;

  Id add(std::string_view name);
  void remove(Id id) noexcept;
  void before_lock(const CheckedMutex& mutex, const Task& task, internal::SourcePlace place);
  void locked(const CheckedMutex& mutex, Task task, internal::SourcePlace place);
  void unlocked(const CheckedMutex& mutex) noexcept;
  /// With mutex_ locked: the mutexes that were nested from `from` down to `to`, both included; empty where there are
  /// none.
  std::vector<Id> path(Id from, Id to) const;
  std::string contradiction(const Holding& held, const CheckedMutex& wanted, internal::SourcePlace place) const;

  const std::function<void(std::string_view)> report_;
  mutable std::mutex mutex_;  // guards all below; innermost
  Id last_ = 0;
  std::map<Id, std::string> names_;
  std::map<std::pair<Id, Id>, Nesting> nestings_;  // outer and inner
  std::set<Id> taken_twice_;
  std::vector<Holding> holdings_;
};

/// Like AsyncMutex, under a LockOrder. A Lock must not outlive the task that took it.
///   const auto lock = co_await mutex.lock();
class CheckedMutex {
 public:
  class [[nodiscard]] Lock {
   public:
    Lock() noexcept = default;
    Lock(CheckedMutex& mutex, AsyncMutex::Lock&& lock) noexcept : mutex_(&mutex), lock_(std::move(lock)) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)), lock_(std::move(other.lock_)) {}
    Lock& operator=(Lock&& other) noexcept {
      if (this != &other) {
        unlock();
        mutex_ = std::exchange(other.mutex_, nullptr);
        lock_ = std::move(other.lock_);
      }
      return *this;
    }
    ~Lock() { unlock(); }
    void unlock() noexcept {
      if (CheckedMutex* const mutex = std::exchange(mutex_, nullptr)) mutex->order_.unlocked(*mutex);
      lock_.unlock();
    }
    explicit operator bool() const noexcept { return static_cast<bool>(lock_); }

   private:
    CheckedMutex* mutex_ = nullptr;
    AsyncMutex::Lock lock_;
  };

  class LockAwaiter : public AsyncMutex::LockAwaiter {
   public:
    LockAwaiter(CheckedMutex& mutex, internal::SourcePlace place) noexcept
        : AsyncMutex::LockAwaiter(mutex.mutex_), mutex_(mutex), place_(place) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> task) {
      const internal::CompletionBase& completion = *task.promise().completion;
      task_ = {.identity = completion.root(), .name = name_of(completion.owed_reply())};
      mutex_.order_.before_lock(mutex_, task_, place_);
      return AsyncMutex::LockAwaiter::await_suspend(task);
    }
    /// Empty where it was interrupted.
    Lock await_resume() {
      AsyncMutex::Lock lock = AsyncMutex::LockAwaiter::await_resume();
      if (!lock) return {};
      mutex_.order_.locked(mutex_, std::move(task_), place_);
      return Lock(mutex_, std::move(lock));
    }

   private:
    static std::string name_of(const OwedReply* reply);

    CheckedMutex& mutex_;
    internal::SourcePlace place_;
    LockOrder::Task task_;
  };

  /// `name` is what findings call it: "children of 7".
  CheckedMutex(LockOrder& order, std::string_view name) : order_(order), name_(name), id_(order.add(name)) {}
  /// Nobody may hold it.
  ~CheckedMutex() { order_.remove(id_); }
  CheckedMutex(const CheckedMutex&) = delete;
  CheckedMutex& operator=(const CheckedMutex&) = delete;

  LockAwaiter lock(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept {
    return {*this, {file, line}};
  }

 private:
  friend class LockOrder;
  LockOrder& order_;
  const std::string name_;
  const LockOrder::Id id_;
  AsyncMutex mutex_;
};

}  // namespace fusereplay
