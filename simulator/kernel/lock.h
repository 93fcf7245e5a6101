// The kernel's sleeping locks: i_rwsem and the mutexes that requests are sent under (reference section 2).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "simulator/kernel/scheduler.h"

namespace fusereplay::kernel {

enum class LockMode : std::uint8_t { kShared, kExclusive };

/// struct rw_semaphore, first come first served: a reader waits behind a writer that waits. A mutex is one that is only
/// taken exclusively.
class RwLock {
 public:
  RwLock() = default;
  RwLock(const RwLock&) = delete;
  RwLock& operator=(const RwLock&) = delete;

  /// Waits until it can be had. `name` and `nodeid` are for dead ends: "i_rwsem", 5. False: it never can; the caller
  /// goes on without it, and every request it makes fails.
  bool lock(Scheduler& scheduler, LockMode mode, const char* name, std::uint64_t nodeid) {
    if (first_waiter_ == nullptr && fits(mode)) {
      hold(scheduler.current(), mode);
      return true;
    }
    return lock_slowly(scheduler, mode, name, nodeid);
  }
  void unlock(const Task& task, LockMode mode) noexcept;

  /// "pid 1000, pid 1001"
  std::string holders() const;

 private:
  struct Waiter;

  bool fits(LockMode mode) const noexcept {
    return writer_ == nullptr && (mode == LockMode::kShared || readers_.empty());
  }
  void hold(const Task& task, LockMode mode) {
    if (mode == LockMode::kExclusive) {
      writer_ = &task;
    } else {
      readers_.push_back(&task);
    }
  }
  bool lock_slowly(Scheduler& scheduler, LockMode mode, const char* name, std::uint64_t nodeid);

  const Task* writer_ = nullptr;
  std::vector<const Task*> readers_;
  Waiter* first_waiter_ = nullptr;
};

/// Holds a lock while it lives.
class LockGuard {
 public:
  LockGuard() = default;
  LockGuard(Scheduler& scheduler, RwLock& lock, LockMode mode, const char* name, std::uint64_t nodeid) : mode_(mode) {
    if (!lock.lock(scheduler, mode, name, nodeid)) return;
    lock_ = &lock;
    task_ = &scheduler.current();
  }
  ~LockGuard() { unlock(); }
  LockGuard(LockGuard&& other) noexcept
      : lock_(std::exchange(other.lock_, nullptr)), task_(other.task_), mode_(other.mode_) {}
  LockGuard& operator=(LockGuard&& other) noexcept {
    unlock();
    lock_ = std::exchange(other.lock_, nullptr);
    task_ = other.task_;
    mode_ = other.mode_;
    return *this;
  }

  bool held() const noexcept { return lock_ != nullptr; }
  void unlock() noexcept {
    if (lock_ != nullptr) std::exchange(lock_, nullptr)->unlock(*task_, mode_);
  }

 private:
  RwLock* lock_ = nullptr;
  const Task* task_ = nullptr;
  LockMode mode_ = LockMode::kShared;
};

}  // namespace fusereplay::kernel
