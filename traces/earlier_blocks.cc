#include "traces/earlier_blocks.h"

#include <algorithm>

#include "traces/limits.h"

namespace fusereplay {

Bytes EarlierBodies::body(std::uint64_t back) {
  if (back == 0) return body_;
  looked_back_ = true;
  if (back > offset_) return {};
  const std::uint64_t offset = offset_ - back;
  const auto known = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.offset == offset; });
  if (known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return Bytes(known->bytes.data(), known->size);
  }
  BlockHeader header;
  if (file_.header(offset, header) != BlockFile::Found::kBlock || header.kind != BlockKind::kRecords ||
      header.raw_size > kMaxSharedBlock) {
    return {};
  }
  Kept block;
  if (file_.body(offset, header, block.bytes) != BlockFile::Found::kBlock) return {};
  block.offset = offset;
  block.size = header.raw_size;
  kept_bytes_ += block.size;
  kept_.push_front(std::move(block));
  while (kept_bytes_ > kMostBytes && kept_.size() > 1) {
    kept_bytes_ -= kept_.back().size;
    kept_.pop_back();
  }
  return Bytes(kept_.front().bytes.data(), kept_.front().size);
}

}  // namespace fusereplay
