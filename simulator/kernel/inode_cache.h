// The kernel's inodes: what it believes of each nodeid, and the lookups it owes (fs/fuse/inode.c).
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/flat_map.h"
#include "core/protocol/wire.h"
#include "simulator/kernel/file_locks.h"
#include "simulator/kernel/listing.h"
#include "simulator/kernel/lock.h"
#include "simulator/kernel/page_cache.h"
#include "simulator/kernel/writeback.h"

namespace fusereplay::kernel {

class InodeCache;
struct Dentry;
struct Mapping;

/// STATX_... bits of attributes that cannot be relied upon (fuse_inode.inval_mask).
inline constexpr std::uint32_t kAllAttributes = 0x7ff;  // STATX_BASIC_STATS
inline constexpr std::uint32_t kBirthTime = 0x800;      // STATX_BTIME
/// What a write changes (FUSE_STATX_MODSIZE): STATX_MTIME, _CTIME, _BLOCKS and _SIZE.
inline constexpr std::uint32_t kContentAttributes = 0x40 | 0x80 | 0x400 | 0x200;

/// struct fuse_inode with its inode. Held by dentries, open files and RELEASEs on their way; with the last of them it
/// is evicted and forgotten (fs/fuse/inode.c: drop_inode is generic_delete_inode, so there is no cache beyond that).
struct Inode {
  Inode(InodeCache& cache, std::uint64_t id) noexcept : owner(cache), nodeid(id) {}
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const noexcept { return (mode & 0170000) == 0040000; }
  bool is_regular() const noexcept { return (mode & 0170000) == 0100000; }
  bool is_symlink() const noexcept { return (mode & 0170000) == 0120000; }

  InodeCache& owner;
  std::uint32_t references = 0;
  std::size_t index = 0;  // among all inodes of the cache
  const std::uint64_t nodeid;
  std::uint64_t generation = 0;
  std::uint64_t nlookup = 0;

  std::uint64_t ino = 0;
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;
  std::int64_t atime = 0, mtime = 0, ctime = 0;  // seconds
  std::uint32_t atimensec = 0, mtimensec = 0, ctimensec = 0;
  std::uint32_t mode = 0, nlink = 0, uid = 0, gid = 0, rdev = 0, block_size = 4096;

  std::int64_t attributes_expire = 0;                   // fuse_inode.i_time, ns; 0: at once
  std::uint32_t invalid = kAllAttributes | kBirthTime;  // STATX_... bits
  std::int64_t btime = 0;                               // seconds
  std::uint32_t btimensec = 0;
  bool has_birth_time = false;  // FUSE_I_BTIME
  std::uint64_t attr_version = 0;
  bool bad = false;                    // every use fails with EIO (fuse_make_bad)
  bool size_unstable = false;          // FUSE_I_SIZE_UNSTABLE
  bool no_privileges = false;          // S_NOSEC: writes need not ask for security.capability
  bool linkable = false;               // I_LINKABLE: a file without a name that may get one
  bool dead = false;                   // S_DEAD: a removed directory
  bool advise_readdirplus = false;     // FUSE_I_ADVISE_RDPLUS
  bool from_readdirplus = false;       // FUSE_I_INIT_RDPLUS
  bool hashed = true;                  // found by its nodeid
  Dentry* directory_dentry = nullptr;  // a directory has one; null while it has none
  std::uint32_t cached_opens = 0;      // files open on it that use the page cache (fuse_inode.iocachectr)
  PageCache pages;
  Writeback writeback;
  std::vector<Mapping*> mappings;   // of it in memory (i_mmap)
  std::optional<std::string> link;  // what CACHE_SYMLINKS keeps of a symbolic link
  std::uint64_t version = 0;        // i_version of a directory: every change that went through here
  Listing listing;
  std::uint32_t page_lockers = 0;  // who wait to lock pages: they come before those who wait to read them
  FileLocks flocks;                // kept by the kernel, where the server does not keep them
  FileLocks record_locks;          // the same
  RwLock rwsem;                    // i_rwsem
  RwLock mutex;                    // fuse_inode.mutex: lookups and listings of a directory without PARALLEL_DIROPS
};

inline void intrusive_ptr_add_ref(Inode* inode) noexcept {
  ++inode->references;
}
void evict(Inode* inode) noexcept;
inline void intrusive_ptr_release(Inode* inode) noexcept {
  if (--inode->references == 0) evict(inode);
}
using InodeRef = boost::intrusive_ptr<Inode>;

/// Holds a lock of an inode, and thereby the inode.
class InodeLock {
 public:
  InodeLock() = default;
  InodeLock(Scheduler& scheduler, Inode& inode, LockMode mode)
      : inode_(&inode), guard_(scheduler, inode.rwsem, mode, "i_rwsem", inode.nodeid) {}
  /// fuse_lock_inode.
  static InodeLock of_mutex(Scheduler& scheduler, Inode& inode) {
    InodeLock lock;
    lock.inode_ = InodeRef(&inode);
    lock.guard_ = LockGuard(scheduler, inode.mutex, LockMode::kExclusive, "fuse_inode.mutex", inode.nodeid);
    return lock;
  }

  /// False: it could never be had.
  bool held() const noexcept { return guard_.held(); }

 private:
  InodeRef inode_;
  LockGuard guard_;
};

/// Told when an inode goes, so that its lookups are given back.
class EvictionSink {
 public:
  virtual void on_evict(Inode& inode) noexcept = 0;

 protected:
  ~EvictionSink() = default;
};

class InodeCache {
 public:
  explicit InodeCache(EvictionSink& sink) noexcept : sink_(sink) {}
  InodeCache(const InodeCache&) = delete;
  InodeCache& operator=(const InodeCache&) = delete;

  /// The inode of that nodeid; null where there is none.
  Inode* find(std::uint64_t nodeid) noexcept {
    Inode** const found = by_nodeid_.find(nodeid);
    return found == nullptr ? nullptr : *found;
  }
  /// A new inode, found by its nodeid from now on, in place of any other.
  InodeRef insert(std::uint64_t nodeid);
  /// No longer found by its nodeid (remove_inode_hash); lives on while it is held.
  void unhash(Inode& inode) noexcept;

  /// Calls visit(inode) for each, those unhashed included, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Inode* inode : all_) visit(*inode);
  }
  std::size_t size() const noexcept { return all_.size(); }

 private:
  friend void evict(Inode* inode) noexcept;

  EvictionSink& sink_;
  FlatMap<std::uint64_t, Inode*> by_nodeid_;
  std::vector<Inode*> all_;
};

}  // namespace fusereplay::kernel
