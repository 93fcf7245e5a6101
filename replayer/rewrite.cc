#include "replayer/rewrite.h"

#include <cstring>

#include "core/protocol/flags.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

constexpr std::size_t kHeader = sizeof(wire::InHeader);

std::uint64_t load(const std::byte* at) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

void store(std::byte* at, std::uint64_t value) noexcept {
  std::memcpy(at, &value, sizeof(value));
}

/// GETATTR, SETATTR and STATX say in a flag whether their handle means anything.
bool has_handle(Opcode opcode, const std::byte* fixed) noexcept {
  std::uint32_t flags = 0;
  std::memcpy(&flags, fixed, sizeof(flags));
  switch (opcode) {
    case Opcode::kGetattr:
    case Opcode::kStatx:
      return (flags & kGetattrFh) != 0;
    case Opcode::kSetattr:
      return (flags & kSetattrFh) != 0;
    case Opcode::kSetupmapping:
      return false;
    default:
      return true;
  }
}

std::uint64_t rewrite_node(std::byte* at, const Bindings& bindings) noexcept {
  const std::optional<std::uint64_t> live = bindings.live_node(load(at));
  if (!live) return 1;
  store(at, *live);
  return 0;
}

std::uint64_t rewrite_handle(std::byte* at, std::uint64_t node, Slot& slot, const Bindings& bindings) noexcept {
  const std::uint64_t recorded = load(at);
  const std::optional<std::uint64_t> live = bindings.live_handle(node, recorded);
  if (!live) return recorded != 0 ? 1 : 0;
  if (slot.opcode == Opcode::kRelease || slot.opcode == Opcode::kReleasedir) {
    slot.released_handle = recorded;
    slot.released_live = *live;
  }
  store(at, *live);
  return 0;
}

/// The live count in place of the recorded one; true where nothing of it is held.
bool rewrite_count(std::uint64_t node, std::byte* at, const Bindings& bindings) noexcept {
  const std::optional<std::uint64_t> live = bindings.live_forget(node, load(at));
  if (!live) return false;
  store(at, *live);
  return *live == 0;
}

std::uint64_t rewrite_forgets(Slot& slot, std::size_t start, const Bindings& bindings, const Causes& causes,
                              UnboundIds ids) noexcept {
  std::byte* const message = slot.buffer->data();
  std::uint64_t unbound = 0;
  std::size_t kept = start;
  for (std::size_t at = start; at + sizeof(wire::ForgetOne) <= slot.size; at += sizeof(wire::ForgetOne)) {
    std::byte* const one = message + at;
    const std::uint64_t node = load(one + offsetof(wire::ForgetOne, nodeid));
    if (rewrite_count(node, one + offsetof(wire::ForgetOne, nlookup), bindings)) continue;
    if ((ids == UnboundIds::kWithheld || causes.changed(node)) && !bindings.live_node(node)) continue;
    unbound += rewrite_node(one + offsetof(wire::ForgetOne, nodeid), bindings);
    if (kept != at) std::memcpy(message + kept, one, sizeof(wire::ForgetOne));
    kept += sizeof(wire::ForgetOne);
  }
  if (kept + sizeof(wire::ForgetOne) > slot.size) return unbound;
  slot.withheld = kept == start;
  const auto count = static_cast<std::uint32_t>((kept - start) / sizeof(wire::ForgetOne));
  const auto length = static_cast<std::uint32_t>(kept);
  std::memcpy(message + kHeader + offsetof(wire::BatchForgetIn, count), &count, sizeof(count));
  std::memcpy(message + offsetof(wire::InHeader, len), &length, sizeof(length));
  slot.size = kept;
  slot.event.result = static_cast<std::int64_t>(kept);
  return unbound;
}

/// Something that the request names was left different.
bool left_different(const Slot& slot, const Causes& causes) noexcept {
  for (std::size_t i = 0; i < slot.touch.count; ++i) {
    if (causes.changed(slot.touch.nodes[i])) return true;
  }
  return false;
}

}  // namespace

void read_request(Slot& slot, const Negotiated& negotiated) noexcept {
  const Bytes bytes = slot.bytes();
  wire::InHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  slot.unique = header.unique;
  slot.opcode = static_cast<Opcode>(header.opcode);
  slot.nodeid = header.nodeid;
  slot.plan = &Plans::get().request(slot.opcode, negotiated);
  const MessageLayout* layout = slot.plan->layout;
  slot.readable = layout != nullptr && (layout->truncatable || bytes.size() >= kHeader + layout->fixed_size());
  slot.traits = request_traits(slot.opcode, slot.readable ? bytes.subspan(kHeader) : Bytes());
  slot.touch = {};
  slot.touch.effects = slot.traits.effects;
  slot.touch.add(slot.nodeid);
  slot.asks_size = false;
  slot.without_nodes = false;
  if (!slot.readable) return;
  if (slot.opcode == Opcode::kGetxattr || slot.opcode == Opcode::kListxattr) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + kHeader + offsetof(wire::GetxattrIn, size), sizeof(size));
    slot.asks_size = size == 0;
  }
  if (slot.opcode == Opcode::kReaddir || slot.opcode == Opcode::kReaddirplus || slot.opcode == Opcode::kReleasedir) {
    static_assert(offsetof(wire::ReadIn, fh) == offsetof(wire::ReleaseIn, fh));
    slot.listing_handle = load(bytes.data() + kHeader + offsetof(wire::ReadIn, fh));
  }
  for (const RequestId& id : slot.plan->ids) {
    if (id.role == FieldRole::kNodeId) slot.touch.add(load(bytes.data() + kHeader + id.offset));
  }
}

std::uint64_t rewrite_request(Slot& slot, const Bindings& bindings, const Causes& causes, UnboundIds ids) noexcept {
  std::byte* const message = slot.buffer->data();
  std::byte* const fixed = message + kHeader;
  std::uint64_t unbound = rewrite_node(message + offsetof(wire::InHeader, nodeid), bindings);
  if (!slot.readable) {
    slot.withheld = unbound != 0 && (ids == UnboundIds::kWithheld || left_different(slot, causes));
    return unbound;
  }
  // Handles and cookies first: they are found by the recorded nodeids, which the second pass replaces.
  for (const RequestId& id : slot.plan->ids) {
    if (id.role == FieldRole::kFileHandle && has_handle(slot.opcode, fixed)) {
      const std::uint64_t node = id.owner_offset < 0 ? slot.nodeid : load(fixed + id.owner_offset);
      unbound += rewrite_handle(fixed + id.offset, node, slot, bindings);
    } else if (id.role == FieldRole::kCookie) {
      store(fixed + id.offset, bindings.live_cookie(slot.nodeid, load(fixed + id.offset)));
    }
  }
  for (const RequestId& id : slot.plan->ids) {
    if (id.role == FieldRole::kNodeId) unbound += rewrite_node(fixed + id.offset, bindings);
  }
  if (slot.opcode == Opcode::kForget) {
    slot.withheld = rewrite_count(slot.nodeid, fixed + offsetof(wire::ForgetIn, nlookup), bindings);
  }
  if (slot.plan->layout->tail == Tail::kForgets) {
    unbound += rewrite_forgets(slot, kHeader + slot.plan->layout->fixed_size(), bindings, causes, ids);
  }
  slot.withheld = slot.withheld || (unbound != 0 && (ids == UnboundIds::kWithheld || left_different(slot, causes)));
  return unbound;
}

}  // namespace fusereplay
