// One recorded request on its way through the replayer.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "core/event/buffer.h"
#include "core/event/conversation.h"
#include "core/event/event.h"
#include "replayer/plan.h"
#include "replayer/request_traits.h"

namespace fusereplay {

/// The nodes a request names, by recorded nodeid, and what it may do to them.
struct Touch {
  static constexpr std::size_t kNodes = 4;
  std::array<std::uint64_t, kNodes> nodes{};
  std::uint8_t count = 0;
  std::uint8_t effects = kNoEffect;

  void add(std::uint64_t node) noexcept {
    if (node != 0 && count < kNodes) nodes[count++] = node;
  }
  bool names(std::uint64_t node) const noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      if (nodes[i] == node) return true;
    }
    return false;
  }
};

enum class SlotState : std::uint8_t {
  kAhead,     // seen in the window, not yet reached
  kWaiting,   // reached; not delivered, or every attempt so far was refused
  kInFlight,  // delivered, not answered
  kAnswered,  // the live reply was taken
};

/// What is done with a live reply.
enum class Verdict : std::uint8_t {
  kExact,         // taken if it is as recorded, else refused
  kConcurrent,    // the same, with the tolerance for overlapping requests
  kUnlessErring,  // taken unless it is an error that was not recorded: such a request has changed nothing
  kFinal,         // taken; what differs is a divergence
};

struct Slot {
  // The recorded request.
  Event event;  // its message is `bytes()`
  std::uint64_t unique = 0;
  Opcode opcode{};
  std::uint64_t nodeid = 0;  // header.nodeid as recorded
  RequestTraits traits;
  const RequestPlan* plan = nullptr;
  bool readable = false;  // as long as its layout's structs at least
  bool asks_size = false;
  Touch touch;
  bool withheld = false;       // it names what has no live counterpart, and a difference is to blame: not delivered
  bool without_nodes = false;  // a recorded READDIRPLUS, delivered as READDIR (replayer/synthetic.h)
  std::uint64_t listing_handle = 0;   // READDIR, READDIRPLUS, RELEASEDIR: the handle as recorded
  std::uint64_t released_handle = 0;  // RELEASE, RELEASEDIR: the handle as recorded
  std::uint64_t released_live = 0;

  // The request as it is delivered: recorded until reached, rewritten then.
  BufferRef buffer;
  std::size_t size = 0;
  Bytes bytes() const noexcept { return Bytes(buffer->data(), size); }
  /// The request's first struct; zero where the message is too short for it.
  template <class Struct>
  Struct fixed() const noexcept {
    Struct value{};
    if (size >= sizeof(wire::InHeader) + sizeof(value)) {
      std::memcpy(static_cast<void*>(&value), buffer->data() + sizeof(wire::InHeader), sizeof(value));
    }
    return value;
  }
  RequestContext context;  // of that, for sinks; filled in by LiveLog where there are any

  // The recorded reply; its bytes lie in the window, or with the source.
  bool has_reply = false;
  Event reply;

  // The live reply.
  SlotState state = SlotState::kAhead;
  bool expected = false;  // the window finds it by its unique
  Verdict verdict = Verdict::kExact;
  bool judged = false;    // compared; false where the recorded reply was not known when the live one came
  bool at_reply = false;  // the recorded reply is being replayed: what is taken is shown at once
  bool shown = false;
  bool delivered = false;  // at least once
  std::int64_t live_result = 0;
  std::vector<std::byte> live;

  // What overlapped it.
  bool overlaps = false;
  bool usage_overlaps = false;  // usage totals may have changed meanwhile
  bool may_free = false;  // a request that lets go of nodes ended meanwhile: this one may be the last to hold them
  std::vector<Touch> overlapped;     // requests that ended meanwhile
  std::uint64_t differing_node = 0;  // of the last refused attempt: whose attribute it was

  bool changing() const noexcept { return traits.delivery == DeliveryKind::kChanging; }
};

}  // namespace fusereplay
