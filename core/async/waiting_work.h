// Where work goes that may wait for long inside the kernel, so that nothing else waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/async/executor.h"

namespace fusereplay {

/// Takes work that may wait.
class WaitingWork {
 public:
  virtual ~WaitingWork() = default;
  /// Runs `work` later, never inside this call, and beside whatever else of it waits. Any thread.
  virtual void post(Work& work) noexcept = 0;
};

/// Threads of its own: one runs the work in the order of post(). While it waits in one for longer than a moment,
/// another takes its place for the rest, and so on; so there are as many as wait, and at most two that do not.
class WaitingThreads final : public WaitingWork {
 public:
  /// Threads start with the first work, with all signals blocked. `name`: at most 15 bytes.
  explicit WaitingThreads(std::string name);
  /// Runs what is queued, joins the threads.
  ~WaitingThreads() override;

  void post(Work& work) noexcept override;
  /// Threads so far.
  std::size_t threads() const;

 private:
  static constexpr std::chrono::milliseconds kMoment{2};

  void run();
  void lead(std::unique_lock<std::mutex>& lock, std::uint64_t turn);
  void watch(std::unique_lock<std::mutex>& lock);
  void add_watcher();

  const std::string name_;
  mutable std::mutex mutex_;         // guards all below; innermost
  std::condition_variable to_lead_;  // the leader waits for work
  std::condition_variable to_watch_;
  WorkQueue queue_;
  bool stopping_ = false;
  std::uint64_t turn_ = 0;  // the leader is who took it last
  bool led_ = false;        // somebody leads
  bool leader_idle_ = false;
  std::uint64_t begun_ = 0;   // works, so far
  std::size_t watchers_ = 0;  // threads that do not lead and are in no work
  std::vector<std::thread> threads_;
};

}  // namespace fusereplay
