// Calls on names (fs/namei.c).
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

Outcome<void> SystemCalls::mkdir(std::string_view path, std::uint32_t mode) {
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_, intent);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, true, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    return kernel_.filesystem.mkdir(*last->parent, **dentry, mode, process_);
  });
}

namespace {

// may_mknod.
Result<void> may_mknod(std::uint32_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return {};
    case S_IFDIR:
      return Errno(EPERM);
    default:
      return Errno(EINVAL);
  }
}

}  // namespace

Outcome<void> SystemCalls::mknod(std::string_view path, std::uint32_t mode, std::uint64_t device) {
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    if ((mode & S_IFMT) == 0) mode |= S_IFREG;
    if (const Result<void> may = may_mknod(mode); !may) return may;
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_, intent);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, false, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    const bool whiteout = S_ISCHR(mode) && device == 0;
    if ((S_ISCHR(mode) || S_ISBLK(mode)) && !whiteout && !process_.capable()) return Errno(EPERM);
    const bool has_device = S_ISCHR(mode) || S_ISBLK(mode);
    const std::uint32_t rdev =  // new_encode_dev
        has_device ? (minor(device) & 0xff) | (major(device) << 8) | ((minor(device) & ~0xffU) << 12) : 0;
    mode = kernel::strip_set_gid(*last->parent->inode, mode, process_);
    return kernel_.filesystem.mknod(*last->parent, **dentry, mode, rdev, process_);
  });
}

Outcome<void> SystemCalls::symlink(std::string_view target, std::string_view path) {
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    if (target.empty()) return Errno(ENOENT);
    if (target.size() >= 4096) return Errno(ENAMETOOLONG);
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_, intent);
    if (!last) return last.error();
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.prepare_creation(*last, false, process_);
    if (!dentry) return dentry.error();
    if (const Result<void> may = kernel_.walk.may_create(*last->parent->inode, process_); !may) return may;
    return kernel_.filesystem.symlink(*last->parent, **dentry, target, process_);
  });
}

Outcome<std::string> SystemCalls::readlink(std::string_view path) {
  return call_on_path([&](LookupIntent intent) -> Result<std::string> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kNo, process_, intent);
    if (!found) return found.error();
    if (!(*found)->inode->is_symlink()) return Errno(EINVAL);
    return kernel_.filesystem.readlink(*(*found)->inode, process_);
  });
}

namespace {

// vfs_link.
Result<void> link_inode(kernel::Kernel& kernel, Inode& source, std::string_view to, const Process& task,
                        LookupIntent intent, Dentry* from) {
  const Result<PathWalk::Last> last = kernel.walk.find_parent(to, task, intent, from);
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
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const Result<DentryRef> source = kernel_.walk.find(from, Follow::kNo, process_, intent);
    if (!source) return source.error();
    return link_inode(kernel_, *(*source)->inode, to, process_, intent, target_directory_.get());
  });
}

Outcome<void> SystemCalls::link(Fd from, std::string_view to) {
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const Result<File> open = file(from, Access::kPathOnly);
    if (!open) return open.error();
    return link_inode(kernel_, *(*open)->inode, to, process_, intent, nullptr);
  });
}

// do_unlinkat, vfs_unlink.
Outcome<void> SystemCalls::unlink(std::string_view path) {
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_, intent);
    if (!last) return last.error();
    if (!last->is_plain()) return Errno(EISDIR);
    if (const Result<void> may = kernel_.filesystem.want_write(); !may) return may;
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.look_up(*last->parent, last->name, intent, process_);
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
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const Result<PathWalk::Last> last = kernel_.walk.find_parent(path, process_, intent);
    if (!last) return last.error();
    if (last->name == "..") return Errno(ENOTEMPTY);
    if (last->name == ".") return Errno(EINVAL);
    if (last->name.empty()) return Errno(EBUSY);
    if (const Result<void> may = kernel_.filesystem.want_write(); !may) return may;
    const InodeLock parent_lock = kernel_.filesystem.lock(*last->parent->inode, LockMode::kExclusive);
    const Result<DentryRef> dentry = kernel_.walk.look_up(*last->parent, last->name, intent, process_);
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
  return call_on_path([&](LookupIntent intent) -> Result<void> {
    const bool exchange = (flags & RENAME_EXCHANGE) != 0;
    const bool whiteout = (flags & RENAME_WHITEOUT) != 0;
    const bool replaces = (flags & RENAME_NOREPLACE) == 0;
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) return Errno(EINVAL);
    if ((!replaces || whiteout) && exchange) return Errno(EINVAL);
    const Result<PathWalk::Last> source = kernel_.walk.find_parent(from, process_, intent);
    if (!source) return source.error();
    const Result<PathWalk::Last> target = kernel_.walk.find_parent(to, process_, intent, target_directory_.get());
    if (!target) return target.error();
    if (!source->is_plain()) return Errno(EBUSY);
    if (!target->is_plain()) return Errno(replaces ? EBUSY : EEXIST);
    if (const Result<void> may = kernel_.filesystem.want_write(); !may) return may;
    Dentry& old_parent = *source->parent;
    Dentry& new_parent = *target->parent;
    const kernel::Filesystem::RenameLocks parents = kernel_.filesystem.lock_rename(old_parent, new_parent);
    const Result<DentryRef> old_dentry = kernel_.walk.look_up(old_parent, source->name, intent, process_);
    if (!old_dentry) return old_dentry.error();
    if ((*old_dentry)->negative()) return Errno(ENOENT);
    const Result<DentryRef> new_dentry =
        kernel_.walk.look_up(new_parent, target->name, exchange ? intent : LookupIntent::kFresh, process_);
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
