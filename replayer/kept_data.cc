#include "replayer/kept_data.h"

#include <algorithm>
#include <cstring>
#include <iterator>

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
  keep_within_bounds();
  for_each_chunk(offset, data.size(), [&](std::size_t at, std::size_t size) {
    const Page page{node, (offset + at) / kPayloadChunk};
    if ((offset + at) % kPayloadChunk == 0) {
      written_[page] = {short_hash(data.subspan(at, size)), size};
    } else {
      written_.erase(page);
    }
    const std::size_t begin = (offset + at) % kPayloadChunk;
    const std::size_t end = begin + size;
    Contents& contents = contents_of(page);
    if (begin > contents.end || end < contents.begin) {
      contents.begin = begin;
      contents.end = end;
    }
    contents.begin = std::min(contents.begin, begin);
    contents.end = std::max(contents.end, end);
    std::memcpy(contents.bytes.data() + begin, data.data() + at, size);
  });
}

/// Knowing nothing is always sound.
void KeptData::keep_within_bounds() {
  if (written_.size() + files_.size() < kMostKnown) return;
  written_.clear();
  files_.clear();
  by_page_.clear();
  contents_.clear();
}

void KeptData::emptied(std::uint64_t node) {
  if (policy_ != PayloadPolicy::kHash) return;
  keep_within_bounds();
  File& file = files_[node];
  ++file.age;
  file.from_zero = true;
}

void KeptData::changed(std::uint64_t node) {
  if (policy_ != PayloadPolicy::kHash) return;
  keep_within_bounds();
  File& file = files_[node];
  ++file.age;
  file.from_zero = false;
}

KeptData::File KeptData::file_of(std::uint64_t node) const {
  const auto file = files_.find(node);
  return file == files_.end() ? File{} : file->second;
}

/// With what is known of the page now.
KeptData::Contents& KeptData::contents_of(const Page& page) {
  const auto known = by_page_.find(page);
  if (known != by_page_.end()) {
    contents_.splice(contents_.begin(), contents_, known->second);
  } else if (contents_.size() < kMostContents) {
    contents_.emplace_front();
  } else {
    contents_.splice(contents_.begin(), contents_, std::prev(contents_.end()));
    const Contents& forgotten = contents_.front();
    by_page_.erase(forgotten.page);
    const auto file = files_.find(forgotten.page.node);
    if (file != files_.end() && file->second.age == forgotten.age) file->second.from_zero = false;
  }
  Contents& contents = contents_.front();
  const File file = file_of(page.node);
  if (known == by_page_.end() || contents.age != file.age) {
    contents.begin = contents.end = 0;
    if (file.from_zero) {
      contents.end = kPayloadChunk;
      contents.bytes.fill(std::byte{0});
    }
  }
  contents.page = page;
  contents.age = file.age;
  by_page_[page] = contents_.begin();
  return contents;
}

std::optional<std::size_t> KeptData::differs_from_contents(const Page& page, std::size_t at, Bytes live) const {
  const auto known = by_page_.find(page);
  if (known == by_page_.end()) return std::nullopt;
  const Contents& contents = *known->second;
  if (contents.age != file_of(page.node).age || at < contents.begin || at + live.size() > contents.end)
    return std::nullopt;
  const Bytes expected = Bytes(contents.bytes).subspan(at, live.size());
  return static_cast<std::size_t>(std::mismatch(live.begin(), live.end(), expected.begin()).first - live.begin());
}

/// Of data that differs: what a chunk holds is known where it is what was written there last, recorded or live.
bool KeptData::must_be_equal(const Page& page, Bytes recorded, Bytes live) const {
  const auto known = written_.find(page);
  if (known == written_.end() || known->second.size != live.size()) return false;
  return short_hash(recorded) == known->second.hash || short_hash(live) == known->second.hash;
}

KeptData::Verdict KeptData::compare(std::uint64_t node, std::uint64_t offset, Bytes recorded, Bytes live,
                                    Moment moment) const {
  Verdict verdict;
  if (policy_ == PayloadPolicy::kNone) {
    verdict.by_size = !recorded.empty();
    return verdict;
  }
  for_each_chunk(offset, recorded.size(), [&](std::size_t at, std::size_t size) {
    const Bytes was = recorded.subspan(at, size);
    const Bytes is = live.subspan(at, size);
    if (verdict.differs_at || std::memcmp(was.data(), is.data(), size) == 0) return;
    const Page page{node, (offset + at) / kPayloadChunk};
    const std::size_t within = (offset + at) % kPayloadChunk;
    // Data of which some was not zero is never zero throughout: no byte that stands for such data is.
    if (all_zero(is) || (within == 0 && must_be_equal(page, was, is))) {
      const auto first = std::mismatch(was.begin(), was.end(), is.begin()).first - was.begin();
      verdict.differs_at = at + static_cast<std::size_t>(first);
      return;
    }
    std::optional<std::size_t> first;
    if (moment == Moment::kKnown) first = differs_from_contents(page, within, is);
    if (!first) {
      verdict.by_size = true;
    } else if (*first != size) {
      verdict.differs_at = at + *first;
    }
  });
  return verdict;
}

}  // namespace fusereplay
