// Who runs inside the simulated kernel: one task at a time, on one thread.
//
// A call of a plain test runs on the test's own stack. Calls that are to be outstanding together are tasks, each on a
// stack of its own (a fiber); they run until they wait, and go on when somebody else waits and what they wait for has
// come. The server's code runs on the test's stack, whenever nobody else can.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fusereplay::kernel {

/// How a task was woken from outside (signal(7)).
enum class Signal : std::uint8_t { kNone, kHandled, kFatal };

class Task;
struct Dentry;

/// What a task waits for. Lives while it waits.
class WaitReason {
 public:
  /// "i_rwsem of nodeid 5 for pid 1000 is held by pid 1001"; empty where another's reason says it all.
  virtual std::string describe() const = 0;

 protected:
  ~WaitReason() = default;
};

/// One flow of control. Made and kept by the Scheduler.
class Task {
 public:
  Task();
  ~Task();
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// Of the process whose call runs; 0 for the server.
  std::uint32_t pid() const noexcept { return pid_; }
  void set_pid(std::uint32_t pid) noexcept { pid_ = pid; }
  /// Where relative paths of its call begin; null: at the root.
  Dentry* directory() const noexcept { return directory_; }
  void set_directory(Dentry* directory) noexcept { directory_ = directory; }
  Signal signal() const noexcept { return signal_; }
  void set_signal(Signal signal) noexcept { signal_ = signal; }
  /// It is to end: every wait of it ends at once.
  bool broken() const noexcept { return broken_; }
  /// Null while it runs.
  const WaitReason* waits_for() const noexcept { return reason_; }

 private:
  friend class Scheduler;
  struct Stack;

  std::uint32_t pid_ = 0;
  Dentry* directory_ = nullptr;
  Signal signal_ = Signal::kNone;
  bool broken_ = false;
  const WaitReason* reason_ = nullptr;
  bool (*ready_)(void*) = nullptr;
  void* condition_ = nullptr;
  std::function<void()> body_;
  std::unique_ptr<Stack> stack_;  // null: the test's own
};

/// The part of the simulation that can always be asked to go on: the server.
class ServerStep {
 public:
  /// Does one thing; false where there is nothing to do.
  virtual bool step() = 0;

 protected:
  ~ServerStep() = default;
};

class Scheduler {
 public:
  Scheduler();
  /// No task may be left: see end_tasks().
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void set_server(ServerStep* server) noexcept { server_step_ = server; }

  /// Who runs.
  Task& current() noexcept { return *current_; }
  /// On the test's own stack: the test, or the server.
  bool on_test_stack() const noexcept { return current_->stack_ == nullptr; }

  /// Nobody waits, and no call has a stack of its own: whatever happens next, the server does it.
  bool alone() const noexcept { return waiting_.empty() && on_test_stack(); }
  /// Does what the server would do next. Only if alone().
  template <class Step>
  void run_as_server(const Step& step) {
    Task* const before = std::exchange(current_, &server_);
    step();
    current_ = before;
  }

  /// Lets others run until `done()`. False: nothing can happen any more, or the task is broken; a line about it is in
  /// dead_ends().
  template <class Done>
  bool wait_until(Done&& done, const WaitReason& reason) {
    if (done()) return true;
    Task& task = *current_;
    if (task.broken_) return false;
    const WaitReason* const outer = std::exchange(task.reason_, &reason);
    const bool came = task.stack_ != nullptr ? block(task, &is_done<Done>, &done) : run_until(&is_done<Done>, &done);
    if (!came && !task.broken_) report(reason);
    task.reason_ = outer;
    return came;
  }
  /// Lets everybody run until nothing can happen any more. On the test's stack.
  void settle() {
    while (run_one()) {
    }
  }

  /// A new task, which runs until it first waits; from another task: later.
  Task& start(std::uint32_t pid, std::function<void()> body);
  /// Whether this task, started and perhaps over, still runs or waits.
  bool alive(const Task& task) const noexcept;
  /// All its waits end, and thereby it does. On the test's stack.
  void end(Task& task);
  void end_tasks();

  /// Waits that came to nothing, one line each.
  const std::vector<std::string>& dead_ends() const noexcept { return dead_ends_; }
  void add_dead_end(std::string line) { dead_ends_.push_back(std::move(line)); }

 private:
  friend struct Task::Stack;

  template <class Done>
  static bool is_done(void* done) {
    return (*static_cast<std::remove_reference_t<Done>*>(done))();
  }

  bool run_one();
  bool run_until(bool (*done)(void*), void* condition);
  bool block(Task& task, bool (*done)(void*), void* condition);
  void resume(Task& task);
  void report(const WaitReason& reason);

  ServerStep* server_step_ = nullptr;
  Task test_;
  Task server_;
  Task* current_ = &test_;
  std::vector<Task*> waiting_;                // those on stacks of their own, longest first
  std::vector<std::unique_ptr<Task>> tasks_;  // all with a stack
  std::vector<Task*> idle_;                   // those of them that are over: their stacks are used again
  std::vector<std::string> dead_ends_;
};

}  // namespace fusereplay::kernel
