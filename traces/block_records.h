// The records of one block, judged against its header. Private to traces/.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/event/event.h"
#include "traces/block.h"
#include "traces/codec.h"
#include "traces/protobuf_wire.h"

namespace fusereplay {

/// One block after the other. One thread.
class BlockRecords {
 public:
  /// `earlier` outlives this.
  explicit BlockRecords(EarlierBlocks& earlier) noexcept : decoder_(&earlier) {}

  /// `body` is that of a block of records and stays until the next start().
  void start(const BlockHeader& block, Bytes body) noexcept;
  bool done() const noexcept { return left_ == 0; }
  /// The next event; its message stays valid until the next call. What is wrong with the block, or empty.
  std::string_view next(Event& event, RecordForm& form);

 private:
  RecordDecoder decoder_;
  BlockHeader block_;
  protobuf::Input body_;
  std::uint32_t left_ = 0;
  std::size_t messages_ = 0;  // bytes so far
};

}  // namespace fusereplay
