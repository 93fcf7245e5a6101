#include <algorithm>

#include "core/event/conversation.h"
#include "core/operations/decode.h"
#include "core/protocol/dirent.h"
#include "replayer/libc_time.h"

namespace fusereplay {

namespace {

/// Calls `use` with every time stamp in a successful reply.
template <class Use>
void each_stamp(const Event& event, Use use) {
  if (event.kind != EventKind::kReply || event.request == nullptr || !event.request->known) return;
  const auto view = ReplyView::parse(event.message, event.request->opcode, event.request->asks_size);
  if (!view || view->header().error != 0) return;
  const auto one = [&](Timestamp stamp) {
    constexpr std::int64_t kCentury22 = 4'102'444'800;  // the trace may be hostile
    if (stamp.seconds > 0 && stamp.seconds < kCentury22) use(stamp.seconds * 1'000'000'000 + stamp.nanoseconds);
  };
  const auto attributes = [&](const Attributes& from) {
    for (const Timestamp stamp : {from.atime, from.mtime, from.ctime}) one(stamp);
  };
  switch (view->layout().structs[0]) {
    case StructId::kEntryOut:
      attributes(internal::from_wire(view->fixed<wire::EntryOut>().attr));
      break;
    case StructId::kAttrOut:
      attributes(internal::from_wire(view->fixed<wire::AttrOut>().attr));
      break;
    case StructId::kStatxOut: {
      const StatxReply reply = internal::from_wire(view->fixed<wire::StatxOut>());
      attributes(reply.attributes);
      one(reply.birth);
      break;
    }
    default:
      break;
  }
  if (view->layout().tail == Tail::kDirentsPlus) {
    DirentReader reader(DirentKind::kPlus, view->tail());
    while (const auto record = reader.next()) attributes(internal::from_wire(record->entry.attr));
  }
}

}  // namespace

RecordedInstants RecordedInstants::collect(RecordedEvents& source) {
  RecordedInstants recorded;
  Conversation conversation;
  Event event;
  std::int64_t start = 0;  // what is older was there before
  std::size_t tidy_at = 4096;
  while (source.next(event)) {
    conversation.follow(event);
    if (start == 0) start = event.begin;
    each_stamp(event, [&](std::int64_t stamp) {
      if (stamp >= start) recorded.add(stamp);
    });
    if (recorded.instants_.size() >= tidy_at) {
      recorded.tidy();
      tidy_at = std::max(tidy_at, 2 * recorded.instants_.size());
    }
  }
  recorded.tidy();
  return recorded;
}

void RecordedInstants::tidy() {
  std::sort(instants_.begin(), instants_.end());
  instants_.erase(std::unique(instants_.begin(), instants_.end()), instants_.end());
}

std::span<const std::int64_t> RecordedInstants::within(std::int64_t begin, std::int64_t end) const noexcept {
  const auto from = std::lower_bound(instants_.begin(), instants_.end(), begin);
  const auto to = std::upper_bound(from, instants_.end(), std::max(begin, end));
  return {from, to};
}

void LibcReplayTime::pass(std::int64_t begin, std::int64_t end) {
  if (first_ == 0) first_ = begin;
  const std::span<const std::int64_t> read =
      mode_ == LibcTimeMode::kRecorded ? instants_.within(begin, end) : std::span<const std::int64_t>();
  const std::int64_t otherwise = mode_ == LibcTimeMode::kRecorded ? begin : first_;
  time_.set(read.empty() ? std::span(&otherwise, 1) : read);
}

}  // namespace fusereplay
