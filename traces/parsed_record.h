// One record, taken apart but not yet judged. Private to traces/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/protocol/fields.h"
#include "core/protocol/message.h"
#include "traces/protobuf_wire.h"
#include "traces/record_fields.h"

namespace fusereplay {

namespace record {
constexpr std::uint64_t bit(std::uint32_t field) noexcept {
  return std::uint64_t{1} << field;
}
}  // namespace record

/// Views into the record's bytes. Lists (entries, elements, node ids) are only noted here and read in a second pass.
class ParsedRecord {
 public:
  /// What is wrong, or empty. Unknown fields are skipped. Once an object.
  std::string_view parse(Bytes record) noexcept;

  bool has(std::uint32_t field) const noexcept { return (seen_ >> field & 1) != 0; }
  /// A number that fits its field; 0 where there is none.
  std::uint64_t number(std::uint32_t field) const noexcept { return has(field) ? numbers_[field] : 0; }
  std::uint32_t number32(std::uint32_t field) const noexcept { return static_cast<std::uint32_t>(number(field)); }
  std::int64_t signed_number(std::uint32_t field) const noexcept { return protobuf::unzigzag(number(field)); }
  std::int32_t signed32(std::uint32_t field) const noexcept { return static_cast<std::int32_t>(signed_number(field)); }

  // Of kRaw, kData, kDataHashes and kExtensions; empty where there is none.
  Bytes raw;
  Bytes data;
  Bytes data_hashes;
  Bytes extensions;
  std::array<Bytes, 2> names;
  std::size_t name_count = 0;
  std::array<StructId, 2> struct_ids = {StructId::kNone, StructId::kNone};
  std::array<Bytes, 2> structs;
  std::size_t struct_count = 0;
  std::uint32_t list_number = 0;  // the one repeated field that is present, 0 for none

  /// Something that belongs behind structs and names.
  bool has_tail() const noexcept {
    constexpr std::uint64_t kTail =
        record::bit(record::kData) | record::bit(record::kDataSize) | record::bit(record::kDataHashes);
    return (seen_ & kTail) != 0 || list_number != 0;
  }
  /// The message holds something beside its header.
  bool has_body() const noexcept {
    constexpr std::uint64_t kBody = record::bit(record::kFixedSize) | record::bit(record::kExtensions);
    return (seen_ & kBody) != 0 || name_count != 0 || struct_count != 0 || has_tail();
  }

 private:
  static constexpr std::size_t kFields = record::kDataHashes + 1;

  bool keep(std::uint32_t field, std::uint64_t value) noexcept;
  template <std::uint32_t kField>
  bool next(protobuf::Input& in) noexcept;
  template <std::uint32_t... kField>
  bool in_order(protobuf::Input& in) noexcept;
  std::string_view bytes_field(std::uint32_t tag, Bytes value) noexcept;
  std::string_view struct_field(StructId id, Bytes value) noexcept;
  std::string_view name(Bytes value) noexcept;
  std::string_view list(std::uint32_t number) noexcept;

  std::uint64_t seen_ = 0;                      // a bit a field
  std::array<std::uint64_t, kFields> numbers_;  // valid where seen: clearing them all takes longer than a record
};

}  // namespace fusereplay
