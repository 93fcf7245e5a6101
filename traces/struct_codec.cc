#include "traces/struct_codec.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/check.h"

namespace fusereplay {
namespace {

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <class T>
void put(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof(value));
}

bool all_zero(const std::byte* from, std::size_t size) noexcept {
  return std::all_of(from, from + size, [](std::byte byte) { return byte == std::byte{0}; });
}

void tagged_varint(protobuf::Output& out, std::uint32_t tag, std::uint64_t value) noexcept {
  if (value == 0) return;
  out.varint(tag);
  out.varint(value);
}

}  // namespace

StructCodec::StructCodec() {
  for (std::size_t id = 0; id < kStructCount; ++id) {
    const StructInfo& info = struct_info(static_cast<StructId>(id));
    StructCode& code = structs_[id];
    code.size = info.size;
    code.by_number.fill(kNoField);
    for (const Field& field : info.fields) {
      FUSEREPLAY_CHECK(field.number <= kMaxNumber, "field numbers fit the table");
      const auto type = field.type == FieldType::kBytes ? protobuf::WireType::kLength : protobuf::WireType::kVarint;
      code.by_number[field.number] = static_cast<std::uint8_t>(code.fields.size());
      code.fields.push_back({field.offset, field.width, field.type,
                             static_cast<std::uint32_t>(field.number) << 3 | static_cast<std::uint32_t>(type)});
    }
  }
}

void StructCodec::encode(StructId id, const std::byte* base, protobuf::Output& out) const noexcept {
  for (const FieldCode& field : structs_[static_cast<std::size_t>(id)].fields) {
    const std::byte* const at = base + field.offset;
    switch (field.type) {
      case FieldType::kU16:
        tagged_varint(out, field.tag, load<std::uint16_t>(at));
        break;
      case FieldType::kU32:
        tagged_varint(out, field.tag, load<std::uint32_t>(at));
        break;
      case FieldType::kU64:
        tagged_varint(out, field.tag, load<std::uint64_t>(at));
        break;
      case FieldType::kI32:
        tagged_varint(out, field.tag, protobuf::zigzag(load<std::int32_t>(at)));
        break;
      case FieldType::kI64:
        tagged_varint(out, field.tag, protobuf::zigzag(load<std::int64_t>(at)));
        break;
      case FieldType::kBytes:
        if (all_zero(at, field.width)) break;
        out.varint(field.tag);
        out.varint(field.width);
        out.raw(at, field.width);
        break;
    }
  }
}

inline bool StructCodec::store(const FieldCode& field, std::uint64_t value, std::byte* base) noexcept {
  std::byte* const at = base + field.offset;
  switch (field.type) {
    case FieldType::kU16:
      if (value > std::numeric_limits<std::uint16_t>::max()) return false;
      put(at, static_cast<std::uint16_t>(value));
      return true;
    case FieldType::kU32:
      if (value > std::numeric_limits<std::uint32_t>::max()) return false;
      put(at, static_cast<std::uint32_t>(value));
      return true;
    case FieldType::kU64:
      put(at, value);
      return true;
    case FieldType::kI32:
      if (value > std::numeric_limits<std::uint32_t>::max()) return false;
      put(at, static_cast<std::int32_t>(protobuf::unzigzag(value)));
      return true;
    case FieldType::kI64:
      put(at, protobuf::unzigzag(value));
      return true;
    case FieldType::kBytes:
      return false;
  }
  return false;
}

inline bool StructCodec::take(const FieldCode& field, protobuf::Input& in, std::byte* base) noexcept {
  if (field.type == FieldType::kBytes) [[unlikely]] {
    Bytes value;
    if (!in.bytes(value) || value.size() != field.width) return false;
    std::memcpy(base + field.offset, value.data(), value.size());
    return true;
  }
  std::uint64_t value = 0;
  return in.varint(value) && store(field, value, base);
}

bool StructCodec::decode(StructId id, Bytes body, std::byte* base) const noexcept {
  const StructCode& code = structs_[static_cast<std::size_t>(id)];
  std::memset(base, 0, code.size);
  protobuf::Input in(body);
  // As our encoder writes them: in the order of the table.
  for (const FieldCode& field : code.fields) {
    if (in.done()) return true;
    if (in.skip_tag(field.tag) && !take(field, in, base)) return false;
  }
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return false;
    const std::uint64_t number = tag >> 3;
    const std::uint8_t index = number <= kMaxNumber ? code.by_number[number] : kNoField;
    if (index == kNoField) {
      if (number == 0 || !in.skip(tag & 7)) return false;
      continue;
    }
    const FieldCode& field = code.fields[index];
    if (tag != field.tag || !take(field, in, base)) return false;
  }
  return true;
}

}  // namespace fusereplay
