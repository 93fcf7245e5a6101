#include "replayer/kept_data.h"

#include <algorithm>
#include <cstring>

#include "traces/payload.h"

namespace fusereplay {
namespace {

std::uint64_t short_hash(Bytes chunk) noexcept {
  const ChunkHash hash = hash_chunk(chunk);
  std::uint64_t value = 0;
  std::memcpy(&value, hash.data(), sizeof(value));
  return value;
}

bool all_zero(Bytes bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

void KeptData::wrote(std::uint64_t node, std::uint64_t offset, Bytes data) {
  if (policy_ != PayloadPolicy::kHash) return;
  for_each_chunk(offset, data.size(), [&](std::size_t at, std::size_t size) {
    const Page page{node, (offset + at) / kPayloadChunk};
    if ((offset + at) % kPayloadChunk == 0) {
      written_[page] = {short_hash(data.subspan(at, size)), size};
    } else {
      written_.erase(page);
    }
  });
}

/// Of data that differs: what a chunk holds is known where it is what was written there last, recorded or live.
bool KeptData::must_be_equal(const Page& page, Bytes recorded, Bytes live) const {
  const auto known = written_.find(page);
  if (known == written_.end() || known->second.size != live.size()) return false;
  return short_hash(recorded) == known->second.hash || short_hash(live) == known->second.hash;
}

KeptData::Verdict KeptData::compare(std::uint64_t node, std::uint64_t offset, Bytes recorded, Bytes live) const {
  Verdict verdict;
  if (policy_ == PayloadPolicy::kNone) {
    verdict.by_size = !recorded.empty();
    return verdict;
  }
  for_each_chunk(offset, recorded.size(), [&](std::size_t at, std::size_t size) {
    const Bytes was = recorded.subspan(at, size);
    const Bytes is = live.subspan(at, size);
    if (verdict.differs_at || std::memcmp(was.data(), is.data(), size) == 0) return;
    const bool from_start = (offset + at) % kPayloadChunk == 0;
    // Data of which some was not zero is never zero throughout: no byte that stands for such data is.
    if (all_zero(is) || (from_start && must_be_equal({node, (offset + at) / kPayloadChunk}, was, is))) {
      const auto first = std::mismatch(was.begin(), was.end(), is.begin()).first - was.begin();
      verdict.differs_at = at + static_cast<std::size_t>(first);
    } else {
      verdict.by_size = true;
    }
  });
  return verdict;
}

}  // namespace fusereplay
