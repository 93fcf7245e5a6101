#include <algorithm>
#include <cstring>

#include "core/protocol/dirent.h"
#include "core/protocol/layout.h"
#include "core/protocol/view.h"
#include "traces/codec.h"
#include "traces/parsed_record.h"
#include "traces/record_fields.h"

namespace fusereplay {
namespace {

constexpr std::string_view kMessageTooLarge = "a message above the limit";
constexpr std::string_view kBadStruct = "a struct that does not fit its table";

/// Wraps, as the deltas do.
std::int64_t plus(std::int64_t base, std::int64_t delta) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(delta));
}

std::string_view as_name(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Calls `take` for each value of one length-delimited field; false if it says false. The bytes were parsed before.
template <class Take>
bool each(Bytes record, std::uint32_t number, Take take) {
  protobuf::Input in(record);
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return false;
    if (tag >> 3 != number) {
      if (!in.skip(tag & 7)) return false;
      continue;
    }
    Bytes value;
    if (!in.bytes(value) || !take(value)) return false;
  }
  return true;
}

}  // namespace

std::byte* MessageSpace::grow(std::size_t count) {
  if (count > kMaxMessageBytes || size() + count > kMaxMessageBytes) return nullptr;
  const std::size_t wanted = std::max(capacity_ * 2, end_ + count);
  const std::size_t units = (wanted + sizeof(Unit) - 1) / sizeof(Unit);
  auto larger = std::make_unique_for_overwrite<Unit[]>(units);
  std::memcpy(larger.get(), space_.get(), std::min(end_, capacity_));
  space_ = std::move(larger);
  capacity_ = units * sizeof(Unit);
  end_ += count;
  return base() + end_ - count;
}

bool MessageSpace::append(Bytes bytes) {
  std::byte* const at = append(bytes.size());
  if (at == nullptr) return false;
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return true;
}

void RecordDecoder::start_block(std::uint64_t first_sequence, std::int64_t first_begin) noexcept {
  base_ = {.next_sequence = first_sequence, .begin = first_begin, .unique = 0};
}

std::string_view RecordDecoder::decode_next(Bytes bytes, Event& event, RecordForm& form) {
  ParsedRecord record;
  if (const auto wrong = record.parse(bytes); !wrong.empty()) return wrong;
  const std::uint64_t kind = record.number(record::kKind);
  const std::uint64_t mark = record.number(record::kMark);
  if (kind > static_cast<std::uint64_t>(EventKind::kMark)) return "an unknown kind of event";
  if (mark > static_cast<std::uint64_t>(Mark::kServerDied) ||
      (kind == static_cast<std::uint64_t>(EventKind::kMark)) == (mark == 0)) {
    return "an unknown mark, or a mark where there is none";
  }
  if (record.number(record::kSequenceDelta) >= ~base_.next_sequence) return "a sequence that overflows";
  space_.begin();
  event.kind = static_cast<EventKind>(kind);
  form = record.has(record::kRaw) ? RecordForm::kRaw : RecordForm::kTyped;
  const auto wrong = form == RecordForm::kRaw ? build_raw(record, event.kind) : build(record, bytes, event.kind);
  if (!wrong.empty()) return wrong;
  if (space_.size() > kMaxMessageBytes) return kMessageTooLarge;

  event.mark = static_cast<Mark>(mark);
  event.sequence = base_.next_sequence + record.number(record::kSequenceDelta);
  event.begin = plus(base_.begin, record.signed_number(record::kBeginDelta));
  event.end = plus(event.begin, record.signed_number(record::kDuration));
  event.thread = record.number32(record::kThread);
  event.channel = record.number32(record::kChannel);
  event.result =
      record.has(record::kResult) ? record.signed_number(record::kResult) : static_cast<std::int64_t>(space_.size());
  event.message = Message{.head = Bytes(space_.data(), space_.size()), .tail = {}, .owner = nullptr};
  event.request = nullptr;
  base_.next_sequence = event.sequence + 1;
  base_.begin = event.begin;
  return {};
}

std::string_view RecordDecoder::build_raw(const ParsedRecord& record, EventKind kind) {
  if (record.has_body()) return "a raw message with a typed body";
  if (kind == EventKind::kMark) return "a mark with a message";
  return space_.append(record.raw) ? std::string_view() : kMessageTooLarge;
}

std::string_view RecordDecoder::build(const ParsedRecord& record, Bytes bytes, EventKind kind) {
  switch (kind) {
    case EventKind::kRequest:
      return build_request(record, bytes);
    case EventKind::kReply: {
      const std::int32_t error = record.signed32(record::kError);
      const MessageLayout* layout = nullptr;
      if (error == 0) {
        layout =
            reply_layout(static_cast<Opcode>(record.number32(record::kOpcode)), record.number(record::kAsksSize) != 0);
      }
      return build_out(record, bytes, layout, error, unique_of(record));
    }
    case EventKind::kNotification: {
      const std::int32_t code = record.signed32(record::kNotifyCode);
      const MessageLayout* const layout = notify_layout(static_cast<NotifyCode>(code));
      if (layout == nullptr) return "an unknown notification that is not raw";
      return build_out(record, bytes, layout, code, 0);
    }
    case EventKind::kMark:
      return record.has_body() ? "a mark with a message" : std::string_view();
  }
  return "an unknown kind of event";
}

std::uint64_t RecordDecoder::unique_of(const ParsedRecord& record) const noexcept {
  return base_.unique + static_cast<std::uint64_t>(record.signed_number(record::kUniqueDelta));
}

std::string_view RecordDecoder::build_request(const ParsedRecord& record, Bytes bytes) {
  Negotiated negotiated;
  negotiated.setxattr_ext = record.struct_ids[0] != StructId::kSetxattrInCompat;
  const std::uint32_t opcode = record.number32(record::kOpcode);
  const MessageLayout* const layout = request_layout(static_cast<Opcode>(opcode), negotiated);
  if (layout == nullptr) return "an unknown opcode that is not raw";
  const std::size_t extension_units = record.extensions.size() / 8;
  if (record.extensions.size() % 8 != 0 || extension_units > 0xffff) return "extensions of a size that cannot be";
  if (space_.append(sizeof(wire::InHeader)) == nullptr) return kMessageTooLarge;
  if (const auto wrong = body(record, bytes, *layout); !wrong.empty()) return wrong;
  const wire::InHeader header{.len = static_cast<std::uint32_t>(space_.size()),
                              .opcode = opcode,
                              .unique = unique_of(record),
                              .nodeid = record.number(record::kNodeId),
                              .uid = record.number32(record::kUid),
                              .gid = record.number32(record::kGid),
                              .pid = record.number32(record::kPid),
                              .total_extlen = static_cast<std::uint16_t>(extension_units),
                              .padding = static_cast<std::uint16_t>(record.number(record::kHeaderPadding))};
  std::memcpy(space_.data(), &header, sizeof(header));
  base_.unique = header.unique;
  return {};
}

std::string_view RecordDecoder::build_out(const ParsedRecord& record, Bytes bytes, const MessageLayout* layout,
                                          std::int32_t error, std::uint64_t unique) {
  if (space_.append(sizeof(wire::OutHeader)) == nullptr) return kMessageTooLarge;
  if (layout == nullptr) {
    if (record.has_body()) return "a body where there is none";
  } else if (const auto wrong = body(record, bytes, *layout); !wrong.empty()) {
    return wrong;
  }
  const wire::OutHeader header{.len = static_cast<std::uint32_t>(space_.size()), .error = error, .unique = unique};
  std::memcpy(space_.data(), &header, sizeof(header));
  return {};
}

std::string_view RecordDecoder::body(const ParsedRecord& record, Bytes bytes, const MessageLayout& layout) {
  const std::size_t fixed_at = space_.size();
  std::size_t found = 0;
  for (const StructId id : layout.structs) {
    if (id == StructId::kNone) continue;
    const std::size_t index = record.struct_ids[0] == id ? 0 : 1;
    if (record.struct_ids[index] != id) return "a struct is missing";
    std::byte* const at = space_.append(struct_info(id).size);
    if (at == nullptr) return kMessageTooLarge;
    if (!decode_struct(id, record.structs[index], at)) return kBadStruct;
    ++found;
  }
  if (found != record.struct_count) return "a struct that the message does not have";
  if (record.has(record::kFixedSize)) {
    const std::uint64_t size = record.number(record::kFixedSize);
    if (!layout.truncatable || size > space_.size() - fixed_at) return "a struct cut short";
    space_.truncate(fixed_at + static_cast<std::size_t>(size));
  }
  if (record.name_count != layout.names) return "the wrong number of names";
  if (layout.names != 0) {
    if (const auto wrong = names(record); !wrong.empty()) return wrong;
  }
  if (layout.tail != Tail::kNone || record.has_tail()) {
    if (const auto wrong = tail(record, bytes, layout); !wrong.empty()) return wrong;
  }
  if (record.extensions.empty()) return {};
  if (!layout.extensions) return "extensions that the message does not have";
  return space_.append(record.extensions) ? std::string_view() : kMessageTooLarge;
}

std::string_view RecordDecoder::names(const ParsedRecord& record) {
  const auto opcode = static_cast<Opcode>(record.number32(record::kOpcode));
  for (std::size_t i = 0; i < record.name_count; ++i) {
    const std::string_view name = as_name(record.names[i]);
    if (!record::acceptable_name(opcode, i, name)) return "a name that cannot be";
    std::byte* const at = space_.append(name.size() + 1);
    if (at == nullptr) return kMessageTooLarge;
    if (!name.empty()) std::memcpy(at, name.data(), name.size());
    at[name.size()] = std::byte{0};
  }
  return {};
}

std::string_view RecordDecoder::tail(const ParsedRecord& record, Bytes bytes, const MessageLayout& layout) {
  const bool kept = record.has(record::kDataSize) || record.has(record::kDataHashes);
  std::uint32_t wanted = 0;
  switch (layout.tail) {
    case Tail::kNone:
      break;
    case Tail::kBytes:
      if (!space_.append(record.data)) return kMessageTooLarge;
      if (kept) return kept_payload(record);
      wanted = record::kPieces;
      break;
    case Tail::kDirents:
    case Tail::kDirentsPlus:
      wanted = record::kEntries;
      break;
    case Tail::kForgets:
      wanted = kStructNumberBase + static_cast<std::uint32_t>(StructId::kForgetOne);
      break;
    case Tail::kRemovemappings:
      wanted = kStructNumberBase + static_cast<std::uint32_t>(StructId::kRemovemappingOne);
      break;
    case Tail::kNodeIds:
      wanted = record::kNodeIds;
      break;
  }
  const bool data = record.has(record::kData);
  if ((data || kept) && layout.tail != Tail::kBytes) return "data that the message does not have";
  if (record.list_number == 0) return {};
  if (record.list_number != wanted) return "a list that the message does not have";
  if (wanted == record::kEntries) return directory(bytes, layout.tail == Tail::kDirentsPlus);
  if (wanted == record::kNodeIds) return node_ids(bytes);
  if (wanted == record::kPieces) return data ? "data twice" : shared_payload(bytes);
  return list(bytes, wanted, static_cast<StructId>(wanted - kStructNumberBase));
}

std::string_view RecordDecoder::list(Bytes bytes, std::uint32_t number, StructId element) {
  const bool good = each(bytes, number, [&](Bytes value) {
    std::byte* const at = space_.append(struct_info(element).size);
    return at != nullptr && decode_struct(element, value, at);
  });
  return good ? std::string_view() : kBadStruct;
}

std::string_view RecordDecoder::directory(Bytes bytes, bool plus) {
  const bool good = each(bytes, record::kEntries, [&](Bytes value) { return directory_entry(value, plus); });
  return good ? std::string_view() : "a directory record that cannot be";
}

bool RecordDecoder::directory_entry(Bytes bytes, bool plus) {
  std::string_view name;
  Bytes dirent;
  std::optional<Bytes> entry;
  protobuf::Input in(bytes);
  while (!in.done()) {
    std::uint64_t tag = 0;
    Bytes value;
    if (!in.varint(tag)) return false;
    const std::uint64_t number = tag >> 3;
    if (number < record::kEntryName || number > record::kEntryEntry) {
      if (number == 0 || !in.skip(tag & 7)) return false;
      continue;
    }
    if ((tag & 7) != static_cast<std::uint64_t>(protobuf::WireType::kLength) || !in.bytes(value)) return false;
    if (number == record::kEntryName) name = as_name(value);
    if (number == record::kEntryDirent) dirent = value;
    if (number == record::kEntryEntry) entry = value;
  }
  if (!valid_name(name, kMaxEntryNameBytes) || entry.has_value() != plus) return false;
  const std::size_t size = dirent_record_size(plus ? DirentKind::kPlus : DirentKind::kPlain, name.size());
  std::byte* at = space_.append(size);
  if (at == nullptr) return false;
  std::byte* const end = at + size;
  if (plus) {
    if (!decode_struct(StructId::kEntryOut, *entry, at)) return false;
    at += sizeof(wire::EntryOut);
  }
  if (!decode_struct(StructId::kDirent, dirent, at)) return false;
  const auto length = static_cast<std::uint32_t>(name.size());
  std::memcpy(at + offsetof(wire::Dirent, namelen), &length, sizeof(length));
  at += sizeof(wire::Dirent);
  std::memcpy(at, name.data(), name.size());
  std::fill(at + name.size(), end, std::byte{0});
  return true;
}

std::string_view RecordDecoder::node_ids(Bytes bytes) {
  const bool good = each(bytes, record::kNodeIds, [&](Bytes value) {
    protobuf::Input in(value);
    while (!in.done()) {
      std::uint64_t id = 0;
      std::byte* at = nullptr;
      if (!in.varint(id) || (at = space_.append(sizeof(id))) == nullptr) return false;
      std::memcpy(at, &id, sizeof(id));
    }
    return true;
  });
  return good ? std::string_view() : "a list of node ids that cannot be";
}

/// Data of which only hashes, or the size, were kept.
std::string_view RecordDecoder::kept_payload(const ParsedRecord& record) {
  if (record.has(record::kData) || record.list_number != 0 || !record.has(record::kDataSize)) {
    return "data kept in two ways";
  }
  const auto phase = static_cast<std::size_t>(record.number(record::kDataPhase));
  if (phase >= kPayloadChunk || record.number(record::kDataSize) > kMaxMessageBytes) {
    return "data of a size that cannot be";
  }
  const auto size = static_cast<std::size_t>(record.number(record::kDataSize));
  const bool hashed = record.has(record::kDataHashes);
  if (hashed && record.data_hashes.size() != chunk_count(phase, size) * sizeof(ChunkHash)) {
    return "not one hash for each chunk of the data";
  }
  std::byte* const to = space_.append(size);
  if (to == nullptr) return kMessageTooLarge;
  if (!hashed) {
    std::fill(to, to + size, std::byte{0});
    return {};
  }
  const std::byte* from = record.data_hashes.data();
  for_each_chunk(phase, size, [&](std::size_t at, std::size_t chunk) {
    ChunkHash hash;
    std::memcpy(hash.data(), from, hash.size());
    from += hash.size();
    generate_chunk(hash, std::span(to + at, chunk));
  });
  return {};
}

std::string_view RecordDecoder::shared_payload(Bytes bytes) {
  const bool good = each(bytes, record::kPieces, [&](Bytes value) { return shared_piece(value); });
  return good ? std::string_view() : "a reference to data that is not there";
}

bool RecordDecoder::shared_piece(Bytes bytes) {
  Bytes literal;
  std::array<std::uint64_t, record::kPieceSize + 1> numbers{};
  protobuf::Input in(bytes);
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return false;
    const std::uint64_t number = tag >> 3;
    if (number == 0 || number > record::kPieceSize) {
      if (number == 0 || !in.skip(tag & 7)) return false;
      continue;
    }
    const auto type = number == record::kPieceBytes ? protobuf::WireType::kLength : protobuf::WireType::kVarint;
    if ((tag & 7) != static_cast<std::uint64_t>(type)) return false;
    if (number == record::kPieceBytes ? !in.bytes(literal) : !in.varint(numbers[number])) return false;
  }
  const std::uint64_t size = numbers[record::kPieceSize];
  if (size == 0) return space_.append(literal);
  if (!literal.empty() || earlier_ == nullptr) return false;
  const Bytes body = earlier_->body(numbers[record::kPieceBack]);
  const std::uint64_t at = numbers[record::kPieceAt];
  return at <= body.size() && size <= body.size() - at &&
         space_.append(body.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)));
}

}  // namespace fusereplay
