#include "simulator/kernel/dentry_cache.h"

#include <utility>

namespace fusereplay::kernel {

void free_dentry(Dentry* dentry) noexcept {
  // A chain of parents goes in a loop, not by recursion: paths can be deep.
  do {
    Dentry* const parent = dentry->parent.detach();
    delete dentry;
    dentry = parent;
  } while (dentry != nullptr && --dentry->references == 0);
}

void ChildTable::insert(Dentry& dentry) {
  if (size_ == buckets_.size()) grow();
  dentry.name_hash_ = hash(dentry.name);
  dentry.next_ = std::exchange(bucket(dentry.name_hash_), &dentry);
  ++size_;
  intrusive_ptr_add_ref(&dentry);
}

void ChildTable::erase(Dentry& dentry) noexcept {
  Dentry** at = &bucket(dentry.name_hash_);
  while (*at != &dentry) at = &(*at)->next_;
  *at = std::exchange(dentry.next_, nullptr);
  --size_;
  intrusive_ptr_release(&dentry);
}

void ChildTable::grow() {
  constexpr std::size_t kFirstBuckets = 8;
  std::vector<Dentry*> old(buckets_.empty() ? kFirstBuckets : buckets_.size() * 2);
  old.swap(buckets_);
  for (Dentry* child : old) {
    while (child != nullptr) {
      Dentry* const next = child->next_;
      child->next_ = std::exchange(bucket(child->name_hash_), child);
      child = next;
    }
  }
}

DentryRef make_child(Dentry& parent, std::string_view name) {
  return DentryRef(new Dentry(DentryRef(&parent), name));
}

void hash(Dentry& dentry) {
  ChildTable& table = dentry.parent->children;
  if (Dentry* const other = table.find(dentry.name)) {
    if (other == &dentry) return;
    unhash(*other);
  }
  table.insert(dentry);
  dentry.hashed = true;
}

void unhash(Dentry& dentry) noexcept {
  if (!dentry.hashed) return;
  dentry.hashed = false;
  dentry.parent->children.erase(dentry);
}

void delete_entry(Dentry& dentry, std::uint32_t held) {
  if (dentry.unused(held)) {
    dentry.set_negative();
  } else {
    unhash(dentry);
  }
}

std::size_t shrink(Dentry& parent) {
  std::size_t dropped = 0;
  parent.children.for_each([&](Dentry& child) {
    dropped += shrink(child);
    if (!child.unused()) return;
    unhash(child);
    ++dropped;
  });
  return dropped;
}

void invalidate(Dentry& dentry) {
  const DentryRef keep(&dentry);
  shrink(dentry);
  unhash(dentry);
}

void move(Dentry& dentry, Dentry& target) {
  const DentryRef keep(&dentry);
  const DentryRef keep_target(&target);
  unhash(dentry);
  unhash(target);
  dentry.parent = target.parent;
  dentry.name = target.name;
  hash(dentry);
}

void exchange(Dentry& one, Dentry& other) {
  const DentryRef keep_one(&one);
  const DentryRef keep_other(&other);
  unhash(one);
  unhash(other);
  std::swap(one.parent, other.parent);
  std::swap(one.name, other.name);
  hash(one);
  hash(other);
}

bool is_within(const Dentry& below, const Dentry& above) noexcept {
  for (const Dentry* at = &below; at != nullptr; at = at->parent.get()) {
    if (at == &above) return true;
  }
  return false;
}

std::vector<DentryRef> names_of(Dentry& parent, std::uint64_t nodeid) {
  std::vector<DentryRef> names;
  for_each_dentry(parent, [&](Dentry& dentry) {
    if (dentry.inode != nullptr && dentry.inode->nodeid == nodeid) names.emplace_back(&dentry);
  });
  return names;
}

std::string path_of(const Dentry& dentry) {
  if (dentry.parent == nullptr) return dentry.name.empty() ? "/" : dentry.name;
  const std::string above = path_of(*dentry.parent);
  return above == "/" ? above + dentry.name : above + "/" + dentry.name;
}

}  // namespace fusereplay::kernel
