// The kernel's names: which inode each name of a directory is believed to be, and until when (fs/dcache.c, with the
// timeouts of fs/fuse/dir.c).
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simulator/kernel/inode_cache.h"

namespace fusereplay::kernel {

struct Dentry;
void intrusive_ptr_add_ref(Dentry* dentry) noexcept;
void intrusive_ptr_release(Dentry* dentry) noexcept;
using DentryRef = boost::intrusive_ptr<Dentry>;

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};

/// A name in a directory. Held by its parent while it can be found (hashed), by its children, by open files and by
/// whoever walks over it.
struct Dentry {
  Dentry(DentryRef in, std::string_view what) : parent(std::move(in)), name(what) {}
  ~Dentry() { set_negative(); }
  Dentry(const Dentry&) = delete;
  Dentry& operator=(const Dentry&) = delete;

  bool negative() const noexcept { return inode == nullptr; }
  void set_negative() noexcept {
    if (inode != nullptr && inode->directory_dentry == this) inode->directory_dentry = nullptr;
    inode.reset();
  }
  /// Held by nobody but its parent's table (and `others`).
  bool unused(std::uint32_t others = 0) const noexcept { return references == (hashed ? 1 : 0) + others; }

  std::uint32_t references = 0;
  DentryRef parent;  // null for the root and for files without a name
  std::string name;
  InodeRef inode;            // null: the name does not exist
  std::int64_t expires = 0;  // ns; 0: at once (fuse_dentry_time)
  std::uint64_t epoch = 0;
  bool hashed = false;
  std::unordered_map<std::string, DentryRef, NameHash, std::equal_to<>> children;
  std::vector<std::string_view> in_lookup;  // names somebody asks the server for (d_alloc_parallel)
};

/// The hashed child of that name; null where there is none (d_lookup).
Dentry* find_child(Dentry& parent, std::string_view name) noexcept;
/// A new dentry, negative and not yet hashed.
DentryRef make_child(Dentry& parent, std::string_view name);
/// Makes `dentry` found under its name, in place of any other (d_add, d_rehash).
void hash(Dentry& dentry);
/// No longer found (d_drop). Its children stay.
void unhash(Dentry& dentry) noexcept;
/// After unlink or rmdir: turns negative, or is unhashed where somebody else still uses it (d_delete). `held`: the
/// references the caller has.
void delete_entry(Dentry& dentry, std::uint32_t held);
/// Drops every unused dentry below, leaves first (shrink_dcache_parent). Returns how many.
std::size_t shrink(Dentry& parent);
/// No longer found, nor is anything unused below it (d_invalidate).
void invalidate(Dentry& dentry);
/// `dentry` takes the name and place of `target`, which is unhashed (d_move).
void move(Dentry& dentry, Dentry& target);
/// Both take the other's name and place (d_exchange).
void exchange(Dentry& one, Dentry& other);
/// Whether `below` is `above` or lies under it (is_subdir).
bool is_within(const Dentry& below, const Dentry& above) noexcept;
/// Calls visit(dentry) for all that can be found below, parents first. It must not change what can be found.
template <class Visit>
void for_each_dentry(Dentry& parent, const Visit& visit) {
  for (const auto& [name, child] : parent.children) {
    visit(*child);
    for_each_dentry(*child, visit);
  }
}
/// Every name below that is known to be of this inode.
std::vector<DentryRef> names_of(Dentry& parent, std::uint64_t nodeid);
/// "/a/b".
std::string path_of(const Dentry& dentry);

}  // namespace fusereplay::kernel
