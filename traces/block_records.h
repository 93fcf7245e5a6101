// The records of one block, judged against its header. Private to traces/.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/event/event.h"
#include "traces/block.h"
#include "traces/codec.h"
#include "traces/protobuf_wire.h"

namespace fusereplay {

/// One block after the other. One thread. Decodes some records ahead: a processor is faster when it decodes many, and
/// then does with them what it does, than in turns.
class BlockRecords {
 public:
  /// `earlier` outlives this.
  explicit BlockRecords(EarlierBlocks& earlier) noexcept : decoder_(&earlier) {}

  /// `body` is that of a block of records and stays until the next start().
  void start(const BlockHeader& block, Bytes body) noexcept;
  bool done() const noexcept { return next_ == decoded_ && left_ == 0 && wrong_.empty(); }
  /// The next event; its message stays valid until the next call. What is wrong with the block, or empty.
  std::string_view next(Event& event, RecordForm& form) {
    if (next_ == decoded_) [[unlikely]] {
      decode_ahead();
      if (decoded_ == 0) return wrong_;
    }
    const Decoded& one = ahead_[next_++];
    event = one.event;
    form = one.form;
    return {};
  }

 private:
  struct Decoded {
    Event event;
    std::size_t message;  // where it begins in decoder_.messages()
    RecordForm form;
  };
  static constexpr std::size_t kMostAhead = 32;
  static constexpr std::size_t kMostBytesAhead = std::size_t{64} << 10;

  void decode_ahead();
  std::string_view decode_one(Decoded& one);

  RecordDecoder decoder_;
  BlockHeader block_;
  protobuf::Input body_;
  std::uint32_t left_ = 0;    // not decoded yet
  std::size_t messages_ = 0;  // bytes so far
  std::array<Decoded, kMostAhead> ahead_;
  std::size_t decoded_ = 0;  // how many of these there are
  std::size_t next_ = 0;
  std::string_view wrong_;  // with the record behind them
};

}  // namespace fusereplay
