#include "simulator/kernel/dentry_cache.h"

#include <utility>

namespace fusereplay::kernel {

void intrusive_ptr_add_ref(Dentry* dentry) noexcept {
  ++dentry->references;
}

void intrusive_ptr_release(Dentry* dentry) noexcept {
  // A chain of parents goes in a loop, not by recursion: paths can be deep.
  while (dentry != nullptr && --dentry->references == 0) {
    Dentry* const parent = dentry->parent.detach();
    delete dentry;
    dentry = parent;
  }
}

Dentry* find_child(Dentry& parent, std::string_view name) noexcept {
  const auto found = parent.children.find(name);
  return found == parent.children.end() ? nullptr : found->second.get();
}

DentryRef make_child(Dentry& parent, std::string_view name) {
  return DentryRef(new Dentry(DentryRef(&parent), name));
}

void hash(Dentry& dentry) {
  const DentryRef keep(&dentry);
  DentryRef& place = dentry.parent->children[dentry.name];
  if (place == keep) return;
  if (const DentryRef other = std::exchange(place, keep)) other->hashed = false;
  dentry.hashed = true;
}

void unhash(Dentry& dentry) noexcept {
  if (!dentry.hashed) return;
  const DentryRef keep(&dentry);
  dentry.hashed = false;
  dentry.parent->children.erase(dentry.parent->children.find(std::string_view(dentry.name)));
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
  for (auto child = parent.children.begin(); child != parent.children.end();) {
    dropped += shrink(*child->second);
    if (child->second->unused()) {
      child->second->hashed = false;
      const DentryRef keep = std::move(child->second);  // outlives its place in the table
      child = parent.children.erase(child);
      ++dropped;
    } else {
      ++child;
    }
  }
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
