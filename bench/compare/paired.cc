#include "bench/compare/paired.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/check.h"

namespace fusereplay::bench {
namespace {

constexpr double kTail = 0.025;  // on each side

/// How many of the smallest of `count` values may be left out: the chance that a fair coin shows fewer heads is at most
/// kTail.
std::size_t left_out(std::size_t count) {
  double chance = std::pow(0.5, static_cast<double>(count));  // of exactly `heads`
  double below = 0;
  std::size_t heads = 0;
  while (heads < count && below + chance <= kTail) {
    below += chance;
    chance *= static_cast<double>(count - heads) / static_cast<double>(heads + 1);
    ++heads;
  }
  return heads == 0 ? 0 : heads - 1;
}

}  // namespace

Ratio ratio_of(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  FUSEREPLAY_CHECK(!a.empty() && a.size() == b.size(), "each round timed both");
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ratios.push_back(static_cast<double>(a[i]) / static_cast<double>(b[i]));
  }
  std::sort(ratios.begin(), ratios.end());
  const std::size_t out = left_out(ratios.size());
  return {.median = ratios[(ratios.size() - 1) / 2], .low = ratios[out], .high = ratios[ratios.size() - 1 - out]};
}

std::int64_t median_of(std::span<const std::int64_t> times) {
  FUSEREPLAY_CHECK(!times.empty(), "something was timed");
  std::vector<std::int64_t> sorted(times.begin(), times.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[(sorted.size() - 1) / 2];
}

}  // namespace fusereplay::bench
