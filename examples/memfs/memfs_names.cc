// What makes, finds, moves and removes names.
#include <sys/stat.h>

#include <cstdio>
#include <mutex>
#include <utility>

#include "examples/memfs/memfs.h"

namespace fusereplay {

Result<Memfs::Node> Memfs::find_directory(NodeId id) {
  Result<Node> found = find(id);
  if (found && !(*found)->is_directory()) return Errno(ENOTDIR);
  return found;
}

Result<Memfs::Node> Memfs::child_of(const Node& directory, std::string_view name) const {
  if (name.size() > kMaxName) return Errno(ENAMETOOLONG);
  const Node* child = directory->directory().find(name);
  if (child == nullptr) return Errno(ENOENT);
  return *child;
}

Result<void> Memfs::may_add(const Node& directory, std::string_view name) const {
  if (name.size() > kMaxName) return Errno(ENAMETOOLONG);
  if (directory->directory().find(name) != nullptr) return Errno(EEXIST);
  if (directory->attributes.nlink == 0) return Errno(ENOENT);
  return {};
}

Result<bool> Memfs::lies_within(const Node& directory, const Node& ancestor) {
  Node at = directory;
  while (!(at == ancestor)) {
    if (at.id() == kRoot) return false;
    Result<Node> parent = nodes_.find(at->directory().parent());
    if (!parent) return parent.error();
    at = std::move(*parent);
  }
  return true;
}

Async<Entry> Memfs::lookup(const Request&, NodeId parent, std::string_view name) {
  const std::shared_lock lock(mutex_);
  const Node node = co_await find(parent);
  if (name == ".") co_return grant(node);  // with EXPORT_SUPPORT, also for what is no directory
  if (!node->is_directory()) co_return Errno(ENOTDIR);
  if (name == "..") {
    const Node above = co_await nodes_.find(node->directory().parent());
    co_return grant(above);
  }
  const Node child = co_await child_of(node, name);
  co_return grant(child);
}

Result<Memfs::Node> Memfs::make_inode(const Request& request, const Node& directory, std::uint32_t mode) {
  if (!space_.inodes.take(1)) return Errno(ENOSPC);
  Node node = nodes_.insert(space_, mode, directory.id());
  Inode& inode = *node;
  inode.attributes.ino = raw(node.id());
  inode.attributes.uid = request.uid();
  inode.attributes.gid = request.gid();
  if ((directory->attributes.mode & S_ISGID) != 0) {
    inode.attributes.gid = directory->attributes.gid;
    if (inode.is_directory()) inode.attributes.mode |= S_ISGID;
  }
  inode.modified(request.time());
  inode.attributes.atime = inode.birth = inode.attributes.ctime;
  return node;
}

void Memfs::add_name(const Request& request, const Node& directory, std::string_view name, const Node& node) {
  directory->directory().add(name, node);
  if (node->is_directory()) ++directory->attributes.nlink;
  directory->modified(request.time());
}

void Memfs::drop_name(const Request& request, const Node& directory, const Node& node) {
  if (node->is_directory()) {
    node->attributes.nlink = 0;
    --directory->attributes.nlink;
  } else {
    --node->attributes.nlink;
  }
  node->changed(request.time());
  directory->modified(request.time());
}

Async<Entry> Memfs::symlink(const Request& request, NodeId parent, std::string_view name, std::string_view target,
                            const Creation&) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  co_await may_add(directory, name);
  if (target.size() > kMaxTarget) co_return Errno(ENAMETOOLONG);
  const Node node = co_await make_inode(request, directory, S_IFLNK | 0777);
  node->content = std::string(target);
  add_name(request, directory, name, node);
  co_return grant(node);
}

Async<std::string> Memfs::readlink(const Request&, NodeId node) {
  const std::shared_lock lock(mutex_);
  const Node inode = co_await find(node);
  const auto* target = std::get_if<std::string>(&inode->content);
  if (target == nullptr) co_return Errno(EINVAL);
  co_return *target;
}

Async<Entry> Memfs::mknod(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                          std::uint32_t rdev) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  co_await may_add(directory, name);
  const std::uint32_t type = creation.mode & S_IFMT;
  if (type == S_IFDIR || type == S_IFLNK) co_return Errno(EINVAL);
  const Node node = co_await make_inode(request, directory, type == 0 ? creation.mode | S_IFREG : creation.mode);
  if (type == S_IFCHR || type == S_IFBLK) node->attributes.rdev = rdev;
  add_name(request, directory, name, node);
  co_return grant(node);
}

Async<Entry> Memfs::mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  co_await may_add(directory, name);
  if (directory->attributes.nlink >= options_.max_links) co_return Errno(EMLINK);
  const Node node = co_await make_inode(request, directory, S_IFDIR | (creation.mode & ~S_IFMT));
  add_name(request, directory, name, node);
  co_return grant(node);
}

Async<void> Memfs::unlink(const Request& request, NodeId parent, std::string_view name) {
  Node victim;  // above the lock: its data may be freed when it goes
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  victim = co_await child_of(directory, name);
  if (victim->is_directory()) co_return Errno(EISDIR);
  directory->directory().remove(name);
  drop_name(request, directory, victim);
  co_return {};
}

Async<void> Memfs::rmdir(const Request& request, NodeId parent, std::string_view name) {
  Node victim;
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  victim = co_await child_of(directory, name);
  if (!victim->is_directory()) co_return Errno(ENOTDIR);
  if (!victim->directory().empty()) co_return Errno(ENOTEMPTY);
  directory->directory().remove(name);
  drop_name(request, directory, victim);
  co_return {};
}

Async<Entry> Memfs::link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) {
  const std::lock_guard lock(mutex_);
  const Node inode = co_await find(node);
  const Node directory = co_await find_directory(new_parent);
  co_await may_add(directory, new_name);
  if (inode->is_directory()) co_return Errno(EPERM);
  if (inode->attributes.nlink == 0 && !inode->linkable) co_return Errno(ENOENT);
  if (inode->attributes.nlink >= options_.max_links) co_return Errno(EMLINK);
  add_name(request, directory, new_name, inode);
  ++inode->attributes.nlink;
  inode->linkable = false;
  inode->changed(request.time());
  co_return grant(inode);
}

Result<void> Memfs::may_exchange(const Node& from, const Node& source, const Node& to, const Node& target) {
  // The kernel forbids both by its view of the tree (rule K18); a replay may come with another.
  if (source->is_directory()) {
    const Result<bool> loop = lies_within(to, source);
    if (!loop) return loop.error();
    if (*loop) return Errno(EINVAL);
  }
  if (target->is_directory()) {
    const Result<bool> loop = lies_within(from, target);
    if (!loop) return loop.error();
    if (*loop) return Errno(EINVAL);
  }
  if (from == to || source->is_directory() == target->is_directory()) return {};
  const Node& gains_directory = source->is_directory() ? to : from;
  if (gains_directory->attributes.nlink >= options_.max_links) return Errno(EMLINK);
  return {};
}

Result<void> Memfs::may_replace(const Node& from, const Node& source, const Node& to, const Node* target) {
  if (source->is_directory()) {
    const Result<bool> loop = lies_within(to, source);
    if (!loop) return loop.error();
    if (*loop) return Errno(EINVAL);
  }
  if (target != nullptr) {
    const Inode& replaced = **target;
    if (source->is_directory() && !replaced.is_directory()) return Errno(ENOTDIR);
    if (!source->is_directory() && replaced.is_directory()) return Errno(EISDIR);
    if (replaced.is_directory() && !replaced.directory().empty()) return Errno(ENOTEMPTY);
    return {};
  }
  if (source->is_directory() && !(from == to) && to->attributes.nlink >= options_.max_links) return Errno(EMLINK);
  return {};
}

void Memfs::move_directory(const Node& moved, const Node& from, const Node& to) {
  if (!moved->is_directory() || from == to) return;
  --from->attributes.nlink;
  ++to->attributes.nlink;
  moved->directory().set_parent(to.id());
}

Async<void> Memfs::rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                          std::string_view new_name, std::uint32_t flags) {
  Node displaced;  // above the lock: its data may be freed when it goes
  const std::lock_guard lock(mutex_);
  if ((flags & ~static_cast<std::uint32_t>(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0 ||
      ((flags & RENAME_EXCHANGE) != 0 && flags != RENAME_EXCHANGE)) {
    co_return Errno(EINVAL);
  }
  const Node from = co_await find_directory(parent);
  const Node to = co_await find_directory(new_parent);
  const Node source = co_await child_of(from, name);
  if (new_name.size() > kMaxName) co_return Errno(ENAMETOOLONG);
  if (to->attributes.nlink == 0) co_return Errno(ENOENT);
  const Node* target = to->directory().find(new_name);

  if ((flags & RENAME_EXCHANGE) != 0) {
    if (target == nullptr) co_return Errno(ENOENT);
    const Node other = *target;
    co_await may_exchange(from, source, to, other);
    from->directory().replace(name, other);
    to->directory().replace(new_name, source);
    move_directory(source, from, to);
    move_directory(other, to, from);
    other->changed(request.time());
  } else {
    if (target != nullptr && (flags & RENAME_NOREPLACE) != 0) co_return Errno(EEXIST);
    if (target != nullptr && *target == source) co_return {};  // two names of one file: both stay
    co_await may_replace(from, source, to, target);
    Node whiteout;
    if ((flags & RENAME_WHITEOUT) != 0) whiteout = co_await make_inode(request, from, S_IFCHR);
    if (target != nullptr) {
      displaced = to->directory().replace(new_name, source);
      drop_name(request, to, displaced);
    } else {
      to->directory().add(new_name, source);
    }
    move_directory(source, from, to);
    if (whiteout) {
      from->directory().replace(name, whiteout);
    } else {
      from->directory().remove(name);
    }
  }
  source->changed(request.time());
  from->modified(request.time());
  to->modified(request.time());
  co_return {};
}

}  // namespace fusereplay
