// One event as the rules see it: judged and parsed once, for all of them.
#pragma once

#include "core/event/conversation.h"
#include "core/event/event.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/view.h"

namespace fusereplay {

/// A request. `context` is never null; `context.view` is to be used only where `context.known`.
struct RequestStep {
  const Event& event;
  const RequestContext& context;
  /// The request is one sent again after RESEND (bit 63): what its first sending did to the ledgers stands.
  bool resent() const noexcept { return (context.unique & kUniqueResendBit) != 0; }
};

/// A reply.
struct ReplyStep {
  const Event& event;
  const RequestContext* context;  // the outstanding request it answers; null: none
  wire::OutHeader header;         // zero where the bytes are fewer
  ReplyVerdict verdict;           // its form, whatever result the event has
  bool ended;                     // the request is no longer outstanding
  /// The body of a success that the kernel took for good: result >= 0, error 0, form accepted. Null otherwise.
  const ReplyView* body;
  /// The kernel took it, as a success or as an error.
  bool taken() const noexcept { return event.result >= 0 && verdict.effect == ReplyEffect::kAccepted; }
};

}  // namespace fusereplay
