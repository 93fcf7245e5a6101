// The kernel's names: which inode each name of a directory is believed to be, and until when (fs/dcache.c, with the
// timeouts of fs/fuse/dir.c).
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/kernel/inode_cache.h"

namespace fusereplay::kernel {

struct Dentry;
void intrusive_ptr_add_ref(Dentry* dentry) noexcept;
void intrusive_ptr_release(Dentry* dentry) noexcept;
using DentryRef = boost::intrusive_ptr<Dentry>;

/// The names of one directory that can be found: a hash table linked through the dentries. It holds each of them, and
/// is empty when it goes, as each child holds its parent. Its order is of the names alone, the same in every run.
class ChildTable {
 public:
  ChildTable() = default;
  ChildTable(const ChildTable&) = delete;
  ChildTable& operator=(const ChildTable&) = delete;

  /// Null where there is none.
  Dentry* find(std::string_view name) const noexcept;
  /// There is none of that name.
  void insert(Dentry& dentry);
  /// It is in the table.
  void erase(Dentry& dentry) noexcept;
  bool empty() const noexcept { return size_ == 0; }
  /// Calls visit(dentry) for each; visit may take out the one it is shown.
  template <class Visit>
  void for_each(const Visit& visit) const;

 private:
  static std::uint64_t hash(std::string_view name) noexcept;
  Dentry*& bucket(std::uint64_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow();

  std::vector<Dentry*> buckets_;  // none, or a power of two
  std::size_t size_ = 0;
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
  ChildTable children;
  std::vector<std::string_view> in_lookup;  // names somebody asks the server for (d_alloc_parallel)

 private:
  friend class ChildTable;
  Dentry* next_ = nullptr;  // in its bucket
  std::uint64_t name_hash_ = 0;
};

inline void intrusive_ptr_add_ref(Dentry* dentry) noexcept {
  ++dentry->references;
}
/// Deletes a dentry that nobody holds, and every parent that is held no longer for that.
void free_dentry(Dentry* dentry) noexcept;
inline void intrusive_ptr_release(Dentry* dentry) noexcept {
  if (--dentry->references == 0) free_dentry(dentry);
}

template <class Visit>
void ChildTable::for_each(const Visit& visit) const {
  for (Dentry* child : buckets_) {
    while (child != nullptr) {
      Dentry* const next = child->next_;
      visit(*child);
      child = next;
    }
  }
}

inline std::uint64_t ChildTable::hash(std::string_view name) noexcept {
  constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = name.size();
  for (; name.size() >= sizeof(std::uint64_t); name.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word;
    std::memcpy(&word, name.data(), sizeof(word));
    mixed = (mixed ^ word) * kMix;
    mixed ^= mixed >> 32;
  }
  for (const char byte : name) mixed = (mixed ^ static_cast<unsigned char>(byte)) * kMix;
  return mixed ^ (mixed >> 32);
}

inline Dentry* ChildTable::find(std::string_view name) const noexcept {
  if (size_ == 0) return nullptr;
  const std::uint64_t wanted = hash(name);
  Dentry* child = buckets_[wanted & (buckets_.size() - 1)];
  while (child != nullptr && (child->name_hash_ != wanted || child->name != name)) child = child->next_;
  return child;
}

/// The hashed child of that name; null where there is none (d_lookup).
inline Dentry* find_child(const Dentry& parent, std::string_view name) noexcept {
  return parent.children.find(name);
}
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
  parent.children.for_each([&](Dentry& child) {
    visit(child);
    for_each_dentry(child, visit);
  });
}
/// Every name below that is known to be of this inode.
std::vector<DentryRef> names_of(Dentry& parent, std::uint64_t nodeid);
/// "/a/b".
std::string path_of(const Dentry& dentry);

}  // namespace fusereplay::kernel
