// Puts live ids into a recorded request.
#pragma once

#include "core/protocol/layout.h"
#include "replayer/bindings.h"
#include "replayer/causes.h"
#include "replayer/slot.h"

namespace fusereplay {

/// Fills in what a slot knows of its request, from the recorded bytes in its buffer: unique, opcode, plan, traits,
/// nodes. A message shorter than its structs, or of an opcode not in 7.45, is not `readable`; only its header is then
/// known. The message must be at least as long as a header.
void read_request(Slot& slot, const Negotiated& negotiated) noexcept;

/// What becomes of a request that names an id that no reply had made.
enum class UnboundIds : std::uint8_t {
  kPassedOn,  // as they are, unless a difference is to blame
  kWithheld,  // another implementation may take any number for a pointer
};

/// Rewrites the request in the slot's buffer. Returns how many ids were unbound and left as they were; a handle of 0 is
/// no handle (reference 3.3, ENOSYS to OPEN). The counts of a FORGET become those that the live side holds
/// (Bindings::live_forget()); the entries of a BATCH_FORGET for which it holds none are left out.
/// Slot::withheld is set where nothing of a FORGET is left, or where an unbound id is not to be passed on; in a
/// BATCH_FORGET such a node is left out.
std::uint64_t rewrite_request(Slot& slot, const Bindings& bindings, const Causes& causes, UnboundIds unbound) noexcept;

}  // namespace fusereplay
