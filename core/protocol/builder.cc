#include "core/protocol/builder.h"

#include <limits>

namespace fusereplay {

MessageBuilder& MessageBuilder::start_request(Opcode opcode, const wire::InHeader& header) {
  kind_ = Kind::kRequest;
  out_.clear();
  extension_bytes_ = 0;
  wire::InHeader own = header;
  own.opcode = static_cast<std::uint32_t>(opcode);
  return bytes(std::as_bytes(std::span(&own, 1)));
}

MessageBuilder& MessageBuilder::start_reply(std::uint64_t unique, std::int32_t error) {
  kind_ = Kind::kReply;
  out_.clear();
  extension_bytes_ = 0;
  const wire::OutHeader header{.len = 0, .error = error, .unique = unique};
  return bytes(std::as_bytes(std::span(&header, 1)));
}

MessageBuilder& MessageBuilder::start_notification(NotifyCode code) {
  return start_reply(0, static_cast<std::int32_t>(code));
}

MessageBuilder& MessageBuilder::name(std::string_view name) {
  bytes(std::as_bytes(std::span(name)));
  out_.push_back(std::byte{});
  return *this;
}

MessageBuilder& MessageBuilder::bytes(Bytes bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}

MessageBuilder& MessageBuilder::extensions(Bytes bytes) {
  FUSEREPLAY_CHECK(kind_ == Kind::kRequest, "only requests carry extensions");
  FUSEREPLAY_CHECK(bytes.size() % 8 == 0, "extensions come in units of 8 bytes");
  extension_bytes_ += bytes.size();
  FUSEREPLAY_CHECK(extension_bytes_ / 8 <= std::numeric_limits<std::uint16_t>::max(), "extensions fit total_extlen");
  return this->bytes(bytes);
}

Bytes MessageBuilder::finish() {
  const auto length = static_cast<std::uint32_t>(out_.size());
  static_assert(offsetof(wire::InHeader, len) == offsetof(wire::OutHeader, len));
  std::memcpy(out_.data() + offsetof(wire::InHeader, len), &length, sizeof(length));
  if (kind_ == Kind::kRequest) {
    const auto units = static_cast<std::uint16_t>(extension_bytes_ / 8);
    std::memcpy(out_.data() + offsetof(wire::InHeader, total_extlen), &units, sizeof(units));
  }
  return out_;
}

}  // namespace fusereplay
