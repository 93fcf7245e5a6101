#include "tests/support/watchdog.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/support/child_process.h"

namespace fusereplay::testing {
namespace {

std::chrono::seconds chosen(std::chrono::seconds deadline) {
  const char* override = std::getenv("FUSEREPLAY_DEADLINE");
  return override == nullptr ? deadline : std::chrono::seconds(std::atol(override));
}

std::string rerun_command() {
  std::string command = std::filesystem::read_symlink("/proc/self/exe").string();
  if (const auto* test = ::testing::UnitTest::GetInstance()->current_test_info(); test != nullptr) {
    command += " --gtest_filter=" + std::string(test->test_suite_name()) + "." + test->name();
  }
  return command;
}

/// Children of every thread of `process`, and theirs.
void print_family(pid_t process) {
  std::fprintf(stderr, "process %d:\n", process);
  print_stacks(process);
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", gone)) {
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) print_family(child);
  }
}

}  // namespace

Watchdog::Watchdog(std::chrono::seconds deadline, std::function<void()> set_free)
    : deadline_(chosen(deadline)),
      set_free_(std::move(set_free)),
      rerun_(rerun_command()),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void Watchdog::run() {
  ::pthread_setname_np(::pthread_self(), "watchdog");
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, deadline_, [this] { return done_; })) return;
  bark();
  if (ended_.wait_for(lock, kGrace, [this] { return done_; })) return;
  std::fprintf(stderr, "still hanging: giving up\n");
  std::_Exit(1);
}

void Watchdog::bark() {
  std::fprintf(stderr, "HANGING for %lld s; again: %s\n", static_cast<long long>(deadline_.count()), rerun_.c_str());
  print_family(::getpid());
  set_free_();
  ADD_FAILURE() << "hung for " << deadline_.count() << " s; again: " << rerun_;
}

}  // namespace fusereplay::testing
