// Ends a test that hangs, and says where it hung.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace fusereplay::testing {

/// Unless destroyed before its deadline: prints the stacks of this process and its children and the command that runs
/// this test again, calls `set_free` (which should unblock whatever hangs), and fails the test. If that does not help
/// within kGrace, ends the process; what it mounted goes with its namespace.
class Watchdog {
 public:
  static constexpr std::chrono::seconds kGrace{20};

  /// `set_free` runs on the watchdog's thread. FUSEREPLAY_DEADLINE in the environment, in seconds, overrides
  /// `deadline`.
  Watchdog(std::chrono::seconds deadline, std::function<void()> set_free);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void run();
  void bark();

  const std::chrono::seconds deadline_;
  const std::function<void()> set_free_;
  const std::string rerun_;  // the command
  std::mutex mutex_;         // guards done_
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace fusereplay::testing
