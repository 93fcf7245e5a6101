// The FUSE filesystem inside the kernel (fs/fuse): what each operation of the VFS asks of the server, and what the
// kernel believes afterwards. Path walking and the checks that come before are in path_walk.h.
//
// Methods are named after the kernel's functions and do what they do in the order they do it; each returns what the
// kernel's caller gets. `task` is who asks (current).
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/clock.h"
#include "core/operations/types.h"
#include "core/protocol/dirent.h"
#include "core/result.h"
#include "simulator/kernel/dentry_cache.h"
#include "simulator/kernel/file_locks.h"
#include "simulator/kernel/inode_cache.h"
#include "simulator/kernel/open_file.h"
#include "simulator/kernel/profile.h"
#include "simulator/kernel/request_queue.h"
#include "simulator/process.h"

namespace fusereplay::kernel {

/// What a walk says of its purpose to d_revalidate (LOOKUP_EXCL, LOOKUP_RENAME_TARGET): trust no cached entry.
enum class LookupIntent : std::uint8_t { kAny, kFresh };

/// What a permission check is for: MAY_... of the kernel.
inline constexpr std::uint32_t kMayExec = 1;
inline constexpr std::uint32_t kMayWrite = 2;
inline constexpr std::uint32_t kMayRead = 4;
inline constexpr std::uint32_t kMayAccess = 0x10;
inline constexpr std::uint32_t kMayChdir = 0x40;

/// struct iattr: what is to change. `valid`: kSetattr... bits of mode, uid, gid, size, times; the rest as named.
struct Change {
  std::uint32_t valid = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  Timestamp atime{};
  Timestamp mtime{};
  Timestamp ctime{};               // where the kernel says it itself
  const OpenFile* file = nullptr;  // ftruncate
  bool opening = false;            // O_TRUNC
  bool kills = false;              // set-id bits go (ATTR_KILL_SUID, ATTR_KILL_SGID)
  bool kills_capability = false;   // security.capability goes (ATTR_KILL_PRIV)
  bool timeless = false;           // no call asked for it: the times stay (no ATTR_CTIME)
};

/// What INIT settled, and which operations the server turned out not to have (struct fuse_conn).
struct ConnectionState {
  std::uint64_t flags = 0;  // kInit... bits that hold
  std::uint32_t minor = 0;
  std::uint32_t max_write = 4096;
  std::uint32_t max_pages = 32;
  std::uint64_t readahead_pages = 32;
  std::uint32_t name_max = 1024;
  std::uint64_t attr_version = 1;
  std::uint64_t evictions = 1;
  std::uint64_t epoch = 0;
  bool no_open = false, no_opendir = false, no_create = false, no_tmpfile = false, no_flush = false, no_fsync = false,
       no_fsyncdir = false, no_access = false, no_getxattr = false, no_setxattr = false, no_listxattr = false,
       no_removexattr = false, no_rename2 = false, no_link = false, no_fallocate = false, no_lseek = false,
       no_copy_file_range = false, no_copy_file_range_64 = false, no_statx = false, no_poll = false;

  bool has(std::uint64_t flag) const noexcept { return (flags & flag) != 0; }
};

/// What lsattr(1) shows (struct file_kattr): FS_..._FL flags, and the form that has more.
struct FileAttributes {
  enum class Form : std::uint8_t { kFlags, kExtended };

  static FileAttributes of_flags(std::uint32_t flags) noexcept;
  /// Bytes of a struct fsxattr.
  static FileAttributes of_extended(std::span<const std::byte> extended) noexcept;
  /// As a struct fsxattr.
  void put_extended(std::span<std::byte> into) const noexcept;

  static constexpr std::size_t kExtendedSize = 28;  // sizeof(struct fsxattr)
  Form form = Form::kExtended;                      // which of them it was made of
  std::uint32_t flags = 0;
  std::uint32_t xflags = 0;  // FS_XFLAG_...
  std::uint32_t extent_size = 0, extents = 0, project = 0, cow_extent_size = 0;
};

/// Which locks a request is about, and whether its caller waits for them.
enum class LockKind : std::uint8_t { kRecord, kFlock };
enum class LockWaits : std::uint8_t { kNo, kYes };

class Filesystem final : private EvictionSink, public NotificationHandler {
 public:
  /// All must outlive it.
  Filesystem(RequestQueue& queue, Clock& clock, Scheduler& scheduler, const KernelProfile& profile,
             const SimulatedMountOptions& options);
  ~Filesystem();
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;

  /// INIT (fuse_send_init, process_init_reply). An error: every request fails with ECONNREFUSED from now on.
  Result<void> send_init();
  /// No inode sends a FORGET from now on (SB_ACTIVE is gone).
  void deactivate() noexcept { active_ = false; }

  /// mount(2) with MS_REMOUNT and these MS_... (reconfigure_super, fuse_reconfigure). `writers`: who has it open for
  /// writing.
  Result<void> reconfigure(unsigned long flags, std::size_t writers);

  Dentry& root() noexcept { return *root_; }
  /// Drops every name that nobody uses, those below directories that can no longer be found too (shrink_dcache_sb).
  void shrink_all();
  InodeCache& inodes() noexcept { return inodes_; }
  ConnectionState& connection() noexcept { return connection_; }
  const SimulatedMountOptions& options() const noexcept { return options_; }
  const KernelProfile& profile() const noexcept { return profile_; }
  RequestQueue& queue() noexcept { return queue_; }
  Scheduler& scheduler() noexcept { return scheduler_; }
  /// i_rwsem, until the end of the scope.
  [[nodiscard]] InodeLock lock(Inode& inode, LockMode mode) { return InodeLock(scheduler_, inode, mode); }
  /// What a rename between two directories holds (lock_rename).
  struct RenameLocks {
    LockGuard rename_mutex;
    InodeLock first;
    InodeLock second;
  };
  [[nodiscard]] RenameLocks lock_rename(Dentry& one, Dentry& other);
  std::int64_t now() const noexcept { return clock_.monotonic(); }
  /// The clock that files are stamped with goes on: with every call, though the mount's time may stand still.
  void tick() noexcept { ++tick_; }

  // Names: dir.cc.
  /// Asks for a name that is not cached and hashes what comes, negative entries too (fuse_lookup).
  Result<DentryRef> lookup(Dentry& parent, std::string_view name, const Process& task);
  /// Whether a cached entry still holds: asks where it expired (fuse_dentry_revalidate). An error ends the walk.
  Result<bool> revalidate(Dentry& dentry, LookupIntent intent, const Process& task);
  /// Whether a cached entry names something and holds at `now`, without more to do: what revalidate() would find.
  bool holds(const Dentry& dentry, std::int64_t now) const noexcept {
    return dentry.epoch >= connection_.epoch && dentry.expires >= now && dentry.inode != nullptr &&
           !dentry.inode->bad && !dentry.inode->from_readdirplus;
  }
  /// CREATE or TMPFILE: makes `dentry` positive and opens it (fuse_create_open). ENOSYS is for the caller to handle.
  Result<OpenFileRef> create_open(Dentry& parent, Dentry& dentry, int flags, std::uint32_t mode, Opcode opcode,
                                  const Process& task);
  Result<void> mknod(Dentry& parent, Dentry& dentry, std::uint32_t mode, std::uint32_t rdev, const Process& task);
  Result<void> mkdir(Dentry& parent, Dentry& dentry, std::uint32_t mode, const Process& task);
  Result<void> symlink(Dentry& parent, Dentry& dentry, std::string_view target, const Process& task);
  Result<void> link(Inode& source, Dentry& parent, Dentry& dentry, const Process& task);
  Result<void> unlink(Dentry& parent, Dentry& dentry, const Process& task);
  Result<void> rmdir(Dentry& parent, Dentry& dentry, const Process& task);
  Result<void> rename(Dentry& old_parent, Dentry& old_dentry, Dentry& new_parent, Dentry& new_dentry,
                      std::uint32_t flags, const Process& task);
  Result<std::string> readlink(Inode& inode, const Process& task);

  // Attributes and permissions: attributes.cc.
  /// Fetches what of `mask` (STATX_...) is not known or no longer (fuse_update_get_attr).
  Result<void> update_attributes(Inode& inode, const OpenFile* file, std::uint32_t mask, const Process& task);
  Result<void> getattr(Inode& inode, const OpenFile* file, const Process& task);
  /// statx(2): asks with STATX where the birth time is wanted (fuse_do_statx). Whether the caller is told it: not after
  /// a GETATTR, known or not.
  Result<bool> statx(Inode& inode, int flags, std::uint32_t mask, const Process& task);
  Result<void> setattr(Inode& inode, Change change, const Process& task);
  /// setattr() of a size, with what must go before (do_truncate).
  Result<void> truncate(Inode& inode, Change change, const Process& task);
  /// `mask`: kMay... (fuse_permission).
  Result<void> permission(Inode& inode, std::uint32_t mask, const Process& task);
  bool allows(const Process& task) const noexcept;
  /// Every directory may be entered: permission() with kMayExec says yes to each that is not bad, and asks nobody.
  bool walks_freely(const Process& task) const noexcept { return !options_.default_permissions && allows(task); }
  /// EROFS on a mount for reading (mnt_want_write).
  Result<void> want_write() const noexcept {
    if (options_.read_only) return Errno(EROFS);
    return {};
  }
  /// What must go before a file's content changes: asks for security.capability where nobody knows
  /// (file_remove_privs).
  Result<void> remove_privileges(Inode& inode, const Process& task);
  /// Asks whether there is security.capability, which goes when content or owner change (ATTR_KILL_PRIV).
  bool has_capability(Inode& inode, const Process& task);

  // Files: file.cc and file_io.cc.
  Result<OpenFileRef> open(Dentry& dentry, int flags, const Process& task);
  Result<void> flush(const OpenFile& file, const Process& task);
  /// The last who used it is gone (fuse_release): RELEASE goes out in the background.
  void release(OpenFile& file, const Process& task);
  Result<std::size_t> read(OpenFile& file, std::uint64_t offset, std::span<std::byte> into, const Process& task);
  /// Where it was written to is in `offset` afterwards (O_APPEND). `how`: O_APPEND, O_DSYNC and O_SYNC of this call
  /// (kiocb.ki_flags), where they differ from the file's.
  Result<std::size_t> write(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task) {
    return write(file, offset, data, task, file.flags);
  }
  Result<std::size_t> write(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task, int how);
  Result<void> fsync(OpenFile& file, SyncKind kind, const Process& task) {
    return fsync(file, 0, UINT64_MAX, kind, task);
  }
  /// What of the pages from `begin` to the byte before `end` is dirty is written first.
  Result<void> fsync(OpenFile& file, std::uint64_t begin, std::uint64_t end, SyncKind kind, const Process& task);
  Result<void> fallocate(OpenFile& file, std::uint32_t mode, std::uint64_t offset, std::uint64_t length,
                         const Process& task);
  Result<std::uint64_t> copy_file_range(OpenFile& in, std::uint64_t in_offset, OpenFile& out, std::uint64_t out_offset,
                                        std::uint64_t length, const Process& task);
  /// copy_file_range(2) where the server has no such operation, or not for these files.
  Result<std::size_t> splice(OpenFile& in, std::uint64_t in_offset, OpenFile& out, std::uint64_t out_offset,
                             std::size_t length, const Process& task);
  /// SEEK_DATA and SEEK_HOLE.
  Result<std::uint64_t> seek(OpenFile& file, std::uint64_t offset, int whence, const Process& task);

  // Writing back: writeback.cc.
  /// Writes back what has been dirty for too long, as the flusher does.
  void write_back_old();
  /// Writes back everything, and waits for it (sync_filesystem).
  void sync_all();
  /// Errors of writing back that this file's user has not heard of (errseq_check_and_advance of s_wb_err).
  Result<void> take_mount_errors(OpenFile& file) noexcept { return errors_.check(file.mount_errors_seen); }

  // Files in memory: mapping.cc. What a program gets SIGBUS or SIGSEGV for fails with EFAULT.
  /// `offset` is of a page. `protection`: PROT_...; `flags`: MAP_SHARED or MAP_PRIVATE.
  Result<std::unique_ptr<Mapping>> mmap(const OpenFileRef& file, std::uint64_t offset, std::uint64_t length,
                                        int protection, int flags);
  void munmap(Mapping& mapping, const Process& task);
  /// `at`: in the mapping, which reaches that far.
  Result<void> load(Mapping& mapping, std::uint64_t at, std::span<std::byte> into, const Process& task);
  Result<void> store(Mapping& mapping, std::uint64_t at, Bytes data, const Process& task);
  /// `begin` and `end`: in the mapping, of pages.
  Result<void> msync(Mapping& mapping, std::uint64_t begin, std::uint64_t end, int flags, const Process& task);

  // What callers say of their plans: advise.cc.
  /// `advice`: POSIX_FADV_...; length 0: to the end.
  Result<void> advise(OpenFile& file, std::uint64_t offset, std::uint64_t length, int advice, const Process& task);

  // Locks of files: file_locks.cc. `type`: F_RDLCK, F_WRLCK, F_UNLCK; `end` is the last byte.
  Result<void> flock(OpenFile& file, int type, LockWaits waits, const Process& task);
  Result<void> set_lock(const OpenFile& file, int type, std::uint64_t start, std::uint64_t end, LockWaits waits,
                        const Process& task);
  /// A lock that stands in the way; F_UNLCK where there is none.
  Result<HeldLock> get_lock(const OpenFile& file, int type, std::uint64_t start, std::uint64_t end,
                            const Process& task);
  /// What a process loses with a descriptor, where the kernel keeps record locks (locks_remove_posix).
  void drop_local_locks(const OpenFile& file, const Process& task);

  // What the server says by itself, and waiting for it: notify.cc.
  int on_notification(const Message& message) override;
  /// POLL... bits (fuse_file_poll). `waits`: the server is asked to notify.
  std::uint32_t poll(OpenFile& file, std::uint32_t events, bool waits, const Process& task);
  /// Until there were more NOTIFY_POLLs than `seen`; false at `deadline` (ns of now(); negative: never).
  Result<bool> wait_for_poll(const OpenFile& file, std::uint64_t seen, std::int64_t deadline);

  // Directories: readdir.cc.
  /// What one getdents64(2) with a buffer of `size` bytes gives; nothing at the end. Moves the position.
  Result<std::vector<EmittedEntry>> readdir(OpenFile& file, std::size_t size, const Process& task);

  // ioctl(2): ioctl.cc.
  /// The result that the server gives. `memory` is what `argument` points to; it takes what comes back.
  Result<std::int32_t> ioctl(const OpenFile& file, std::uint32_t command, std::uint64_t argument,
                             std::span<std::byte> memory, const Process& task);
  Result<FileAttributes> file_attributes(Inode& inode, FileAttributes::Form form, const Process& task);
  Result<void> set_file_attributes(Inode& inode, FileAttributes wanted, const Process& task);

  // File handles: export.cc.
  /// The dentry of what a handle says; ESTALE where the server does not know it any more.
  Result<DentryRef> find_handle(std::uint64_t nodeid, std::uint32_t generation, const Process& task);
  /// The directory that a directory is in.
  Result<DentryRef> find_parent_of(Inode& child, const Process& task);

  // The rest: xattr.cc.
  Result<void> setxattr(Inode& inode, std::string_view name, Bytes value, std::uint32_t flags, const Process& task);
  /// With size 0 the length alone.
  Result<std::vector<std::byte>> getxattr(Inode& inode, std::string_view name, std::uint32_t size, const Process& task);
  Result<std::uint32_t> getxattr_size(Inode& inode, std::string_view name, const Process& task);
  Result<std::vector<std::byte>> listxattr(Inode& inode, std::uint32_t size, const Process& task);
  Result<std::uint32_t> listxattr_size(Inode& inode, const Process& task);
  Result<void> removexattr(Inode& inode, std::string_view name, const Process& task);
  Result<wire::Kstatfs> statfs(Inode& inode, const Process& task);

  /// Users of it get EIO from now on (fuse_make_bad). It is still found by its nodeid, for as long as it has users.
  void make_bad(Inode& inode) noexcept;

 private:
  class CachedWriteEnd;
  class ReadFill;
  class NoWrites;
  struct PageWait;
  struct LockWait;
  struct PollWait;

  struct Asked {
    std::uint64_t attr_version;
    std::uint64_t evictions;
  };

  void on_evict(Inode& inode) noexcept override;

  RequestQueue::Request make(Opcode opcode, std::uint64_t nodeid, const Process& task);
  /// Sends it; its error, if any.
  Result<void> call(PendingRequest& request);
  std::int64_t expiry(std::uint64_t seconds, std::uint32_t nanoseconds) const noexcept;
  void set_expiry(Dentry& dentry, const wire::EntryOut& entry) const noexcept;
  bool has_expired(std::int64_t expires) const noexcept { return expires < now(); }

  // Inodes (fs/fuse/inode.c).
  Asked asking() const noexcept { return {connection_.attr_version, connection_.evictions}; }
  InodeRef iget(const wire::EntryOut& entry, std::optional<Asked> asked);
  void change_attributes(Inode& inode, const wire::Attr& attr, std::int64_t expires, std::optional<Asked> asked);
  void set_attributes(Inode& inode, const wire::Attr& attr, std::int64_t expires, std::optional<Asked> asked) noexcept;
  void invalidate_attributes(Inode& inode, std::uint32_t mask = kAllAttributes) noexcept { inode.invalid |= mask; }
  /// fuse_invalidate_atime.
  void invalidate_atime(Inode& inode) noexcept {
    if (!options_.read_only) invalidate_attributes(inode, STATX_ATIME);
  }
  void directory_changed(Inode& directory) noexcept {
    invalidate_attributes(directory);
    ++directory.version;
  }
  void content_changed(Inode& inode, std::uint64_t end, std::uint64_t written) noexcept;

  // dir.cc.
  Result<void> create_new_entry(PendingRequest& request, Dentry& parent, Dentry& dentry, std::uint32_t type);
  Result<void> splice(const InodeRef& inode, DentryRef& dentry);
  Result<void> remove(Opcode opcode, Dentry& parent, Dentry& dentry, const Process& task);
  void entry_unlinked(Dentry& dentry, const Process& task);
  void invalidate_entry(Dentry& dentry);
  std::uint32_t masked(std::uint32_t mode, const Process& task) const noexcept;

  Result<void> ask_statx(Inode& inode, const Process& task);
  bool drops_set_id(const Inode& inode, const Process& task) const noexcept;
  Result<void> permission_getattr(Inode& inode, const Process& task);
  Result<void> generic_permission(const Inode& inode, std::uint32_t mask, const Process& task) const noexcept;

  // file.cc, file_io.cc.
  /// What the server answered to an OPEN or OPENDIR: kFopen... flags.
  struct Granted {
    std::uint64_t handle;
    std::uint32_t fopen;
  };
  Result<Granted> ask_open(Inode& inode, int flags, const Process& task);
  void send_release(const InodeRef& inode, const wire::ReleaseIn& in);
  void send_release(OpenFile& file);
  Result<void> send_flush(const OpenFile& file, const Process& task);
  Result<void> write_for_fsync(OpenFile& file, std::uint64_t begin, std::uint64_t end, const Process& task);
  Result<void> send_fallocate(OpenFile& file, std::uint32_t mode, std::uint64_t offset, std::uint64_t length,
                              const Process& task);
  Result<std::uint64_t> send_copy(OpenFile& in, std::uint64_t in_offset, OpenFile& out, std::uint64_t out_offset,
                                  std::uint64_t length, const Process& task);
  OpenFileRef opened(Dentry& dentry, int flags, std::uint64_t handle, std::uint32_t fopen);
  /// Whether a regular file may be open so (fs/fuse/iomode.c fuse_file_io_open). If not it is released again.
  bool check_io_mode(Inode& inode, int flags, std::uint64_t handle, std::uint32_t fopen);
  Result<std::size_t> read_cached(OpenFile& file, std::uint64_t offset, std::span<std::byte> into, const Process& task);
  Result<std::size_t> read_pages(OpenFile& file, std::uint64_t offset, std::span<std::byte> into, const Process& task);
  bool sends_at_once(const OpenFile& file) const noexcept;
  Result<std::size_t> read_direct(OpenFile& file, std::uint64_t offset, std::span<std::byte> into, const Process& task);
  bool writes_in_parallel(const OpenFile& file, std::uint64_t offset, std::size_t size, int how) const noexcept;
  /// How a write goes: into the cache, or through it.
  enum class WriteWay : std::uint8_t { kThrough, kBack };
  Result<std::size_t> write_locked(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task, int how,
                                   WriteWay way);
  Result<std::size_t> write_cached(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task);
  Result<void> invalidate_for_direct_write(OpenFile& file, std::uint64_t first, std::uint64_t last);
  Result<std::size_t> write_through(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task, int how);
  Result<std::size_t> write_direct(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task, int how);
  std::size_t fill_pages(Inode& inode, std::uint64_t offset, Bytes data);
  Result<Page*> page_for_reading(OpenFile& file, std::uint64_t index, std::uint64_t end_index, const Process& task);
  /// Waits until pages from `first` on are free to be locked.
  template <typename Free>
  bool wait_to_lock(Inode& inode, std::uint64_t first, Free&& free);
  /// Waits until nobody has these pages locked, to do so oneself (folio_lock).
  bool wait_for_pages(Inode& inode, std::uint64_t first, std::uint64_t last);
  /// Waits for a page to read it (folio_wait_locked).
  bool wait_to_read(Inode& inode, std::uint64_t index);
  /// Waits until they are neither locked nor being written back.
  bool wait_until_idle(Inode& inode, std::uint64_t first, std::uint64_t last);
  // These drop pages once they are idle: those behind the end, dirty or not (truncate_pagecache); all of them, what is
  // dirty after it was written back (invalidate_inode_pages2); some, in one way or the other. False: it never came to
  // that.
  void truncate_pages(Inode& inode, std::uint64_t size);
  void invalidate_pages(Inode& inode) { static_cast<void>(invalidate_pages(inode, 0, UINT64_MAX)); }
  bool invalidate_pages(Inode& inode, std::uint64_t first, std::uint64_t last);
  void discard_pages(Inode& inode, std::uint64_t first, std::uint64_t last);
  static constexpr std::uint64_t kIoPages = 32;  // VM_READAHEAD_PAGES: what a device is said to take at once
  /// file_ra_state.ra_pages.
  std::uint64_t readahead_pages(const OpenFile& file) const noexcept {
    return file.advice == POSIX_FADV_SEQUENTIAL ? 2 * connection_.readahead_pages : connection_.readahead_pages;
  }
  void read_ahead_now(OpenFile& file, std::uint64_t first, std::uint64_t count, const Process& task);
  void drop_unused(Inode& inode, std::uint64_t first, std::uint64_t last);
  void read_ahead(OpenFile& file, const ReadaheadWindow& window, const Process& task);
  Result<void> read_page(OpenFile& file, std::uint64_t index, const Process& task);
  Result<void> read_folio(OpenFile& file, std::uint64_t index, const Process& task);
  void short_read(Inode& inode, std::uint64_t end, std::uint64_t attr_version) noexcept;

  // mapping.cc.
  Result<Page*> fault(OpenFile& file, std::uint64_t index, const Process& task);
  Result<Page*> fault_to_write(Mapping& mapping, std::uint64_t index, const Process& task);

  // writeback.cc.
  /// Whether the kernel's own times and size of this file are the right ones (fuse_get_cache_mask).
  /// Whether any of `mask` has to be asked for.
  bool is_stale(const Inode& inode, std::uint32_t mask) const noexcept;
  bool keeps_times(const Inode& inode) const noexcept {
    return connection_.has(kInitWritebackCache) && inode.is_regular();
  }
  void update_times(Inode& inode);
  void change_time_changed(Inode& inode, const Process& task);
  void change_time_changed_in_cache(Inode& inode, const Process& task);
  /// Those times alone, if they are dirty; an error is told as one of writing back.
  void send_times(Inode& inode, const Process& task);
  Result<void> write_inode(Inode& inode, const Process& task);
  Result<void> flush_times(Inode& inode, const Process& task);
  void set_dirty(Inode& inode, Page& page);
  void list_as_dirty(Inode& inode);
  void link_write_file(OpenFile& file);
  void set_writeback_error(Inode& inode, int error) noexcept;
  Result<void> take_writeback_error(Inode& inode) noexcept;
  Result<void> take_writeback_error(OpenFile& file) noexcept;
  bool take_inode(Inode& inode);
  /// Writes dirty pages and times, and waits.
  Result<void> write_inode_now(Inode& inode, const Process& task);
  Result<void> wait_for_data(Inode& inode, std::uint64_t first, std::uint64_t last);
  Result<void> write_and_wait(Inode& inode, std::uint64_t first, std::uint64_t last);
  Result<void> write_back_from(Inode& inode, std::uint64_t offset);
  bool wait_for_writeback(Inode& inode, std::uint64_t first, std::uint64_t last);
  /// No WRITE of cached pages is outstanding from here to resume_writeback() (rule K13). The caller holds the inode.
  bool stop_writeback(Inode& inode);
  void trust_local_times(const Inode& inode, Change& change) const;
  void resume_writeback(Inode& inode);
  bool drain(Inode& inode);
  bool start_writeback(Inode& inode, std::uint64_t first, std::uint64_t last, WritebackMode mode);
  void send_queued_writes(Inode& inode);
  void send_cached_write(Inode& inode, const Writeback::Queued& pages);
  void end_writeback(Inode& inode, const Writeback::Queued& pages) noexcept;
  bool launder(Inode& inode, std::uint64_t first, std::uint64_t last);
  template <class Which>
  void write_back_all(Which&& which);

  Result<void> set_local_lock(Inode& inode, FileLocks& locks, const HeldLock& wanted, LockWaits waits);
  RequestQueue::Request make_lock_request(Opcode opcode, const OpenFile& file, const HeldLock& lock, LockKind kind,
                                          const Process& task);
  Result<void> ask_for_lock(const OpenFile& file, const HeldLock& wanted, LockKind kind, LockWaits waits,
                            const Process& task);

  Result<InodeRef> look_up_handle(std::uint64_t nodeid, std::string_view name, const Process& task);
  DentryRef obtain_alias(const InodeRef& inode);

  Result<void> private_ioctl(Inode& inode, std::uint64_t handle, std::uint32_t command, std::span<std::byte> memory,
                             const Process& task);
  Result<void> ioctl_on_own_handle(Inode& inode, std::uint32_t command, std::span<std::byte> memory,
                                   const Process& task);

  // notify.cc: 0 or a negative errno.
  int invalidate_inode(const wire::NotifyInvalInodeOut& out);
  int invalidate_name(std::uint64_t parent_id, std::uint64_t child_id, std::string_view name, std::uint32_t flags);
  int store(const wire::NotifyStoreOut& out, Bytes data);
  int retrieve(const wire::NotifyRetrieveOut& out);
  int prune(std::uint32_t count, Bytes nodeids);
  void wake_pollers(std::uint64_t kernel_handle) noexcept;

  /// What the cache of the directory gives (fuse_readdir_cached); nothing where the server must be asked.
  Result<std::optional<std::vector<EmittedEntry>>> readdir_cached(OpenFile& file, std::size_t size,
                                                                  const Process& task);
  bool link_direntplus(Dentry& parent, const DirentRecord& record, const Asked& asked);

  RequestQueue& queue_;
  Clock& clock_;
  Scheduler& scheduler_;
  KernelProfile profile_;
  SimulatedMountOptions options_;
  ConnectionState connection_;
  bool active_ = true;
  std::uint64_t tick_ = 1;
  std::uint32_t mappings_ = 0;  // so far
  ErrorSequence errors_;        // super_block.s_wb_err
  std::vector<Inode*> dirty_;  // or were: those with Writeback::listed, the longest dirty first (bdi_writeback.b_dirty)
  InodeCache inodes_;
  std::uint64_t kernel_handles_ = 0;           // fuse_conn.khctr
  std::map<std::uint64_t, OpenFile*> polled_;  // by kernel handle (fuse_conn.polled_files)
  RwLock rename_mutex_;                        // s_vfs_rename_mutex
  DentryRef root_;
};

}  // namespace fusereplay::kernel
