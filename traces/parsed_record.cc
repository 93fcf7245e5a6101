#include "traces/parsed_record.h"

#include <limits>

#include "traces/protobuf_wire.h"
#include "traces/record_fields.h"
#include "traces/struct_codec.h"

namespace fusereplay {
namespace {

constexpr std::string_view kTooLarge = "a value too large for its field";
constexpr std::string_view kMalformed = "malformed protobuf";
constexpr std::string_view kWrongType = "a field of the wrong wire type";

/// False where the value does not fit.
template <class Field>
bool store(Field& to, std::uint64_t value) noexcept {
  to = static_cast<Field>(value);
  return to == value;
}

bool store_signed(std::int32_t& to, std::uint64_t value) noexcept {
  to = static_cast<std::int32_t>(protobuf::unzigzag(value));
  return value <= std::numeric_limits<std::uint32_t>::max();
}

bool store_signed(std::int64_t& to, std::uint64_t value) noexcept {
  to = protobuf::unzigzag(value);
  return true;
}

constexpr std::uint32_t bytes_tag(std::uint32_t number) noexcept {
  return protobuf::tag_of(number, protobuf::WireType::kLength);
}

constexpr std::uint32_t kFirstStructTag = bytes_tag(kStructNumberBase + 1);
constexpr std::uint32_t kForgetTag = bytes_tag(kStructNumberBase + static_cast<std::uint32_t>(StructId::kForgetOne));
constexpr std::uint32_t kRemovemappingTag =
    bytes_tag(kStructNumberBase + static_cast<std::uint32_t>(StructId::kRemovemappingOne));

constexpr bool is_known(std::uint32_t number) noexcept {
  return (number >= record::kKind && number <= record::kDataHashes) ||
         (number > kStructNumberBase && number < kStructNumberBase + kStructCount);
}

}  // namespace

std::string_view ParsedRecord::bytes_list(std::uint32_t number) noexcept {
  if (list_number != 0 && list_number != number) return "two kinds of list in one message";
  list_number = number;
  return {};
}

std::string_view ParsedRecord::name(Bytes value) noexcept {
  if (name_count == names.size()) return "more names than a message has";
  names[name_count++] = value;
  return {};
}

inline std::string_view ParsedRecord::struct_field(StructId id, Bytes value) noexcept {
  if (struct_count == structs.size()) return "more structs than a message has";
  if (struct_count == 1 && struct_ids[0] == id) return "a struct twice";
  struct_ids[struct_count] = id;
  structs[struct_count++] = value;
  return {};
}

/// Inlined into the loop: a record is a row of these.
[[gnu::always_inline]] inline ParsedRecord::Taken ParsedRecord::number_field(std::uint32_t number,
                                                                             std::uint64_t value) noexcept {
  bool fits = true;
  switch (number) {
    case record::kKind:
      fits = store(kind, value);
      break;
    case record::kOpcode:
      fits = store(opcode, value);
      break;
    case record::kSequenceDelta:
      fits = store(sequence_delta, value);
      break;
    case record::kBeginDelta:
      fits = store_signed(begin_delta, value);
      break;
    case record::kDuration:
      fits = store_signed(duration, value);
      break;
    case record::kUniqueDelta:
      fits = store_signed(unique_delta, value);
      break;
    case record::kNodeId:
      fits = store(nodeid, value);
      break;
    case record::kThread:
      fits = store(thread, value);
      break;
    case record::kChannel:
      fits = store(channel, value);
      break;
    case record::kUid:
      fits = store(uid, value);
      break;
    case record::kGid:
      fits = store(gid, value);
      break;
    case record::kPid:
      fits = store(pid, value);
      break;
    case record::kError:
      fits = store_signed(error, value);
      break;
    case record::kResult:
      fits = store_signed(result.emplace(), value);
      break;
    case record::kNotifyCode:
      fits = store_signed(notify_code, value);
      break;
    case record::kAsksSize:
      asks_size = value != 0;
      break;
    case record::kMark:
      fits = store(mark, value);
      break;
    case record::kHeaderPadding:
      fits = store(header_padding, value);
      break;
    case record::kFixedSize:
      fits = store(fixed_size.emplace(), value);
      break;
    case record::kDataSize:
      fits = store(data_size.emplace(), value);
      break;
    case record::kDataPhase:
      fits = store(data_phase, value);
      break;
    default:
      return Taken::kUnknown;
  }
  return fits ? Taken::kYes : Taken::kTooLarge;
}

std::string_view ParsedRecord::bytes_field(std::uint32_t tag, Bytes value) noexcept {
  switch (tag) {
    case bytes_tag(record::kNames):
      return name(value);
    case bytes_tag(record::kData):
      data = value;
      return {};
    case bytes_tag(record::kExtensions):
      extensions = value;
      return {};
    case bytes_tag(record::kRaw):
      raw = value;
      return {};
    case bytes_tag(record::kDataHashes):
      data_hashes = value;
      return {};
    case bytes_tag(record::kPieces):
    case bytes_tag(record::kEntries):
    case bytes_tag(record::kNodeIds):
    case kForgetTag:
    case kRemovemappingTag:
      return bytes_list(tag >> 3);
    default:
      break;
  }
  const std::uint32_t number = tag >> 3;
  if (!is_known(number)) return {};
  return tag >= kFirstStructTag ? struct_field(static_cast<StructId>(number - kStructNumberBase), value) : kWrongType;
}

/// A field that is no number and no bytes, or a number that no field has.
std::string_view ParsedRecord::other_field(std::uint32_t tag) noexcept {
  return is_known(tag >> 3) ? kWrongType : std::string_view();
}

std::string_view ParsedRecord::parse(Bytes bytes) noexcept {
  protobuf::Input in(bytes);
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag) || tag > std::numeric_limits<std::uint32_t>::max() || tag < 8) return kMalformed;
    const auto narrow = static_cast<std::uint32_t>(tag);
    std::string_view wrong;
    if ((narrow & 7) == static_cast<std::uint32_t>(protobuf::WireType::kVarint)) [[likely]] {
      std::uint64_t value = 0;
      if (!in.varint(value)) return kMalformed;
      const Taken taken = number_field(narrow >> 3, value);
      if (taken == Taken::kYes) [[likely]]
        continue;
      wrong = taken == Taken::kTooLarge ? kTooLarge : other_field(narrow);
    } else if ((narrow & 7) == static_cast<std::uint32_t>(protobuf::WireType::kLength)) {
      Bytes value;
      if (!in.bytes(value)) return kMalformed;
      wrong = bytes_field(narrow, value);
    } else {
      if (!in.skip(narrow & 7)) return kMalformed;
      wrong = other_field(narrow);
    }
    if (!wrong.empty()) [[unlikely]]
      return wrong;
  }
  return {};
}

}  // namespace fusereplay
