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

std::uint64_t BrokenForget::choose_slot() {
  for (auto& [id, slot] : slots_) {
    const Result<Node> file = Memfs::find(slot.file);
    if (file && (*file)->attributes.nlink > 0) continue;  // the bug: a lookup count above 0 is no reason to wait
    given_.erase(raw(slot.file));
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
