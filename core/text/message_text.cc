#include "core/text/message_text.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <optional>

#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "core/result.h"
#include "core/text/json.h"
#include "core/text/readable.h"

namespace fusereplay {

namespace {

std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A message taken apart as far as it can be.
struct Parts {
  std::optional<wire::InHeader> in;
  std::optional<wire::OutHeader> out;
  std::optional<RequestView> request;
  std::optional<ReplyView> reply;
  std::optional<NotificationView> notification;
  std::string_view problem;  // why there is no body where one was expected

  const BodyView* body() const noexcept {
    if (request) return &*request;
    if (reply) return &*reply;
    if (notification) return &*notification;
    return nullptr;
  }
};

/// Keeps `view`, or says why there is none.
template <class View>
void keep(tl::expected<View, MessageError> view, std::optional<View>& place, std::string_view& problem) {
  if (view) {
    place = std::move(*view);
  } else {
    problem = describe(view.error());
  }
}

Parts take_apart(const Event& event, const Negotiated& negotiated) {
  Parts parts;
  if (event.kind == EventKind::kMark) return parts;
  if (event.kind == EventKind::kRequest) {
    if (const auto header = read_in_header(event.message.head)) parts.in = *header;
    keep(RequestView::parse(event.message, negotiated), parts.request, parts.problem);
    return parts;
  }
  const auto header = read_out_header(event.message);
  if (!header) {
    parts.problem = describe(header.error());
    return parts;
  }
  parts.out = *header;
  if (event.kind == EventKind::kNotification) {
    keep(NotificationView::parse(event.message), parts.notification, parts.problem);
  } else if (event.request != nullptr && header->error == 0) {
    keep(ReplyView::parse(event.message, event.request->opcode, event.request->asks_size), parts.reply, parts.problem);
  }
  return parts;
}

/// Calls visit(info, bytes) for each struct of the layout that is there in full.
template <class Visit>
void for_each_struct(const BodyView& body, Visit&& visit) {
  Bytes rest = body.fixed_bytes();
  for (const StructId id : body.layout().structs) {
    const StructInfo& info = struct_info(id);
    if (info.size == 0) continue;
    if (rest.size() < info.size) return;  // INIT of an older peer
    visit(info, rest.first(info.size));
    rest = rest.subspan(info.size);
  }
}

/// Calls visit(info, bytes) for each element of a tail of structs, in order.
template <class Visit>
void for_each_element(const BodyView& body, Visit&& visit) {
  const StructId id = body.layout().tail == Tail::kForgets          ? StructId::kForgetOne
                      : body.layout().tail == Tail::kRemovemappings ? StructId::kRemovemappingOne
                                                                    : StructId::kNone;
  const StructInfo& info = struct_info(id);
  if (info.size == 0) return;
  for (Bytes rest = body.tail(); rest.size() >= info.size; rest = rest.subspan(info.size)) {
    visit(info, rest.first(info.size));
  }
}

template <class Visit>
void for_each_nodeid(const BodyView& body, Visit&& visit) {
  if (body.layout().tail != Tail::kNodeIds) return;
  for (Bytes rest = body.tail(); rest.size() >= sizeof(std::uint64_t); rest = rest.subspan(sizeof(std::uint64_t))) {
    std::uint64_t nodeid = 0;
    std::memcpy(&nodeid, rest.data(), sizeof nodeid);
    visit(nodeid);
  }
}

template <class Visit>
void for_each_dirent(const BodyView& body, Visit&& visit) {
  const Tail tail = body.layout().tail;
  if (tail != Tail::kDirents && tail != Tail::kDirentsPlus) return;
  const DirentKind kind = tail == Tail::kDirents ? DirentKind::kPlain : DirentKind::kPlus;
  DirentReader reader(kind, body.tail());
  while (const auto record = reader.next()) visit(kind, *record);
}

bool is_signed(const Field& field) noexcept {
  return field.type == FieldType::kI32 || field.type == FieldType::kI64;
}

/// An integer field as text: octal for modes, hexadecimal for sets of bits and the kernel's tokens.
std::string field_text(const Field& field, std::uint64_t value) {
  std::array<char, 32> text{};
  switch (field.role) {
    case FieldRole::kMode:
      std::snprintf(text.data(), text.size(), "0%" PRIo64, value);
      break;
    case FieldRole::kFlags:
    case FieldRole::kLockOwner:
    case FieldRole::kKernelHandle:
      std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
      break;
    default:
      return is_signed(field) ? std::to_string(static_cast<std::int64_t>(value)) : std::to_string(value);
  }
  return text.data();
}

void append_struct(std::string& line, const StructInfo& info, Bytes bytes) {
  for (const Field& field : info.fields) {
    if (field.role == FieldRole::kPadding || field.type == FieldType::kBytes) continue;
    const std::uint64_t value = read_field(bytes.data(), field);
    if (value == 0) continue;
    line.append(" ").append(field.name).append("=").append(field_text(field, value));
  }
}

/// Whether that is the answer to an open whose READs and WRITEs nobody will see.
bool opens_past_filesystem(const StructInfo& info, Bytes bytes) {
  if (info.id != StructId::kOpenOut) return false;
  wire::OpenOut out{};
  std::memcpy(&out, bytes.data(), sizeof(out));
  return goes_past_filesystem(out.open_flags);
}

void append_body(std::string& line, const BodyView& body, DataShown shown) {
  constexpr std::size_t kStart = 32;
  for (std::size_t index = 0; index < body.layout().names; ++index) line += ' ' + quoted_text(body.name(index));
  for_each_struct(body, [&](const StructInfo& info, Bytes bytes) {
    append_struct(line, info, bytes);
    if (opens_past_filesystem(info, bytes)) line += " (its reads and writes go past the filesystem: not seen)";
  });
  for_each_element(body, [&](const StructInfo& info, Bytes bytes) {
    line += " {";
    append_struct(line, info, bytes);
    line += " }";
  });
  for_each_nodeid(body, [&](std::uint64_t nodeid) { line += ' ' + std::to_string(nodeid); });
  for_each_dirent(body, [&](DirentKind kind, const DirentRecord& record) {
    line += " {" + quoted_text(record.name) + " off=" + std::to_string(record.dirent.off);
    if (kind == DirentKind::kPlus) line += " nodeid=" + std::to_string(record.entry.nodeid);
    line += '}';
  });
  if (body.layout().tail == Tail::kBytes && !body.tail().empty()) {
    line += ' ' + count_text(body.tail().size(), "byte");
    if (shown == DataShown::kSize) {
      line += " not kept";
    } else {
      line += ' ' + quoted_text(as_text(body.tail()), shown == DataShown::kAll ? body.tail().size() : kStart);
    }
  }
  if (!body.extensions().empty()) line += " extensions=" + std::to_string(body.extensions().size());
}

void append_reply(std::string& line, const Event& event, const wire::OutHeader& header) {
  line += " u=" + std::to_string(header.unique);
  if (header.error != 0) {
    line.append(" error=").append(header.error < 0 ? to_string(Errno(-header.error)) : std::to_string(header.error));
  }
  if (event.result < 0) line += " REFUSED " + to_string(Errno(static_cast<int>(-event.result)));
}

void write_struct(JsonWriter& json, const StructInfo& info, Bytes bytes) {
  json.begin_object();
  for (const Field& field : info.fields) {
    json.key(field.name);
    if (field.type == FieldType::kBytes) {
      json.hex(as_text(bytes.subspan(field.offset, field.width)));
      continue;
    }
    const std::uint64_t value = read_field(bytes.data(), field);
    if (is_signed(field)) {
      json.value(static_cast<std::int64_t>(value));
    } else {
      json.value(value);
    }
  }
  json.end_object();
}

template <class Struct>
void write_struct(JsonWriter& json, const Struct& value) {
  write_struct(json, struct_info(FieldTable<Struct>::kId), std::as_bytes(std::span(&value, 1)));
}

void write_body(JsonWriter& json, const BodyView& body, DataShown shown) {
  for_each_struct(body, [&](const StructInfo& info, Bytes bytes) {
    json.key(info.name);
    write_struct(json, info, bytes);
  });
  if (body.layout().names != 0) {
    json.key("names").begin_array();
    for (std::size_t index = 0; index < body.layout().names; ++index) json.name(body.name(index));
    json.end_array();
  }
  if (body.layout().tail == Tail::kBytes) {
    json.member("data_size", body.tail().size());
    if (shown == DataShown::kAll) json.key("data_hex").hex(as_text(body.tail()));
  } else if (body.layout().tail != Tail::kNone) {
    json.key("elements").begin_array();
    for_each_element(body, [&](const StructInfo& info, Bytes bytes) { write_struct(json, info, bytes); });
    for_each_nodeid(body, [&](std::uint64_t nodeid) { json.value(nodeid); });
    for_each_dirent(body, [&](DirentKind kind, const DirentRecord& record) {
      json.begin_object().key("name").name(record.name).key("Dirent");
      write_struct(json, record.dirent);
      if (kind == DirentKind::kPlus) {
        json.key("EntryOut");
        write_struct(json, record.entry);
      }
      json.end_object();
    });
    json.end_array();
  }
  if (!body.extensions().empty()) json.key("extensions_hex").hex(as_text(body.extensions()));
}

template <class Visit>
void for_each_node_in(const StructInfo& info, Bytes bytes, Visit&& visit) {
  for (const Field& field : info.fields) {
    if (field.role == FieldRole::kNodeId) visit(read_field(bytes.data(), field));
  }
}

template <class Visit>
void for_each_node_in(const BodyView& body, Visit&& visit) {
  const auto look = [&](const StructInfo& info, Bytes bytes) { for_each_node_in(info, bytes, visit); };
  for_each_struct(body, look);
  for_each_element(body, look);
  for_each_nodeid(body, visit);
  for_each_dirent(body, [&](DirentKind kind, const DirentRecord& record) {
    if (kind == DirentKind::kPlus) visit(record.entry.nodeid);
  });
}

std::string_view kind_name(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::kRequest:
      return "request";
    case EventKind::kReply:
      return "reply";
    case EventKind::kNotification:
      return "notification";
    case EventKind::kMark:
      return "mark";
  }
  return "unknown";
}

std::string_view arrow(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::kRequest:
      return "->";
    case EventKind::kReply:
      return "<-";
    case EventKind::kNotification:
      return "<~";
    case EventKind::kMark:
      return "--";
  }
  return "??";
}

std::string opcode_text(Opcode opcode) {
  const std::string_view name = opcode_name(opcode);
  return name.empty() ? "opcode " + std::to_string(static_cast<std::uint32_t>(opcode)) : std::string(name);
}

}  // namespace

std::string_view mark_name(Mark mark) noexcept {
  switch (mark) {
    case Mark::kNone:
      return "none";
    case Mark::kMounted:
      return "mounted";
    case Mark::kUnmounted:
      return "unmounted";
    case Mark::kAborted:
      return "aborted";
    case Mark::kServerDied:
      return "server died";
  }
  return "unknown";
}

std::string event_name(const Event& event) {
  switch (event.kind) {
    case EventKind::kRequest: {
      const auto header = read_in_header(event.message.head);
      return header ? opcode_text(static_cast<Opcode>(header->opcode)) : "request";
    }
    case EventKind::kReply:
      return event.request == nullptr ? "reply" : opcode_text(event.request->opcode);
    case EventKind::kNotification: {
      const auto header = read_out_header(event.message);
      const std::string_view name = header ? notify_name(static_cast<NotifyCode>(header->error)) : "";
      return name.empty() ? "notification" : std::string(name);
    }
    case EventKind::kMark:
      return std::string(mark_name(event.mark));
  }
  return "event";
}

std::string event_text(const Event& event, std::int64_t start, const Negotiated& negotiated, DataShown data) {
  const Parts parts = take_apart(event, negotiated);
  std::array<char, 96> head{};
  std::snprintf(head.data(), head.size(), "%8" PRIu64 " %12.6f t%" PRIu32 "/%" PRIu32 " ", event.sequence,
                static_cast<double>(event.begin - start) / 1e9, event.thread, event.channel);
  std::string line = head.data();
  line.append(arrow(event.kind)).append(" ").append(event_name(event));
  if (parts.in) {
    line += " u=" + std::to_string(parts.in->unique) + " nodeid=" + std::to_string(parts.in->nodeid) +
            " pid=" + std::to_string(parts.in->pid) + " uid=" + std::to_string(parts.in->uid);
  } else if (parts.out && event.kind == EventKind::kReply) {
    append_reply(line, event, *parts.out);
  }
  if (const BodyView* body = parts.body()) append_body(line, *body, data);
  if (!parts.problem.empty()) line.append(" (").append(parts.problem).append(")");
  if (event.kind == EventKind::kReply && event.request != nullptr) {
    line += " (" + duration_text(event.begin - event.request->begin) + ')';
  }
  return line;
}

std::string event_json(const Event& event, const Negotiated& negotiated, DataShown data) {
  const Parts parts = take_apart(event, negotiated);
  JsonWriter json;
  json.begin_object()
      .member("sequence", event.sequence)
      .member("kind", kind_name(event.kind))
      .member("name", event_name(event))
      .member("begin", event.begin)
      .member("end", event.end)
      .member("thread", event.thread)
      .member("channel", event.channel)
      .member("result", event.result);
  if (parts.in) {
    json.key("InHeader");
    write_struct(json, *parts.in);
  }
  if (parts.out) {
    json.key("OutHeader");
    write_struct(json, *parts.out);
  }
  if (event.kind == EventKind::kReply && event.request != nullptr) json.member("answers", event.request->sequence);
  if (const BodyView* body = parts.body()) write_body(json, *body, data);
  if (!parts.problem.empty()) json.member("problem", parts.problem);
  json.end_object();
  return json.take();
}

void for_each_node(const Event& event, const Negotiated& negotiated, const std::function<void(std::uint64_t)>& visit) {
  const Parts parts = take_apart(event, negotiated);
  if (parts.in) visit(parts.in->nodeid);
  if (const BodyView* body = parts.body(); body != nullptr) for_each_node_in(*body, visit);
}

bool mentions_node(const Event& event, std::uint64_t nodeid, const Negotiated& negotiated) {
  bool found = false;
  const auto look = [&](std::uint64_t node) { found = found || node == nodeid; };
  for_each_node(event, negotiated, look);
  if (event.kind == EventKind::kReply && event.request != nullptr && event.request->known) {
    look(event.request->view.nodeid());
    for_each_node_in(event.request->view, look);
  }
  return found;
}

}  // namespace fusereplay
