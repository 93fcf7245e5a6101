// One event as one line, for people or as JSON, driven by the layouts and the field tables.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/event/conversation.h"
#include "core/event/event.h"

namespace fusereplay {

/// How much of file data is shown.
enum class DataShown : std::uint8_t {
  kStart,
  kAll,
  kSize,  // for data that the trace does not keep
};

/// "17 0.004512 t812/0 -> LOOKUP u=34 nodeid=1 \"name\"": sequence, seconds since `start` (ns since the epoch), thread
/// and channel, to (->) or from (<-) the filesystem, message. Padding and fields that are zero are left out.
/// Event::request must be set (Conversation).
std::string event_text(const Event& event, std::int64_t start, const Negotiated& negotiated, DataShown data);

/// One JSON object with every field of every struct, without a newline.
std::string event_json(const Event& event, const Negotiated& negotiated, DataShown data);

/// "LOOKUP", "NOTIFY_STORE", "mounted": what the event is. For a reply, what it answers; "reply" if that is unknown.
std::string event_name(const Event& event);

/// Calls visit(nodeid) for each nodeid in the event's own message: in its header, its structs, its records. Twice for
/// one that stands there twice.
void for_each_node(const Event& event, const Negotiated& negotiated, const std::function<void(std::uint64_t)>& visit);

/// Whether the event speaks of this nodeid: in its header, its structs, its records, or in the request it answers.
bool mentions_node(const Event& event, std::uint64_t nodeid, const Negotiated& negotiated);

std::string_view mark_name(Mark mark) noexcept;

}  // namespace fusereplay
