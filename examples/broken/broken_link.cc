#include "examples/broken/broken_link.h"

namespace fusereplay {

NodeId BrokenLink::behind(NodeId id) {
  const std::lock_guard lock(aliases_mutex_);
  const auto alias = aliases_.find(raw(id));
  return alias == aliases_.end() ? id : alias->second;
}

Result<Memfs::Node> BrokenLink::find(NodeId id) {
  return Memfs::find(behind(id));
}

Async<Entry> BrokenLink::link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) {
  Entry entry = co_await Memfs::link(request, node, new_parent, new_name);
  const std::lock_guard lock(aliases_mutex_);
  const NodeId alias{next_alias_++};
  aliases_.emplace(raw(alias), entry.node);
  entry.node = alias;  // the bug
  co_return entry;
}

Async<void> BrokenLink::forget(NodeId node, std::uint64_t count) {
  const NodeId file = behind(node);
  {
    // Only link() answers with an alias, so it is counted once.
    const std::lock_guard lock(aliases_mutex_);
    aliases_.erase(raw(node));
  }
  return Memfs::forget(file, count);
}

}  // namespace fusereplay
