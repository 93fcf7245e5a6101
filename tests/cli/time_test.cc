// `replay --time`: what a filesystem that asks libc for the time is told.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cli/command.h"

namespace fusereplay::testing {
namespace {

class TimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the address sanitizer wants to be loaded before libfaketime";
#endif
    const CommandResult made = run_fusereplay({"make", trace_});
    ASSERT_EQ(made.exit_code, 0) << made;
  }
  CommandResult replay(const std::string& time, const std::string& filesystem = "stamper") const {
    return run_fusereplay({"replay", trace_, "--fs", filesystem, "--compare", "exact", "--time", time});
  }
  static std::size_t names_left() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      if (entry.path().filename().string().find("fusereplay-time-") != std::string::npos) ++count;
    }
    return count;
  }

  const std::string trace_ = scratch_path("stamps.fusetrace");
};

TEST_F(TimeTest, RecordedGivesTheSameStampsToTheNanosecond) {
  const CommandResult first = replay("recorded");
  EXPECT_EQ(first.exit_code, 0) << first;
  EXPECT_NE(first.out.find("0 differences"), std::string::npos) << first;
  EXPECT_EQ(hash_in(first.out), hash_in(replay("recorded").out));
  EXPECT_EQ(names_left(), 0U) << "names in /dev/shm are gone once the clock is taken";
}

TEST_F(TimeTest, RealTimeDiffers) {
  EXPECT_EQ(replay("real").exit_code, 1);
}

TEST_F(TimeTest, FrozenStandsStillButIsAlwaysTheSame) {
  const CommandResult first = replay("frozen");
  EXPECT_EQ(first.exit_code, 1) << first;
  EXPECT_EQ(hash_in(first.out), hash_in(replay("frozen").out));
}

TEST_F(TimeTest, AFilesystemThatAsksMoreOftenThanForeseenIsNamed) {
  EXPECT_NE(replay("recorded", "curious").err.find("more often than foreseen in "), std::string::npos);
}

TEST_F(TimeTest, AnUnknownModeIsBadUsage) {
  const CommandResult result = replay("tomorrow");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.error_line(), "stamping_command replay: --time is 'tomorrow'; use real, recorded or frozen");
}

}  // namespace
}  // namespace fusereplay::testing
