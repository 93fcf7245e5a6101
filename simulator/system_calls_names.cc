// Calls on paths (fs/namei.c, fs/open.c, fs/stat.c).
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "simulator/call.h"

namespace fusereplay {

using kernel::Dentry;
using kernel::DentryRef;
using kernel::Follow;
using kernel::Inode;
using kernel::InodeLock;
using kernel::InodeRef;
using kernel::LockMode;
using kernel::LookupIntent;
using kernel::PathWalk;

namespace {

struct stat to_stat(const Inode& inode) noexcept {
  struct stat out {};
  out.st_ino = inode.ino;
  out.st_mode = inode.mode;
  out.st_nlink = inode.nlink;
  out.st_uid = inode.uid;
  out.st_gid = inode.gid;
  // new_decode_dev.
  out.st_rdev = makedev((inode.rdev & 0xfff00) >> 8, (inode.rdev & 0xff) | ((inode.rdev >> 12) & 0xfff00));
  out.st_size = static_cast<off_t>(inode.size);
  out.st_blocks = static_cast<blkcnt_t>(inode.blocks);
  out.st_blksize = static_cast<blksize_t>(inode.block_size);
  out.st_atim = {inode.atime, inode.atimensec};
  out.st_mtim = {inode.mtime, inode.mtimensec};
  out.st_ctim = {inode.ctime, inode.ctimensec};
  return out;
}

// fs/attr.c setattr_prepare, where the kernel checks permissions.
Result<void> may_change(const Inode& inode, const kernel::Change& change, const Process& task, bool checks) noexcept {
  if (!checks || task.capable()) return {};
  const bool owns = task.uid == inode.uid;
  if ((change.valid & kSetattrMode) != 0 && !owns) return Errno(EPERM);
  if ((change.valid & kSetattrUid) != 0 && (!owns || change.uid != inode.uid)) return Errno(EPERM);
  if ((change.valid & kSetattrGid) != 0 && (!owns || (!task.in_group(change.gid) && change.gid != inode.gid))) {
    return Errno(EPERM);
  }
  return {};
}

}  // namespace

Result<InodeRef> SystemCalls::inode_of(std::string_view path, Follow follow) {
  const Result<DentryRef> found = kernel_.walk.find(path, follow, process_);
  if (!found) return found.error();
  return (*found)->inode;
}

Result<InodeRef> SystemCalls::inode_of(Fd fd) {
  const Result<File> open = file(fd);
  if (!open) return open.error();
  return (*open)->inode;
}

Result<struct stat> SystemCalls::stat_path(std::string_view path, bool follow) {
  const Result<DentryRef> found = kernel_.walk.find(path, follow ? Follow::kYes : Follow::kNo, process_);
  if (!found) return found.error();
  Inode& inode = *(*found)->inode;
  if (!kernel_.filesystem.allows(process_)) return Errno(EACCES);
  const Result<void> known = kernel_.filesystem.update_attributes(inode, nullptr, kernel::kAllAttributes, process_);
  if (!known) return known.error();
  return to_stat(inode);
}

Outcome<struct stat> SystemCalls::stat(std::string_view path) {
  return call([&] { return stat_path(path, true); });
}
Outcome<struct stat> SystemCalls::lstat(std::string_view path) {
  return call([&] { return stat_path(path, false); });
}

Outcome<struct statx> SystemCalls::statx(std::string_view path, int flags, std::uint32_t mask) {
  return call([&]() -> Result<struct statx> {
    const Follow follow = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
    const Result<DentryRef> found = kernel_.walk.find(path, follow, process_);
    if (!found) return found.error();
    Inode& inode = *(*found)->inode;
    if (!kernel_.filesystem.allows(process_)) return Errno(EACCES);
    const Result<bool> birth = kernel_.filesystem.statx(inode, flags, mask, process_);
    if (!birth) return birth.error();
    const struct stat basic = to_stat(inode);
    struct statx out {};
    out.stx_mask = STATX_BASIC_STATS;
    out.stx_ino = basic.st_ino;
    out.stx_mode = static_cast<std::uint16_t>(basic.st_mode);
    out.stx_nlink = static_cast<std::uint32_t>(basic.st_nlink);
    out.stx_uid = basic.st_uid;
    out.stx_gid = basic.st_gid;
    out.stx_size = static_cast<std::uint64_t>(basic.st_size);
    out.stx_blocks = static_cast<std::uint64_t>(basic.st_blocks);
    out.stx_blksize = static_cast<std::uint32_t>(basic.st_blksize);
    const auto time = [](const timespec& from) {
      struct statx_timestamp to {};
      to.tv_sec = from.tv_sec;
      to.tv_nsec = static_cast<std::uint32_t>(from.tv_nsec);
      return to;
    };
    out.stx_atime = time(basic.st_atim);
    out.stx_mtime = time(basic.st_mtim);
    out.stx_ctime = time(basic.st_ctim);
    out.stx_rdev_major = major(basic.st_rdev);
    out.stx_rdev_minor = minor(basic.st_rdev);
    if (*birth) {
      out.stx_mask |= STATX_BTIME;
      out.stx_btime = time({inode.btime, static_cast<long>(inode.btimensec)});
    }
    return out;
  });
}

Outcome<struct stat> SystemCalls::fstat(Fd fd) {
  return call([&]() -> Result<struct stat> {
    const Result<File> open = file(fd, Access::kPathOnly);
    if (!open) return open.error();
    const Result<void> known =
        kernel_.filesystem.update_attributes(*(*open)->inode, nullptr, kernel::kAllAttributes, process_);
    if (!known) return known.error();
    return to_stat(*(*open)->inode);
  });
}

Outcome<void> SystemCalls::faccessat(std::string_view path, int mode, int flags) {
  return call([&]() -> Result<void> {
    if ((mode & ~7) != 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) != 0) return Errno(EINVAL);
    const Follow follow = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
    const Result<DentryRef> found = kernel_.walk.find(path, follow, process_);
    if (!found) return found.error();
    return kernel_.filesystem.permission(*(*found)->inode, static_cast<std::uint32_t>(mode) | kernel::kMayAccess,
                                         process_);
  });
}

namespace {

Result<void> change_owner(kernel::Filesystem& filesystem, Inode& inode, std::uint32_t uid, std::uint32_t gid,
                          const Process& task) {
  const InodeLock held = filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  if (uid != UINT32_MAX) change.valid |= kSetattrUid;
  if (gid != UINT32_MAX) change.valid |= kSetattrGid;
  change.uid = uid;
  change.gid = gid;
  if (!inode.is_directory()) {  // notify_change asks before fuse_setattr checks
    change.kills = true;
    const Result<void> removed = filesystem.remove_capability(inode, task);
    if (!removed) return removed;
  }
  if (const Result<void> may = may_change(inode, change, task, filesystem.options().default_permissions); !may) {
    return may;
  }
  return filesystem.setattr(inode, change, task);
}

Result<void> change_permissions(kernel::Filesystem& filesystem, Inode& inode, std::uint32_t mode, const Process& task) {
  const InodeLock held = filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  change.valid = kSetattrMode;
  change.mode = (mode & 07777) | (inode.mode & S_IFMT);
  if (const Result<void> may = may_change(inode, change, task, filesystem.options().default_permissions); !may) {
    return may;
  }
  return filesystem.setattr(inode, change, task);
}

}  // namespace

Outcome<void> SystemCalls::chmod(std::string_view path, std::uint32_t mode) {
  return call([&]() -> Result<void> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kYes, process_);
    if (!found) return found.error();
    return change_permissions(kernel_.filesystem, *(*found)->inode, mode, process_);
  });
}

Outcome<void> SystemCalls::fchmod(Fd fd, std::uint32_t mode) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    return change_permissions(kernel_.filesystem, *(*open)->inode, mode, process_);
  });
}

Outcome<void> SystemCalls::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return call([&]() -> Result<void> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kYes, process_);
    if (!found) return found.error();
    return change_owner(kernel_.filesystem, *(*found)->inode, uid, gid, process_);
  });
}

Outcome<void> SystemCalls::lchown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return call([&]() -> Result<void> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kNo, process_);
    if (!found) return found.error();
    return change_owner(kernel_.filesystem, *(*found)->inode, uid, gid, process_);
  });
}

Outcome<void> SystemCalls::fchown(Fd fd, std::uint32_t uid, std::uint32_t gid) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    return change_owner(kernel_.filesystem, *(*open)->inode, uid, gid, process_);
  });
}

// vfs_utimes.
Result<void> SystemCalls::change_times(Inode& inode, const NewTime& atime, const NewTime& mtime) {
  using Kind = NewTime::Kind;
  if (!process_.capable() && process_.uid != inode.uid) {
    if (atime.kind == Kind::kNow && mtime.kind == Kind::kNow) {  // ATTR_TOUCH: whoever may write
      const Result<void> may = kernel_.filesystem.permission(inode, kernel::kMayWrite, process_);
      if (!may) return may;
    } else if (kernel_.filesystem.options().default_permissions) {
      return Errno(EPERM);
    }
  }
  const InodeLock held = kernel_.filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  const auto set = [&](const NewTime& wanted, Timestamp& time, std::uint32_t bit, std::uint32_t now_bit) {
    if (wanted.kind == Kind::kOmit) return;
    change.valid |= bit;
    if (wanted.kind == Kind::kNow) {
      change.valid |= now_bit;
      time = Timestamp::from_nanoseconds(kernel_.filesystem.now());
    } else {
      time = wanted.time;
    }
  };
  set(atime, change.atime, kSetattrAtime, kSetattrAtimeNow);
  set(mtime, change.mtime, kSetattrMtime, kSetattrMtimeNow);
  return kernel_.filesystem.setattr(inode, change, process_);
}

namespace {

bool changes_nothing(const NewTime& atime, const NewTime& mtime) noexcept {
  return atime.kind == NewTime::Kind::kOmit && mtime.kind == NewTime::Kind::kOmit;
}

}  // namespace

Outcome<void> SystemCalls::utimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  return call([&]() -> Result<void> {
    if (changes_nothing(atime, mtime)) return {};
    const Result<InodeRef> inode = inode_of(path, Follow::kYes);
    if (!inode) return inode.error();
    return change_times(**inode, atime, mtime);
  });
}

Outcome<void> SystemCalls::lutimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  return call([&]() -> Result<void> {
    if (changes_nothing(atime, mtime)) return {};
    const Result<InodeRef> inode = inode_of(path, Follow::kNo);
    if (!inode) return inode.error();
    return change_times(**inode, atime, mtime);
  });
}

Outcome<void> SystemCalls::futimens(Fd fd, const NewTime& atime, const NewTime& mtime) {
  return call([&]() -> Result<void> {
    if (changes_nothing(atime, mtime)) return {};
    const Result<InodeRef> inode = inode_of(fd);
    if (!inode) return inode.error();
    return change_times(**inode, atime, mtime);
  });
}

// do_truncate, by path.
Outcome<void> SystemCalls::truncate(std::string_view path, std::uint64_t size) {
  return call([&]() -> Result<void> {
    if (size > INT64_MAX) return Errno(EINVAL);
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kYes, process_);
    if (!found) return found.error();
    Inode& inode = *(*found)->inode;
    if (inode.is_directory()) return Errno(EISDIR);
    if (!inode.is_regular()) return Errno(EINVAL);
    if (const Result<void> may = kernel_.filesystem.permission(inode, kernel::kMayWrite, process_); !may) return may;
    kernel::Change change;
    change.valid = kSetattrSize;
    change.size = size;
    return kernel_.filesystem.truncate(inode, change, process_);
  });
}

Result<struct statvfs> SystemCalls::statistics(Inode& inode) {
  const Result<wire::Kstatfs> answer = kernel_.filesystem.statfs(inode, process_);
  if (!answer) return answer.error();
  struct statvfs out {};
  out.f_bsize = answer->bsize;
  out.f_frsize = answer->frsize;
  out.f_blocks = answer->blocks;
  out.f_bfree = answer->bfree;
  out.f_bavail = answer->bavail;
  out.f_files = answer->files;
  out.f_ffree = out.f_favail = answer->ffree;
  out.f_namemax = answer->namelen;
  return out;
}

Outcome<struct statvfs> SystemCalls::statvfs(std::string_view path) {
  return call([&]() -> Result<struct statvfs> {
    const Result<InodeRef> inode = inode_of(path, Follow::kYes);
    if (!inode) return inode.error();
    return statistics(**inode);
  });
}

Outcome<struct statvfs> SystemCalls::fstatvfs(Fd fd) {
  return call([&]() -> Result<struct statvfs> {
    const Result<File> open = file(fd, Access::kPathOnly);
    if (!open) return open.error();
    return statistics(*(*open)->inode);
  });
}

Outcome<void> SystemCalls::mkdir(std::string_view path, std::uint32_t mode) {
  return call([&]() -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, true, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    return kernel_.filesystem.mkdir(*last->parent, **dentry, mode, process_);
  });
}

Outcome<void> SystemCalls::mknod(std::string_view path, std::uint32_t mode, std::uint64_t device) {
  return call([&]() -> Result<void> {
    if ((mode & S_IFMT) == S_IFDIR) return Errno(EPERM);
    if ((mode & S_IFMT) == 0) mode |= S_IFREG;
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, false, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    if ((S_ISCHR(mode) || S_ISBLK(mode)) && !process_.capable()) return Errno(EPERM);
    const bool has_device = S_ISCHR(mode) || S_ISBLK(mode);
    const std::uint32_t rdev =  // new_encode_dev
        has_device ? (minor(device) & 0xff) | (major(device) << 8) | ((minor(device) & ~0xffU) << 12) : 0;
    return kernel_.filesystem.mknod(*last->parent, **dentry, mode, rdev, process_);
  });
}

Outcome<void> SystemCalls::symlink(std::string_view target, std::string_view path) {
  return call([&]() -> Result<void> {
    if (target.empty()) return Errno(ENOENT);
    if (target.size() >= 4096) return Errno(ENAMETOOLONG);
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, false, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    return kernel_.filesystem.symlink(*last->parent, **dentry, target, process_);
  });
}

Outcome<std::string> SystemCalls::readlink(std::string_view path) {
  return call([&]() -> Result<std::string> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kNo, process_);
    if (!found) return found.error();
    if (!(*found)->inode->is_symlink()) return Errno(EINVAL);
    return kernel_.filesystem.readlink(*(*found)->inode, process_);
  });
}

namespace {

// vfs_link.
Result<void> link_inode(kernel::Kernel& kernel, Inode& source, std::string_view to, const Process& task) {
  const Result<PathWalk::Last> last = kernel.walk.find_parent(to, task);
  if (!last) return last.error();
  const InodeLock parent_lock = kernel.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
  const Result<DentryRef> dentry = kernel.walk.prepare_creation(*last, false, task);
  if (!dentry) return dentry.error();
  if (const Result<void> may = kernel.walk.may_link(source, task); !may) return may;
  if (const Result<void> may = kernel.walk.may_create(*last->parent->inode, task); !may) return may;
  if (source.is_directory()) return Errno(EPERM);
  if (source.nlink == 0 && !source.linkable) return Errno(ENOENT);
  const InodeLock source_lock = kernel.filesystem.lock(source, LockMode::kExclusive);
  const Result<void> linked = kernel.filesystem.link(source, *last->parent, **dentry, task);
  if (linked) source.linkable = false;
  return linked;
}

}  // namespace

Outcome<void> SystemCalls::link(std::string_view from, std::string_view to) {
  return call([&]() -> Result<void> {
    const Result<DentryRef> source = kernel_.walk.find(from, Follow::kNo, process_);
    if (!source) return source.error();
    return link_inode(kernel_, *(*source)->inode, to, process_);
  });
}

Outcome<void> SystemCalls::link(Fd from, std::string_view to) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(from, Access::kPathOnly);
    if (!open) return open.error();
    return link_inode(kernel_, *(*open)->inode, to, process_);
  });
}

// do_unlinkat, vfs_unlink.
Outcome<void> SystemCalls::unlink(std::string_view path) {
  return call([&]() -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_);
    if (!last) return last.error();
    if (!last->is_plain()) return Errno(EISDIR);
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.look_up(*last->parent, last->name, LookupIntent::kAny, process_);
    if (!dentry) return dentry.error();
    if ((*dentry)->negative()) return Errno(ENOENT);
    if (last->trailing) return Errno((*dentry)->inode->is_directory() ? EISDIR : ENOTDIR);
    Inode& directory = *last->parent->inode;
    if (const Result<void> may = kernel_.walk.may_delete(directory, **dentry, false, process_); !may) return may;
    const InodeRef victim = (*dentry)->inode;
    const InodeLock victim_lock = kernel_.filesystem.lock(*victim, LockMode::kExclusive);
    if (const Result<void> done = kernel_.filesystem.unlink(*last->parent, **dentry, process_); !done) return done;
    kernel::delete_entry(**dentry, 1);
    return {};
  });
}

// do_rmdir, vfs_rmdir.
Outcome<void> SystemCalls::rmdir(std::string_view path) {
  return call([&]() -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_);
    if (!last) return last.error();
    if (last->name == "..") return Errno(ENOTEMPTY);
    if (last->name == ".") return Errno(last->parent->parent == nullptr && !last->trailing ? EBUSY : EINVAL);
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.look_up(*last->parent, last->name, LookupIntent::kAny, process_);
    if (!dentry) return dentry.error();
    if ((*dentry)->negative()) return Errno(ENOENT);
    Inode& directory = *last->parent->inode;
    if (const Result<void> may = kernel_.walk.may_delete(directory, **dentry, true, process_); !may) return may;
    const InodeRef victim = (*dentry)->inode;
    const InodeLock victim_lock = kernel_.filesystem.lock(*victim, LockMode::kExclusive);
    if (const Result<void> done = kernel_.filesystem.rmdir(*last->parent, **dentry, process_); !done) return done;
    kernel::shrink(**dentry);
    victim->dead = true;
    kernel::delete_entry(**dentry, 1);
    return {};
  });
}

namespace {

struct ChildLocks {
  InodeLock first;
  InodeLock second;
};

// vfs_rename: what moves and what it replaces, directories before files.
ChildLocks lock_children(kernel::Filesystem& filesystem, Inode& moved, Inode* displaced, bool crosses, bool exchange) {
  const bool locks_moved = !moved.is_directory() || crosses;
  const bool locks_displaced = displaced != nullptr && (!displaced->is_directory() || !exchange || crosses);
  ChildLocks locks;
  if (locks_moved && (moved.is_directory() || !locks_displaced)) {
    locks.first = filesystem.lock(moved, LockMode::kExclusive);
    if (locks_displaced) locks.second = filesystem.lock(*displaced, LockMode::kExclusive);
  } else {
    if (locks_displaced) locks.first = filesystem.lock(*displaced, LockMode::kExclusive);
    if (locks_moved) locks.second = filesystem.lock(moved, LockMode::kExclusive);
  }
  return locks;
}

}  // namespace

// do_renameat2, vfs_rename.
Outcome<void> SystemCalls::rename(std::string_view from, std::string_view to, std::uint32_t flags) {
  return call([&]() -> Result<void> {
    const bool exchange = (flags & RENAME_EXCHANGE) != 0;
    const bool whiteout = (flags & RENAME_WHITEOUT) != 0;
    const bool replaces = (flags & RENAME_NOREPLACE) == 0;
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) return Errno(EINVAL);
    if ((!replaces || whiteout) && exchange) return Errno(EINVAL);
    const Result<PathWalk::Last> source = kernel_.walk.find_parent(from, process_);
    if (!source) return source.error();
    const Result<PathWalk::Last> target = kernel_.walk.find_parent(to, process_);
    if (!target) return target.error();
    if (!source->is_plain()) return Errno(EBUSY);
    if (!target->is_plain()) return Errno(replaces ? EBUSY : EEXIST);
    Dentry& old_parent = *source->parent;
    Dentry& new_parent = *target->parent;
    const kernel::Filesystem::RenameLocks parents = kernel_.filesystem.lock_rename(old_parent, new_parent);
    const Result<DentryRef> old_dentry = kernel_.walk.look_up(old_parent, source->name, LookupIntent::kAny, process_);
    if (!old_dentry) return old_dentry.error();
    if ((*old_dentry)->negative()) return Errno(ENOENT);
    const Result<DentryRef> new_dentry =
        kernel_.walk.look_up(new_parent, target->name, exchange ? LookupIntent::kAny : LookupIntent::kFresh, process_);
    if (!new_dentry) return new_dentry.error();
    Dentry& moved = **old_dentry;
    Dentry& place = **new_dentry;
    if (!replaces && !place.negative()) return Errno(EEXIST);
    if (exchange) {
      if (place.negative()) return Errno(ENOENT);
      if (!place.inode->is_directory() && target->trailing) return Errno(ENOTDIR);
    }
    if (!moved.inode->is_directory()) {
      if (source->trailing) return Errno(ENOTDIR);
      if (!exchange && target->trailing) return Errno(ENOTDIR);
    }
    if (kernel::is_within(new_parent, moved)) return Errno(EINVAL);  // source an ancestor of the target
    if (!place.negative() && kernel::is_within(old_parent, place)) return Errno(exchange ? EINVAL : ENOTEMPTY);
    if (moved.inode == place.inode) return {};
    const bool directory = moved.inode->is_directory();
    if (const Result<void> may = kernel_.walk.may_delete(*old_parent.inode, moved, directory, process_); !may) {
      return may;
    }
    const Result<void> may =
        place.negative() ? kernel_.walk.may_create(*new_parent.inode, process_)
                         : kernel_.walk.may_delete(*new_parent.inode, place,
                                                   exchange ? place.inode->is_directory() : directory, process_);
    if (!may) return may;
    if (&old_parent != &new_parent) {  // ".." changes in what is a directory
      const bool other = exchange && place.inode->is_directory();
      for (Inode* const turned : {directory ? moved.inode.get() : nullptr, other ? place.inode.get() : nullptr}) {
        if (turned == nullptr) continue;
        const Result<void> writable = kernel_.filesystem.permission(*turned, kernel::kMayWrite, process_);
        if (!writable) return writable;
      }
    }
    const InodeRef displaced = place.inode;
    const bool crosses = &old_parent != &new_parent;
    const ChildLocks children = lock_children(kernel_.filesystem, *moved.inode, displaced.get(), crosses, exchange);
    const Result<void> done = kernel_.filesystem.rename(old_parent, moved, new_parent, place, flags, process_);
    if (!done) return done;
    if (exchange) {
      kernel::exchange(moved, place);
      return {};
    }
    if (displaced != nullptr && displaced->is_directory()) {
      kernel::shrink(place);
      displaced->dead = true;
    }
    kernel::move(moved, place);
    return {};
  });
}

}  // namespace fusereplay
