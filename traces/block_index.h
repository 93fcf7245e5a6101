// Finds the block of an event without reading the trace (docs/trace-contract.md, section 2.5). Private to traces/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "traces/block_file.h"

namespace fusereplay {

/// Where a block of records begins, and with what.
struct IndexedBlock {
  std::uint64_t offset = 0;
  std::uint64_t first_sequence = 0;
  std::int64_t first_begin = 0;
};

/// The body of an index block.
std::string encode_index(const std::vector<IndexedBlock>& blocks);

enum class IndexKey : std::uint8_t { kSequence, kTime };

/// The last block of records that begins at or before `key`, or the first one, with the block before it: `before` has
/// what its first records answer. Nothing when there is no block of records. Uses the index where the trace ends with a
/// sound one, else goes from header to header. Takes no memory that grows with the trace.
struct FoundBlock {
  IndexedBlock at;
  IndexedBlock before;  // the same as `at` for the first block
};
std::optional<FoundBlock> find_block(BlockFile& file, IndexKey by, std::uint64_t key);

}  // namespace fusereplay
