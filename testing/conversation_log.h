// What was said between a simulated kernel and a filesystem: for tests to ask about, and to read when they fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>
#include <vector>

#include "core/event/conversation.h"
#include "core/event/event.h"

namespace fusereplay::testing {

/// One request, as far as a test usually wants to know it.
struct AskedRequest {
  Opcode opcode{};
  std::uint64_t nodeid = 0;
  std::vector<std::string> names;  // of entries, of extended attributes, a link's target: as the request has them
  std::uint32_t pid = 0;
};

/// As `fusereplay show` would: LOOKUP nodeid=1 "a".
std::ostream& operator<<(std::ostream& out, const AskedRequest& request);

/// An ordered sink: give it to SimulatedMountSetup::observers. Keeps the last kLines messages as lines of text.
class ConversationLog final : public EventSink {
 public:
  static constexpr std::size_t kLines = 1000;

  void on_event(const Event& event) override;

  /// The requests since the last call, in the order in which the server read them. FORGETs are among them.
  std::vector<AskedRequest> take_asked();
  /// As `fusereplay show` prints it, times from the first message on; says how much is left out.
  std::string text() const;

 private:
  Conversation conversation_;
  std::vector<AskedRequest> asked_;
  std::deque<std::string> lines_;
  std::uint64_t events_ = 0;
  std::int64_t start_ = 0;
};

}  // namespace fusereplay::testing
