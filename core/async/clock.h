// Where time comes from. A filesystem that asks only its Connection's clock runs the same in a replay or a simulation.
#pragma once

#include <atomic>
#include <cstdint>

namespace fusereplay {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since the epoch.
  virtual std::int64_t realtime() const noexcept = 0;
  /// Nanoseconds since some start, never going back.
  virtual std::int64_t monotonic() const noexcept = 0;
};

/// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC).
class SystemClock final : public Clock {
 public:
  std::int64_t realtime() const noexcept override;
  std::int64_t monotonic() const noexcept override;
};

/// Stands still until told: both clocks show the same count, which set() moves.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t now = 0) noexcept : now_(now) {}
  std::int64_t realtime() const noexcept override { return now_.load(std::memory_order_relaxed); }
  std::int64_t monotonic() const noexcept override { return now_.load(std::memory_order_relaxed); }
  void set(std::int64_t now) noexcept { now_.store(now, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> now_;
};

}  // namespace fusereplay
