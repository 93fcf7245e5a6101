#include "replayer/describe.h"

#include <cstdio>

#include "core/protocol/view.h"
#include "core/result.h"

namespace fusereplay {
namespace {

std::string in_base(const char* format, std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), format, static_cast<unsigned long long>(value));
  return text;
}

/// Names are any bytes; what does not print is escaped.
std::string quoted(std::string_view bytes) {
  constexpr std::size_t kLongest = 80;
  std::string text = "\"";
  for (const char c : bytes.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      text += in_base("\\x%02llx", byte);
    } else {
      text += c;
    }
  }
  text += bytes.size() > kLongest ? "...\"" : "\"";
  return text;
}

std::string describe_value(const Field& field, std::uint64_t value) {
  switch (field.role) {
    case FieldRole::kMode:
      return in_base("0%llo", value);
    case FieldRole::kFlags:
      return in_base("0x%llx", value);
    default:
      if (field.type == FieldType::kI32 || field.type == FieldType::kI64) {
        return std::to_string(static_cast<std::int64_t>(value));
      }
      return std::to_string(value);
  }
}

std::string describe_error(std::uint64_t value) {
  const auto error = static_cast<std::int64_t>(value);
  if (error == 0) return "0 (success)";
  if (error < -4095 || error > 0) return std::to_string(error);
  return to_string(Errno(static_cast<int>(-error)));
}

std::string describe_value(const Difference& difference, std::uint64_t value, std::string_view name, bool recorded) {
  switch (difference.kind) {
    case DifferenceKind::kError:
      return describe_error(value);
    case DifferenceKind::kForm:
    case DifferenceKind::kDataSize:
      return std::to_string(value) + " bytes";
    case DifferenceKind::kField:
      return describe_value(*difference.field, value);
    case DifferenceKind::kEntryName:
      return quoted(name);
    case DifferenceKind::kEntryEnd:
      return name.empty() ? "the end" : quoted(name);
    case DifferenceKind::kDataByte:
      return in_base("0x%02llx", value);
    case DifferenceKind::kNoReply:
      return recorded ? "a reply" : "none";
    case DifferenceKind::kUnexpectedReply:
      return recorded ? "none" : "a reply";
    case DifferenceKind::kListing:
      return value == 0 ? "not listed" : "listed" + (value == 1 ? "" : " as type " + std::to_string(value - 1));
    case DifferenceKind::kUnbound:
      return recorded ? std::to_string(value) : "none";
  }
  return {};
}

void append_fields(std::string& text, StructId id, Bytes fixed) {
  for (const Field& field : struct_info(id).fields) {
    if (field.role == FieldRole::kPadding || field.type == FieldType::kBytes) continue;
    if (field.offset + field.width > fixed.size()) break;
    const std::uint64_t value = read_field(fixed.data(), field);
    if (value == 0) continue;
    text += ' ';
    text += field.name;
    text += ' ' + describe_value(field, value);
  }
}

void append_body(std::string& text, const BodyView& view) {
  const Bytes fixed = view.fixed_bytes();
  std::size_t offset = 0;
  for (const StructId id : view.layout().structs) {
    append_fields(text, id, fixed.subspan(std::min(offset, fixed.size())));
    offset += struct_info(id).size;
  }
  for (std::size_t i = 0; i < view.layout().names; ++i) text += " name " + quoted(view.name(i));
  if (!view.tail().empty()) text += " and " + std::to_string(view.tail().size()) + " bytes";
}

}  // namespace

std::string describe_request(Bytes request, const Negotiated& negotiated) {
  const auto header = read_in_header(request);
  if (!header) return "a request of " + std::to_string(request.size()) + " bytes";
  const std::string_view name = opcode_name(static_cast<Opcode>(header->opcode));
  std::string text = name.empty() ? "opcode " + std::to_string(header->opcode) : std::string(name);
  text += " unique " + std::to_string(header->unique) + " nodeid " + std::to_string(header->nodeid);
  const auto view = RequestView::parse(Message{.head = request, .tail = {}, .owner = nullptr}, negotiated);
  if (!view) return text + " (" + std::string(describe(view.error())) + ")";
  append_body(text, *view);
  return text;
}

std::string describe_reply(const Message& reply, Opcode opcode, bool asks_size) {
  const auto header = read_out_header(reply);
  if (!header) return {};
  if (header->error != 0) return describe_error(static_cast<std::uint64_t>(std::int64_t{header->error}));
  std::string text = "success";
  const auto view = ReplyView::parse(reply, opcode, asks_size);
  if (!view) return text + " of " + std::to_string(reply.size()) + " bytes";
  append_body(text, *view);
  return text;
}

std::string describe_place(const Difference& difference) {
  std::string entry = difference.entry < 0 ? "" : "entries[" + std::to_string(difference.entry) + "]";
  switch (difference.kind) {
    case DifferenceKind::kError:
      return "error";
    case DifferenceKind::kForm:
    case DifferenceKind::kNoReply:
    case DifferenceKind::kUnexpectedReply:
      return "reply";
    case DifferenceKind::kField:
      return (entry.empty() ? "" : entry + ".") + std::string(difference.field->name);
    case DifferenceKind::kListing:
      return "listing of " + quoted(difference.recorded_name);
    case DifferenceKind::kUnbound:
      return "nodeid";
    case DifferenceKind::kEntryName:
      return entry + ".name";
    case DifferenceKind::kEntryEnd:
      return entry;
    case DifferenceKind::kDataSize:
      return "data";
    case DifferenceKind::kDataByte:
      return "data[" + std::to_string(difference.index) + "]";
  }
  return {};
}

std::string describe_recorded(const Difference& difference) {
  return describe_value(difference, difference.recorded, difference.recorded_name, true);
}

std::string describe_live(const Difference& difference) {
  return describe_value(difference, difference.live, difference.live_name, false);
}

std::string_view describe(DivergenceLink link) noexcept {
  switch (link) {
    case DivergenceLink::kCause:
      break;
    case DivergenceLink::kSameObject:
      return "same inode or name";
    case DivergenceLink::kSameField:
      return "same field";
  }
  return {};
}

std::string describe(const Divergence& divergence) {
  return "seq " + std::to_string(divergence.sequence) + ' ' + divergence.request + ": " + divergence.field + " was " +
         divergence.recorded + ", is " + divergence.live;
}

}  // namespace fusereplay
