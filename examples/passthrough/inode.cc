#include "examples/passthrough/inode.h"

#include <sys/sysmacros.h>

namespace fusereplay::passthrough {

Identity Identity::of(const struct statx& status) noexcept {
  Identity identity;
  identity.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  identity.ino = status.stx_ino;
  identity.type = status.stx_mode & S_IFMT;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    identity.birth_seconds = status.stx_btime.tv_sec;
    identity.birth_nanoseconds = status.stx_btime.tv_nsec;
  }
  return identity;
}

Node NodeIndex::intern(Inodes& nodes, const Identity& identity, UniqueFd fd) {
  const std::lock_guard lock(mutex_);
  Known& known = known_[Key{identity.device, identity.ino}];
  if (known.inode != nullptr && known.identity == identity) {
    if (auto node = nodes.find(known.id)) return std::move(*node);
  }
  Node node = nodes.insert(this, identity, std::move(fd));
  known = Known{node.id(), &*node, identity};
  return node;
}

void NodeIndex::remove(const Inode& inode) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(Key{inode.identity.device, inode.identity.ino});
  if (found != known_.end() && found->second.inode == &inode) known_.erase(found);
}

OpenWay::Taken OpenWay::take(BackingFiles& files, int fd) {
  const std::lock_guard lock(mutex_);
  if (auto backing = backing_.lock()) return {backing->id(), std::move(backing)};
  auto ordinary = ordinary_.lock();
  if (ordinary == nullptr) {
    if (auto opened = files.open(fd)) {
      auto backing = std::make_shared<const BackingFile>(std::move(*opened));
      backing_ = backing;
      return {backing->id(), std::move(backing)};
    }
    ordinary = std::make_shared<const char>();
    ordinary_ = ordinary;
  }
  return {0, std::move(ordinary)};
}

}  // namespace fusereplay::passthrough
