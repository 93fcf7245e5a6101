// One record, taken apart but not yet judged. Private to traces/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/protocol/fields.h"
#include "core/protocol/message.h"

namespace fusereplay {

/// Views into the record's bytes. Lists (entries, elements, node ids) are only noted here and read in a second pass.
struct ParsedRecord {
  std::uint64_t kind = 0;
  std::uint32_t opcode = 0;
  std::uint64_t sequence_delta = 0;
  std::int64_t begin_delta = 0;
  std::int64_t duration = 0;
  std::int64_t unique_delta = 0;
  std::uint64_t nodeid = 0;
  std::uint32_t thread = 0;
  std::uint32_t channel = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  std::int32_t error = 0;
  std::int32_t notify_code = 0;
  std::uint64_t mark = 0;
  std::uint16_t header_padding = 0;
  bool asks_size = false;
  std::optional<std::int64_t> result;
  std::optional<std::uint32_t> fixed_size;
  std::optional<Bytes> raw;
  std::optional<Bytes> data;
  std::optional<std::uint64_t> data_size;
  std::uint32_t data_phase = 0;
  std::optional<Bytes> data_hashes;
  Bytes extensions;
  std::array<Bytes, 2> names;
  std::size_t name_count = 0;
  std::array<StructId, 2> struct_ids = {StructId::kNone, StructId::kNone};
  std::array<Bytes, 2> structs;
  std::size_t struct_count = 0;
  std::uint32_t list_number = 0;  // the one repeated field that is present, 0 for none

  /// What is wrong, or empty. Unknown fields are skipped.
  std::string_view parse(Bytes record) noexcept;
  /// The message holds something beside its header.
  bool has_body() const noexcept {
    return data || data_size || data_hashes || fixed_size || !extensions.empty() || name_count != 0 ||
           struct_count != 0 || list_number != 0;
  }

 private:
  enum class Taken : std::uint8_t { kYes, kTooLarge, kUnknown };
  Taken number_field(std::uint32_t number, std::uint64_t value) noexcept;
  std::string_view bytes_field(std::uint32_t tag, Bytes value) noexcept;
  static std::string_view other_field(std::uint32_t tag) noexcept;
  std::string_view struct_field(StructId id, Bytes value) noexcept;
  std::string_view name(Bytes value) noexcept;
  std::string_view bytes_list(std::uint32_t number) noexcept;
};

}  // namespace fusereplay
