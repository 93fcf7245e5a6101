// What the replayer must know of each request: may it be tried and taken back, and what can it change.
#pragma once

#include <cstdint>

#include "core/protocol/opcode.h"
#include "core/protocol/view.h"

namespace fusereplay {

/// When a request that overlaps others is delivered; see replayer.h, ORDER.
enum class DeliveryKind : std::uint8_t {
  kTried,      // changes nothing, or only what a refused reply undoes: tried from its request on
  kChanging,   // once, at its reply
  kImmediate,  // no reply: where it stands
};

/// What a request can change that another one's reply shows.
enum Effect : std::uint8_t {
  kNoEffect = 0,
  kAttributes = 1U << 0,       // of the nodes it names
  kChildAttributes = 1U << 1,  // link count and ctime of a node that it names by parent and name only
  kAccessTime = 1U << 2,       // of the nodes it names
  kUsageTotals = 1U << 3,
  kRemovesName = 1U << 4,
  kFreesLock = 1U << 5,
};

struct RequestTraits {
  DeliveryKind delivery = DeliveryKind::kChanging;
  std::uint8_t effects = kNoEffect;  // Effect bits
};

/// `fixed`: the bytes of the request's structs. Unknown opcodes are changing, without an effect that is known.
RequestTraits request_traits(Opcode opcode, Bytes fixed) noexcept;

}  // namespace fusereplay
