// Any bytes as a record: refused, or an event whose message comes back from a record of its own. Any bytes as a
// message: kept so that the same bytes come back.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/check.h"
#include "core/event/conversation.h"
#include "traces/codec.h"

namespace fusereplay {
namespace {

struct Codec {
  RecordEncoder encoder;
  RecordDecoder decoder;
  std::vector<std::byte> space;
};

void comes_back(Codec& codec, const Event& event) {
  codec.space.resize(max_record_bytes(event.message.size()));
  codec.encoder.start_block(event.sequence, event.begin);
  const auto encoded = codec.encoder.encode(event, codec.space.data());
  FUSEREPLAY_CHECK(encoded.end <= codec.space.data() + codec.space.size(), "a record stays below its bound");
  protobuf::Input in(Bytes(codec.space.data(), static_cast<std::size_t>(encoded.end - codec.space.data())));
  Bytes record;
  FUSEREPLAY_CHECK(in.bytes(record) && in.done(), "a record is length-delimited");
  codec.decoder.start_block(event.sequence, event.begin);
  Event again;
  RecordForm form{};
  FUSEREPLAY_CHECK(codec.decoder.decode(record, again, form).empty(), "what was encoded can be decoded");
  FUSEREPLAY_CHECK(form == encoded.form && again.kind == event.kind && again.sequence == event.sequence &&
                       again.begin == event.begin && again.end == event.end && again.result == event.result,
                   "the event is the same");
  FUSEREPLAY_CHECK(std::ranges::equal(again.message.head, event.message.head), "the bytes are the same");
}

void as_message(Codec& codec, Bytes bytes, std::uint32_t opcode, bool asks_size) {
  RequestContext request;
  request.opcode = static_cast<Opcode>(opcode);
  request.asks_size = asks_size;
  Event event;
  event.sequence = 1;
  event.message.head = bytes;
  for (const EventKind kind : {EventKind::kRequest, EventKind::kReply, EventKind::kNotification}) {
    event.kind = kind;
    event.request = kind == EventKind::kReply ? &request : nullptr;
    comes_back(codec, event);
  }
}

void as_record(Codec& codec, Bytes bytes) {
  RecordDecoder decoder;
  decoder.start_block(1, 0);
  Event event;
  RecordForm form{};
  if (decoder.decode(bytes, event, form).empty()) comes_back(codec, event);
}

}  // namespace
}  // namespace fusereplay

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fusereplay;
  static Codec codec;
  if (size < 2) return 0;
  const Bytes bytes = std::as_bytes(std::span(data + 2, size - 2));
  as_record(codec, bytes);
  // A copy of exactly this size, 8-byte aligned as a received message is.
  const std::vector<std::byte> message(bytes.begin(), bytes.end());
  as_message(codec, message, data[0], (data[1] & 1) != 0);
  return 0;
}
