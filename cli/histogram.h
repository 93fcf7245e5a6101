// Counts durations so that percentiles can be told, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fusereplay {

/// Durations in ns, negative ones as 0 (CLOCK_REALTIME may step back). A percentile is told to within 1/32 of itself.
class Histogram {
 public:
  void add(std::int64_t nanoseconds) noexcept;
  std::uint64_t count() const noexcept { return count_; }
  std::int64_t max() const noexcept { return max_; }
  std::int64_t total() const noexcept { return total_; }
  /// The smallest duration that at least `percent` of all do not exceed, rounded up to its bucket's end but never
  /// above max(). 0 when empty.
  std::int64_t percentile(double percent) const noexcept;

 private:
  static constexpr unsigned kSubBits = 5;  // 32 buckets to a power of two
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static std::size_t bucket(std::uint64_t value) noexcept;
  static std::uint64_t bucket_end(std::size_t index) noexcept;

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace fusereplay
