// What a user sees who gets it wrong: one line that says what, where and what to do; exit status 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Expects a refusal of these arguments, with one line that `says`.
template <class Matcher>
void expect_refused(const std::vector<std::string>& arguments, const Matcher& says) {
  const CommandResult result = run_fusereplay(arguments);
  EXPECT_EQ(result.exit_code, 2) << result;
  EXPECT_EQ(result.out, "") << result;
  EXPECT_THAT(result.error_line(), says);
}

TEST(Usage, HelpIsNoError) {
  for (const std::string verb : {"record", "replay", "check", "show", "stat"}) {
    const CommandResult result = run_fusereplay({verb, "--help"});
    EXPECT_EQ(result.exit_code, 0) << result;
    EXPECT_THAT(result.out, StartsWith("usage: fusereplay " + verb + " "));
    EXPECT_EQ(result.err, "");
  }
  EXPECT_THAT(run_fusereplay({"--help"}).out,
              AllOf(HasSubstr("  record "), HasSubstr("  stat "), HasSubstr("4 the cap")));
  EXPECT_THAT(run_fusereplay({"--version"}).out, StartsWith("fusereplay "));
}

TEST(Usage, HelpListsTheFilesystems) {
  EXPECT_THAT(run_fusereplay({"record", "--help"}).out, AllOf(HasSubstr("\n  hello "), HasSubstr("\n  memfs ")));
}

TEST(Usage, NoVerb) {
  expect_refused({}, HasSubstr("no verb given; use one of: record, replay, check, show, stat, repair"));
}

TEST(Usage, UnknownVerb) {
  expect_refused({"recrod"}, HasSubstr("unknown verb 'recrod'; use one of: record, replay, check, show, stat, repair"));
}

TEST(Usage, UnknownOption) {
  expect_refused({"stat", "x", "--no-such"}, AllOf(HasSubstr("--no-such"), HasSubstr("see fusereplay stat --help")));
}

TEST(Usage, OptionWithoutItsValue) {
  expect_refused({"record", "/", "--fs"}, AllOf(HasSubstr("--fs"), HasSubstr("see fusereplay record --help")));
}

TEST(Usage, MissingOperand) {
  for (const std::string verb : {"replay", "check", "show", "stat"}) {
    expect_refused({verb}, HasSubstr("no TRACE given; usage: fusereplay " + verb + " TRACE"));
  }
}

TEST(Usage, OneOperandTooMany) {
  expect_refused({"show", "a", "b"}, HasSubstr("'b' is one operand too many; usage: "));
}

TEST(Usage, MissingMountPointOperand) {
  expect_refused({"record", "--fs", "memfs", "--check"}, HasSubstr("no MOUNTPOINT given; usage: "));
}

TEST(Usage, NoFilesystem) {
  expect_refused({"record", "--check", "/mnt"}, HasSubstr("no filesystem given; use --fs NAME[:ARG]"));
}

TEST(Usage, UnknownFilesystem) {
  expect_refused({"record", "--check", "/mnt", "--fs", "mefs"},
                 AllOf(HasSubstr("mefs"), HasSubstr("there are "), HasSubstr("memfs")));
}

TEST(Usage, NothingToRecordTo) {
  expect_refused({"record", "/mnt", "--fs", "memfs"}, HasSubstr("give -o TRACE, --check or both"));
}

TEST(Usage, ThreadsOutOfRange) {
  expect_refused({"record", "/mnt", "--fs", "memfs", "--check", "--threads", "0"}, HasSubstr("give 1 to 64"));
}

TEST(Usage, UnknownOpcode) {
  expect_refused({"show", "x.fusetrace", "--opcode", "LOKUP"}, HasSubstr("--opcode LOKUP: no such request"));
}

TEST(Usage, MountPointThatDoesNotExist) {
  const std::string trace = scratch_path("a.fusetrace");
  const std::string mountpoint = scratch_path("missing");
  expect_refused({"record", "-o", trace, mountpoint, "--fs", "memfs"}, HasSubstr(mountpoint));
  EXPECT_NE(::access(trace.c_str(), F_OK), 0) << "a trace of nothing was left behind";
}

TEST(Usage, MountPointThatIsNoDirectory) {
  const std::string mountpoint = scratch_path("file");
  write_file(mountpoint, "");
  expect_refused({"record", "--check", mountpoint, "--fs", "memfs"},
                 AllOf(HasSubstr(mountpoint), HasSubstr("director")));
}

TEST(Usage, UnwritableOutput) {
  const std::string trace = scratch_path("no/such/directory/a.fusetrace");
  expect_refused({"record", "-o", trace, scratch_path(""), "--fs", "memfs"}, HasSubstr(trace));
}

TEST(Usage, OutputThatExists) {
  const std::string trace = scratch_path("old.fusetrace");
  write_file(trace, "precious");
  expect_refused({"record", "-o", trace, scratch_path(""), "--fs", "memfs"}, HasSubstr(trace));
  EXPECT_EQ(contents(trace), "precious");
}

TEST(Usage, NotATrace) {
  const std::string path = scratch_path("letter.txt");
  write_file(path, "Dear kernel,\n");
  for (const std::string verb : {"check", "show", "stat"}) expect_refused({verb, path}, HasSubstr(path));
  expect_refused({"replay", path, "--fs", "memfs"}, HasSubstr(path));
}

TEST(Usage, TraceThatIsMissing) {
  const std::string path = scratch_path("missing.fusetrace");
  expect_refused({"stat", path}, AllOf(HasSubstr(path), HasSubstr("No such file")));
}

TEST(Usage, JsonThatCannotBeWritten) {
  const std::string path = scratch_path("no/such/directory/report.json");
  const CommandResult result = run_fusereplay({"check", scratch_path("missing.fusetrace"), "--json", path});
  EXPECT_EQ(result.exit_code, 2) << result;
  EXPECT_THAT(result.err, HasSubstr(path));
}

class UsageLive : public LiveTest {};

TEST_F(UsageLive, NoFuseDevice) {
  const std::string mountpoint = LiveEnvironment::make_directory("mnt");
  const CommandResult result =
      run_script("exec unshare --mount sh -c 'mount -t tmpfs none /dev && exec \"$fusereplay\" record --check " +
                 mountpoint + " --fs memfs'");
  EXPECT_EQ(result.exit_code, 2) << result;
  EXPECT_THAT(result.error_line(), HasSubstr("/dev/fuse"));
}

}  // namespace
}  // namespace fusereplay::testing
