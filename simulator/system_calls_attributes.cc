// Calls on attributes (fs/stat.c, fs/attr.c, fs/open.c, fs/utimes.c, fs/statfs.c).
#include <sys/sysmacros.h>
#include <unistd.h>

#include "simulator/call.h"

namespace fusereplay {

using kernel::Follow;
using kernel::Inode;
using kernel::InodeLock;
using kernel::LockMode;

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

Follow followed(int flags) noexcept {
  return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
}

// vfs_getattr.
Result<struct stat> stat_of(kernel::Filesystem& filesystem, Inode& inode, const Process& task) {
  if (!filesystem.allows(task)) return Errno(EACCES);
  const Result<void> known = filesystem.update_attributes(inode, nullptr, kernel::kAllAttributes, task);
  if (!known) return known.error();
  return to_stat(inode);
}

}  // namespace

Outcome<struct stat> SystemCalls::stat(std::string_view path) {
  return call_on(Named{path, Follow::kYes}, [&](Inode& inode) { return stat_of(kernel_.filesystem, inode, process_); });
}
Outcome<struct stat> SystemCalls::lstat(std::string_view path) {
  return call_on(Named{path, Follow::kNo}, [&](Inode& inode) { return stat_of(kernel_.filesystem, inode, process_); });
}
Outcome<struct stat> SystemCalls::fstat(Fd fd) {
  return call_on(Opened{fd, Access::kPathOnly},
                 [&](Inode& inode) { return stat_of(kernel_.filesystem, inode, process_); });
}

Outcome<struct statx> SystemCalls::statx(std::string_view path, int flags, std::uint32_t mask) {
  return call_on(
      Named{path, followed(flags)}, [&](Inode & inode) -> Result<struct statx> {
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

Outcome<void> SystemCalls::faccessat(std::string_view path, int mode, int flags) {
  if ((mode & ~7) != 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) != 0) return Errno(EINVAL);
  return call_on(Named{path, followed(flags)}, [&](Inode& inode) {
    return kernel_.filesystem.permission(inode, static_cast<std::uint32_t>(mode) | kernel::kMayAccess, process_);
  });
}

namespace {

Result<void> change_owner(kernel::Filesystem& filesystem, Inode& inode, std::uint32_t uid, std::uint32_t gid,
                          const Process& task) {
  if (const Result<void> may = filesystem.want_write(); !may) return may;
  const InodeLock held = filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  if (uid != UINT32_MAX) change.valid |= kSetattrUid;
  if (gid != UINT32_MAX) change.valid |= kSetattrGid;
  change.uid = uid;
  change.gid = gid;
  if (!inode.is_directory()) {  // notify_change asks before fuse_setattr checks
    change.kills = true;
    change.kills_capability = filesystem.has_capability(inode, task);
  }
  if (const Result<void> may = may_change(inode, change, task, filesystem.options().default_permissions); !may) {
    return may;
  }
  return filesystem.setattr(inode, change, task);
}

Result<void> change_permissions(kernel::Filesystem& filesystem, Inode& inode, std::uint32_t mode, const Process& task) {
  if (const Result<void> may = filesystem.want_write(); !may) return may;
  const InodeLock held = filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  change.valid = kSetattrMode;
  change.mode = (mode & 07777) | (inode.mode & S_IFMT);
  if (filesystem.options().default_permissions && !task.capable() && !task.in_group(inode.gid)) {
    change.mode &= ~static_cast<std::uint32_t>(S_ISGID);  // setattr_prepare
  }
  if (const Result<void> may = may_change(inode, change, task, filesystem.options().default_permissions); !may) {
    return may;
  }
  return filesystem.setattr(inode, change, task);
}

// vfs_utimes.
Result<void> change_times(kernel::Filesystem& filesystem, Inode& inode, const NewTime& atime, const NewTime& mtime,
                          const Process& task) {
  using Kind = NewTime::Kind;
  if (const Result<void> may = filesystem.want_write(); !may) return may;
  if (!task.capable() && task.uid != inode.uid) {
    if (atime.kind == Kind::kNow && mtime.kind == Kind::kNow) {  // ATTR_TOUCH: whoever may write
      const Result<void> may = filesystem.permission(inode, kernel::kMayWrite, task);
      if (!may) return may;
    } else if (filesystem.options().default_permissions) {
      return Errno(EPERM);
    }
  }
  const InodeLock held = filesystem.lock(inode, LockMode::kExclusive);
  kernel::Change change;
  const auto set = [&](const NewTime& wanted, Timestamp& time, std::uint32_t bit, std::uint32_t now_bit) {
    if (wanted.kind == Kind::kOmit) return;
    change.valid |= bit;
    if (wanted.kind == Kind::kNow) {
      change.valid |= now_bit;
      time = Timestamp::from_nanoseconds(filesystem.now());
    } else {
      time = wanted.time;
    }
  };
  set(atime, change.atime, kSetattrAtime, kSetattrAtimeNow);
  set(mtime, change.mtime, kSetattrMtime, kSetattrMtimeNow);
  return filesystem.setattr(inode, change, task);
}

bool changes_nothing(const NewTime& atime, const NewTime& mtime) noexcept {
  return atime.kind == NewTime::Kind::kOmit && mtime.kind == NewTime::Kind::kOmit;
}

}  // namespace

Outcome<void> SystemCalls::chmod(std::string_view path, std::uint32_t mode) {
  return call_on(Named{path, Follow::kYes},
                 [&](Inode& inode) { return change_permissions(kernel_.filesystem, inode, mode, process_); });
}
Outcome<void> SystemCalls::fchmod(Fd fd, std::uint32_t mode) {
  return call_on(Opened{fd},
                 [&](Inode& inode) { return change_permissions(kernel_.filesystem, inode, mode, process_); });
}

Outcome<void> SystemCalls::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return call_on(Named{path, Follow::kYes},
                 [&](Inode& inode) { return change_owner(kernel_.filesystem, inode, uid, gid, process_); });
}
Outcome<void> SystemCalls::lchown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return call_on(Named{path, Follow::kNo},
                 [&](Inode& inode) { return change_owner(kernel_.filesystem, inode, uid, gid, process_); });
}
Outcome<void> SystemCalls::fchown(Fd fd, std::uint32_t uid, std::uint32_t gid) {
  return call_on(Opened{fd}, [&](Inode& inode) { return change_owner(kernel_.filesystem, inode, uid, gid, process_); });
}

Outcome<void> SystemCalls::utimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  if (changes_nothing(atime, mtime)) return {};
  return call_on(Named{path, Follow::kYes},
                 [&](Inode& inode) { return change_times(kernel_.filesystem, inode, atime, mtime, process_); });
}
Outcome<void> SystemCalls::lutimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  if (changes_nothing(atime, mtime)) return {};
  return call_on(Named{path, Follow::kNo},
                 [&](Inode& inode) { return change_times(kernel_.filesystem, inode, atime, mtime, process_); });
}
Outcome<void> SystemCalls::futimens(Fd fd, const NewTime& atime, const NewTime& mtime) {
  if (changes_nothing(atime, mtime)) return {};
  return call_on(Opened{fd},
                 [&](Inode& inode) { return change_times(kernel_.filesystem, inode, atime, mtime, process_); });
}

// do_truncate, by path.
Outcome<void> SystemCalls::truncate(std::string_view path, std::uint64_t size) {
  if (size > INT64_MAX) return Errno(EINVAL);
  return call_on(Named{path, Follow::kYes}, [&](Inode& inode) -> Result<void> {
    if (inode.is_directory()) return Errno(EISDIR);
    if (!inode.is_regular()) return Errno(EINVAL);
    if (const Result<void> may = kernel_.filesystem.permission(inode, kernel::kMayWrite, process_); !may) return may;
    kernel::Change change;
    change.valid = kSetattrSize;
    change.size = size;
    return kernel_.filesystem.truncate(inode, change, process_);
  });
}

namespace {

Result<struct statvfs> statistics(kernel::Filesystem& filesystem, Inode& inode, const Process& task) {
  const Result<wire::Kstatfs> answer = filesystem.statfs(inode, task);
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

}  // namespace

Outcome<struct statvfs> SystemCalls::statvfs(std::string_view path) {
  return call_on(Named{path, Follow::kYes},
                 [&](Inode& inode) { return statistics(kernel_.filesystem, inode, process_); });
}
Outcome<struct statvfs> SystemCalls::fstatvfs(Fd fd) {
  return call_on(Opened{fd, Access::kPathOnly},
                 [&](Inode& inode) { return statistics(kernel_.filesystem, inode, process_); });
}

}  // namespace fusereplay
