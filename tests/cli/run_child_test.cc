#include "cli/run_child.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>

namespace fusereplay {
namespace {

Result<ChildStatus> run(const std::string& command) {
  return run_child(command, "/", [] { return false; });
}

TEST(ExpandCommand, ReplacesEachPairOfBraces) {
  EXPECT_EQ(expand_command("ls {}; rm -r {}/x", "/mnt"), "ls '/mnt'; rm -r '/mnt'/x");
  EXPECT_EQ(expand_command("plain { } text", "/mnt"), "plain { } text");
}

TEST(ExpandCommand, QuotesWhatTheShellWouldTakeApart) {
  EXPECT_EQ(expand_command("ls {}", "/a b/it's{}"), R"(ls '/a b/it'\''s{}')");
}

TEST(RunChild, TellsTheExitStatus) {
  EXPECT_EQ(run("exit 7")->value, 7);
  EXPECT_EQ(to_string(*run("exit 7")), "exit status 7");
  EXPECT_EQ(run("test $(pwd) = /")->value, 0);
}

TEST(RunChild, TellsTheSignalAsAShellDoes) {
  const auto status = run("kill -9 $$");
  EXPECT_EQ(status->value, 137);
  EXPECT_EQ(to_string(*status), "signal 9 (Killed)");
}

TEST(RunChild, FailsWhereTheDirectoryIsMissing) {
  const auto status = run_child("true", "/no/such/directory", [] { return false; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), Errno(ENOENT));
}

TEST(RunChild, EndsTheChildWhenInterrupted) {
  const auto status = run_child("exec sleep 1000", "/", [] { return true; });
  EXPECT_EQ(status->signal, SIGTERM);
}

TEST(RunChild, GivesTheChildDefaultSignals) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, &before);
  const auto status = run("kill -USR1 $$; exit 0");
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(status->signal, SIGUSR1);
}

}  // namespace
}  // namespace fusereplay
