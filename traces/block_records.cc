#include "traces/block_records.h"

#include <algorithm>

#include "traces/limits.h"

namespace fusereplay {

void BlockRecords::start(const BlockHeader& block, Bytes body) noexcept {
  block_ = block;
  body_ = protobuf::Input(body);
  left_ = block.records;
  messages_ = 0;
  decoded_ = next_ = 0;
  wrong_ = {};
  decoder_.start_block(block.first_sequence, block.first_begin);
}

void BlockRecords::decode_ahead() {
  decoded_ = next_ = 0;
  if (!wrong_.empty()) return;
  MessageSpace& messages = decoder_.messages();
  messages.clear();
  const std::size_t most = std::min<std::size_t>(left_, ahead_.size());
  while (decoded_ != most && messages.offset() < kMostBytesAhead) {
    wrong_ = decode_one(ahead_[decoded_]);
    if (!wrong_.empty()) break;
    ++decoded_;
  }
  for (std::size_t i = 0; i < decoded_; ++i) {
    Bytes& message = ahead_[i].event.message.head;
    message = Bytes(messages.at(ahead_[i].message), message.size());
  }
}

std::string_view BlockRecords::decode_one(Decoded& one) {
  Bytes record;
  if (!body_.bytes(record)) return "a record that runs past its block";
  if (const auto wrong = decoder_.decode_next(record, one.event, one.form); !wrong.empty()) return wrong;
  const Event& event = one.event;
  one.message = decoder_.messages().offset();
  messages_ += event.message.head.size();
  if (messages_ > kMaxBlockMessageBytes) return "messages above the limit of a block";
  const bool first = left_ == block_.records;
  const bool last = --left_ == 0;
  if ((first && event.sequence != block_.first_sequence) || event.sequence > block_.last_sequence ||
      (last && (event.sequence != block_.last_sequence || event.begin != block_.last_begin))) {
    return "records that do not fit the header of their block";
  }
  if (last && !body_.done()) return "bytes after the last record of a block";
  return {};
}

}  // namespace fusereplay
