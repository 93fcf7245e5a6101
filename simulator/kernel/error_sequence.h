// Errors of writing back, told to everybody who has the file open, once (lib/errseq.c).
#pragma once

#include <cstdint>

#include "core/result.h"

namespace fusereplay::kernel {

/// errseq_t: the last error, whether anybody has heard of it, and how many there were that somebody had.
class ErrorSequence {
 public:
  /// Up to where somebody has heard.
  using Position = std::uint32_t;

  /// `error`: a positive errno (errseq_set).
  void set(int error) noexcept {
    Position next = (value_ & ~(kErrno | kSeen)) | static_cast<Position>(error);
    if ((value_ & kSeen) != 0) next += kStep;
    value_ = next;
  }
  /// What a newly opened file has heard: an error that nobody knows of yet is for it too (errseq_sample).
  Position sample() const noexcept { return (value_ & kSeen) != 0 ? value_ : 0; }
  /// The last error since then, if any; it has been heard of now (errseq_check_and_advance).
  Result<void> check(Position& since) noexcept {
    if (value_ == since) return {};
    value_ |= kSeen;
    since = value_;
    return Errno(static_cast<int>(value_ & kErrno));
  }

 private:
  static constexpr Position kErrno = 4095;
  static constexpr Position kSeen = 4096;
  static constexpr Position kStep = 2 * kSeen;

  Position value_ = 0;
};

}  // namespace fusereplay::kernel
