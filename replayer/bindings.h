// Which live id stands for which recorded one.
//
// A nodeid is bound while its recorded lookup count is above zero: then the two must stay together (rule F5). After
// that the filesystem may use both again, in any pairing. With EXPORT_SUPPORT a nodeid may be named after its FORGET,
// so the binding is remembered, but may be replaced.
// An inode number is bound as long as a bound node shows it, and until the next removal of a name otherwise: only a
// removal can free a number for another inode.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/flat_map.h"

namespace fusereplay {

class Bindings {
 public:
  Bindings();

  // Requests: the live id, nothing where no reply made the recorded one. 0 and the root stand for themselves.
  std::optional<std::uint64_t> live_node(std::uint64_t recorded) const noexcept;
  /// Where a filesystem gave one handle for several opens of a node: that of the last one.
  std::optional<std::uint64_t> live_handle(std::uint64_t recorded_node, std::uint64_t recorded) const noexcept;
  /// An unbound cookie stands for itself.
  std::uint64_t live_cookie(std::uint64_t recorded_node, std::uint64_t recorded) const noexcept;

  // Replies: bind or compare; false where a binding that holds says otherwise. What they change is undone by
  // roll_back(), or stands after commit().
  bool match_node(std::uint64_t recorded, std::uint64_t live);
  /// Of a node that match_node() has taken.
  bool match_generation(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live);
  /// `recorded_node`: the node that shows this number, 0 where only a directory record does.
  bool match_ino(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live);
  /// Whether the two are not known to differ; binds nothing. For "." and ".." in READDIRPLUS, which count nothing.
  bool may_be_node(std::uint64_t recorded, std::uint64_t live) const noexcept;
  /// Both kernels took an entry: the recorded one of this node, the live one of `live`, which match_node() may have
  /// refused (reference R1).
  void count(std::uint64_t recorded_node, std::uint64_t live);
  void commit() noexcept { undo_.clear(); }
  void roll_back() noexcept;

  // At once, without undo.
  /// Binds whatever held before, for what follows a divergence.
  void force_node(std::uint64_t recorded, std::uint64_t live);
  void bind_handle(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live);
  void unbind_handle(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live) noexcept;
  void bind_cookie(std::uint64_t recorded_node, std::uint64_t recorded, std::uint64_t live);
  void forget(std::uint64_t recorded_node, std::uint64_t count) noexcept;
  /// What of the live node's count goes when the recorded kernel takes back `count`: all of it with the last one, and
  /// never the last before. Equal to `count` as long as both were counted alike. Nothing where the node is unbound.
  std::optional<std::uint64_t> live_forget(std::uint64_t recorded_node, std::uint64_t count) const noexcept;
  /// The live nodes that were granted and stand for no recorded one, with their counts, by nodeid; they are forgotten
  /// here.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> take_orphans();
  /// The name by which the node was made known last (name_key(), replayer/causes.h).
  void name(std::uint64_t recorded_node, std::uint64_t key) noexcept;
  std::uint64_t name_of(std::uint64_t recorded_node) const noexcept;  // 0: none
  /// Calls visit(recorded node) for each node made known by this name, in no order.
  template <class Visit>
  void for_each_named(std::uint64_t key, Visit&& visit) const {
    nodes_.for_each([&](std::uint64_t recorded, const Node& node) {
      if (node.name == key) visit(recorded);
    });
  }
  /// A name was removed or replaced.
  void name_removed() noexcept { ++removals_; }
  /// The last link of this node is gone: its number is free once it is forgotten.
  void last_link_gone(std::uint64_t recorded_node) noexcept;
  void keep_forgotten() noexcept { keep_forgotten_ = true; }

 private:
  struct Node {
    std::uint64_t live = 0;
    std::uint64_t count = 0;       // what the recorded kernel holds
    std::uint64_t live_count = 0;  // what the live one would
    std::uint64_t name = 0;
    std::uint64_t recorded_generation = 0;
    std::uint64_t live_generation = 0;
    std::uint64_t ino = 0;  // recorded; 0: not seen yet
    bool has_generation = false;
    bool unlinked = false;
  };
  struct Ino {
    std::uint64_t live = 0;
    std::uint64_t removals = 0;  // when last seen
    std::uint32_t pins = 0;      // bound nodes that show it
  };
  static constexpr std::uint32_t kNoHandle = ~std::uint32_t{0};
  struct Handle {
    std::uint64_t live = 0;
    std::uint32_t next = kNoHandle;  // an older one with the same key
  };
  enum class Table : std::uint8_t { kNodes, kLiveNodes, kInos, kLiveInos, kOrphans };
  /// How one slot of a table was before.
  struct Undo {
    Table table;
    bool present;
    std::uint64_t key;
    Node node;  // or, for the smaller tables:
    Ino ino;
    std::uint64_t value;
  };

  bool holds(const Ino& ino) const noexcept { return ino.pins != 0 || ino.removals == removals_; }
  void note_node(std::uint64_t key);
  void note_ino(std::uint64_t key);
  void note_id(Table table, const FlatMap<std::uint64_t, std::uint64_t>& ids, std::uint64_t key);
  void set_node(std::uint64_t recorded, std::uint64_t live);
  bool set_ino(std::uint64_t recorded, std::uint64_t live);
  void show_ino(std::uint64_t recorded_node, std::uint64_t recorded_ino);
  void unpin(std::uint64_t recorded_ino, bool free) noexcept;

  FlatMap<std::uint64_t, Node> nodes_;                // by recorded nodeid
  FlatMap<std::uint64_t, std::uint64_t> live_nodes_;  // live to recorded
  FlatMap<std::uint64_t, std::uint64_t> orphans_;     // counts of live nodes that stand for no recorded one
  FlatMap<std::uint64_t, Ino> inos_;                  // by recorded number
  FlatMap<std::uint64_t, std::uint64_t> live_inos_;   // live to recorded
  FlatMap<IdPair, std::uint32_t> handles_;            // {node, handle} to the newest in handle_pool_
  std::vector<Handle> handle_pool_;
  std::uint32_t free_handle_ = kNoHandle;
  FlatMap<IdPair, std::uint64_t> cookies_;  // only those that differ from the recorded one
  std::uint64_t removals_ = 0;
  bool keep_forgotten_ = false;
  std::vector<Undo> undo_;
};

}  // namespace fusereplay
