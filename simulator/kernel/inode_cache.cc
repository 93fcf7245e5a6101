#include "simulator/kernel/inode_cache.h"

#include <algorithm>

namespace fusereplay::kernel {

void intrusive_ptr_add_ref(Inode* inode) noexcept {
  ++inode->references;
}
void intrusive_ptr_release(Inode* inode) noexcept {
  if (--inode->references == 0) inode->owner.evict(inode);
}

InodeRef InodeCache::insert(std::uint64_t nodeid) {
  if (Inode* const old = find(nodeid)) unhash(*old);
  auto inode = std::make_unique<Inode>(*this, nodeid);
  inode->index = all_.size();
  all_.push_back(inode.get());
  by_nodeid_[nodeid] = inode.get();
  return InodeRef(inode.release());
}

void InodeCache::unhash(Inode& inode) noexcept {
  if (!inode.hashed) return;
  inode.hashed = false;
  by_nodeid_.erase(inode.nodeid);
}

void InodeCache::evict(Inode* inode) noexcept {
  sink_.on_evict(*inode);
  unhash(*inode);
  all_.back()->index = inode->index;
  std::swap(all_[inode->index], all_.back());
  all_.pop_back();
  delete inode;
}

}  // namespace fusereplay::kernel
