// The entries of a directory: by name for lookups, in the order they came for listings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/operations/inode_table.h"
#include "core/operations/types.h"

namespace fusereplay::memfs {

struct Inode;
using Inodes = InodeTable<Inode>;
/// Keeps an inode alive: held by directory entries, open files and whoever works on it.
using Node = Inodes::Reference;

/// Names and the nodes they name. Not thread-safe.
///
/// COOKIES. An entry gets the next cookie of its directory when it is added and keeps it while the name exists, also
/// when another node takes the name over. A listing resumed behind a cookie therefore shows every entry that was there
/// all the time exactly once, whatever was added or removed meanwhile (rule F8). "." and ".." have the first two.
class Directory {
 public:
  static constexpr Cookie kDot{1};
  static constexpr Cookie kDotDot{2};

  struct Child {
    Child(std::string_view child_name, Node child_node) : name(child_name), node(std::move(child_node)) {}
    const std::string name;
    Node node;
  };
  using Children = std::map<std::uint64_t, Child>;  // by cookie

  explicit Directory(NodeId parent) noexcept : parent_(parent) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// The directory that ".." means; its own for the root.
  NodeId parent() const noexcept { return parent_; }
  void set_parent(NodeId parent) noexcept { parent_ = parent; }

  bool empty() const noexcept { return children_.empty(); }
  /// The node of that name, valid until the entry changes; null where there is none.
  const Node* find(std::string_view name) const;
  /// `name` must be new.
  void add(std::string_view name, Node node);
  /// `name` must exist. Gives the node it named.
  Node remove(std::string_view name);
  /// `name` must exist. Gives the node it named before.
  Node replace(std::string_view name, Node node);

  const Children& children() const noexcept { return children_; }
  /// The first entry behind `from`.
  Children::const_iterator after(Cookie from) const { return children_.upper_bound(raw(from)); }

 private:
  Children::iterator at(std::string_view name);

  NodeId parent_;
  std::uint64_t next_cookie_ = raw(kDotDot) + 1;
  Children children_;
  std::unordered_map<std::string_view, Children::iterator> by_name_;  // the views are into Child::name
};

}  // namespace fusereplay::memfs
