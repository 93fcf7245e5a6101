// What was asked, one line a request, without what two runs may differ in: uniques, times, pids, lock owners.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/event/event.h"

namespace fusereplay::testing {

/// A live sink. INIT and INTERRUPT are left out; FORGETs are summed up, because nothing orders them among the rest
/// (reference 1.5).
class RequestLog final : public EventSink {
 public:
  void on_event(const Event& event) override;

  std::vector<std::string> lines() const;
  /// Lookups given back, by nodeid.
  std::map<std::uint64_t, std::uint64_t> forgotten() const;
  /// Waits until so much is forgotten, at most a few seconds: FORGETs follow at their own pace.
  void wait_for_forgets(const std::map<std::uint64_t, std::uint64_t>& wanted) const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::map<std::uint64_t, std::uint64_t> forgotten_;
};

}  // namespace fusereplay::testing
