// A child process of a test: started in a process group of its own, its output kept, never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace fusereplay::testing {

/// How a child ended, and all it wrote to stdout and stderr.
struct ChildResult {
  int exit_code = -1;  // -1: ended by `signal`
  int signal = 0;
  bool timed_out = false;  // killed by us
  std::string output;
  bool ok() const { return exit_code == 0; }
};
/// For the message of a failed EXPECT.
std::ostream& operator<<(std::ostream& out, const ChildResult& result);

/// Killed (with its whole process group) and reaped when destroyed. One thread at a time. Errors throw.
class ChildProcess {
 public:
  /// Runs `arguments`[0], found through PATH, with `directory` as its working directory ("" for ours).
  ChildProcess(std::vector<std::string> arguments, const std::string& directory);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }
  /// To the child alone.
  void signal(int number) const;
  /// Waits for the end; after `timeout` prints where the child hangs, and kills it. Once.
  ChildResult wait(std::chrono::seconds timeout);
  /// What it has written so far.
  std::string output() const;

 private:
  ChildResult reap();

  pid_t pid_ = -1;  // -1 once reaped
  UniqueFd process_;
  UniqueFd output_;
};

/// Prints what the kernel tells about each thread of `process` (name, wait channel, kernel stack) to stderr.
void print_stacks(pid_t process);

}  // namespace fusereplay::testing
