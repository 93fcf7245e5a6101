#include "core/protocol/dirent.h"

#include <algorithm>
#include <cstring>

namespace fusereplay {

std::optional<DirentRecord> DirentReader::next() noexcept {
  const std::size_t entry_size = kind_ == DirentKind::kPlus ? sizeof(wire::EntryOut) : 0;
  const std::size_t name_offset = entry_size + sizeof(wire::Dirent);
  if (rest_.size() < name_offset) return std::nullopt;
  DirentRecord record{};
  if (kind_ == DirentKind::kPlus) std::memcpy(&record.entry, rest_.data(), entry_size);
  std::memcpy(&record.dirent, rest_.data() + entry_size, sizeof(record.dirent));
  record.size = dirent_record_size(kind_, record.dirent.namelen);
  if (record.size > rest_.size()) return std::nullopt;
  record.name = std::string_view(reinterpret_cast<const char*>(rest_.data() + name_offset), record.dirent.namelen);
  const Bytes padding = rest_.first(record.size).subspan(name_offset + record.dirent.namelen);
  record.zero_padding = std::all_of(padding.begin(), padding.end(), [](std::byte byte) { return byte == std::byte{}; });
  rest_ = rest_.subspan(record.size);
  return record;
}

bool DirentWriter::add(const wire::EntryOut& entry, wire::Dirent dirent, std::string_view name) noexcept {
  if (!fits(name)) return false;
  std::byte* next = space_.data() + used_;
  if (kind_ == DirentKind::kPlus) {
    std::memcpy(next, &entry, sizeof(entry));
    next += sizeof(entry);
  }
  dirent.namelen = static_cast<std::uint32_t>(name.size());
  std::memcpy(next, &dirent, sizeof(dirent));
  next += sizeof(dirent);
  next = std::copy_n(reinterpret_cast<const std::byte*>(name.data()), name.size(), next);
  used_ += dirent_record_size(kind_, name.size());
  std::fill(next, space_.data() + used_, std::byte{});
  return true;
}

}  // namespace fusereplay
