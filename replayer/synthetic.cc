#include "replayer/synthetic.h"

#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "core/event/synthetic.h"
#include "core/protocol/flags.h"
#include "core/protocol/view.h"
#include "replayer/involved.h"
#include "replayer/rewrite.h"

namespace fusereplay {
namespace {

constexpr std::size_t kRequestHeader = sizeof(wire::InHeader);

DirentKind kind_of(Opcode opcode) noexcept {
  return opcode == Opcode::kReaddirplus ? DirentKind::kPlus : DirentKind::kPlain;
}

wire::InHeader header_of(const Slot& slot) noexcept {
  wire::InHeader header;
  std::memcpy(&header, slot.bytes().data(), sizeof(header));
  return header;
}

/// The body of a successful reply; nothing for an error.
std::optional<Bytes> body_of(Bytes reply) noexcept {
  wire::OutHeader header;
  if (reply.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, reply.data(), sizeof(header));
  if (header.error != 0) return std::nullopt;
  return reply.subspan(sizeof(header));
}

}  // namespace

bool reads_directory(Opcode opcode) noexcept {
  return opcode == Opcode::kReaddir || opcode == Opcode::kReaddirplus;
}

void Synthetic::learn_init(const Message& live) noexcept {
  const auto reply = ReplyView::parse(live, Opcode::kInit, false);
  if (!reply || reply->header().error != 0) return;
  takes_readdirplus_ = (reply->fixed<wire::InitOut>().flags & kInitDoReaddirplus) != 0;
}

void Synthetic::rewrite(Slot& slot) {
  if (!slot.readable || !reads_directory(slot.opcode)) return;
  auto in = slot.fixed<wire::ReadIn>();
  Listing& listing = listings_.at(slot.nodeid, slot.listing_handle, in.offset);
  in.offset = listing.live_offset();
  std::memcpy(slot.buffer->data() + kRequestHeader, &in, sizeof(in));
  if (takes_readdirplus_ || slot.opcode != Opcode::kReaddirplus) return;
  wire::InHeader header = header_of(slot);
  header.opcode = static_cast<std::uint32_t>(Opcode::kReaddir);
  std::memcpy(slot.buffer->data(), &header, sizeof(header));
  slot.opcode = Opcode::kReaddir;
  slot.plan = &Plans::get().request(slot.opcode, parts_.negotiated);
  slot.without_nodes = true;
}

std::int64_t Synthetic::take(const Message& message) {
  Slot& slot = *asked_;
  slot.live.assign(message.head.begin(), message.head.end());
  slot.live.insert(slot.live.end(), message.tail.begin(), message.tail.end());
  slot.live_result = static_cast<std::int64_t>(message.size());
  slot.state = SlotState::kAnswered;
  parts_.log.reply(slot, message);
  return slot.live_result;
}

Slot* Synthetic::ask(const Slot& about, Opcode opcode, std::uint64_t live_node, const Fill& fill) {
  wire::InHeader header = header_of(about);
  header.opcode = static_cast<std::uint32_t>(opcode);
  header.unique = kUniqueSyntheticBit | next_;
  header.nodeid = live_node;
  header.total_extlen = 0;
  next_ += 2;
  builder_.start_request(opcode, header);
  fill(builder_);
  const Bytes bytes = builder_.finish();
  Event event = about.reply;
  event.kind = EventKind::kRequest;
  event.result = static_cast<std::int64_t>(bytes.size());
  event.message = Message{.head = bytes, .tail = {}, .owner = nullptr};
  Slot& slot = parts_.slots.take(event);
  slot.reply = about.reply;
  read_request(slot, parts_.negotiated);
  slot.state = SlotState::kInFlight;
  ++parts_.counts.synthetic;
  parts_.log.request(slot, parts_.negotiated);
  asked_ = &slot;
  parts_.server.handle(IncomingRequest{slot.buffer, slot.bytes(), event.begin}, parts_.channel);
  parts_.executor.run_ready();
  asked_ = nullptr;
  if (slot.state == SlotState::kAnswered) return &slot;
  if (expects_reply(opcode)) {
    hung_ = true;  // its slot stays taken: the reply may come yet
    return nullptr;
  }
  parts_.log.retire(slot);
  return nullptr;
}

void Synthetic::touch(const Slot& slot) {
  if (!listings_.any() || !slot.changing()) return;
  const auto view = RequestView::parse(slot.bytes(), parts_.negotiated);
  if (!view) return;
  const std::size_t names = entry_names(slot, parts_.negotiated).size();
  for (std::size_t i = 0; i < names; ++i) {
    listings_.touch(i == 0 ? slot.nodeid : slot.touch.nodes[slot.touch.count - 1], view->name(i));
  }
}

void Synthetic::conclude(const Slot& slot, const std::vector<Slot*>& open) {
  if (!slot.readable || slot.reply.result < 0 || hung_) return;
  if (slot.opcode == Opcode::kReleasedir) {
    listings_.close(slot.nodeid, slot.listing_handle);
  } else if (reads_directory(slot.opcode)) {
    read_directory(slot, open);
  }
}

void Synthetic::read_directory(const Slot& slot, const std::vector<Slot*>& open) {
  Listing* const listing = listings_.find(slot.nodeid, slot.listing_handle);
  const auto recorded = body_of(slot.reply.message.head);
  const auto live = body_of(slot.live);
  if (listing == nullptr || !recorded || !live) return;
  const DirentKind kind = kind_of(slot.opcode);
  const DirentKind recorded_kind = slot.without_nodes ? DirentKind::kPlus : kind;
  listing->add_recorded(recorded_kind, *recorded);
  listing->add_live(kind, *live);
  if (recorded_kind == DirentKind::kPlus) bind_missing(slot, *recorded, slot.without_nodes ? Bytes() : *live);
  if (recorded->empty()) {
    read_to_end(slot, *listing);
    for (const Slot* other : open) {
      if (other != &slot) touch(*other);
    }
    if (listing->live_ended()) compare(slot, *listing);
  }
  give_back(slot);
}

void Synthetic::read_to_end(const Slot& slot, Listing& listing) {
  const auto in = slot.fixed<wire::ReadIn>();
  while (!listing.live_ended() && !hung_) {
    const std::uint64_t before = listing.live_offset();
    Slot* const page = ask(slot, slot.opcode, header_of(slot).nodeid, [&](MessageBuilder& builder) {
      wire::ReadIn next = in;
      next.offset = before;
      builder.add(next);
    });
    if (page == nullptr) return;
    const auto body = body_of(page->live);
    if (body) {
      listing.add_live(kind_of(slot.opcode), *body);
      if (slot.opcode == Opcode::kReaddirplus) count_granted(*body);
    }
    parts_.log.retire(*page);
    // An error, or a stream that does not move: rule R11 speaks of it.
    if (!body || (listing.live_offset() == before && !listing.live_ended())) return;
  }
}

/// Counts the nodes of a page that only we asked for.
void Synthetic::count_granted(Bytes live) {
  DirentReader reader(DirentKind::kPlus, live);
  while (const auto record = reader.next()) {
    if (record->entry.nodeid != 0 && !is_dot_name(record->name)) parts_.bindings.count(0, record->entry.nodeid);
  }
  parts_.bindings.commit();
}

/// Binds the nodes that the recorded page has and the live one has not.
void Synthetic::bind_missing(const Slot& slot, Bytes recorded, Bytes live) {
  std::unordered_set<std::string_view> granted;
  DirentReader live_reader(DirentKind::kPlus, live);
  while (const auto record = live_reader.next()) {
    if (record->entry.nodeid != 0) granted.insert(record->name);
  }
  DirentReader reader(DirentKind::kPlus, recorded);
  while (const auto record = reader.next()) {
    if (record->entry.nodeid == 0 || is_dot_name(record->name) || granted.count(record->name) != 0) continue;
    bind_entry(slot, header_of(slot).nodeid, *record);
    if (hung_) return;
  }
}

void Synthetic::bind_entry(const Slot& slot, std::uint64_t live_directory, const DirentRecord& record) {
  Slot* const reply =
      ask(slot, Opcode::kLookup, live_directory, [&](MessageBuilder& builder) { builder.name(record.name); });
  if (reply == nullptr) return;
  const auto body = body_of(reply->live);
  wire::EntryOut entry{};
  if (body && body->size() >= sizeof(entry)) std::memcpy(&entry, body->data(), sizeof(entry));
  const Message live{.head = reply->live, .tail = {}, .owner = nullptr};
  if (entry.nodeid != 0) {
    const Comparison comparison = parts_.comparer.compare_entry(slot, record.entry, entry);
    parts_.comparer.accept();
    if (!comparison.same) parts_.diverge(slot, comparison.difference, &live);
  } else {
    Difference difference;
    difference.kind = DifferenceKind::kListing;
    difference.recorded_name = record.name;
    difference.recorded = 1;
    difference.node = record.entry.nodeid;
    parts_.diverge(slot, difference, &live);
  }
  parts_.log.retire(*reply);
}

/// Nodes that only the live side granted: its kernel would forget them some day, ours does at once.
void Synthetic::give_back(const Slot& slot) {
  for (const auto& [live, count] : parts_.bindings.take_orphans()) {
    ask(slot, Opcode::kForget, live,
        [&, count = count](MessageBuilder& builder) { builder.add(wire::ForgetIn{.nlookup = count}); });
  }
}

void Synthetic::compare(const Slot& slot, const Listing& listing) {
  const Listing::Mismatch mismatch = listing.compare();
  if (!mismatch.recorded && !mismatch.live) return;
  Difference difference;
  difference.kind = DifferenceKind::kListing;
  difference.recorded_name = mismatch.name;
  difference.recorded = mismatch.recorded ? mismatch.recorded_type + 1 : 0;
  difference.live = mismatch.live ? mismatch.live_type + 1 : 0;
  const Message live{.head = slot.live, .tail = {}, .owner = nullptr};
  parts_.diverge(slot, difference, &live);
}

}  // namespace fusereplay
