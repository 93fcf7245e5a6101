// passthrough on real mounts: what it is asked keeps the rules, and plays again on an empty directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <tuple>

#include "tests/cli/command.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

class PassthroughWorkload : public LiveTest,
                            public ::testing::WithParamInterface<std::tuple<const char*, const char*, const char*>> {
 protected:
  const std::string mountpoint_ = LiveEnvironment::make_directory("mnt");
  const std::string source_ = LiveEnvironment::make_directory("source");
  const std::string empty_ = LiveEnvironment::make_directory("empty");
};

TEST_P(PassthroughWorkload, IsCheckedAndReplayedWithoutDifference) {
  const auto [name, options, threads] = GetParam();
  const std::string trace = scratch_path("t.fusetrace");
  const std::string filesystem = std::string("passthrough:") + options;
  const std::string work = std::string("here='" FUSEREPLAY_WORKLOADS "'; \"$here\"/") + name + " {}";
  const CommandResult recorded = run_fusereplay({"record", "-o", trace, "--check", "--run", work, "--threads", threads,
                                                 mountpoint_, "--fs", filesystem + source_});
  ASSERT_EQ(recorded.exit_code, 0) << recorded;
  const CommandResult replay =
      run_fusereplay({"replay", trace, "--check", "--compare", "portable", "--fs", filesystem + empty_});
  EXPECT_EQ(replay.exit_code, 0) << replay;
  EXPECT_THAT(replay.out, HasSubstr("0 differences"));
}

std::string case_name(const ::testing::TestParamInfo<PassthroughWorkload::ParamType>& info) {
  std::string name = std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param) + std::get<2>(info.param);
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Storms, PassthroughWorkload,
                         ::testing::Combine(::testing::Values("small", "storm"), ::testing::Values("", "threads,"),
                                            ::testing::Values("1", "4")),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Others, PassthroughWorkload,
                         ::testing::Values(std::tuple("tar", "threads,", "4"), std::tuple("compile", "threads,", "4"),
                                           std::tuple("clone", "", "1"), std::tuple("small", "cache=always,", "1"),
                                           std::tuple("small", "cache=never,", "1")),
                         case_name);
INSTANTIATE_TEST_SUITE_P(
    Programs, PassthroughWorkload,
    ::testing::Values(std::tuple("sqlite", "locks,", "1"), std::tuple("program attributes", "locks,", "1"),
                      std::tuple("program interrupted", "locks,", "1"), std::tuple("program unlinked", "threads,", "4"),
                      std::tuple("program mapped", "writeback,", "1"),
                      std::tuple("program unlinked", "direct-io,", "1"), std::tuple("program fsx", "writeback,", "1"),
                      std::tuple("program fsx", "cache=always,", "1")),
    case_name);

class PassthroughLive : public LiveTest, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Threads, PassthroughLive, ::testing::Values("1", "4"));

TEST_P(PassthroughLive, BehavesAsPosixSays) {
  const std::string source = LiveEnvironment::make_directory("source");
  const std::string work =
      "for check in rename_flags tmpfile_then_link unlinked_but_open xattrs special_files links_and_counts "
      "times_and_modes copy_range busy_directory seek_in_directory; do "
      "mkdir $check; (cd $check && '" POSIX_CHECKS "' $check) || exit 1; done";
  const std::string options = GetParam() == std::string("1") ? "" : "threads,";
  const CommandResult recorded =
      run_fusereplay({"record", "--check", "--run", work, "--threads", GetParam(),
                      LiveEnvironment::make_directory("mnt"), "--fs", "passthrough:" + options + source});
  EXPECT_EQ(recorded.exit_code, 0) << recorded;
}

}  // namespace
}  // namespace fusereplay::testing
