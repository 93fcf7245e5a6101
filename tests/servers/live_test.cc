// The suite on real mounts of the same filesystems: what it says is what a kernel makes of them.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/servers/native_run.h"
#include "tests/servers/served.h"
#include "tests/servers/suite.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

bool is_mounted(const std::string& path) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::ostringstream text;
  text << mounts.rdbuf();
  return text.str().find(" " + path + " ") != std::string::npos;
}

/// The mount table tells when it changes.
bool wait_for_mount(const std::string& path) {
  const UniqueFd table(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  while (!is_mounted(path)) {
    pollfd watched{.fd = table.get(), .events = POLLPRI, .revents = 0};
    if (::poll(&watched, 1, 20'000) <= 0) return false;
  }
  return true;
}

class ProgramLive : public LiveTest, public ::testing::WithParamInterface<Served> {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
  }

  void run(const std::vector<Step>& steps) {
    const std::string directory = LiveEnvironment::make_directory("served");
    const std::string mount_point = LiveEnvironment::make_directory("mounted");
    std::vector<std::string> command = GetParam().command(directory);
    for (std::string& argument : command) {
      if (argument == "{}") argument = mount_point;
    }
    ChildProcess program(command, "");
    ASSERT_TRUE(wait_for_mount(mount_point)) << program.output();
    EXPECT_EQ(unexpected(steps, run_natively(steps, mount_point), GetParam().differences), "");
    EXPECT_EQ(::umount2(mount_point.c_str(), 0), 0);
    const ChildResult result = program.wait(LiveMount::kChildTime);
    EXPECT_TRUE(result.ok()) << result;
  }
};

TEST_P(ProgramLive, Common) {
  run(common_suite());
}

class HelloLive : public ProgramLive {};

TEST_P(HelloLive, OneFileThatCanBeRead) {
  run(hello_suite());
}

/// The programs without the buffers they have as children.
std::vector<Served> programs(std::vector<Served> all) {
  std::erase_if(all, [](const Served& one) { return !one.name.ends_with("AsChild"); });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, ProgramLive, ::testing::ValuesIn(programs(servers_of_files())),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Of, HelloLive, ::testing::ValuesIn(programs(servers_of_hello())),
                         [](const auto& info) { return info.param.name; });

/// The kernel, our session and libfuse's: servers in process on a real mount.
class InProcessLive : public LiveTest, public ::testing::WithParamInterface<Served> {};

TEST_P(InProcessLive, Common) {
  if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
  const std::string directory = LiveEnvironment::make_directory("served");
  const auto server = GetParam().make(directory);
  LiveMount mount(*server);
  const std::string root = mount.path() + (GetParam().below ? GetParam().below(directory) : "");
  EXPECT_EQ(unexpected(common_suite(), run_natively(common_suite(), root), GetParam().differences), "");
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

std::vector<Served> in_process(std::vector<Served> all) {
  std::erase_if(all, [](const Served& one) {
    return one.name.find("Child") != one.name.npos || one.name.ends_with("InThreads");
  });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, InProcessLive, ::testing::ValuesIn(in_process(servers_of_files())),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace fusereplay::testing
