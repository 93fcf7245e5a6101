#include "traces/block_index.h"

#include "traces/protobuf_wire.h"

namespace fusereplay {
namespace {

void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

/// Takes blocks in order and keeps the one that is looked for.
class Search {
 public:
  Search(IndexKey by, std::uint64_t key) noexcept : by_(by), key_(key) {}
  /// False when no later block can be the one.
  bool take(const IndexedBlock& block) noexcept {
    const bool behind =
        by_ == IndexKey::kSequence ? block.first_sequence > key_ : block.first_begin > static_cast<std::int64_t>(key_);
    if (found_ && behind) return false;
    found_ = FoundBlock{block, found_ ? found_->at : block};
    return true;
  }
  const std::optional<FoundBlock>& found() const noexcept { return found_; }

 private:
  const IndexKey by_;
  const std::uint64_t key_;
  std::optional<FoundBlock> found_;
};

/// False when there is no sound index.
bool search_index(BlockFile& file, Search& search) {
  const std::uint64_t size = file.size();
  BlockHeader end;
  BlockHeader index;
  if (size < 2 * kBlockHeaderBytes) return false;
  const std::uint64_t end_at = size - kBlockHeaderBytes;
  if (file.header(end_at, end) != BlockFile::Found::kBlock || end.kind != BlockKind::kEnd) return false;
  const auto index_at = static_cast<std::uint64_t>(end.first_begin);
  ByteSpace raw;
  if (index_at == 0 || index_at >= end_at || file.header(index_at, index) != BlockFile::Found::kBlock ||
      index.kind != BlockKind::kIndex || index_at + kBlockHeaderBytes + index.stored_size != end_at ||
      file.body(index_at, index, raw) != BlockFile::Found::kBlock) {
    return false;
  }
  protobuf::Input in(Bytes(raw.data(), index.raw_size));
  IndexedBlock block;
  for (std::uint32_t i = 0; i < index.records; ++i) {
    std::uint64_t offset = 0;
    std::uint64_t sequence = 0;
    std::uint64_t begin = 0;
    if (!in.varint(offset) || !in.varint(sequence) || !in.varint(begin)) return false;
    block.offset += offset;
    block.first_sequence += sequence;
    block.first_begin = static_cast<std::int64_t>(static_cast<std::uint64_t>(block.first_begin) +
                                                  static_cast<std::uint64_t>(protobuf::unzigzag(begin)));
    if (!search.take(block)) break;
  }
  return true;
}

void search_headers(BlockFile& file, Search& search) {
  std::uint64_t offset = 0;
  BlockHeader header;
  while (file.header(offset, header) == BlockFile::Found::kBlock) {
    const bool records = header.kind == BlockKind::kRecords;
    if (records && !search.take({offset, header.first_sequence, header.first_begin})) return;
    offset += kBlockHeaderBytes + header.stored_size;
  }
}

/// Whether what the index says of a block is so: it may be of another file.
bool stands(BlockFile& file, const IndexedBlock& block) {
  BlockHeader header;
  return file.header(block.offset, header) == BlockFile::Found::kBlock && header.kind == BlockKind::kRecords &&
         header.first_sequence == block.first_sequence && header.first_begin == block.first_begin;
}

}  // namespace

std::string encode_index(const std::vector<IndexedBlock>& blocks) {
  std::string body;
  IndexedBlock last;
  for (const IndexedBlock& block : blocks) {
    put_varint(body, block.offset - last.offset);
    put_varint(body, block.first_sequence - last.first_sequence);
    put_varint(body, protobuf::zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(block.first_begin) -
                                                                static_cast<std::uint64_t>(last.first_begin))));
    last = block;
  }
  return body;
}

std::optional<FoundBlock> find_block(BlockFile& file, IndexKey by, std::uint64_t key) {
  Search indexed(by, key);
  if (search_index(file, indexed) && indexed.found() && stands(file, indexed.found()->at) &&
      stands(file, indexed.found()->before)) {
    return indexed.found();
  }
  Search scanned(by, key);
  search_headers(file, scanned);
  return scanned.found();
}

}  // namespace fusereplay
