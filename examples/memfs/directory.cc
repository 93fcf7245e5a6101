#include "examples/memfs/directory.h"

#include <utility>

#include "core/check.h"
#include "examples/memfs/inode.h"

namespace fusereplay::memfs {

const Node* Directory::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second->second.node;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
void Directory::add(std::string_view name, Node node) {
  const auto child = children_.try_emplace(children_.end(), next_cookie_++, name, std::move(node));
  const bool added = by_name_.emplace(child->second.name, child).second;
  FUSEREPLAY_CHECK(added, "a new entry has a new name");
}

Node Directory::remove(std::string_view name) {
  const auto child = at(name);
  Node node = std::move(child->second.node);
  by_name_.erase(name);
  children_.erase(child);
  return node;
}

Node Directory::replace(std::string_view name, Node node) {
  return std::exchange(at(name)->second.node, std::move(node));
}

Directory::Children::iterator Directory::at(std::string_view name) {
  const auto found = by_name_.find(name);
  FUSEREPLAY_CHECK(found != by_name_.end(), "the entry exists");
  return found->second;
}

}  // namespace fusereplay::memfs
