// Any bytes, read as everything a message can be: no read leads outside them, what parses adds up to them, and a
// Conversation follows them.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/event/conversation.h"
#include "core/protocol/dirent.h"
#include "core/protocol/extension.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/view.h"

namespace fusereplay {
namespace {

void read_tail(Bytes tail) {
  for (const DirentKind kind : {DirentKind::kPlain, DirentKind::kPlus}) {
    DirentReader reader(kind, tail);
    std::size_t size = 0;
    while (const auto record = reader.next()) size += record->size;
    FUSEREPLAY_CHECK(size + reader.rest().size() == tail.size(), "records and rest are the tail");
  }
}

void read_body(const BodyView& view, std::size_t header_size, std::size_t message_size) {
  std::size_t size = header_size + view.fixed_bytes().size() + view.tail().size() + view.extensions().size();
  for (std::size_t i = 0; i < view.layout().names; ++i) {
    FUSEREPLAY_CHECK(view.name(i).find('\0') == std::string_view::npos, "a name ends at its NUL");
    size += view.name(i).size() + 1;
  }
  FUSEREPLAY_CHECK(size == message_size, "the parts are the message");
  read_tail(view.tail());
  const auto extensions = parse_extensions(view.extensions());
  if (extensions && extensions->security_contexts.size() <= 31) {
    FUSEREPLAY_CHECK(parse_extensions(encode_extensions(*extensions)), "what parses can be written");
  }
}

void read_message(Bytes bytes, Opcode opcode) {
  const Message message{.head = bytes, .tail = {}};
  const auto request = RequestView::parse(bytes);
  if (request) {
    read_body(*request, sizeof(wire::InHeader), bytes.size());
    std::vector<std::byte> storage;
    const RequestView kept = request->keep_in(storage);
    FUSEREPLAY_CHECK(max_reply_tail(kept) == max_reply_tail(*request), "a kept request asks for the same");
  }
  for (const bool asks_size : {false, true}) {
    const auto reply = ReplyView::parse(message, opcode, asks_size);
    if (reply) read_body(*reply, sizeof(wire::OutHeader), bytes.size());
  }
  const auto notification = NotificationView::parse(message);
  if (notification) read_body(*notification, sizeof(wire::OutHeader), bytes.size());
  const ReplyVerdict verdict = reply_check(request ? &*request : nullptr, message);
  FUSEREPLAY_CHECK((verdict.write_result < 0) == !verdict.rule.empty(), "a refusal names its rule");
}

/// The bytes as a stream of events: each starts with a kind, a result and a length.
void follow_stream(Bytes bytes) {
  constexpr std::int64_t kResults[] = {100, -22, -2, -14};
  Conversation conversation;
  while (bytes.size() >= 3) {
    const auto length = std::min(static_cast<std::size_t>(bytes[2]), bytes.size() - 3);
    Event event;
    event.kind = static_cast<EventKind>(1 + static_cast<unsigned>(bytes[0]) % 4);
    event.result = kResults[static_cast<unsigned>(bytes[1]) % 4];
    event.message.head = bytes.subspan(3, length);
    conversation.follow(event);
    FUSEREPLAY_CHECK(event.kind != EventKind::kRequest || event.request != nullptr, "a request has its context");
    if (event.request != nullptr && event.request->known) static_cast<void>(asks_size(event.request->view));
    bytes = bytes.subspan(3 + length);
  }
}

}  // namespace
}  // namespace fusereplay

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fusereplay;
  if (size < 1) return 0;
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  read_message(bytes, all_opcodes()[data[0] % all_opcodes().size()]);
  follow_stream(bytes);
  return 0;
}
