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

template <class T>
std::string_view store(T& to, std::uint64_t value) noexcept {
  if (value > std::numeric_limits<T>::max()) return kTooLarge;
  to = static_cast<T>(value);
  return {};
}

std::string_view store_signed(std::int32_t& to, std::uint64_t value) noexcept {
  if (value > std::numeric_limits<std::uint32_t>::max()) return kTooLarge;
  to = static_cast<std::int32_t>(protobuf::unzigzag(value));
  return {};
}

std::string_view store_signed(std::int64_t& to, std::uint64_t value) noexcept {
  to = protobuf::unzigzag(value);
  return {};
}

constexpr std::uint8_t kUnknownField = 0xff;

/// The wire type of each field below kStructNumberBase.
constexpr auto kWireTypes = [] {
  std::array<std::uint8_t, record::kNodeIds + 1> types{};
  types.fill(static_cast<std::uint8_t>(protobuf::WireType::kVarint));
  types[0] = kUnknownField;
  for (const std::uint32_t number :
       {record::kNames, record::kData, record::kExtensions, record::kRaw, record::kEntries, record::kNodeIds}) {
    types[number] = static_cast<std::uint8_t>(protobuf::WireType::kLength);
  }
  return types;
}();

constexpr std::uint8_t wire_type(std::uint32_t number) noexcept {
  if (number < kWireTypes.size()) return kWireTypes[number];
  const bool is_struct = number > kStructNumberBase && number < kStructNumberBase + kStructCount;
  return is_struct ? static_cast<std::uint8_t>(protobuf::WireType::kLength) : kUnknownField;
}

}  // namespace

inline std::string_view ParsedRecord::number_field(std::uint32_t number, std::uint64_t value) noexcept {
  switch (number) {
    case record::kKind:
      return store(kind, value);
    case record::kOpcode:
      return store(opcode, value);
    case record::kSequenceDelta:
      return store(sequence_delta, value);
    case record::kBeginDelta:
      return store_signed(begin_delta, value);
    case record::kDuration:
      return store_signed(duration, value);
    case record::kUniqueDelta:
      return store_signed(unique_delta, value);
    case record::kNodeId:
      return store(nodeid, value);
    case record::kThread:
      return store(thread, value);
    case record::kChannel:
      return store(channel, value);
    case record::kUid:
      return store(uid, value);
    case record::kGid:
      return store(gid, value);
    case record::kPid:
      return store(pid, value);
    case record::kError:
      return store_signed(error, value);
    case record::kResult:
      return store_signed(result.emplace(), value);
    case record::kNotifyCode:
      return store_signed(notify_code, value);
    case record::kAsksSize:
      asks_size = value != 0;
      return {};
    case record::kMark:
      return store(mark, value);
    case record::kHeaderPadding:
      return store(header_padding, value);
    case record::kFixedSize:
      return store(fixed_size.emplace(), value);
    default:
      return kWrongType;
  }
}

inline std::string_view ParsedRecord::struct_field(StructId id, Bytes value) noexcept {
  if (struct_count == structs.size()) return "more structs than a message has";
  if (struct_count == 1 && struct_ids[0] == id) return "a struct twice";
  struct_ids[struct_count] = id;
  structs[struct_count++] = value;
  return {};
}

inline std::string_view ParsedRecord::bytes_field(std::uint32_t number, Bytes value) noexcept {
  switch (number) {
    case record::kNames:
      if (name_count == names.size()) return "more names than a message has";
      names[name_count++] = value;
      return {};
    case record::kData:
      data = value;
      return {};
    case record::kExtensions:
      extensions = value;
      return {};
    case record::kRaw:
      raw = value;
      return {};
    default:
      break;
  }
  const bool element = number == kStructNumberBase + static_cast<std::uint32_t>(StructId::kForgetOne) ||
                       number == kStructNumberBase + static_cast<std::uint32_t>(StructId::kRemovemappingOne);
  if (!element && number > kStructNumberBase)
    return struct_field(static_cast<StructId>(number - kStructNumberBase), value);
  if (list_number != 0 && list_number != number) return "two kinds of list in one message";
  list_number = number;
  return {};
}

std::string_view ParsedRecord::parse(Bytes bytes) noexcept {
  protobuf::Input in(bytes);
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag) || tag > std::numeric_limits<std::uint32_t>::max() || tag < 8) return kMalformed;
    const auto number = static_cast<std::uint32_t>(tag >> 3);
    const auto type = static_cast<std::uint8_t>(tag & 7);
    const std::uint8_t expected = wire_type(number);
    if (expected == kUnknownField) [[unlikely]] {
      if (!in.skip(type)) return kMalformed;
      continue;
    }
    if (type != expected) return kWrongType;
    std::string_view wrong;
    if (type == static_cast<std::uint8_t>(protobuf::WireType::kVarint)) {
      std::uint64_t value = 0;
      if (!in.varint(value)) return kMalformed;
      wrong = number_field(number, value);
    } else {
      Bytes value;
      if (!in.bytes(value)) return kMalformed;
      wrong = bytes_field(number, value);
    }
    if (!wrong.empty()) [[unlikely]]
      return wrong;
  }
  return {};
}

}  // namespace fusereplay
