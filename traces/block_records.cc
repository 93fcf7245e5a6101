#include "traces/block_records.h"

#include "traces/limits.h"

namespace fusereplay {

void BlockRecords::start(const BlockHeader& block, Bytes body) noexcept {
  block_ = block;
  body_ = protobuf::Input(body);
  left_ = block.records;
  messages_ = 0;
  decoder_.start_block(block.first_sequence, block.first_begin);
}

std::string_view BlockRecords::next(Event& event, RecordForm& form) {
  Bytes record;
  if (!body_.bytes(record)) return "a record that runs past its block";
  if (const auto wrong = decoder_.decode(record, event, form); !wrong.empty()) return wrong;
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
