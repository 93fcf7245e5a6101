// Directory records as READDIR and READDIRPLUS carry them.
#pragma once

#include <optional>
#include <string_view>

#include "core/protocol/message.h"
#include "core/protocol/wire.h"

namespace fusereplay {

/// Bytes a record takes, padding to 8 included. `plus`: with a wire::EntryOut before it.
enum class DirentKind : std::uint8_t { kPlain, kPlus };
constexpr std::size_t dirent_record_size(DirentKind kind, std::size_t name_length) noexcept {
  const std::size_t unpadded =
      (kind == DirentKind::kPlus ? sizeof(wire::EntryOut) : 0) + sizeof(wire::Dirent) + name_length;
  return (unpadded + 7) & ~std::size_t{7};
}

/// "." and "..": READDIRPLUS counts no lookup of them.
constexpr bool is_dot_name(std::string_view name) noexcept {
  return name == "." || name == "..";
}

/// One record. `entry` is all zero for kPlain.
struct DirentRecord {
  wire::EntryOut entry;
  wire::Dirent dirent;
  std::string_view name;  // valid as long as the bytes read from
  std::size_t size;       // bytes, padding included
  bool zero_padding;      // the padding bytes are zero
};

/// Reads records one by one, as fs/fuse/readdir.c parse_dirfile and parse_dirplusfile do: a record that does not fit
/// the rest of the bytes ends the listing and is left in rest().
class DirentReader {
 public:
  DirentReader(DirentKind kind, Bytes bytes) noexcept : kind_(kind), rest_(bytes) {}
  /// The next whole record; nothing at the end or before a truncated one. Names are not judged: see valid_name().
  std::optional<DirentRecord> next() noexcept;
  Bytes rest() const noexcept { return rest_; }

 private:
  DirentKind kind_;
  Bytes rest_;
};

/// Appends records to a buffer of fixed capacity.
class DirentWriter {
 public:
  DirentWriter(DirentKind kind, std::span<std::byte> space) noexcept : kind_(kind), space_(space) {}
  DirentKind kind() const noexcept { return kind_; }
  bool fits(std::string_view name) const noexcept {
    return dirent_record_size(kind_, name.size()) <= space_.size() - used_;
  }
  /// Appends one record with zero padding; false, and nothing written, when it does not fit. dirent.namelen is set
  /// here. `entry` is ignored for kPlain.
  bool add(const wire::EntryOut& entry, wire::Dirent dirent, std::string_view name) noexcept;
  std::size_t size() const noexcept { return used_; }

 private:
  DirentKind kind_;
  std::span<std::byte> space_;
  std::size_t used_ = 0;
};

}  // namespace fusereplay
