// Reads a trace for the verbs that take one: opening, following the conversation, and saying what is wrong with it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "cli/invocation.h"
#include "core/event/conversation.h"
#include "core/event/event.h"
#include "traces/reader.h"

namespace fusereplay {

/// Opens a trace; why it cannot be read is reported here.
tl::expected<std::unique_ptr<TraceReader>, ExitStatus> open_trace(const Invocation& invocation,
                                                                  const std::string& path);

/// Hands every event that is left to `visit`, in order, with Event::request set by the conversation beside it. A
/// damaged trace (kBadUsage) and one that lacks events (kCaptureIncomplete) are reported here, after what could be
/// read.
ExitStatus read_trace(const Invocation& invocation, const std::string& path, TraceReader& reader,
                      const std::function<void(const Event&, const Conversation&)>& visit);

/// What the end of a trace means for the exit status, reported: see read_trace().
ExitStatus judge_end(const Invocation& invocation, const std::string& path, const TraceReader& reader,
                     ReadOutcome outcome);

}  // namespace fusereplay
