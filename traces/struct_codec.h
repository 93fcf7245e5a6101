// Wire structs as protobuf messages, straight from the field tables. Private to traces/.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/protocol/fields.h"
#include "traces/protobuf_wire.h"

namespace fusereplay {

/// The field of Record that holds a struct: this + StructId.
inline constexpr std::uint32_t kStructNumberBase = 100;

/// The compiled form of all field tables. Immutable; make one a codec.
class StructCodec {
 public:
  StructCodec();

  std::size_t size(StructId id) const noexcept { return structs_[static_cast<std::size_t>(id)].size; }
  /// The fields of the struct at `base` as the body of its message; zero values are left out.
  void encode(StructId id, const std::byte* base, protobuf::Output& out) const noexcept;
  /// The struct from the body of its message into size(id) bytes at `base`, which are zeroed first. False for anything
  /// that is no such message: malformed bytes, a wrong wire type, a value that does not fit its field.
  [[nodiscard]] bool decode(StructId id, Bytes body, std::byte* base) const noexcept;

 private:
  struct FieldCode {
    std::uint16_t offset;
    std::uint16_t width;
    FieldType type;
    std::uint32_t tag;
  };
  static constexpr std::size_t kMaxNumber = 63;
  static constexpr std::uint8_t kNoField = 0xff;
  struct StructCode {
    std::size_t size = 0;
    std::vector<FieldCode> fields;
    std::array<std::uint8_t, kMaxNumber + 1> by_number{};
  };
  static bool take(const FieldCode& field, protobuf::Input& in, std::byte* base) noexcept;
  static bool store(const FieldCode& field, std::uint64_t value, std::byte* base) noexcept;

  std::array<StructCode, kStructCount> structs_;
};

}  // namespace fusereplay
