#include "bench/compare/paired.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace fusereplay::bench {
namespace {

TEST(Paired, TheRatioIsOfWhatWasTimedInOneRound) {
  const std::vector<std::int64_t> a{10, 200, 3000};
  const std::vector<std::int64_t> b{5, 100, 1500};
  EXPECT_EQ(ratio_of(a, b).median, 2.0);
  EXPECT_EQ(ratio_of(a, b).low, 2.0);
  EXPECT_EQ(ratio_of(b, a).high, 0.5);
}

TEST(Paired, OneWildRoundMovesNeitherMedianNorInterval) {
  std::vector<std::int64_t> a(31, 103);
  const std::vector<std::int64_t> b(31, 100);
  a[7] = 1'000'000;
  const Ratio ratio = ratio_of(a, b);
  EXPECT_DOUBLE_EQ(ratio.median, 1.03);
  EXPECT_DOUBLE_EQ(ratio.high, 1.03);
}

TEST(Paired, WithFewRoundsTheIntervalIsAllThatWasSeen) {
  const std::vector<std::int64_t> a{1, 2, 3, 4, 5};
  const std::vector<std::int64_t> b{1, 1, 1, 1, 1};
  EXPECT_EQ(ratio_of(a, b).low, 1.0);
  EXPECT_EQ(ratio_of(a, b).high, 5.0);
}

// Of 1,000 samples from a spread whose median is known, at least 95 % of the intervals must hold it.
TEST(Paired, TheIntervalHoldsTheTrueMedianInNineteenOfTwentyCases) {
  std::mt19937 chance(1);
  std::exponential_distribution<double> spread(1.0);
  int held = 0;
  for (int sample = 0; sample < 1000; ++sample) {
    std::vector<std::int64_t> a;
    a.reserve(31);
    const std::vector<std::int64_t> b(31, 1'000'000);
    for (int round = 0; round < 31; ++round) a.push_back(static_cast<std::int64_t>(spread(chance) * 1'000'000));
    const Ratio ratio = ratio_of(a, b);
    constexpr double kTrueMedian = 0.693147;
    if (ratio.low <= kTrueMedian && kTrueMedian <= ratio.high) ++held;
  }
  EXPECT_GE(held, 950);
  EXPECT_LE(held, 985) << "wider than it must be";
}

TEST(Paired, TheMedianOfTwoIsTheLower) {
  const std::vector<std::int64_t> times{9, 4};
  EXPECT_EQ(median_of(times), 4);
}

}  // namespace
}  // namespace fusereplay::bench
