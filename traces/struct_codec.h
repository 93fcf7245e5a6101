// Wire structs as protobuf messages, straight from the field tables. Private to traces/.
#pragma once

#include <cstdint>

#include "core/protocol/fields.h"
#include "traces/protobuf_wire.h"

namespace fusereplay {

/// The field of Record that holds a struct: this + StructId.
inline constexpr std::uint32_t kStructNumberBase = 100;

/// The fields of the struct at `base` as the body of its message; zero values are left out.
void encode_struct(StructId id, const std::byte* base, protobuf::Output& out) noexcept;

/// The struct from the body of its message into struct_info(id).size bytes at `base`, which are zeroed first. False for
/// anything that is no such message: malformed bytes, a wrong wire type, a value that does not fit its field.
[[nodiscard]] bool decode_struct(StructId id, Bytes body, std::byte* base) noexcept;

}  // namespace fusereplay
