#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/event/conversation.h"
#include "core/protocol/dirent.h"
#include "core/protocol/view.h"
#include "traces/codec.h"
#include "traces/record_fields.h"

namespace fusereplay {
namespace {

/// Arithmetic on the wire's unsigned numbers wraps; so do the deltas.
std::int64_t difference(std::uint64_t value, std::uint64_t base) noexcept {
  return static_cast<std::int64_t>(value - base);
}

bool whole(const wire::OutHeader& header, const Message& message) noexcept {
  return header.len == message.size();
}

void raw_body(const Message& message, protobuf::Output& out) noexcept {
  out.tag(record::kRaw, protobuf::WireType::kLength);
  out.varint(message.size());
  out.raw(message.head);
  out.raw(message.tail);
}

/// The features that laid out the request, when whoever followed the conversation knows them.
Negotiated negotiated_for(const Event& event, Opcode opcode) noexcept {
  Negotiated negotiated;
  if (event.request != nullptr && event.request->known) {
    negotiated.setxattr_ext = &event.request->view.layout() == request_layout(opcode, negotiated);
  }
  return negotiated;
}

}  // namespace

void RecordEncoder::start_block(std::uint64_t first_sequence, std::int64_t first_begin, std::uint64_t offset) noexcept {
  base_ = {.next_sequence = first_sequence, .begin = first_begin, .unique = 0};
  block_offset_ = offset;
  block_size_ = 0;
}

RecordEncoder::Encoded RecordEncoder::encode(const Event& event, std::byte* space) noexcept {
  FUSEREPLAY_CHECK(event.sequence >= base_.next_sequence, "events come in ascending sequence");
  protobuf::Output out(space);
  const std::size_t size = event.message.size();
  const auto start = out.open(size);
  record_ = out.position();
  out.field(record::kKind, static_cast<std::uint64_t>(event.kind));
  out.field(record::kSequenceDelta, event.sequence - base_.next_sequence);
  out.signed_field(record::kBeginDelta,
                   difference(static_cast<std::uint64_t>(event.begin), static_cast<std::uint64_t>(base_.begin)));
  out.signed_field(record::kDuration,
                   difference(static_cast<std::uint64_t>(event.end), static_cast<std::uint64_t>(event.begin)));
  out.field(record::kThread, event.thread);
  out.field(record::kChannel, event.channel);
  if (event.result != static_cast<std::int64_t>(size)) {
    out.tag(record::kResult, protobuf::WireType::kVarint);
    out.varint(protobuf::zigzag(event.result));
  }
  RecordBase next = base_;
  next.next_sequence = event.sequence + 1;
  next.begin = event.begin;
  const protobuf::Output before_body = out;
  RecordForm form = RecordForm::kTyped;
  if (!typed_body(event, out, next)) {
    out = before_body;
    raw_body(event.message, out);
    form = RecordForm::kRaw;
    next.unique = base_.unique;
    chunks_.discard();
  }
  base_ = next;
  const std::byte* const body_end = out.position();
  out.close(start);
  const auto encoded = static_cast<std::size_t>(out.position() - space);
  chunks_.commit(block_offset_, block_size_ + encoded - static_cast<std::size_t>(body_end - record_));
  block_size_ += encoded;
  return {out.position(), form};
}

bool RecordEncoder::typed_body(const Event& event, protobuf::Output& out, RecordBase& base) noexcept {
  switch (event.kind) {
    case EventKind::kRequest:
      return request_body(event, out, base);
    case EventKind::kReply:
      return reply_body(event, out, base);
    case EventKind::kNotification:
      return notification_body(event, out);
    case EventKind::kMark:
      FUSEREPLAY_CHECK(event.message.size() == 0, "a mark has no message");
      out.field(record::kMark, static_cast<std::uint64_t>(event.mark));
      return true;
  }
  return false;
}

bool RecordEncoder::request_body(const Event& event, protobuf::Output& out, RecordBase& base) noexcept {
  const auto header = read_in_header(event.message.head);
  if (!header || header->len != event.message.size()) return false;
  const auto opcode = static_cast<Opcode>(header->opcode);
  const auto view = RequestView::parse(event.message, negotiated_for(event, opcode));
  if (!view || view->extensions().size() != std::size_t{header->total_extlen} * 8) return false;
  out.signed_field(record::kUniqueDelta, difference(header->unique, base.unique));
  out.field(record::kOpcode, header->opcode);
  out.field(record::kNodeId, header->nodeid);
  out.field(record::kUid, header->uid);
  out.field(record::kGid, header->gid);
  out.field(record::kPid, header->pid);
  out.field(record::kHeaderPadding, header->padding);
  base.unique = header->unique;
  FileOffset file;
  if (opcode == Opcode::kWrite) file = view->fixed<wire::WriteIn>().offset;
  if (opcode == Opcode::kNotifyReply) file = view->fixed<wire::NotifyRetrieveIn>().offset;
  return layout_body(*view, header->opcode, file, out);
}

bool RecordEncoder::reply_body(const Event& event, protobuf::Output& out, const RecordBase& base) noexcept {
  const auto header = read_out_header(event.message);
  if (!header || !whole(*header, event.message)) return false;
  const RequestContext* const request = event.request;
  const bool empty = event.message.size() == sizeof(wire::OutHeader);
  out.signed_field(record::kUniqueDelta, difference(header->unique, base.unique));
  out.signed_field(record::kError, header->error);
  if (request != nullptr) {
    out.field(record::kOpcode, static_cast<std::uint64_t>(request->opcode));
    out.field(record::kAsksSize, request->asks_size ? 1 : 0);
  }
  if (header->error != 0) return empty;
  if (request == nullptr || reply_layout(request->opcode, request->asks_size) == nullptr) return empty;
  const auto view = ReplyView::parse(event.message, request->opcode, request->asks_size);
  if (!view) return false;
  FileOffset file;
  if (request->opcode == Opcode::kRead) file = request->known ? request->view.fixed<wire::ReadIn>().offset : 0;
  return layout_body(*view, 0, file, out);
}

bool RecordEncoder::notification_body(const Event& event, protobuf::Output& out) noexcept {
  const auto view = NotificationView::parse(event.message);
  if (!view || !whole(view->header(), event.message) || view->header().unique != 0) return false;
  out.signed_field(record::kNotifyCode, view->header().error);
  FileOffset file;
  if (view->code() == NotifyCode::kStore) file = view->fixed<wire::NotifyStoreOut>().offset;
  return layout_body(*view, 0, file, out);
}

template <class View>
bool RecordEncoder::layout_body(const View& view, std::uint32_t opcode, FileOffset file,
                                protobuf::Output& out) noexcept {
  const MessageLayout& layout = view.layout();
  const Bytes given = view.fixed_bytes();
  std::array<std::byte, 512> whole_structs;
  const std::byte* base = given.data();
  if (given.size() < layout.fixed_size()) {
    FUSEREPLAY_CHECK(layout.fixed_size() <= whole_structs.size(), "the structs of a layout fit");
    whole_structs.fill(std::byte{0});
    std::copy(given.begin(), given.end(), whole_structs.begin());
    base = whole_structs.data();
    out.tag(record::kFixedSize, protobuf::WireType::kVarint);
    out.varint(given.size());
  }
  for (const StructId id : layout.structs) {
    if (id == StructId::kNone) continue;
    out.tag(kStructNumberBase + static_cast<std::uint32_t>(id), protobuf::WireType::kLength);
    const auto mark = out.open(0);
    encode_struct(id, base, out);
    out.close(mark);
    base += struct_info(id).size;
  }
  for (std::size_t i = 0; i < layout.names; ++i) {
    const std::string_view name = view.name(i);
    if (!record::acceptable_name(static_cast<Opcode>(opcode), i, name)) return false;
    out.bytes(record::kNames, name.data(), name.size());
  }
  const Bytes extensions = view.extensions();
  if (!extensions.empty()) {
    if (!layout.extensions) return false;
    out.bytes(record::kExtensions, extensions);
  }
  const Bytes tail = view.tail();
  if (tail.empty()) return true;
  switch (layout.tail) {
    case Tail::kNone:
      return false;
    case Tail::kBytes:
      if (file) {
        payload(tail, *file, out);
      } else {
        out.bytes(record::kData, tail);
      }
      return true;
    case Tail::kDirents:
    case Tail::kDirentsPlus:
      return entries(layout.tail, tail, out);
    case Tail::kForgets:
      return elements<wire::ForgetOne>(tail, out);
    case Tail::kRemovemappings:
      return elements<wire::RemovemappingOne>(tail, out);
    case Tail::kNodeIds: {
      if (tail.size() % sizeof(std::uint64_t) != 0) return false;
      out.tag(record::kNodeIds, protobuf::WireType::kLength);
      const auto mark = out.open(tail.size());
      for (std::size_t i = 0; i < tail.size(); i += sizeof(std::uint64_t)) {
        std::uint64_t id = 0;
        std::memcpy(&id, tail.data() + i, sizeof(id));
        out.varint(id);
      }
      out.close(mark);
      return true;
    }
  }
  return false;
}

template <class Element>
bool RecordEncoder::elements(Bytes bytes, protobuf::Output& out) const noexcept {
  if (bytes.size() % sizeof(Element) != 0) return false;
  constexpr StructId kId = FieldTable<Element>::kId;
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(Element)) {
    out.tag(kStructNumberBase + static_cast<std::uint32_t>(kId), protobuf::WireType::kLength);
    const auto mark = out.open(0);
    encode_struct(kId, bytes.data() + i, out);
    out.close(mark);
  }
  return true;
}

bool RecordEncoder::entries(Tail tail, Bytes bytes, protobuf::Output& out) const noexcept {
  const bool plus = tail == Tail::kDirentsPlus;
  DirentReader reader(plus ? DirentKind::kPlus : DirentKind::kPlain, bytes);
  while (auto entry = reader.next()) {
    if (!entry->zero_padding || !valid_name(entry->name, kMaxEntryNameBytes)) return false;
    out.tag(record::kEntries, protobuf::WireType::kLength);
    const auto mark = out.open(0x80);
    out.bytes(record::kEntryName, entry->name.data(), entry->name.size());
    entry->dirent.namelen = 0;
    out.tag(record::kEntryDirent, protobuf::WireType::kLength);
    const auto dirent = out.open(0);
    encode_struct(StructId::kDirent, reinterpret_cast<const std::byte*>(&entry->dirent), out);
    out.close(dirent);
    if (plus) {
      out.tag(record::kEntryEntry, protobuf::WireType::kLength);
      const auto attributes = out.open(0);
      encode_struct(StructId::kEntryOut, reinterpret_cast<const std::byte*>(&entry->entry), out);
      out.close(attributes);
    }
    out.close(mark);
  }
  return reader.rest().empty();
}

void RecordEncoder::payload(Bytes bytes, std::uint64_t offset, protobuf::Output& out) noexcept {
  if (policy_ != PayloadPolicy::kFull) {
    out.tag(record::kDataSize, protobuf::WireType::kVarint);
    out.varint(bytes.size());
    if (policy_ == PayloadPolicy::kHash) hashes(bytes, offset, out);
  } else if (sharing_ == PayloadSharing::kOn && bytes.size() >= SharedChunks::kSmallest &&
             bytes.size() <= kMaxSharedMessage) {
    shared(bytes, offset, out);
  } else {
    out.bytes(record::kData, bytes);
  }
}

void RecordEncoder::hashes(Bytes bytes, std::uint64_t offset, protobuf::Output& out) const noexcept {
  out.field(record::kDataPhase, offset % kPayloadChunk);
  out.tag(record::kDataHashes, protobuf::WireType::kLength);
  out.varint(chunk_count(offset, bytes.size()) * sizeof(ChunkHash));
  for_each_chunk(offset, bytes.size(), [&](std::size_t at, std::size_t size) {
    const ChunkHash hash = hash_chunk(bytes.subspan(at, size));
    out.raw(hash.data(), hash.size());
  });
}

/// Pieces, each as long as can be: bytes that are new, and bytes that stand one behind the other somewhere already.
void RecordEncoder::shared(Bytes bytes, std::uint64_t offset, protobuf::Output& out) noexcept {
  std::size_t fresh = 0;  // bytes from here on are in no piece yet
  SharedChunks::Place run{};
  const auto put_run = [&] {
    if (run.size == 0) return;
    const std::uint64_t back = block_offset_ - run.block;
    out.tag(record::kPieces, protobuf::WireType::kLength);
    const auto mark = out.open(0);
    out.field(record::kPieceBack, back);
    out.field(record::kPieceAt, run.at);
    out.field(record::kPieceSize, run.size);
    out.close(mark);
    run = {};
  };
  // What is found below in this record's own body would move with it; so a chunk is noted once the record is done.
  const auto put_fresh = [&](std::size_t end) {
    if (fresh == end) return;
    const std::size_t size = end - fresh;
    const bool all = size == bytes.size();
    if (!all) {
      out.tag(record::kPieces, protobuf::WireType::kLength);
      out.varint(1 + protobuf::varint_size(size) + size);
    }
    const auto place = static_cast<std::size_t>(out.position() - record_) + 1 + protobuf::varint_size(size);
    out.bytes(all ? record::kData : record::kPieceBytes, bytes.subspan(fresh, size));
    for_each_chunk(offset + fresh, size, [&](std::size_t at, std::size_t chunk) {
      if (chunk < SharedChunks::kSmallest) return;
      chunks_.note(hash_chunk(bytes.subspan(fresh + at, chunk)), place + at, chunk);
    });
  };
  for_each_chunk(offset, bytes.size(), [&](std::size_t at, std::size_t size) {
    const SharedChunks::Place* found = nullptr;
    if (size >= SharedChunks::kSmallest) found = chunks_.find(hash_chunk(bytes.subspan(at, size)), size);
    if (found == nullptr) {
      put_run();
      return;
    }
    put_fresh(at);
    fresh = at + size;
    if (run.size != 0 && run.block == found->block && run.at + run.size == found->at) {
      run.size += found->size;
      return;
    }
    put_run();
    run = *found;
  });
  put_run();
  put_fresh(bytes.size());
}

}  // namespace fusereplay
