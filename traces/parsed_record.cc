#include "traces/parsed_record.h"

#include <limits>

#include "traces/struct_codec.h"

namespace fusereplay {
namespace {

constexpr std::string_view kTooLarge = "a value too large for its field";
constexpr std::string_view kMalformed = "malformed protobuf";
constexpr std::string_view kWrongType = "a field of the wrong wire type";

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

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t k32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t k16 = std::numeric_limits<std::uint16_t>::max();

/// The largest varint that fits each field; 0 for a field that is no number.
constexpr auto kLargest = [] {
  std::array<std::uint64_t, record::kDataHashes + 1> largest{};
  for (const std::uint32_t field :
       {record::kKind, record::kSequenceDelta, record::kBeginDelta, record::kDuration, record::kUniqueDelta,
        record::kNodeId, record::kResult, record::kAsksSize, record::kMark, record::kDataSize}) {
    largest[field] = kAny;
  }
  for (const std::uint32_t field :
       {record::kOpcode, record::kThread, record::kChannel, record::kUid, record::kGid, record::kPid, record::kError,
        record::kNotifyCode, record::kFixedSize, record::kDataPhase}) {
    largest[field] = k32;
  }
  largest[record::kHeaderPadding] = k16;
  return largest;
}();

}  // namespace

std::string_view ParsedRecord::list(std::uint32_t number) noexcept {
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

std::string_view ParsedRecord::bytes_field(std::uint32_t tag, Bytes value) noexcept {
  const auto note = [&](Bytes& to) {
    to = value;
    seen_ |= record::bit(tag >> 3);
    return std::string_view();
  };
  switch (tag) {
    case bytes_tag(record::kNames):
      return name(value);
    case bytes_tag(record::kData):
      return note(data);
    case bytes_tag(record::kExtensions):
      return note(extensions);
    case bytes_tag(record::kRaw):
      return note(raw);
    case bytes_tag(record::kDataHashes):
      return note(data_hashes);
    case bytes_tag(record::kPieces):
    case bytes_tag(record::kEntries):
    case bytes_tag(record::kNodeIds):
    case kForgetTag:
    case kRemovemappingTag:
      return list(tag >> 3);
    default:
      break;
  }
  const std::uint32_t number = tag >> 3;
  if (!is_known(number)) return {};
  return tag >= kFirstStructTag ? struct_field(static_cast<StructId>(number - kStructNumberBase), value) : kWrongType;
}

/// False where it does not fit.
[[gnu::always_inline]] inline bool ParsedRecord::keep(std::uint32_t field, std::uint64_t value) noexcept {
  if (value > kLargest[field]) return false;
  numbers_[field] = value;
  seen_ |= record::bit(field);
  return true;
}

template <std::uint32_t kField>
[[gnu::always_inline]] inline bool ParsedRecord::next(protobuf::Input& in) noexcept {
  if (!in.skip_tag<protobuf::tag_of(kField, protobuf::WireType::kVarint)>()) return true;
  std::uint64_t value = 0;
  return in.varint(value) && keep(kField, value);
}

template <std::uint32_t... kField>
[[gnu::always_inline]] inline bool ParsedRecord::in_order(protobuf::Input& in) noexcept {
  return (next<kField>(in) && ...);
}

std::string_view ParsedRecord::parse(Bytes bytes) noexcept {
  protobuf::Input in(bytes);
  // As our encoder writes them.
  using namespace record;
  if (!in_order<kKind, kSequenceDelta, kBeginDelta, kDuration, kThread, kChannel, kResult, kUniqueDelta, kError,
                kOpcode, kAsksSize, kNodeId, kUid, kGid, kPid>(in)) {
    return "a malformed number, or one too large for its field";
  }
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag) || tag > k32 || tag < 8) return kMalformed;
    const auto narrow = static_cast<std::uint32_t>(tag);
    const std::uint32_t number = narrow >> 3;
    if ((narrow & 7) == static_cast<std::uint32_t>(protobuf::WireType::kVarint)) [[likely]] {
      std::uint64_t value = 0;
      if (!in.varint(value)) return kMalformed;
      if (number < kLargest.size() && kLargest[number] != 0) [[likely]] {
        if (!keep(number, value)) return kTooLarge;
      } else if (is_known(number)) {
        return kWrongType;
      }
    } else if ((narrow & 7) == static_cast<std::uint32_t>(protobuf::WireType::kLength)) {
      Bytes value;
      if (!in.bytes(value)) return kMalformed;
      const std::string_view wrong = bytes_field(narrow, value);
      if (!wrong.empty()) [[unlikely]]
        return wrong;
    } else {
      if (!in.skip(narrow & 7)) return kMalformed;
      if (is_known(number)) return kWrongType;
    }
  }
  return {};
}

}  // namespace fusereplay
