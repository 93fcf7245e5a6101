// What paired timings tell: the ratio of two things that were timed in turn, and how sure it is.
#pragma once

#include <cstdint>
#include <span>

namespace fusereplay::bench {

struct Ratio {
  double median = 0;
  double low = 0;  // the true median lies between these with at least 95 % confidence
  double high = 0;
};

/// Of a[i] / b[i]; what was timed in one round stands at one index. The interval is the sign test's: nothing is assumed
/// of how times are spread. With fewer than six rounds it is all that was seen, which is less than 95 %.
Ratio ratio_of(std::span<const std::int64_t> a, std::span<const std::int64_t> b);

/// The middle one; the lower of two.
std::int64_t median_of(std::span<const std::int64_t> times);

}  // namespace fusereplay::bench
