#include "core/session/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "core/session/connection_control.h"
#include "tests/session/raw_server.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

/// MOUNTING_PROGRAM with its mount, until the end of the test.
class MountedProgram {
 public:
  MountedProgram()
      : mountpoint_(LiveEnvironment::make_directory("mount")),
        fifo_(make_fifo()),
        child_({MOUNTING_PROGRAM, mountpoint_, fifo_}, ""),
        watchdog_(std::chrono::seconds(100), [this] { child_.signal(SIGKILL); }) {
    std::string ready;
    std::getline(std::ifstream(fifo_) >> std::ws, ready);
  }

  const std::string& mountpoint() const { return mountpoint_; }
  void signal(int number) { child_.signal(number); }
  ChildResult wait() { return child_.wait(LiveMount::kChildTime); }

 private:
  static std::string make_fifo() {
    std::string path = LiveEnvironment::make_directory("ready") + "/fifo";
    if (::mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo " + path);
    return path;
  }

  const std::string mountpoint_;
  const std::string fifo_;
  ChildProcess child_;
  Watchdog watchdog_;
};

class SignalsLive : public LiveTest {};

class EndSignalLive : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { skip_without_fuse(); }
};

TEST_P(EndSignalLive, UnmountsCleanly) {
  MountedProgram program;
  ASSERT_TRUE(find_connection(program.mountpoint()));
  program.signal(GetParam());
  const auto result = program.wait();
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.output, "unmounted by signal " + std::to_string(GetParam()) + ", 1 disconnects\n");
  EXPECT_EQ(find_connection(program.mountpoint()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, EndSignalLive, ::testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& info) { return std::string(::sigabbrev_np(info.param)); });

TEST_F(SignalsLive, ASecondSignalAbortsABusyMount) {
  MountedProgram program;
  const ChildProcess user({"sh", "-c", "exec 3< '" + program.mountpoint() + "/file'; echo open; exec sleep 1000"}, "");
  while (user.output().empty()) ::sched_yield();
  program.signal(SIGINT);
  program.signal(SIGTERM);
  const auto result = program.wait();
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_THAT(result.output, HasSubstr("aborted by signal"));
  EXPECT_EQ(find_connection(program.mountpoint()), std::nullopt);
}

void (*handler_of(int signal))(int) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

TEST_F(SignalsLive, HandlersAreRestored) {
  RawServer server;
  LiveMount mount(server);
  {
    const SignalGuard guard(mount.session());
    EXPECT_NE(handler_of(SIGINT), SIG_DFL);
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) EXPECT_EQ(handler_of(signal), SIG_DFL) << signal;
  const SignalGuard another(mount.session());
  EXPECT_NE(handler_of(SIGTERM), SIG_DFL);
}

TEST_F(SignalsLive, Usr1AsksForAReportAndNothingElse) {
  RawServer server;
  LiveMount mount(server);
  std::atomic<int> reports{0};
  {
    const SignalGuard guard(mount.session(), [&] {
      ++reports;
      reports.notify_all();
    });
    ::kill(::getpid(), SIGUSR1);
    reports.wait(0);
    EXPECT_EQ(guard.received(), 0);
    EXPECT_TRUE(mount.run("cat file").ok());
  }
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(handler_of(SIGUSR1), SIG_DFL);
}

TEST_F(SignalsLive, AnIgnoredSignalStaysIgnored) {
  RawServer server;
  LiveMount mount(server);
  ::signal(SIGHUP, SIG_IGN);
  {
    const SignalGuard guard(mount.session());
    EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
  }
  EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
  ::signal(SIGHUP, SIG_DFL);
}

TEST_F(SignalsLive, ABrokenPipeIsSurvivedHereButNotByProgramsStartedMeanwhile) {
  RawServer server;
  LiveMount mount(server);
  const SignalGuard guard(mount.session());
  ::raise(SIGPIPE);
  const int status = std::system("kill -PIPE $$");
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
  EXPECT_EQ(guard.received(), 0);
  EXPECT_TRUE(mount.run("cat file").ok());
}

}  // namespace
}  // namespace fusereplay::testing
