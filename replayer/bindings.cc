#include "replayer/bindings.h"

#include <algorithm>

#include "core/protocol/opcode.h"

namespace fusereplay {
namespace {

constexpr bool stands_for_itself(std::uint64_t nodeid) noexcept {
  return nodeid == 0 || nodeid == kRootNodeId;
}

template <class Map, class Value>
void restore(Map& map, std::uint64_t key, bool present, const Value& value) {
  if (present) {
    map[key] = value;
  } else {
    map.erase(key);
  }
}

}  // namespace

Bindings::Bindings() {
  Node root;
  root.live = kRootNodeId;
  root.count = 1;  // rule R5: never forgotten
  nodes_[kRootNodeId] = root;
  live_nodes_[kRootNodeId] = kRootNodeId;
}

std::optional<std::uint64_t> Bindings::live_node(std::uint64_t recorded) const noexcept {
  if (stands_for_itself(recorded)) return recorded;
  const Node* node = nodes_.find(recorded);
  if (node == nullptr) return std::nullopt;
  return node->live;
}

std::optional<std::uint64_t> Bindings::live_handle(std::uint64_t recorded_node, std::uint64_t recorded) const noexcept {
  const std::uint32_t* head = handles_.find({recorded_node, recorded});
  if (head == nullptr) return std::nullopt;
  return handle_pool_[*head].live;
}

std::uint64_t Bindings::live_cookie(std::uint64_t recorded_node, std::uint64_t recorded) const noexcept {
  if (cookies_.size() == 0) return recorded;
  const std::uint64_t* live = cookies_.find({recorded_node, recorded});
  return live != nullptr ? *live : recorded;
}

void Bindings::note_node(std::uint64_t key) {
  const Node* node = nodes_.find(key);
  undo_.push_back({Table::kNodes, node != nullptr, key, node != nullptr ? *node : Node{}, {}, 0});
}

/// Of a table of ids.
void Bindings::note_id(Table table, const FlatMap<std::uint64_t, std::uint64_t>& ids, std::uint64_t key) {
  const std::uint64_t* id = ids.find(key);
  undo_.push_back({table, id != nullptr, key, {}, {}, id != nullptr ? *id : 0});
}

void Bindings::note_ino(std::uint64_t key) {
  const Ino* ino = inos_.find(key);
  undo_.push_back({Table::kInos, ino != nullptr, key, {}, ino != nullptr ? *ino : Ino{}, 0});
}

void Bindings::roll_back() noexcept {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) {
    switch (step->table) {
      case Table::kNodes:
        restore(nodes_, step->key, step->present, step->node);
        break;
      case Table::kLiveNodes:
        restore(live_nodes_, step->key, step->present, step->value);
        break;
      case Table::kInos:
        restore(inos_, step->key, step->present, step->ino);
        break;
      case Table::kLiveInos:
        restore(live_inos_, step->key, step->present, step->value);
        break;
      case Table::kOrphans:
        restore(orphans_, step->key, step->present, step->value);
        break;
    }
  }
  undo_.clear();
}

bool Bindings::may_be_node(std::uint64_t recorded, std::uint64_t live) const noexcept {
  if (stands_for_itself(recorded) || stands_for_itself(live)) return recorded == live;
  const Node* node = nodes_.find(recorded);
  return node == nullptr || node->count == 0 || node->live == live;
}

bool Bindings::match_node(std::uint64_t recorded, std::uint64_t live) {
  if (stands_for_itself(recorded) || stands_for_itself(live)) return recorded == live;
  const Node* node = nodes_.find(recorded);
  if (node != nullptr && node->live == live) return true;
  if (node != nullptr && node->count != 0) return false;
  if (const std::uint64_t* other = live_nodes_.find(live)) {
    const Node* holder = nodes_.find(*other);
    if (holder != nullptr && holder->live == live && holder->count != 0) return false;
  }
  set_node(recorded, live);
  return true;
}

void Bindings::set_node(std::uint64_t recorded, std::uint64_t live) {
  note_node(recorded);
  note_id(Table::kLiveNodes, live_nodes_, live);
  Node fresh;
  fresh.live = live;
  if (const std::uint64_t* counted = orphans_.find(live)) {
    fresh.live_count = *counted;
    note_id(Table::kOrphans, orphans_, live);
    orphans_.erase(live);
  }
  nodes_[recorded] = fresh;
  live_nodes_[live] = recorded;
}

void Bindings::force_node(std::uint64_t recorded, std::uint64_t live) {
  if (stands_for_itself(recorded) || stands_for_itself(live)) return;
  nodes_[recorded].live = live;
  live_nodes_[live] = recorded;
}

bool Bindings::match_generation(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) {
  Node* node = nodes_.find(recorded_node);
  if (node == nullptr) return true;
  if (node->has_generation) {
    const bool kept = node->recorded_generation == recorded;
    if (kept != (node->live_generation == live)) return false;
    if (kept) return true;
  }
  note_node(recorded_node);
  node->has_generation = true;
  node->recorded_generation = recorded;
  node->live_generation = live;
  return true;
}

bool Bindings::match_ino(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) {
  if (recorded == 0 || live == 0) return recorded == live;
  if (!set_ino(recorded, live)) return false;
  if (recorded_node != 0) show_ino(recorded_node, recorded);
  return true;
}

bool Bindings::set_ino(std::uint64_t recorded, std::uint64_t live) {
  Ino* ino = inos_.find(recorded);
  if (ino != nullptr && ino->live == live) {
    if (ino->removals != removals_) {
      note_ino(recorded);
      ino->removals = removals_;
    }
    return true;
  }
  if (ino != nullptr && holds(*ino)) return false;
  if (const std::uint64_t* other = live_inos_.find(live)) {
    const Ino* holder = inos_.find(*other);
    if (holder != nullptr && holder->live == live && holds(*holder)) return false;
  }
  note_ino(recorded);
  note_id(Table::kLiveInos, live_inos_, live);
  Ino fresh;
  fresh.live = live;
  fresh.removals = removals_;
  inos_[recorded] = fresh;
  live_inos_[live] = recorded;
  return true;
}

/// The node shows this number from now on, which pins it.
void Bindings::show_ino(std::uint64_t recorded_node, std::uint64_t recorded_ino) {
  Node* node = nodes_.find(recorded_node);
  if (node == nullptr || node->ino == recorded_ino) return;
  note_node(recorded_node);
  if (node->ino != 0) {
    note_ino(node->ino);
    if (Ino* old = inos_.find(node->ino); old != nullptr && old->pins != 0) --old->pins;
  }
  node->ino = recorded_ino;
  note_ino(recorded_ino);
  ++inos_[recorded_ino].pins;
}

void Bindings::count(std::uint64_t recorded_node, std::uint64_t live) {
  Node* node = stands_for_itself(recorded_node) ? nullptr : nodes_.find(recorded_node);
  if (node != nullptr) {
    note_node(recorded_node);
    ++node->count;
    if (node->live == live) {
      ++node->live_count;
      return;
    }
  }
  if (stands_for_itself(live)) return;
  const std::uint64_t* other = live_nodes_.find(live);
  Node* holder = other != nullptr ? nodes_.find(*other) : nullptr;
  if (holder != nullptr && holder->live == live) {
    note_node(*other);
    ++holder->live_count;
  } else {
    note_id(Table::kOrphans, orphans_, live);
    ++orphans_[live];
  }
}

std::optional<std::uint64_t> Bindings::live_forget(std::uint64_t recorded_node, std::uint64_t count) const noexcept {
  const Node* node = stands_for_itself(recorded_node) ? nullptr : nodes_.find(recorded_node);
  if (node == nullptr) return std::nullopt;
  if (node->live_count == node->count) return count;
  if (count >= node->count) return node->live_count;
  return std::min(count, node->live_count == 0 ? 0 : node->live_count - 1);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Bindings::take_orphans() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> orphans;
  if (orphans_.size() == 0) return orphans;
  orphans_.for_each([&](std::uint64_t live, std::uint64_t count) { orphans.emplace_back(live, count); });
  std::sort(orphans.begin(), orphans.end());
  orphans_.clear();
  return orphans;
}

void Bindings::name(std::uint64_t recorded_node, std::uint64_t key) noexcept {
  if (Node* node = nodes_.find(recorded_node)) node->name = key;
}

std::uint64_t Bindings::name_of(std::uint64_t recorded_node) const noexcept {
  const Node* node = nodes_.find(recorded_node);
  return node != nullptr ? node->name : 0;
}

void Bindings::forget(std::uint64_t recorded_node, std::uint64_t count) noexcept {
  if (stands_for_itself(recorded_node)) return;
  Node* node = nodes_.find(recorded_node);
  if (node == nullptr) return;
  node->live_count -= std::min(*live_forget(recorded_node, count), node->live_count);
  node->count -= std::min(count, node->count);
  if (node->count != 0) return;
  unpin(node->ino, node->unlinked);
  node->ino = 0;
  if (keep_forgotten_) return;
  const std::uint64_t live = node->live;
  const std::uint64_t* back = live_nodes_.find(live);
  if (back != nullptr && *back == recorded_node) live_nodes_.erase(live);
  nodes_.erase(recorded_node);
}

void Bindings::unpin(std::uint64_t recorded_ino, bool free) noexcept {
  Ino* ino = inos_.find(recorded_ino);
  if (recorded_ino == 0 || ino == nullptr) return;
  if (ino->pins != 0) --ino->pins;
  if (ino->pins != 0 || (!free && holds(*ino))) return;
  const std::uint64_t* back = live_inos_.find(ino->live);
  if (back != nullptr && *back == recorded_ino) live_inos_.erase(ino->live);
  inos_.erase(recorded_ino);
}

void Bindings::last_link_gone(std::uint64_t recorded_node) noexcept {
  if (Node* node = nodes_.find(recorded_node)) node->unlinked = true;
}

void Bindings::bind_handle(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) {
  std::uint32_t index = free_handle_;
  if (index == kNoHandle) {
    index = static_cast<std::uint32_t>(handle_pool_.size());
    handle_pool_.emplace_back();
  } else {
    free_handle_ = handle_pool_[index].next;
  }
  const IdPair key{recorded_node, recorded};
  const std::uint32_t* head = handles_.find(key);
  handle_pool_[index] = {live, head != nullptr ? *head : kNoHandle};
  handles_[key] = index;
}

void Bindings::unbind_handle(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) noexcept {
  const IdPair key{recorded_node, recorded};
  std::uint32_t* link = handles_.find(key);
  if (link == nullptr) return;
  std::uint32_t* const head = link;
  while (*link != kNoHandle && handle_pool_[*link].live != live) link = &handle_pool_[*link].next;
  if (*link == kNoHandle) return;
  const std::uint32_t index = *link;
  *link = handle_pool_[index].next;
  if (*head == kNoHandle) handles_.erase(key);
  handle_pool_[index].next = free_handle_;
  free_handle_ = index;
}

void Bindings::bind_cookie(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) {
  const IdPair key{recorded_node, recorded};
  if (recorded != live) {
    cookies_[key] = live;
  } else if (cookies_.size() != 0) {
    cookies_.erase(key);
  }
}

}  // namespace fusereplay
