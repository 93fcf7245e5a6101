// Where suspended work goes on: one interface for threads, strands and tests.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/async/clock.h"

namespace fusereplay {

/// One piece of work, linked into an executor's queue without allocation. Lives in whoever posts it, who keeps it alive
/// and does not post it again until it has run.
class Work {
 public:
  virtual void run() noexcept = 0;

 protected:
  Work() noexcept = default;
  ~Work() = default;
  Work(Work&&) noexcept {}  // only while it is not posted: g++ 12 moves awaiters into the frame before they wait
  Work& operator=(const Work&) = delete;

 private:
  friend class WorkQueue;
  friend class Strand;
  Work* next_ = nullptr;
};

/// A FIFO of Work. Not thread-safe.
class WorkQueue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void push(Work& work) noexcept;
  /// The oldest; null when empty.
  Work* pop() noexcept;
  /// False: it is not there. Looks at all before it.
  bool remove(Work& work) noexcept;

 private:
  Work* head_ = nullptr;
  Work* tail_ = nullptr;
};

/// Runs work. What runs sees the executor as current(), and what suspends there is resumed there.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` later, never inside this call. Any thread.
  virtual void post(Work& work) noexcept = 0;
  /// Runs `work` inside this call where the executor's order allows it, else later. Any thread.
  virtual void dispatch(Work& work) noexcept = 0;
  /// Posts `work` once clock().monotonic() has reached `deadline` (ns). Any thread.
  virtual void post_at(std::int64_t deadline, Work& work) = 0;
  /// Takes back what was given to post_at(): it will not run. False: its time has come, and it has run or will. Any
  /// thread.
  virtual bool take_back(Work& work) noexcept = 0;
  virtual Clock& clock() noexcept = 0;

  /// The executor whose work runs on this thread; null outside of any.
  static Executor* current() noexcept;

  /// Makes `executor` current for a scope.
  class Scope {
   public:
    explicit Scope(Executor& executor) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Executor* previous_;
  };
};

namespace internal {
/// Work due at set instants, earliest first, equal ones in the order given. Not thread-safe.
class Timers {
 public:
  void add(std::int64_t deadline, Work& work);
  bool empty() const noexcept { return queue_.empty(); }
  std::int64_t next_deadline() const noexcept { return queue_.begin()->first; }
  /// The earliest work that is due at `now`; null when none is.
  Work* pop_due(std::int64_t now);
  /// False: it is not there.
  bool remove(const Work& work) noexcept;

 private:
  std::multimap<std::int64_t, Work*> queue_;  // by deadline
};
}  // namespace internal

/// Threads of its own. dispatch() runs inline on the calling thread, whichever that is.
class PoolExecutor final : public Executor {
 public:
  /// `threads` >= 1, named `name` (at most 15 bytes). `clock` must outlive the pool and be the machine's: timers wait
  /// for real.
  PoolExecutor(unsigned threads, const std::string& name, Clock& clock);
  /// Runs what is queued, drops timers that are not due, joins the threads.
  ~PoolExecutor() override;

  void post(Work& work) noexcept override;
  void dispatch(Work& work) noexcept override;
  void post_at(std::int64_t deadline, Work& work) override;
  bool take_back(Work& work) noexcept override;
  Clock& clock() noexcept override { return clock_; }

 private:
  void run();

  Clock& clock_;
  std::mutex mutex_;  // guards queue_, timers_, stopping_; innermost
  std::condition_variable wake_;
  WorkQueue queue_;
  internal::Timers timers_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// One piece of work at a time, in order, on the threads of another executor or inline in dispatch().
class Strand final : public Executor {
 public:
  explicit Strand(Executor& underlying) noexcept : underlying_(underlying), drain_(*this) {}
  /// Not from its own work. Whoever waited for the last work may come here before the thread that ran it has left.
  ~Strand() override;

  void post(Work& work) noexcept override;
  /// Inline when the strand is idle; else whoever runs it now runs `work` next in turn.
  void dispatch(Work& work) noexcept final;
  void post_at(std::int64_t deadline, Work& work) override;
  bool take_back(Work& work) noexcept override;
  Clock& clock() noexcept override { return underlying_.clock(); }

 private:
  struct Drain final : Work {
    explicit Drain(Strand& owner) noexcept : strand(owner) {}
    void run() noexcept override { strand.drain(); }
    Strand& strand;
  };
  struct Delayed;

  void drain() noexcept;
  /// Runs what is queued, then leaves the strand.
  void run_queued() noexcept;

  Executor& underlying_;
  Drain drain_;
  // Null: idle. The sentinel: someone runs the strand. Else: the newest of a stack of work pushed meanwhile.
  std::atomic<Work*> state_{nullptr};
  WorkQueue ready_;               // owned by whoever runs the strand
  std::atomic<int> draining_{0};  // threads of the underlying executor that are in drain()
  std::mutex delayed_mutex_;      // guards delayed_; over the underlying executor's
  std::vector<Delayed*> delayed_;
};

/// Runs nothing by itself: a test or a replayer turns the crank. Single-threaded. dispatch() runs inline.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(Clock& clock) noexcept : clock_(clock) {}

  void post(Work& work) noexcept override { queue_.push(work); }
  void dispatch(Work& work) noexcept override;
  void post_at(std::int64_t deadline, Work& work) override { timers_.add(deadline, work); }
  bool take_back(Work& work) noexcept override { return timers_.remove(work); }
  Clock& clock() noexcept override { return clock_; }

  /// Runs the oldest work; false when there is none.
  bool run_one() noexcept;
  /// Runs until nothing is ready, due timers included. Returns how many ran.
  std::size_t run_ready();

 private:
  Clock& clock_;
  WorkQueue queue_;
  internal::Timers timers_;
};

}  // namespace fusereplay
