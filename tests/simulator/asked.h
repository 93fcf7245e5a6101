// What a simulated kernel asked, for a test to compare.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "core/protocol/opcode.h"

namespace fusereplay::testing {

/// The names of requests in the order they were made, each followed by a space.
class Asked final : public EventSink {
 public:
  void on_event(const Event& event) override {
    if (event.kind != EventKind::kRequest) return;
    names_ += std::string(opcode_name(event.request->opcode)) + " ";
    last_.assign(event.message.head.begin(), event.message.head.end());
  }
  /// Since the last time.
  std::string take() { return std::exchange(names_, {}); }
  /// The last request, as bytes.
  const std::vector<std::byte>& last() const noexcept { return last_; }

 private:
  std::string names_;
  std::vector<std::byte> last_;
};

}  // namespace fusereplay::testing
