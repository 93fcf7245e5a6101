// Listens to a live mount and, when it has ended, judges what the filesystem answered. (Rules about what the kernel
// asks are not the examples' matter.)
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/event/event.h"

namespace fusereplay::testing {

/// What the R rules say. Empty: nothing was found.
struct Verdict {
  std::set<std::string> rules;  // "R8"
  std::string text;             // of all findings kept
};

/// A live sink; keeps every message.
class Judge final : public EventSink {
 public:
  void on_event(const Event& event) override;
  /// After the last event.
  Verdict verdict();

 private:
  struct Heard {
    Event event;
    std::vector<std::byte> bytes;
  };
  std::mutex mutex_;  // guards heard_
  std::vector<Heard> heard_;
};

}  // namespace fusereplay::testing
