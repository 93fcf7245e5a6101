#include "traces/shared_chunks.h"

#include <algorithm>
#include <cstring>

namespace fusereplay {
namespace {

std::size_t slot_of(const ChunkHash& hash, std::size_t entries) noexcept {
  std::uint64_t bits = 0;
  std::memcpy(&bits, hash.data(), sizeof(bits));
  return (bits & (entries - 1)) & ~(SharedChunks::kWays - 1);
}

}  // namespace

const SharedChunks::Place* SharedChunks::find(const ChunkHash& hash, std::size_t size) const noexcept {
  if (entries_ == nullptr) return nullptr;
  const Entry* const set = &entries_[slot_of(hash, kEntries)];
  for (const Entry* entry = set; entry != set + kWays; ++entry) {
    if (entry->place.size == size && entry->hash == hash) return &entry->place;
  }
  return nullptr;
}

void SharedChunks::commit(std::uint64_t block, std::size_t record) {
  if (noted_.empty()) return;
  if (entries_ == nullptr) entries_ = std::make_unique<Entry[]>(kEntries);
  for (const Entry& noted : noted_) {
    Entry* const set = &entries_[slot_of(noted.hash, kEntries)];
    std::copy_backward(set, set + kWays - 1, set + kWays);
    set[0] = {noted.hash, {block, noted.place.at + static_cast<std::uint32_t>(record), noted.place.size}};
  }
  noted_.clear();
}

}  // namespace fusereplay
