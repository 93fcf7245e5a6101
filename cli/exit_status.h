// What the command's exit status says. Part of its interface: scripts depend on it.
#pragma once

namespace fusereplay {

enum class ExitStatus : int {
  kNothingFound = 0,
  kFindings = 1,           // findings, differences, or the command of --run failed
  kBadUsage = 2,           // bad usage or unreadable input
  kServerFailed = 3,       // the filesystem did not start, crashed or hung
  kCaptureIncomplete = 4,  // events are missing from the trace
};

/// Of two things to report, the one that a caller must know first: a failed server, then findings, then a gap.
constexpr ExitStatus worse(ExitStatus a, ExitStatus b) noexcept {
  constexpr auto kRank = [](ExitStatus status) {
    switch (status) {
      case ExitStatus::kNothingFound:
        return 0;
      case ExitStatus::kCaptureIncomplete:
        return 1;
      case ExitStatus::kFindings:
        return 2;
      case ExitStatus::kServerFailed:
        return 3;
      case ExitStatus::kBadUsage:
        return 4;
    }
    return 4;
  };
  return kRank(a) < kRank(b) ? b : a;
}

}  // namespace fusereplay
