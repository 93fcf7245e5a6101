#include "examples/broken/broken_forget.h"

namespace fusereplay {

NodeId BrokenForget::file_of(NodeId id) {
  const std::lock_guard lock(slots_mutex_);
  const auto slot = slots_.find(raw(id));
  return slot == slots_.end() ? id : slot->second.file;
}

Result<Memfs::Node> BrokenForget::find(NodeId id) {
  return Memfs::find(file_of(id));
}

void BrokenForget::opened(NodeId id) {
  const std::lock_guard lock(slots_mutex_);
  Slot& slot = slots_[raw(id)];
  ++slot.open;
  slot.closed = false;
}

Async<Opened> BrokenForget::open(const Request& request, NodeId node, std::uint32_t flags) {
  const Opened result = co_await Memfs::open(request, node, flags);
  opened(node);
  co_return result;
}

Async<Created> BrokenForget::create(const Request& request, NodeId parent, std::string_view name,
                                    const Creation& creation, std::uint32_t flags) {
  const Created result = co_await Memfs::create(request, parent, name, creation, flags);
  opened(result.entry.node);
  co_return result;
}

Async<void> BrokenForget::release(NodeId node, FileHandle handle, const Release& how) {
  co_await Memfs::release(node, handle, how);
  const std::lock_guard lock(slots_mutex_);
  const auto slot = slots_.find(raw(node));
  if (slot != slots_.end() && slot->second.open > 0 && --slot->second.open == 0) slot->second.closed = true;
  co_return {};
}

std::uint64_t BrokenForget::choose_slot() {
  for (auto& [id, slot] : slots_) {
    if (!slot.closed) continue;  // the bug: closed is not forgotten
    given_.erase(raw(slot.file));
    slot.closed = false;
    ++slot.generation;
    return id;
  }
  return next_++;
}

Entry BrokenForget::grant(const Node& node) {
  Entry entry = Memfs::grant(node);
  if (node.id() == kRoot) return entry;
  const std::lock_guard lock(slots_mutex_);
  auto given = given_.find(raw(node.id()));
  if (given == given_.end()) {
    const std::uint64_t id = choose_slot();
    slots_[id].file = node.id();
    given = given_.emplace(raw(node.id()), id).first;
  }
  entry.node = NodeId{given->second};
  entry.generation = slots_[given->second].generation;
  return entry;
}

Async<void> BrokenForget::forget(NodeId node, std::uint64_t count) {
  return Memfs::forget(file_of(node), count);
}

}  // namespace fusereplay
