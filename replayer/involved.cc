#include "replayer/involved.h"

#include <cstring>

#include "core/protocol/view.h"
#include "replayer/describe.h"

namespace fusereplay {
namespace {

void add(std::vector<std::uint64_t>& nodes, std::uint64_t node) {
  if (node != 0) nodes.push_back(node);
}

bool renames(Opcode opcode) noexcept {
  return opcode == Opcode::kRename || opcode == Opcode::kRename2;
}

/// Fields that several replies share: the same mistake shows in all of them.
bool shared_field(std::string_view name) noexcept {
  return name.starts_with("attr.") || name.starts_with("entry_valid") || name.starts_with("attr_valid") ||
         name == "nodeid" || name == "generation";
}

std::string kind_of(const Slot& slot, const Difference& difference) {
  std::string opcode(opcode_name(slot.opcode));
  switch (difference.kind) {
    case DifferenceKind::kError:
      return opcode + " error " + describe_recorded(difference) + " " + describe_live(difference);
    case DifferenceKind::kField:
      return shared_field(difference.field->name) ? std::string(difference.field->name)
                                                  : opcode + " " + std::string(difference.field->name);
    case DifferenceKind::kEntryName:
    case DifferenceKind::kEntryEnd:
    case DifferenceKind::kListing:
      return "listing";
    case DifferenceKind::kDataSize:
    case DifferenceKind::kDataByte:
      return opcode + " data";
    case DifferenceKind::kForm:
      return opcode + " form";
    case DifferenceKind::kNoReply:
      return opcode + " no reply";
    case DifferenceKind::kUnexpectedReply:
      return opcode + " unexpected reply";
    case DifferenceKind::kUnbound:
      return "unbound";
  }
  return opcode;
}

/// The request did not do the same in both runs.
void add_outcome(Involved& involved, const Slot& slot, const Difference& difference, const Bindings& bindings) {
  const bool named = !involved.names.empty();
  const bool unbound = difference.kind == DifferenceKind::kUnbound;
  for (std::size_t i = 0; i < slot.touch.count; ++i) {
    const std::uint64_t node = slot.touch.nodes[i];
    const bool parent = named && (i == 0 || renames(slot.opcode));
    add(parent && !unbound ? involved.parents : involved.nodes, node);
    if (!parent || slot.changing()) add(involved.changed, node);
  }
  for (const std::uint64_t name : involved.names) {
    bindings.for_each_named(name, [&](std::uint64_t node) { add(involved.changed, node); });
  }
  const std::uint64_t entry = slot.has_reply ? recorded_entry(slot) : 0;
  if (entry == 0) return;
  add(involved.nodes, entry);
  if (bindings.live_node(entry)) {
    add(involved.changed, entry);
  } else {
    involved.lost.push_back(entry);
  }
}

void add_field(Involved& involved, const Slot& slot, const Difference& difference) {
  if (difference.field->role == FieldRole::kUsage) {
    involved.totals = true;
    involved.names.clear();
    return;
  }
  std::uint64_t node = difference.node;
  if (node == 0 && slot.has_reply) node = recorded_entry(slot);
  if (node == 0 && involved.names.empty()) node = slot.nodeid;
  add(involved.nodes, node);
  add(involved.changed, node);
}

}  // namespace

std::vector<std::uint64_t> entry_names(const Slot& slot, const Negotiated& negotiated) {
  std::vector<std::uint64_t> names;
  const std::size_t count = entry_name_count(slot.opcode);
  if (count == 0 || !slot.readable) return names;
  const auto view = RequestView::parse(slot.bytes(), negotiated);
  if (!view) return names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(name_key(i == 0 ? slot.nodeid : slot.touch.nodes[slot.touch.count - 1], view->name(i)));
  }
  return names;
}

std::uint64_t recorded_entry(const Slot& slot) noexcept {
  const Bytes reply = slot.reply.message.head;
  wire::OutHeader header;
  if (reply.size() < sizeof(header) + sizeof(wire::EntryOut)) return 0;
  std::memcpy(&header, reply.data(), sizeof(header));
  const MessageLayout* layout = reply_layout(slot.opcode, slot.asks_size);
  if (header.error != 0 || layout == nullptr || layout->structs[0] != StructId::kEntryOut) return 0;
  std::uint64_t nodeid = 0;
  std::memcpy(&nodeid, reply.data() + sizeof(header) + offsetof(wire::EntryOut, nodeid), sizeof(nodeid));
  return nodeid;
}

Involved involved_in(const Slot& slot, const Difference& difference, const Bindings& bindings,
                     const Negotiated& negotiated) {
  Involved involved;
  involved.kind = kind_of(slot, difference);
  switch (difference.kind) {
    case DifferenceKind::kField:
      if (difference.entry < 0) involved.names = entry_names(slot, negotiated);
      add_field(involved, slot, difference);
      break;
    case DifferenceKind::kEntryName:
    case DifferenceKind::kEntryEnd:
    case DifferenceKind::kListing:
      add(involved.lost, difference.node);
      for (const std::string_view name : {difference.recorded_name, difference.live_name}) {
        if (!name.empty()) involved.names.push_back(name_key(slot.nodeid, name));
      }
      [[fallthrough]];
    case DifferenceKind::kDataSize:
    case DifferenceKind::kDataByte:
      add(involved.nodes, slot.nodeid);
      add(involved.changed, slot.nodeid);
      break;
    default:
      involved.names = entry_names(slot, negotiated);
      add_outcome(involved, slot, difference, bindings);
  }
  // A node and the name it is known by go together.
  for (const std::uint64_t node : involved.nodes) add(involved.names, bindings.name_of(node));
  return involved;
}

}  // namespace fusereplay
