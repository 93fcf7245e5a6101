// One suite of system calls on every kind of server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "core/program/program_server.h"
#include "simulator/mount.h"
#include "testing/conversation_log.h"
#include "tests/servers/borrowed.h"
#include "tests/servers/native_run.h"
#include "tests/servers/served.h"
#include "tests/servers/suite.h"
#include "tests/simulator/simulated_target.h"
#include "tests/traces/temporary_directory.h"

namespace fusereplay::testing {
namespace {

std::string path_of(const test::TemporaryDirectory& directory) {
  return (directory / "").parent_path().string();
}

class ServerSuite : public ::testing::TestWithParam<Served> {
 protected:
  void SetUp() override {
    if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
  }

  void run(const std::vector<Step>& steps, const std::map<std::string, int>& known_findings) {
    const auto server = GetParam().make(path_of(directory_));
    ConversationLog log;
    {
      Process caller;
      caller.uid = ::getuid();
      caller.gid = ::getgid();
      SimulatedMount mount(std::make_unique<Borrowed>(*server), {.process = caller, .observers = {&log}});
      SimulatedTarget target(mount);
      const std::vector<Step> here = GetParam().below ? below(GetParam().below(path_of(directory_)), steps) : steps;
      EXPECT_EQ(unexpected(steps, run_steps(target, here), GetParam().differences), "");
      mount.drop_caches();
      EXPECT_TRUE(mount.lookup_counts().empty());
      EXPECT_EQ(mount.open_handles(), 0U);
      expect_findings(mount, known_findings);
    }
    std::string said;
    if (auto* const program = dynamic_cast<ProgramServer*>(server.get())) {
      const ProgramEnd end = program->end().value();
      EXPECT_TRUE(!end.gave_up && (end.signal == 0 || end.signal == SIGTERM)) << "the program " << describe(end);
      said = "The program said:\n" + program->program().output();
    }
    if (HasFailure()) ADD_FAILURE() << log.text() << said;
  }

  static void expect_findings(SimulatedMount& mount, const std::map<std::string, int>& known) {
    std::map<std::string, int> findings;
    for (const Finding& finding : mount.findings()) ++findings[std::string(finding.rule)];
    EXPECT_EQ(findings, known) << mount.trouble();
    EXPECT_THAT(mount.dead_ends(), ::testing::IsEmpty());
    if (known.empty()) {
      EXPECT_EQ(mount.trouble(), "");
    }
  }

  test::TemporaryDirectory directory_;
};

TEST_P(ServerSuite, Common) {
  run(common_suite(), GetParam().findings);
}

TEST_P(ServerSuite, ExtendedAttributes) {
  run(xattr_suite(), {});
}

INSTANTIATE_TEST_SUITE_P(Of, ServerSuite, ::testing::ValuesIn(servers_of_files()),
                         [](const auto& info) { return info.param.name; });

class HelloSuite : public ServerSuite {};

TEST_P(HelloSuite, OneFileThatCanBeRead) {
  run(hello_suite(), {});
}

INSTANTIATE_TEST_SUITE_P(Of, HelloSuite, ::testing::ValuesIn(servers_of_hello()),
                         [](const auto& info) { return info.param.name; });

TEST(SuiteOfServers, IsAsLongAsItSays) {
  EXPECT_EQ(common_suite().size(), 158U);
  EXPECT_EQ(xattr_suite().size(), 15U);
  EXPECT_EQ(hello_suite().size(), 165U);
}

TEST(SuiteOfServers, IsTrueOfADirectoryOfTheSystem) {
  test::TemporaryDirectory directory;
  for (const auto& steps : {common_suite(), xattr_suite()}) {
    EXPECT_EQ(unexpected(steps, run_natively(steps, path_of(directory))), "");
  }
}

}  // namespace
}  // namespace fusereplay::testing
