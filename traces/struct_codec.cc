#include "traces/struct_codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace fusereplay {
namespace {

constexpr bool is_signed(FieldType type) noexcept {
  return type == FieldType::kI32 || type == FieldType::kI64;
}

constexpr std::uint32_t tag_of(const Field& field) noexcept {
  const auto type = field.type == FieldType::kBytes ? protobuf::WireType::kLength : protobuf::WireType::kVarint;
  return protobuf::tag_of(field.number, type);
}

/// False where the varint does not fit the field. Both 64-bit forms of a negative 32-bit number are refused.
[[gnu::always_inline]] inline bool store(const Field& field, std::uint64_t varint, std::byte* base) noexcept {
  if (field.width < sizeof(varint) && varint >> (8U * field.width) != 0) return false;
  write_field(base, field, is_signed(field.type) ? static_cast<std::uint64_t>(protobuf::unzigzag(varint)) : varint);
  return true;
}

/// Inlined with a field that is known when it is compiled, as is put(): what is left of it is a few instructions.
[[gnu::always_inline]] inline bool take(const Field& field, protobuf::Input& in, std::byte* base) noexcept {
  if (field.type == FieldType::kBytes) {
    Bytes value;
    if (!in.bytes(value) || value.size() != field.width) return false;
    std::memcpy(base + field.offset, value.data(), value.size());
    return true;
  }
  std::uint64_t varint = 0;
  return in.varint(varint) && store(field, varint, base);
}

[[gnu::always_inline]] inline void put(const Field& field, const std::byte* base, protobuf::Output& out) noexcept {
  if (field.type == FieldType::kBytes) {
    const Bytes bytes(base + field.offset, field.width);
    if (std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; })) return;
    out.bytes(field.number, bytes);
    return;
  }
  const std::uint64_t value = read_field(base, field);
  if (is_signed(field.type)) {
    out.signed_field(field.number, static_cast<std::int64_t>(value));
  } else {
    out.field(field.number, value);
  }
}

/// What is left of a message whose fields are in another order than ours, or that holds unknown ones.
[[gnu::noinline]] bool decode_rest(std::span<const Field> fields, protobuf::Input in, std::byte* base) noexcept {
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return false;
    const std::uint64_t number = tag >> 3;
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.number == number; });
    if (field == fields.end()) {
      if (number == 0 || !in.skip(tag & 7)) return false;
    } else if (tag != tag_of(*field) || !take(*field, in, base)) {
      return false;
    }
  }
  return true;
}

/// One struct's functions, each field's code made from its row of the table.
template <std::size_t kId>
struct Codec {
  static constexpr const StructInfo& kInfo = internal::kStructInfos[kId];
  static constexpr auto kIndices = std::make_index_sequence<kInfo.fields.size()>();

  static void encode(const std::byte* base, protobuf::Output& to) noexcept {
    protobuf::Output out = to;
    [&]<std::size_t... kField>(std::index_sequence<kField...>) {
      (put_one<kField>(base, out), ...);
    }
    (kIndices);
    to = out;
  }

  template <std::size_t kField>
  [[gnu::always_inline]] static void put_one(const std::byte* base, protobuf::Output& out) noexcept {
    constexpr Field kRow = kInfo.fields[kField];
    put(kRow, base, out);
  }

  template <std::size_t kField>
  [[gnu::always_inline]] static bool next(protobuf::Input& in, std::byte* base) noexcept {
    constexpr Field kRow = kInfo.fields[kField];
    return !in.skip_tag<tag_of(kRow)>() || take(kRow, in, base);
  }

  static bool decode(Bytes body, std::byte* base) noexcept {
    std::memset(base, 0, kInfo.size);
    protobuf::Input in(body);
    // As our encoder writes them: in the order of the table.
    const bool good = [&]<std::size_t... kField>(std::index_sequence<kField...>) {
      return (next<kField>(in, base) && ...);
    }
    (kIndices);
    return good && (in.done() || decode_rest(kInfo.fields, in, base));
  }
};

struct Functions {
  void (*encode)(const std::byte*, protobuf::Output&) noexcept;
  bool (*decode)(Bytes, std::byte*) noexcept;
};

constexpr auto kCodecs = []<std::size_t... kId>(std::index_sequence<kId...>) {
  return std::array{Functions{&Codec<kId>::encode, &Codec<kId>::decode}...};
}
(std::make_index_sequence<kStructCount>());

}  // namespace

void encode_struct(StructId id, const std::byte* base, protobuf::Output& out) noexcept {
  kCodecs[static_cast<std::size_t>(id)].encode(base, out);
}

bool decode_struct(StructId id, Bytes body, std::byte* base) noexcept {
  return kCodecs[static_cast<std::size_t>(id)].decode(body, base);
}

}  // namespace fusereplay
