#include "cli/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fusereplay {

std::size_t Histogram::bucket(std::uint64_t value) noexcept {
  if (value < (1U << kSubBits)) return value;
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  return (std::size_t{exponent} << kSubBits) + (value >> exponent);
}

std::uint64_t Histogram::bucket_end(std::size_t index) noexcept {
  if (index < (2U << kSubBits)) return index;
  const std::size_t exponent = (index >> kSubBits) - 1;
  const std::uint64_t mantissa = index - (exponent << kSubBits);
  return ((mantissa + 1) << exponent) - 1;
}

void Histogram::add(std::int64_t nanoseconds) noexcept {
  nanoseconds = std::max<std::int64_t>(nanoseconds, 0);
  ++buckets_[bucket(static_cast<std::uint64_t>(nanoseconds))];
  ++count_;
  max_ = std::max(max_, nanoseconds);
  total_ += nanoseconds;
}

std::int64_t Histogram::percentile(double percent) const noexcept {
  if (count_ == 0) return 0;
  const double share = std::ceil(static_cast<double>(count_) * percent / 100.0);
  const auto wanted = static_cast<std::uint64_t>(std::max(1.0, share));
  std::uint64_t seen = 0;
  for (std::size_t index = 0; index < buckets_.size(); ++index) {
    seen += buckets_[index];
    if (seen >= wanted) return std::min(max_, static_cast<std::int64_t>(bucket_end(index)));
  }
  return max_;
}

}  // namespace fusereplay
