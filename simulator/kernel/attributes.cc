// Attributes and permissions (fs/fuse/dir.c, fs/attr.c, fs/namei.c generic_permission).
#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "rules/entry_check.h"
#include "simulator/kernel/filesystem.h"
#include "simulator/kernel/no_writes.h"

namespace fusereplay::kernel {

namespace {

constexpr std::uint32_t kKeptAttributes = STATX_MTIME | STATX_CTIME | STATX_SIZE;  // see keeps_times()

}  // namespace

// fuse_do_getattr.
Result<void> Filesystem::getattr(Inode& inode, const OpenFile* file, const Process& task) {
  const InodeRef keep(&inode);
  const Asked asked = asking();
  wire::GetattrIn in{};
  if (file != nullptr && inode.is_regular()) {
    in.getattr_flags |= kGetattrFh;
    in.fh = file->handle;
  }
  const auto request = make(Opcode::kGetattr, inode.nodeid, task);
  request->add(in);
  if (const Result<void> answer = call(*request); !answer) return answer;
  const auto out = request->out<wire::AttrOut>();
  if (check_attr(out.attr.mode, out.attr.size) != AttrFault::kNone ||
      (out.attr.mode & S_IFMT) != (inode.mode & S_IFMT)) {
    make_bad(inode);
    return Errno(EIO);
  }
  change_attributes(inode, out.attr, expiry(out.attr_valid, out.attr_valid_nsec), asked);
  return {};
}

bool Filesystem::is_stale(const Inode& inode, std::uint32_t mask) const noexcept {
  const std::uint32_t kept = keeps_times(inode) ? kKeptAttributes : 0;
  return (mask & inode.invalid & ~kept) != 0 || has_expired(inode.attributes_expire);
}

// fuse_update_get_attr.
Result<void> Filesystem::update_attributes(Inode& inode, const OpenFile* file, std::uint32_t mask,
                                           const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (mask == 0) return {};
  if (!is_stale(inode, mask)) return {};
  return getattr(inode, file, task);
}

Result<bool> Filesystem::statx(Inode& inode, int flags, std::uint32_t mask, const Process& task) {
  if (inode.bad) return Errno(EIO);
  mask &= kAllAttributes | kBirthTime;
  while (true) {
    if (connection_.no_statx) mask &= kAllAttributes;
    bool asks = is_stale(inode, mask);
    if ((flags & AT_STATX_FORCE_SYNC) != 0) asks = true;
    if ((flags & AT_STATX_DONT_SYNC) != 0) asks = false;
    if (mask == 0 || !asks) return inode.has_birth_time;
    const bool extended = (mask & kBirthTime) != 0;
    const Result<void> answer = extended ? ask_statx(inode, task) : getattr(inode, nullptr, task);
    if (answer) return extended && inode.has_birth_time;
    if (!extended || answer.error() != Errno(ENOSYS)) return answer.error();
    connection_.no_statx = true;
  }
}

// fuse_do_statx: asks for all there is. Attributes count only if all of them came.
Result<void> Filesystem::ask_statx(Inode& inode, const Process& task) {
  const InodeRef keep(&inode);
  const Asked asked = asking();
  wire::StatxIn in{};
  in.sx_mask = kAllAttributes | kBirthTime;
  const auto request = make(Opcode::kStatx, inode.nodeid, task);
  request->add(in);
  if (const Result<void> answer = call(*request); !answer) return answer;
  const auto out = request->out<wire::StatxOut>();
  const wire::Statx& stat = out.stat;
  const bool bad_size = (stat.mask & STATX_SIZE) != 0 && check_attr(S_IFREG, stat.size) != AttrFault::kNone;
  const bool bad_type = (stat.mask & STATX_TYPE) != 0 &&
                        (check_attr(stat.mode, 0) != AttrFault::kNone || ((stat.mode ^ inode.mode) & S_IFMT) != 0);
  if (bad_size || bad_type) {
    make_bad(inode);
    return Errno(EIO);
  }
  if ((stat.mask & kAllAttributes) != kAllAttributes) return {};
  wire::Attr attr{};  // fuse_statx_to_attr
  attr.ino = stat.ino;
  attr.size = stat.size;
  attr.blocks = stat.blocks;
  attr.atime = static_cast<std::uint64_t>(stat.atime.tv_sec);
  attr.mtime = static_cast<std::uint64_t>(stat.mtime.tv_sec);
  attr.ctime = static_cast<std::uint64_t>(stat.ctime.tv_sec);
  attr.atimensec = stat.atime.tv_nsec;
  attr.mtimensec = stat.mtime.tv_nsec;
  attr.ctimensec = stat.ctime.tv_nsec;
  attr.mode = stat.mode;
  attr.nlink = stat.nlink;
  attr.uid = stat.uid;
  attr.gid = stat.gid;
  attr.rdev = (stat.rdev_minor & 0xff) | (stat.rdev_major << 8) | ((stat.rdev_minor & ~0xffU) << 12);
  attr.blksize = stat.blksize;
  change_attributes(inode, attr, expiry(out.attr_valid, out.attr_valid_nsec), asked);
  inode.invalid &= ~kBirthTime;
  if ((stat.mask & kBirthTime) != 0) {
    inode.has_birth_time = true;
    inode.btime = stat.btime.tv_sec;
    inode.btimensec = stat.btime.tv_nsec;
  }
  return {};
}

bool Filesystem::allows(const Process& task) const noexcept {
  return options_.allow_other || (task.uid == options_.owner_uid && task.gid == options_.owner_gid);
}

// fuse_perm_getattr.
Result<void> Filesystem::permission_getattr(Inode& inode, const Process& task) {
  return getattr(inode, nullptr, task);
}

Result<void> Filesystem::permission(Inode& inode, std::uint32_t mask, const Process& task) {
  if (options_.read_only && (mask & kMayWrite) != 0) return Errno(EROFS);
  if (inode.is_symlink()) return generic_permission(inode, mask, task);  // has no operation of its own for it
  if (inode.bad) return Errno(EIO);
  if (!allows(task)) return Errno(EACCES);
  const bool executes = (mask & kMayExec) != 0 && inode.is_regular();
  bool refreshed = false;
  if (options_.default_permissions || executes) {
    constexpr std::uint32_t kNeeded = STATX_MODE | STATX_UID | STATX_GID;
    if ((inode.invalid & kNeeded) != 0 || has_expired(inode.attributes_expire)) {
      refreshed = true;
      if (const Result<void> fetched = permission_getattr(inode, task); !fetched) return fetched;
    }
  }
  if (options_.default_permissions) {
    Result<void> verdict = generic_permission(inode, mask, task);
    if (!verdict && verdict.error() == Errno(EACCES) && !refreshed) {
      if (const Result<void> fetched = permission_getattr(inode, task); !fetched) return fetched;
      verdict = generic_permission(inode, mask, task);
    }
    return verdict;
  }
  if ((mask & (kMayAccess | kMayChdir)) != 0) {  // fuse_access
    if (connection_.no_access) return {};
    const auto request = make(Opcode::kAccess, inode.nodeid, task);
    request->add(wire::AccessIn{.mask = mask & (kMayRead | kMayWrite | kMayExec), .padding = 0});
    const Result<void> answer = call(*request);
    if (answer || answer.error() != Errno(ENOSYS)) return answer;
    connection_.no_access = true;
    return {};
  }
  constexpr std::uint32_t kAnyExec = S_IXUSR | S_IXGRP | S_IXOTH;
  if (executes && (inode.mode & kAnyExec) == 0) {
    if (refreshed) return Errno(EACCES);
    if (const Result<void> fetched = permission_getattr(inode, task); !fetched) return fetched;
    if ((inode.mode & kAnyExec) == 0) return Errno(EACCES);
  }
  return {};
}

Result<void> Filesystem::generic_permission(const Inode& inode, std::uint32_t mask,
                                            const Process& task) const noexcept {
  const std::uint32_t wanted = mask & (kMayRead | kMayWrite | kMayExec);
  std::uint32_t mode = inode.mode;
  if (task.uid == inode.uid) {
    mode >>= 6;
  } else if (task.in_group(inode.gid)) {
    mode >>= 3;
  }
  if ((wanted & ~mode & 7) == 0) return {};
  if (!task.capable()) return Errno(EACCES);
  // CAP_DAC_OVERRIDE: but a file is executable only if somebody may execute it.
  constexpr std::uint32_t kAnyExec = S_IXUSR | S_IXGRP | S_IXOTH;
  if (inode.is_directory() || (wanted & kMayExec) == 0 || (inode.mode & kAnyExec) != 0) return {};
  return Errno(EACCES);
}

// security/commoncap.c cap_inode_need_killpriv. Any error: there is none.
bool Filesystem::has_capability(Inode& inode, const Process& task) {
  const Result<std::uint32_t> there = getxattr_size(inode, "security.capability", task);
  return there && *there != 0;
}

// setattr_should_drop_suidgid.
bool Filesystem::drops_set_id(const Inode& inode, const Process& task) const noexcept {
  if (task.capable() || !inode.is_regular()) return false;
  if ((inode.mode & S_ISUID) != 0) return true;
  return (inode.mode & S_ISGID) != 0 && ((inode.mode & S_IXGRP) != 0 || !task.in_group(inode.gid));
}

// fs/inode.c file_remove_privs: S_NOSEC is set by the first write that finds nothing to remove, where KILLPRIV_V2 lets
// the superblock say so (SB_NOSEC).
Result<void> Filesystem::remove_privileges(Inode& inode, const Process& task) {
  if (inode.no_privileges || !inode.is_regular()) return {};
  Change change;  // of nothing, where the server clears the bits itself: SETATTR is sent all the same (fuse_setattr)
  change.timeless = true;
  change.kills_capability = has_capability(inode, task);
  change.kills = drops_set_id(inode, task);
  if (change.kills_capability || change.kills) {
    if (change.kills_capability) change.kills_capability = has_capability(inode, task);  // notify_change
    if (const Result<void> changed = setattr(inode, change, task); !changed) return changed;
  }
  const bool is_set_id = (inode.mode & S_ISUID) != 0 || (inode.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  if (!is_set_id && connection_.has(kInitHandleKillprivV2)) inode.no_privileges = true;
  return {};
}

Result<void> Filesystem::truncate(Inode& inode, Change change, const Process& task) {
  if (!inode.no_privileges) {
    change.kills_capability = has_capability(inode, task);
    change.kills = drops_set_id(inode, task);
  }
  const InodeLock held = lock(inode, LockMode::kExclusive);
  if (change.kills_capability) change.kills_capability = has_capability(inode, task);
  return setattr(inode, change, task);
}

// Where the kernel keeps the times itself, it says what they are (trust_local_cmtime).
void Filesystem::trust_local_times(const Inode& inode, Change& change) const {
  if (change.timeless) return;
  const Timestamp now = Timestamp::from_nanoseconds(clock_.realtime());
  const bool truncates = (change.valid & kSetattrSize) != 0;
  if (truncates && change.file == nullptr && change.size == inode.size) return;
  if (truncates) change.valid |= kSetattrMtime | kSetattrMtimeNow;
  if ((change.valid & kSetattrMtimeNow) != 0) change.mtime = now;
  change.valid = (change.valid & ~kSetattrMtimeNow) | kSetattrCtime;
  change.ctime = now;
}

// fuse_do_setattr.
Result<void> Filesystem::setattr(Inode& inode, Change change, const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (!allows(task)) return Errno(EACCES);
  const InodeRef keep(&inode);
  if (change.kills && !connection_.has(kInitHandleKillpriv) && !connection_.has(kInitHandleKillprivV2)) {
    // fuse_setattr: the mode that is known may be stale.
    if (const Result<void> fetched = getattr(inode, change.file, task); !fetched) return fetched;
    change.mode = inode.mode & ~static_cast<std::uint32_t>(S_ISUID);
    if ((inode.mode & S_IXGRP) != 0) change.mode &= ~static_cast<std::uint32_t>(S_ISGID);
    if (change.mode != inode.mode) change.valid |= kSetattrMode;
  }
  if (change.kills_capability) {  // setattr_prepare, cap_inode_killpriv
    const Result<void> removed = removexattr(inode, "security.capability", task);
    if (!removed && removed.error() != Errno(EOPNOTSUPP)) return removed;
  }
  const bool truncates = (change.valid & kSetattrSize) != 0;
  if (truncates && change.opening && connection_.has(kInitAtomicOTrunc)) {
    inode.size = 0;
    truncate_pages(inode, 0);
    return {};
  }
  const bool keeps = keeps_times(inode);
  constexpr std::uint32_t kTimes = kSetattrAtime | kSetattrMtime;
  constexpr std::uint32_t kBothNow = kTimes | kSetattrAtimeNow | kSetattrMtimeNow;
  const bool sets_times = (change.valid & kTimes) != 0 && (change.valid & kBothNow) != kBothNow;
  if (keeps && (sets_times || (change.valid & (kSetattrMode | kSetattrUid | kSetattrGid)) != 0)) {
    if (const Result<void> written = write_inode_now(inode, task); !written) return written;
    drain(inode);
  }
  std::optional<NoWrites> no_writes;
  if (truncates) no_writes.emplace(*this, inode);
  if (keeps) trust_local_times(inode, change);
  wire::SetattrIn in{};
  in.valid = change.valid;
  if ((change.valid & kSetattrMode) != 0) in.mode = change.mode;
  if ((change.valid & kSetattrUid) != 0) in.uid = change.uid;
  if ((change.valid & kSetattrGid) != 0) in.gid = change.gid;
  if (truncates) in.size = change.size;
  in.atime = static_cast<std::uint64_t>(change.atime.seconds);
  in.atimensec = change.atime.nanoseconds;
  in.mtime = static_cast<std::uint64_t>(change.mtime.seconds);
  in.mtimensec = change.mtime.nanoseconds;
  in.ctime = static_cast<std::uint64_t>(change.ctime.seconds);
  in.ctimensec = change.ctime.nanoseconds;
  if (change.file != nullptr && !change.opening) {
    in.valid |= kSetattrFh;
    in.fh = change.file->handle;
  }
  const bool killpriv_v2 = connection_.has(kInitHandleKillprivV2);
  if (killpriv_v2 && !inode.is_directory() && (change.valid & (kSetattrUid | kSetattrGid)) != 0) {
    in.valid |= kSetattrKillSuidgid;
  }
  if (truncates) {
    in.valid |= kSetattrLockOwner;
    in.lock_owner = task.pid;
    if (killpriv_v2 && !task.capable()) in.valid |= kSetattrKillSuidgid;
    inode.size_unstable = true;
  }
  const Asked asked = asking();
  const auto request = make(Opcode::kSetattr, inode.nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  inode.size_unstable = false;
  if (!answer) {
    if (answer.error() == Errno(EINTR)) invalidate_attributes(inode);
    return answer;
  }
  const auto out = request->out<wire::AttrOut>();
  if (check_attr(out.attr.mode, out.attr.size) != AttrFault::kNone ||
      (out.attr.mode & S_IFMT) != (inode.mode & S_IFMT)) {
    make_bad(inode);
    return Errno(EIO);
  }
  if (keeps && (change.valid & kSetattrMtime) != 0) {
    inode.mtime = change.mtime.seconds;
    inode.mtimensec = change.mtime.nanoseconds;
  }
  if (keeps && (change.valid & kSetattrCtime) != 0) {
    inode.ctime = change.ctime.seconds;
    inode.ctimensec = change.ctime.nanoseconds;
  }
  set_attributes(inode, out.attr, expiry(out.attr_valid, out.attr_valid_nsec), asked);
  const std::uint64_t size = keeps && !truncates ? inode.size : out.attr.size;
  const std::uint64_t old_size = std::exchange(inode.size, size);
  if (no_writes) no_writes->end();
  if (inode.is_regular() && old_size != size) {
    truncate_pages(inode, size);
    invalidate_pages(inode);
  }
  // fuse_setattr: who may enter has changed.
  if (inode.directory_dentry != nullptr && (change.valid & kSetattrMode) != 0) inode.directory_dentry->expires = 0;
  return {};
}

}  // namespace fusereplay::kernel
