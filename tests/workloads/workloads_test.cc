// The main job, end to end: quickstart's workloads on a live memfs with capture on, checked, and replayed without a
// kernel; the broken filesystems, caught.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "tests/cli/command.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string workload(const std::string& name) {
  return "'" FUSEREPLAY_WORKLOADS "/" + name + "' {}";
}

/// 100 as the contract asks; fewer where a sanitizer makes each one slow.
int replays() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 5;
#else
  return 100;
#endif
}

class WorkloadsLive : public LiveTest {
 protected:
  CommandResult record(const std::string& trace, const std::string& filesystem, const std::string& work,
                       const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"record", "-o", trace, "--run", work, mountpoint_, "--fs", filesystem};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_fusereplay(arguments);
  }

  const std::string mountpoint_ = LiveEnvironment::make_directory("mnt");
};

class EveryWorkload : public WorkloadsLive,
                      public ::testing::WithParamInterface<std::tuple<const char*, const char*, const char*>> {};

TEST_P(EveryWorkload, IsCheckedAndReplayedWithoutDifference) {
  const auto [name, filesystem, threads] = GetParam();
  const std::string trace = scratch_path("t.fusetrace");
  const CommandResult recorded = record(trace, filesystem, workload(name), {"--threads", threads});
  ASSERT_EQ(recorded.exit_code, 0) << recorded;
  const CommandResult check = run_fusereplay({"check", trace});
  EXPECT_EQ(check.exit_code, 0) << check;
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--check"});
  EXPECT_EQ(replay.exit_code, 0) << replay;
  EXPECT_THAT(replay.out, HasSubstr("0 differences"));
  EXPECT_THAT(run_fusereplay({"stat", trace}).out, HasSubstr("0 kept raw, 0 missing"));
}

INSTANTIATE_TEST_SUITE_P(Workloads, EveryWorkload,
                         ::testing::Combine(::testing::Values("clone", "tar", "compile", "storm", "small"),
                                            ::testing::Values("memfs", "memfs:threads"), ::testing::Values("1", "4")),
                         [](const auto& info) {
                           const std::string filesystem = std::get<1>(info.param);
                           return std::string(std::get<0>(info.param)) +
                                  (filesystem == "memfs" ? "_strand_" : "_concurrent_") + std::get<2>(info.param);
                         });

TEST_F(WorkloadsLive, ReplaysInSeparateProcessesHaveOneHash) {
  for (const std::string threads : {"1", "4"}) {
    const std::string trace = scratch_path("t.fusetrace");
    ASSERT_EQ(record(trace, "memfs:threads", workload("storm"), {"--threads", threads}).exit_code, 0);
    std::set<std::string> hashes;
    for (int i = 0; i < replays(); ++i) {
      const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs:threads"});
      ASSERT_EQ(replay.exit_code, 0) << replay;
      hashes.insert(hash_in(replay.out));
    }
    EXPECT_EQ(hashes.size(), 1U);
    EXPECT_EQ(hashes.begin()->size(), 32U);
  }
}

TEST_F(WorkloadsLive, LocksThatAreWaitedForAreReplayed) {
  const bool is_long = std::getenv("FUSEREPLAY_LONG") != nullptr;
  const std::string work = "'" FUSEREPLAY_LOCK_STORM "' {} " + std::string(is_long ? "200" : "40");
  for (int i = 0; i < (is_long ? 100 : 2); ++i) {
    for (const std::string filesystem : {"memfs:locks", "memfs:locks,threads"}) {
      const std::string trace = scratch_path("t.fusetrace");
      const CommandResult recorded = record(trace, filesystem, work, {"--threads", "4", "--check"});
      ASSERT_EQ(recorded.exit_code, 0) << recorded;
      const CommandResult replay = run_fusereplay({"replay", trace, "--fs", filesystem, "--check"});
      EXPECT_EQ(replay.exit_code, 0) << replay;
      EXPECT_THAT(replay.out, HasSubstr("0 differences"));
    }
  }
}

struct Broken {
  const char* filesystem;
  const char* rule;
  const char* kernel;  // what the finding says the kernel does
};

class EveryBrokenFilesystem : public WorkloadsLive, public ::testing::WithParamInterface<Broken> {};

TEST_P(EveryBrokenFilesystem, IsCaughtLiveAndFromItsTrace) {
  const std::string trace = scratch_path("t.fusetrace");
  const CommandResult live = record(trace, GetParam().filesystem, workload("small"), {"--check"});
  EXPECT_EQ(live.exit_code, 1) << live;
  const CommandResult check = run_fusereplay({"check", trace});
  EXPECT_EQ(check.exit_code, 1) << check;
  for (const std::string& report : {live.out, check.out}) {
    EXPECT_THAT(report, AllOf(HasSubstr(GetParam().rule), HasSubstr(GetParam().kernel), HasSubstr("unique ")));
  }
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--compare", "exact"});
  EXPECT_EQ(replay.exit_code, 1) << "memfs answers otherwise: " << replay;
}

INSTANTIATE_TEST_SUITE_P(Broken, EveryBrokenFilesystem,
                         ::testing::Values(Broken{"broken-forget", "R6", "made bad"},
                                           Broken{"broken-link", "R8", "one file becomes two"},
                                           Broken{"broken-readdir", "R11", "repeats or loses"}),
                         [](const auto& info) {
                           std::string name = info.param.filesystem;
                           name[name.find('-')] = '_';
                           return name;
                         });

}  // namespace
}  // namespace fusereplay::testing
