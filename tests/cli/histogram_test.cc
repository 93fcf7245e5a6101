#include "cli/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace fusereplay {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.percentile(99), 0);
}

TEST(Histogram, IsExactForOneValueAndForSmallOnes) {
  Histogram one;
  one.add(123'456'789);
  EXPECT_EQ(one.percentile(1), 123'456'789);
  EXPECT_EQ(one.percentile(100), 123'456'789);
  Histogram small;
  for (int value = 1; value <= 20; ++value) small.add(value);
  EXPECT_EQ(small.percentile(50), 10);
  EXPECT_EQ(small.percentile(100), 20);
  EXPECT_EQ(small.total(), 210);
}

TEST(Histogram, TakesTheExtremes) {
  Histogram histogram;
  histogram.add(-5);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.percentile(50), 0);
  EXPECT_EQ(histogram.percentile(100), INT64_MAX);
}

TEST(Histogram, PercentilesAreWithinOneThirtySecond) {
  std::mt19937_64 random(7);
  std::vector<std::int64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(random() >> (random() % 50 + 13));
    values.push_back(value);
    histogram.add(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(values.size()) * percent / 100.0));
    const std::int64_t exact = values[rank - 1];
    EXPECT_GE(histogram.percentile(percent), exact) << percent;
    EXPECT_LE(histogram.percentile(percent), exact + exact / 32 + 1) << percent;
  }
}

}  // namespace
}  // namespace fusereplay
