#include "tests/support/message_generator.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "core/protocol/extension.h"
#include "core/protocol/reply_check.h"

namespace fusereplay::test {
namespace {

/// Stores a value into the member of a struct that starts at `base`.
template <class Value>
void store(std::byte* base, std::size_t offset, Value value) {
  std::memcpy(base + offset, &value, sizeof(value));
}

}  // namespace

std::uint64_t MessageGenerator::number() {
  switch (below(6)) {
    case 0:
      return 0;
    case 1:
      return below(4);
    case 2:
      return below(1000);
    case 3:
      return std::uint64_t{1} << below(64);
    case 4:
      return std::numeric_limits<std::uint64_t>::max() - below(3);
    default:
      return random_();
  }
}

std::uint64_t MessageGenerator::field_value(const Field& field) {
  switch (field.role) {
    case FieldRole::kPadding:
      return 0;
    case FieldRole::kNodeId:
      return 1 + below(50);
    case FieldRole::kTimeNsec:
    case FieldRole::kTimeoutNsec:
      return below(1'000'000'000);
    case FieldRole::kTime:
      return 1'700'000'000 + below(100'000'000);
    case FieldRole::kMode:
      return below(0177777);
    default:
      return number();
  }
}

void MessageGenerator::fill(StructId id, std::byte* base) {
  for (const Field& field : struct_info(id).fields) {
    if (field.type != FieldType::kBytes) write_field(base, field, field_value(field));
  }
}

std::vector<std::byte> MessageGenerator::structs(const MessageLayout& layout) {
  std::vector<std::byte> out(layout.fixed_size());
  fill(layout.structs[0], out.data());
  fill(layout.structs[1], out.data() + struct_info(layout.structs[0]).size);
  return out;
}

std::vector<std::byte> MessageGenerator::data(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random_());
  return out;
}

std::string MessageGenerator::name() {
  const std::size_t kind = below(20);
  std::size_t size = 1 + below(12);
  if (kind == 0) size = 1 + below(4095);
  if (kind == 1) size = 255;
  std::string out(size, 'x');
  for (char& c : out) {
    c = static_cast<char>(kind < 10 ? 'a' + below(26) : 1 + below(255));
    if (c == '/') c = '_';
  }
  return out;
}

std::vector<std::byte> MessageGenerator::elements(StructId id, std::size_t count) {
  const std::size_t size = struct_info(id).size;
  std::vector<std::byte> out(size * count);
  for (std::size_t i = 0; i < count; ++i) fill(id, out.data() + i * size);
  return out;
}

std::vector<std::byte> MessageGenerator::request_extensions() {
  Extensions extensions;
  std::vector<std::string> names;
  std::vector<std::vector<std::byte>> values;
  if (below(2) == 0) {
    extensions.has_security_block = true;
    const std::size_t count = below(3);
    for (std::size_t i = 0; i < count; ++i) {
      names.push_back("security." + name());
      values.push_back(data(below(40)));
    }
    for (std::size_t i = 0; i < count; ++i) extensions.security_contexts.push_back({names[i], values[i]});
  }
  if (below(3) == 0) {
    for (std::size_t i = 0; i <= below(3); ++i) extensions.groups.push_back(static_cast<std::uint32_t>(random_()));
  }
  return encode_extensions(extensions);
}

std::vector<std::byte> MessageGenerator::dirents(Tail tail, std::size_t space) {
  const DirentKind kind = tail == Tail::kDirentsPlus ? DirentKind::kPlus : DirentKind::kPlain;
  std::vector<std::byte> out(space);
  DirentWriter writer(kind, out);
  const std::size_t count = below(8);
  for (std::size_t i = 0; i < count; ++i) {
    wire::EntryOut entry{};
    fill(StructId::kEntryOut, reinterpret_cast<std::byte*>(&entry));
    wire::Dirent dirent{};
    fill(StructId::kDirent, reinterpret_cast<std::byte*>(&dirent));
    if (!writer.add(entry, dirent, name())) break;
  }
  out.resize(writer.size());
  return out;
}

Opcode MessageGenerator::pick_opcode() {
  return all_opcodes()[below(all_opcodes().size())];
}

OwnedMessage MessageGenerator::request(Opcode opcode) {
  const MessageLayout& layout = *request_layout(opcode, negotiated_);
  wire::InHeader header{};
  fill(StructId::kInHeader, reinterpret_cast<std::byte*>(&header));
  if (opcode == Opcode::kInterrupt) {
    header.unique = last_unique_ | kUniqueInterruptBit;
  } else {
    header.unique = last_unique_ += 2;
  }
  if (opcode == Opcode::kBatchForget || opcode == Opcode::kDestroy || opcode == Opcode::kInterrupt) header.nodeid = 0;

  std::vector<std::byte> fixed = structs(layout);
  std::byte* const base = fixed.data();
  std::vector<std::byte> tail;
  if (layout.tail == Tail::kBytes) tail = data(below(max_data_ + 1));
  const auto tail_size = static_cast<std::uint32_t>(tail.size());
  const auto asked_size = static_cast<std::uint32_t>(below(max_data_ + 1));
  switch (opcode) {
    case Opcode::kRead:
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      store(base, offsetof(wire::ReadIn, size), asked_size);
      break;
    case Opcode::kGetxattr:
    case Opcode::kListxattr:
      store(base, offsetof(wire::GetxattrIn, size), below(3) == 0 ? 0 : asked_size);
      break;
    case Opcode::kWrite:
      store(base, offsetof(wire::WriteIn, size), tail_size);
      break;
    case Opcode::kSetxattr:
      static_assert(offsetof(wire::SetxattrIn, size) == offsetof(wire::SetxattrInCompat, size));
      store(base, offsetof(wire::SetxattrIn, size), tail_size);
      break;
    case Opcode::kIoctl:
      store(base, offsetof(wire::IoctlIn, in_size), tail_size);
      store(base, offsetof(wire::IoctlIn, out_size), asked_size);
      break;
    case Opcode::kNotifyReply:
      store(base, offsetof(wire::NotifyRetrieveIn, size), tail_size);
      break;
    case Opcode::kInterrupt:
      store(base, offsetof(wire::InterruptIn, unique), last_unique_);
      break;
    case Opcode::kInit:
      store(base, offsetof(wire::InitIn, major), kProtocolMajor);
      store(base, offsetof(wire::InitIn, minor), static_cast<std::uint32_t>(12 + below(34)));
      if (below(2) == 0) fixed.resize(16);  // as before 7.36
      break;
    case Opcode::kBatchForget:
    case Opcode::kRemovemapping: {
      const std::size_t count = below(20);
      store(base, 0, static_cast<std::uint32_t>(count));
      tail = elements(opcode == Opcode::kBatchForget ? StructId::kForgetOne : StructId::kRemovemappingOne, count);
      break;
    }
    default:
      break;
  }

  MessageBuilder builder;
  builder.start_request(opcode, header).bytes(fixed);
  for (std::size_t i = 0; i < layout.names; ++i) builder.name(opcode == Opcode::kTmpfile ? "/" : name());
  builder.bytes(tail);
  if (layout.extensions) builder.extensions(request_extensions());
  const Bytes bytes = builder.finish();
  return {bytes.begin(), bytes.end()};
}

OwnedMessage MessageGenerator::unknown_request() {
  constexpr std::uint32_t kUnknown[] = {0, 7, 19, 54, 55, 63, 1000, 4095, 4097, 1U << 20, 0xffffffffU};
  wire::InHeader header{};
  fill(StructId::kInHeader, reinterpret_cast<std::byte*>(&header));
  header.unique = last_unique_ += 2;
  MessageBuilder builder;
  builder.start_request(static_cast<Opcode>(kUnknown[below(std::size(kUnknown))]), header);
  const Bytes bytes = builder.bytes(data(below(max_data_ + 1))).finish();
  return {bytes.begin(), bytes.end()};
}

OwnedMessage MessageGenerator::reply(const RequestView& request) {
  const Opcode opcode = request.opcode();
  const MessageLayout& layout = *reply_layout(opcode, asks_size(request));
  std::vector<std::byte> fixed = structs(layout);
  if (opcode == Opcode::kInit) {
    store(fixed.data(), offsetof(wire::InitOut, major), kProtocolMajor);
    store(fixed.data(), offsetof(wire::InitOut, minor), static_cast<std::uint32_t>(12 + below(34)));
    constexpr std::size_t kSizes[] = {8, 24, 64};
    fixed.resize(kSizes[below(std::size(kSizes))]);
  }
  std::vector<std::byte> tail;
  const std::size_t space = std::min(max_reply_tail(request), max_data_);
  if (layout.tail == Tail::kBytes) tail = data(below(4) == 0 ? space : below(space + 1));
  if (layout.tail == Tail::kDirents || layout.tail == Tail::kDirentsPlus) tail = dirents(layout.tail, space);
  MessageBuilder builder;
  const Bytes bytes = builder.start_reply(request.unique(), 0).bytes(fixed).bytes(tail).finish();
  return {bytes.begin(), bytes.end()};
}

OwnedMessage MessageGenerator::error_reply(std::uint64_t unique) {
  MessageBuilder builder;
  const Bytes bytes = builder.start_reply(unique, -static_cast<std::int32_t>(1 + below(511))).finish();
  return {bytes.begin(), bytes.end()};
}

OwnedMessage MessageGenerator::notification(NotifyCode code) {
  const MessageLayout& layout = *notify_layout(code);
  std::vector<std::byte> fixed = structs(layout);
  std::vector<std::byte> tail;
  std::string entry;
  switch (code) {
    case NotifyCode::kInvalEntry:
      entry = name();
      store(fixed.data(), offsetof(wire::NotifyInvalEntryOut, namelen), static_cast<std::uint32_t>(entry.size()));
      break;
    case NotifyCode::kDelete:
      entry = name();
      store(fixed.data(), offsetof(wire::NotifyDeleteOut, namelen), static_cast<std::uint32_t>(entry.size()));
      break;
    case NotifyCode::kStore:
      tail = data(below(max_data_ + 1));
      store(fixed.data(), offsetof(wire::NotifyStoreOut, size), static_cast<std::uint32_t>(tail.size()));
      break;
    case NotifyCode::kPrune: {
      const std::size_t count = below(20);
      tail.resize(count * sizeof(std::uint64_t));
      for (std::size_t i = 0; i < count; ++i) store(tail.data(), i * sizeof(std::uint64_t), 1 + below(50));
      store(fixed.data(), offsetof(wire::NotifyPruneOut, count), static_cast<std::uint32_t>(count));
      break;
    }
    default:
      break;
  }
  MessageBuilder builder;
  builder.start_notification(code).bytes(fixed);
  if (layout.names != 0) builder.name(entry);
  const Bytes bytes = builder.bytes(tail).finish();
  return {bytes.begin(), bytes.end()};
}

OwnedMessage MessageGenerator::notification() {
  return notification(all_notify_codes()[below(all_notify_codes().size())]);
}

void MessageGenerator::mutate_once(OwnedMessage& message) {
  const std::size_t at = message.empty() ? 0 : below(message.size());
  switch (below(6)) {
    case 0:
      if (!message.empty()) message[at] ^= static_cast<std::byte>(1U << below(8));
      break;
    case 1:
      if (!message.empty()) message[at] = static_cast<std::byte>(random_());
      break;
    case 2: {
      // A whole integer, where structs keep theirs.
      const std::uint64_t value = number();
      const std::size_t width = below(2) == 0 ? 4 : 8;
      const std::size_t start = at & ~(width - 1);
      if (start + width <= message.size()) std::memcpy(message.data() + start, &value, width);
      break;
    }
    case 3:
      message.resize(at);
      break;
    case 4: {
      const OwnedMessage more = data(1 + below(64));
      message.insert(message.end(), more.begin(), more.end());
      break;
    }
    default: {
      const OwnedMessage rest(message.begin() + static_cast<std::ptrdiff_t>(at), message.end());
      message.insert(message.end(), rest.begin(), rest.end());
      break;
    }
  }
}

OwnedMessage MessageGenerator::mutated(Bytes valid) {
  OwnedMessage out(valid.begin(), valid.end());
  const std::size_t changes = 1 + below(4);
  for (std::size_t i = 0; i < changes; ++i) mutate_once(out);
  if (below(2) == 0 && out.size() >= sizeof(std::uint32_t))
    store(out.data(), 0, static_cast<std::uint32_t>(out.size()));
  return out;
}

Message in_two_pieces(Bytes whole, const BodyView& view) {
  if (view.tail().empty()) return {.head = whole, .tail = {}};
  return {.head = whole.first(static_cast<std::size_t>(view.tail().data() - whole.data())), .tail = view.tail()};
}

}  // namespace fusereplay::test
