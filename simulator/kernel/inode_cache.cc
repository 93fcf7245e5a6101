#include "simulator/kernel/inode_cache.h"

#include <algorithm>

namespace fusereplay::kernel {

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

void evict(Inode* inode) noexcept {
  InodeCache& cache = inode->owner;
  cache.sink_.on_evict(*inode);
  cache.unhash(*inode);
  cache.all_.back()->index = inode->index;
  std::swap(cache.all_[inode->index], cache.all_.back());
  cache.all_.pop_back();
  delete inode;
}

}  // namespace fusereplay::kernel
