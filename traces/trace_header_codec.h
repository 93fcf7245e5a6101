// The header block's body. Private to traces/.
#pragma once

#include <optional>
#include <string>

#include "core/protocol/message.h"
#include "traces/trace_header.h"

namespace fusereplay {

/// One length-delimited TraceHeader message, the schema filled in.
std::string encode_trace_header(const TraceHeader& header);

/// Nothing when the bytes are no such message.
std::optional<TraceHeader> decode_trace_header(Bytes body);

}  // namespace fusereplay
