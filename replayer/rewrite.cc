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

std::uint64_t rewrite_forgets(std::byte* list, std::size_t size, const Bindings& bindings) noexcept {
  std::uint64_t unbound = 0;
  for (std::size_t at = 0; at + sizeof(wire::ForgetOne) <= size; at += sizeof(wire::ForgetOne)) {
    unbound += rewrite_node(list + at + offsetof(wire::ForgetOne, nodeid), bindings);
  }
  return unbound;
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
  if (!slot.readable) return;
  if (slot.opcode == Opcode::kGetxattr || slot.opcode == Opcode::kListxattr) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + kHeader + offsetof(wire::GetxattrIn, size), sizeof(size));
    slot.asks_size = size == 0;
  }
  for (const RequestId& id : slot.plan->ids) {
    if (id.role == FieldRole::kNodeId) slot.touch.add(load(bytes.data() + kHeader + id.offset));
  }
}

std::uint64_t rewrite_request(Slot& slot, const Bindings& bindings) noexcept {
  std::byte* const message = slot.buffer->data();
  std::byte* const fixed = message + kHeader;
  std::uint64_t unbound = rewrite_node(message + offsetof(wire::InHeader, nodeid), bindings);
  if (!slot.readable) return unbound;
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
  if (slot.plan->layout->tail == Tail::kForgets) {
    const std::size_t start = kHeader + slot.plan->layout->fixed_size();
    unbound += rewrite_forgets(message + start, slot.size - start, bindings);
  }
  return unbound;
}

}  // namespace fusereplay
