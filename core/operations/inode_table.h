// Nodeids, lookup counts and payloads behind one lock: what a filesystem needs to keep rules R4, R6, F2 to F5 and F16.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/operations/types.h"
#include "core/result.h"

namespace fusereplay {

/// Maps nodeids to payloads of type T. A node exists while its lookup count is above zero or a Reference holds it; then
/// its payload is destroyed, outside the lock, and its nodeid is never handed out again. Because count and payload
/// change together, a lookup cannot find a node that a concurrent forget is destroying.
///
/// Thread-safe; the lock is never held while T's code runs. T needs its own synchronisation where handlers run
/// concurrently. The root exists from the table's start to its end; its count is infinite (reference R5).
template <class T>
class InodeTable {
  struct Node;

 public:
  /// Holds one node alive. Cheap to copy and move; may be dropped on any thread, but not after the table's end. A
  /// payload must not hold a Reference to its own node.
  class Reference {
   public:
    Reference() noexcept = default;
    Reference(const Reference& other) noexcept : table_(other.table_), node_(other.node_) {
      if (node_ != nullptr) table_->pin(*node_);
    }
    Reference(Reference&& other) noexcept : table_(other.table_), node_(std::exchange(other.node_, nullptr)) {}
    Reference& operator=(Reference other) noexcept {
      std::swap(table_, other.table_);
      std::swap(node_, other.node_);
      return *this;
    }
    ~Reference() {
      if (node_ != nullptr) table_->unpin(*node_);
    }

    explicit operator bool() const noexcept { return node_ != nullptr; }
    NodeId id() const noexcept { return node_->id; }
    T& operator*() const noexcept { return node_->payload; }
    T* operator->() const noexcept { return &node_->payload; }
    bool operator==(const Reference& other) const noexcept { return node_ == other.node_; }

   private:
    friend class InodeTable;
    Reference(InodeTable* table, Node* node) noexcept : table_(table), node_(node) {}  // adopts a pin
    InodeTable* table_ = nullptr;
    Node* node_ = nullptr;
  };

  /// Makes the root's payload from `root_arguments`.
  template <class... Args>
  explicit InodeTable(Args&&... root_arguments) {
    auto node = std::make_unique<Node>(kRoot, std::forward<Args>(root_arguments)...);
    node->pins = 1;  // the table's own
    root_ = node.get();
    nodes_.emplace(raw(kRoot), std::move(node));
  }
  InodeTable(const InodeTable&) = delete;
  InodeTable& operator=(const InodeTable&) = delete;
  /// Destroys every node, whatever holds it; references inside payloads (a directory's children) are then void.
  ~InodeTable() { closing_ = true; }

  /// A new node with lookup count 0: it lives as long as the returned reference and its copies, or until counted and
  /// forgotten.
  template <class... Args>
  Reference insert(Args&&... arguments) {
    const NodeId id{next_id_.fetch_add(1, std::memory_order_relaxed)};
    auto owned = std::make_unique<Node>(id, std::forward<Args>(arguments)...);
    Node* node = owned.get();
    node->pins = 1;
    const std::lock_guard lock(mutex_);
    nodes_.emplace(raw(id), std::move(owned));
    return Reference(this, node);
  }

  Reference root() noexcept {
    pin(*root_);
    return Reference(this, root_);
  }

  /// The node the kernel names. ESTALE where there is none: the kernel never asks for a node it has forgotten (rule
  /// K4), but a file handle from an export may (rule F4).
  Result<Reference> find(NodeId id) {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(raw(id));
    if (found == nodes_.end()) return Errno(ESTALE);
    pin(*found->second);
    return Reference(this, found->second.get());
  }

  /// Counts one lookup. Call it for each Entry handed to the kernel, before returning it.
  void count_lookup(const Reference& node) noexcept {
    const std::lock_guard lock(mutex_);
    if (node.node_ != root_ && node.node_->lookups++ == 0) pin(*node.node_);
  }

  /// FORGET. The root's count never changes. ENOENT for an unknown node; EINVAL, and the count becomes 0, where `count`
  /// is more than was counted: then the filesystem has counted too little (reference R3).
  Result<void> forget(NodeId id, std::uint64_t count) {
    std::unique_ptr<Node> dead;  // destroyed after the lock is dropped
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(raw(id));
    if (found == nodes_.end()) return Errno(ENOENT);
    Node& node = *found->second;
    if (&node == root_) return {};
    const bool too_many = count > node.lookups;
    const bool counted = node.lookups != 0;
    node.lookups -= too_many ? node.lookups : count;
    if (counted && node.lookups == 0 && drop_pin(node)) dead = take(found);
    if (too_many) return Errno(EINVAL);
    return {};
  }

  /// Rule F11: the connection has ended, all counts are void.
  void forget_all() {
    std::vector<std::unique_ptr<Node>> dead;
    const std::lock_guard lock(mutex_);
    for (auto it = nodes_.begin(); it != nodes_.end();) {
      if (std::exchange(it->second->lookups, 0) != 0 && drop_pin(*it->second)) {
        dead.push_back(std::move(it->second));
        it = nodes_.erase(it);
      } else {
        ++it;
      }
    }
  }

  /// The lookup count of a node; 0 for an unknown one and for the root.
  std::uint64_t lookups(NodeId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(raw(id));
    return found == nodes_.end() ? 0 : found->second->lookups;
  }

  /// Nodes alive, the root included.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return nodes_.size();
  }

 private:
  struct Node {
    template <class... Args>
    explicit Node(NodeId node_id, Args&&... arguments) : id(node_id), payload(std::forward<Args>(arguments)...) {}
    const NodeId id;
    std::uint64_t lookups = 0;  // guarded by mutex_
    // References, one more while there are lookups, and the table's own of the root. Falls to 0 under mutex_ only, and
    // is raised there, or by who holds a reference.
    std::atomic<std::uint64_t> pins{0};
    T payload;
  };
  using Map = std::unordered_map<std::uint64_t, std::unique_ptr<Node>>;

  std::unique_ptr<Node> take(typename Map::iterator found) {
    std::unique_ptr<Node> node = std::move(found->second);
    nodes_.erase(found);
    return node;
  }
  static void pin(Node& node) noexcept { node.pins.fetch_add(1, std::memory_order_relaxed); }
  /// Under mutex_. Whether it was the last.
  static bool drop_pin(Node& node) noexcept { return node.pins.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  void unpin(Node& node) noexcept {
    if (closing_) return;  // `node` may be gone already
    std::uint64_t pins = node.pins.load(std::memory_order_relaxed);
    while (pins > 1) {
      if (node.pins.compare_exchange_weak(pins, pins - 1, std::memory_order_release, std::memory_order_relaxed)) return;
    }
    std::unique_ptr<Node> dead;  // destroyed after the lock is dropped
    const std::lock_guard lock(mutex_);
    if (drop_pin(node)) dead = take(nodes_.find(raw(node.id)));
  }

  mutable std::mutex mutex_;  // guards nodes_ and every Node's lookups; innermost lock
  Map nodes_;
  Node* root_ = nullptr;
  bool closing_ = false;  // written by the destructor only
  std::atomic<std::uint64_t> next_id_{kRootNodeId + 1};
};

}  // namespace fusereplay
