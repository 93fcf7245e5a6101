#include "simulator/kernel/path_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace fusereplay::kernel {
namespace {

std::uint32_t access_mode(int flags) noexcept {
  std::uint32_t mode = 0;
  if ((flags & O_ACCMODE) != O_WRONLY) mode |= kMayRead;
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) mode |= kMayWrite;
  return mode;
}

}  // namespace

std::uint32_t strip_set_gid(const Inode& directory, std::uint32_t mode, const Process& task) noexcept {
  constexpr std::uint32_t kExecutableByGroup = S_ISGID | S_IXGRP;
  const bool strips = (mode & kExecutableByGroup) == kExecutableByGroup && (directory.mode & S_ISGID) != 0 &&
                      !task.capable() && !task.in_group(directory.gid);
  return strips ? mode & ~static_cast<std::uint32_t>(S_ISGID) : mode;
}

namespace {

std::string_view skip_slashes(std::string_view path) noexcept {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  return path;
}

}  // namespace

std::string_view take_name(std::string_view& path) noexcept {
  path = skip_slashes(path);
  std::size_t size = 0;
  while (size < path.size() && path[size] != '/') ++size;
  const std::string_view name = path.substr(0, size);
  path.remove_prefix(size);
  return name;
}

// walk_component: lookup_fast, then lookup_slow.
Result<DentryRef> PathWalk::enter(Dentry& parent, std::string_view name, const Process& task, LookupIntent intent) {
  if (name == "." || name.empty()) return DentryRef(&parent);
  if (name == "..") return parent.parent != nullptr ? parent.parent : DentryRef(&parent);
  Result<DentryRef> cached = look_up_cached(parent, name, intent, task);
  if (!cached || *cached != nullptr) return cached;
  const InodeLock shared = filesystem_.lock(*parent.inode, LockMode::kShared);
  return look_up(parent, name, LookupIntent::kAny, task);
}

/// A name while it is asked for (d_alloc_parallel, d_lookup_done): others that want it wait.
class PathWalk::NameLookup final : public WaitReason {
 public:
  NameLookup(Scheduler& scheduler, Dentry& parent, std::string_view name)
      : parent_(&parent), name_(name), pid_(scheduler.current().pid()) {
    if (is_asked()) {
      waited_ = true;
      scheduler.wait_until([this] { return !is_asked(); }, *this);
      return;
    }
    parent.in_lookup.push_back(name);
    asking_ = true;
  }
  ~NameLookup() {
    if (asking_) std::erase(parent_->in_lookup, name_);
  }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  /// Somebody else had asked: what came of it is in the cache.
  bool waited() const noexcept { return waited_; }
  std::string describe() const override {
    return "the name " + std::string(name_) + " in nodeid " + std::to_string(parent_->inode->nodeid) + ", for pid " +
           std::to_string(pid_) + ", is looked up by somebody else";
  }

 private:
  bool is_asked() const noexcept {
    return std::find(parent_->in_lookup.begin(), parent_->in_lookup.end(), name_) != parent_->in_lookup.end();
  }

  DentryRef parent_;
  std::string_view name_;
  std::uint32_t pid_;
  bool asking_ = false;
  bool waited_ = false;
};

Result<DentryRef> PathWalk::look_up_cached(Dentry& parent, std::string_view name, LookupIntent intent,
                                           const Process& task) {
  DentryRef dentry(find_child(parent, name));
  if (dentry == nullptr) return dentry;
  const Result<bool> valid = filesystem_.revalidate(*dentry, intent, task);
  if (!valid) return valid.error();
  if (*valid) return dentry;
  invalidate(*dentry);
  return DentryRef();
}

Result<DentryRef> PathWalk::look_up(Dentry& parent, std::string_view name, LookupIntent intent, const Process& task) {
  while (true) {
    Result<DentryRef> cached = look_up_cached(parent, name, intent, task);
    if (!cached || *cached != nullptr) return cached;
    if (parent.inode->dead) return Errno(ENOENT);
    const NameLookup asking(filesystem_.scheduler(), parent, name);
    if (!asking.waited()) return filesystem_.lookup(parent, name, task);
    intent = LookupIntent::kAny;  // what somebody else has just been told is fresh
  }
}

// link_path_walk: stops before the last name.
Result<PathWalk::Last> PathWalk::walk_parents(Dentry& from, std::string_view path, const Process& task, Walk& walk) {
  if (path.empty()) return Errno(ENOENT);
  if (path.size() >= kMostPath) return Errno(ENAMETOOLONG);
  Last last;
  last.parent = DentryRef(path.front() == '/' ? &filesystem_.root() : &from);
  std::string_view name = take_name(path);
  while (!name.empty()) {
    if (const Result<void> may = filesystem_.permission(*last.parent->inode, kMayExec, task); !may) return may.error();
    const std::string_view behind = skip_slashes(path);
    if (behind.empty()) {
      last.name = name;
      last.trailing = !path.empty();
      break;
    }
    Result<DentryRef> next = enter(*last.parent, name, task, walk.intent);
    if (!next) return next.error();
    if ((*next)->negative()) return Errno(ENOENT);
    if ((*next)->inode->is_symlink()) {
      next = follow_link(*next, *last.parent, task, walk);
      if (!next) return next.error();
    }
    if (!(*next)->inode->is_directory()) return Errno(ENOTDIR);
    last.parent = std::move(*next);
    path = behind;
    name = take_name(path);
  }
  return last;
}

Result<DentryRef> PathWalk::follow_link(const DentryRef& link, Dentry& parent, const Process& task, Walk& walk) {
  if (++walk.links > kMostLinks) return Errno(ELOOP);
  const Result<std::string> target = filesystem_.readlink(*link->inode, task);
  if (!target) return target.error();
  return find_from(parent, *target, Follow::kYes, task, walk);
}

// path_lookupat in RCU mode, which holds nothing and asks nobody.
Dentry* PathWalk::find_at_once(std::string_view path, const Process& task) const noexcept {
  if (path.empty() || path.size() >= kMostPath || path.back() == '/' || !filesystem_.walks_freely(task)) return nullptr;
  const std::int64_t now = filesystem_.now();
  Dentry* at = path.front() == '/' ? &filesystem_.root() : &start();
  for (std::string_view name = take_name(path); !name.empty(); name = take_name(path)) {
    const Inode& directory = *at->inode;
    if (!directory.is_directory() || directory.bad || is_dot_name(name)) return nullptr;
    at = find_child(*at, name);
    if (at == nullptr || !filesystem_.holds(*at, now) || at->inode->is_symlink()) return nullptr;
  }
  return at;
}

Result<DentryRef> PathWalk::find_from(Dentry& from, std::string_view path, Follow follow, const Process& task,
                                      Walk& walk) {
  const Result<Last> last = walk_parents(from, path, task, walk);
  if (!last) return last.error();
  Result<DentryRef> found = enter(*last->parent, last->name, task, walk.intent);
  if (!found) return found;
  if ((*found)->negative()) return Errno(ENOENT);
  if ((*found)->inode->is_symlink() && (follow == Follow::kYes || last->trailing)) {
    found = follow_link(*found, *last->parent, task, walk);
    if (!found) return found;
  }
  if (last->trailing && !(*found)->inode->is_directory()) return Errno(ENOTDIR);
  return found;
}

Result<DentryRef> PathWalk::find(std::string_view path, Follow follow, const Process& task, LookupIntent intent) {
  if (intent == LookupIntent::kAny) {
    if (Dentry* const found = find_at_once(path, task)) return DentryRef(found);
  }
  Walk walk{.intent = intent};
  return find_from(start(), path, follow, task, walk);
}

Result<PathWalk::Last> PathWalk::find_parent(std::string_view path, const Process& task, LookupIntent intent,
                                             Dentry* from) {
  Walk walk{.intent = intent};
  return walk_parents(from != nullptr ? *from : start(), path, task, walk);
}

Result<void> PathWalk::may_create(Inode& directory, const Process& task) {
  if (directory.dead) return Errno(ENOENT);
  return filesystem_.permission(directory, kMayWrite | kMayExec, task);
}

Result<void> PathWalk::may_delete(Inode& directory, const Dentry& victim, bool is_directory, const Process& task) {
  if (const Result<void> may = filesystem_.permission(directory, kMayWrite | kMayExec, task); !may) return may;
  const Inode& inode = *victim.inode;
  // check_sticky. The bit is hidden from the VFS where the server checks permissions (fuse_change_attributes_common).
  if (filesystem_.options().default_permissions && (directory.mode & S_ISVTX) != 0 && !task.capable() &&
      task.uid != inode.uid && task.uid != directory.uid) {
    return Errno(EPERM);
  }
  if (is_directory && !inode.is_directory()) return Errno(ENOTDIR);
  if (!is_directory && inode.is_directory()) return Errno(EISDIR);
  if (victim.parent == nullptr) return Errno(EBUSY);
  if (directory.dead) return Errno(ENOENT);
  return {};
}

Result<void> PathWalk::xattr_permission(Inode& inode, std::string_view name, std::uint32_t mask, const Process& task) {
  const Errno refused((mask & kMayWrite) != 0 ? EPERM : ENODATA);
  if ((mask & kMayWrite) != 0) {
    if (const Result<void> may = filesystem_.want_write(); !may) return may;
  }
  if (name.starts_with("security.") && (mask & kMayWrite) != 0 && !task.capable()) return refused;  // commoncap.c
  if (name.starts_with("security.") || name.starts_with("system.")) return {};
  if (name.starts_with("trusted.")) {
    if (!task.capable()) return refused;
    return {};
  }
  if (name.starts_with("user.") && !inode.is_regular() && !inode.is_directory()) return refused;
  const bool sticky = filesystem_.options().default_permissions && inode.is_directory() && (inode.mode & S_ISVTX) != 0;
  if (name.starts_with("user.") && sticky && (mask & kMayWrite) != 0 && !task.capable() && task.uid != inode.uid) {
    return Errno(EPERM);
  }
  return filesystem_.permission(inode, mask, task);
}

Result<DentryRef> PathWalk::prepare_creation(const Last& last, bool directory, const Process& task) {
  if (!last.is_plain()) return Errno(EEXIST);
  Result<DentryRef> dentry = look_up(*last.parent, last.name, LookupIntent::kFresh, task);
  if (!dentry) return dentry;
  if (!(*dentry)->negative()) return Errno(EEXIST);
  if (last.trailing && !directory) return Errno(ENOENT);
  return dentry;
}

namespace {

constexpr int kTmpfile = O_TMPFILE & ~O_DIRECTORY;
constexpr int kKnownFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |
                            O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
                            O_CLOEXEC | O_PATH | kTmpfile;

}  // namespace

// build_open_how, build_open_flags: what is left of the flags of open(2).
Result<int> PathWalk::open_flags(int flags) noexcept {
  flags &= kKnownFlags;
  if ((flags & O_PATH) != 0) return flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if ((flags & O_DIRECTORY) != 0 && (flags & O_CREAT) != 0) return Errno(EINVAL);
  if ((flags & kTmpfile) != 0) {
    if ((flags & O_DIRECTORY) == 0 || (flags & O_ACCMODE) == O_RDONLY) return Errno(EINVAL);
  }
  return flags & ~O_CLOEXEC;
}

Result<OpenFileRef> PathWalk::open(Dentry& from, std::string_view path, int flags, std::uint32_t mode,
                                   const Process& task) {
  const Result<int> known = open_flags(flags);
  if (!known) return known.error();
  Walk walk;
  Result<OpenFileRef> file = open_from(from, path, *known, mode, task, walk);
  if (file || file.error() != Errno(ESTALE)) return file;
  walk = Walk{.intent = LookupIntent::kFresh};  // do_filp_open: LOOKUP_REVAL
  return open_from(from, path, *known, mode, task, walk);
}

Result<OpenFileRef> PathWalk::open_from(Dentry& from, std::string_view path, int flags, std::uint32_t mode,
                                        const Process& task, Walk& walk) {
  if ((flags & kTmpfile) != 0) return open_tmpfile(from, path, flags, mode, task, walk);
  const Result<Last> last = walk_parents(from, path, task, walk);
  if (!last) return last.error();
  return open_last(*last, flags, mode, task, walk);
}

// open_last_lookups; a symbolic link at the end begins anew at its target.
Result<OpenFileRef> PathWalk::open_last(const Last& last, int flags, std::uint32_t mode, const Process& task,
                                        Walk& walk) {
  const bool creates = (flags & O_CREAT) != 0;
  if (creates && (!last.is_plain() || last.trailing)) return Errno(EISDIR);
  if (!last.is_plain()) {
    const Result<DentryRef> found = enter(*last.parent, last.name, task, walk.intent);
    if (!found) return found.error();
    return open_found(*found, flags, last.trailing || walk.directory, task);
  }
  OpenFileRef created;
  const Result<DentryRef> found = open_lookup(last, flags, mode, task, walk, created);
  if (!found) return found.error();
  if (created != nullptr) return created;
  const DentryRef dentry = *found;
  if (dentry->negative()) return Errno(ENOENT);
  if (creates && (flags & O_EXCL) != 0) return Errno(EEXIST);
  if (dentry->inode->is_symlink() && ((flags & O_NOFOLLOW) == 0 || last.trailing)) {
    if (++walk.links > kMostLinks) return Errno(ELOOP);
    const Result<std::string> target = filesystem_.readlink(*dentry->inode, task);
    if (!target) return target.error();
    const Result<Last> next = walk_parents(*last.parent, *target, task, walk);
    if (!next) return next.error();
    walk.directory |= last.trailing;
    return open_last(*next, flags, mode, task, walk);
  }
  return open_found(dentry, flags, last.trailing || walk.directory, task);
}

// may_linkat, safe_hardlink_source: with fs.protected_hardlinks set, as distributions have it.
Result<void> PathWalk::may_link(Inode& source, const Process& task) {
  const bool set_id = (source.mode & S_ISUID) != 0 || (source.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  const bool safe =
      source.is_regular() && !set_id && filesystem_.permission(source, kMayRead | kMayWrite, task).has_value();
  if (safe || task.capable() || task.uid == source.uid) return {};
  return Errno(EPERM);
}

// lookup_fast_for_open, lookup_open, fuse_atomic_open. `created` is set where it was made and opened at once.
Result<DentryRef> PathWalk::open_lookup(const Last& last, int flags, std::uint32_t mode, const Process& task,
                                        const Walk& walk, OpenFileRef& created) {
  const bool creates = (flags & O_CREAT) != 0;
  Dentry& parent = *last.parent;
  Inode& directory = *parent.inode;
  const LookupIntent intent = creates && (flags & O_EXCL) != 0 ? LookupIntent::kFresh : walk.intent;
  const Result<DentryRef> cached = look_up_cached(parent, last.name, intent, task);
  if (!cached) return cached;
  if (*cached != nullptr && (!creates || !(*cached)->negative())) return cached;
  const InodeLock held = filesystem_.lock(directory, creates ? LockMode::kExclusive : LockMode::kShared);
  if (directory.dead) return Errno(ENOENT);
  // may_o_create: asked before the name is looked up, heeded only if it is not there.
  std::optional<Errno> refused;
  if (creates) {
    if (const Result<void> may = filesystem_.permission(directory, kMayWrite | kMayExec, task); !may) {
      refused = may.error();
    }
  }
  const Result<DentryRef> found = look_up(parent, last.name, LookupIntent::kAny, task);
  if (!found || !creates || !(*found)->negative()) return found;
  if (refused) return *refused;
  Dentry& dentry = **found;
  mode = strip_set_gid(directory, mode, task);
  if (!filesystem_.connection().no_create) {
    const int asked = (flags & O_EXCL) != 0 ? flags & ~O_TRUNC : flags;
    Result<OpenFileRef> file = filesystem_.create_open(parent, dentry, asked, mode, Opcode::kCreate, task);
    if (file) {
      created = std::move(*file);
      const Result<void> may_open = filesystem_.permission(*dentry.inode, 0, task);  // asks for no right
      if (may_open) return found;
      filesystem_.release(*created, task);
      return may_open.error();
    }
    if (file.error() == Errno(EEXIST)) invalidate(dentry);
    if (file.error() != Errno(ENOSYS)) return file.error();
    filesystem_.connection().no_create = true;
  }
  const Result<void> made = filesystem_.mknod(parent, dentry, S_IFREG | (mode & 07777), 0, task);
  if (!made) return made.error();
  if (const Result<void> may_open = filesystem_.permission(*dentry.inode, 0, task); !may_open) return may_open.error();
  Result<OpenFileRef> file = filesystem_.open(dentry, flags, task);
  if (!file) return file.error();
  created = std::move(*file);
  return found;
}

// do_open, may_open, handle_truncate.
Result<OpenFileRef> PathWalk::open_found(const DentryRef& dentry, int flags, bool directory, const Process& task) {
  Inode& inode = *dentry->inode;
  const InodeRef keep(&inode);
  if ((flags & O_CREAT) != 0 && inode.is_directory()) return Errno(EISDIR);
  if ((directory || (flags & O_DIRECTORY) != 0) && !inode.is_directory()) return Errno(ENOTDIR);
  if ((flags & O_PATH) != 0) {
    auto file = std::make_shared<OpenFile>();
    file->dentry = dentry;
    file->inode = keep;
    file->flags = flags;
    file->path_only = true;
    return file;
  }
  if (inode.is_symlink()) return Errno(ELOOP);
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) return Errno(EACCES);  // FUSE mounts are nodev
  const std::uint32_t access = access_mode(flags);
  if (inode.is_directory() && (access & kMayWrite) != 0) return Errno(EISDIR);
  if (const Result<void> may = filesystem_.permission(inode, access, task); !may) return may.error();
  if ((flags & O_NOATIME) != 0 && !task.capable() && task.uid != inode.uid) return Errno(EPERM);
  if (!inode.is_directory() && !inode.is_regular()) return Errno(ENXIO);  // pipes, sockets: not FUSE's
  Result<OpenFileRef> file = filesystem_.open(*dentry, flags, task);
  if (file && (flags & O_DIRECT) != 0 && inode.is_directory()) {  // do_dentry_open: has no FMODE_CAN_ODIRECT
    filesystem_.release(**file, task);
    return Errno(EINVAL);
  }
  if (!file || (flags & O_TRUNC) == 0 || !inode.is_regular()) return file;
  Change change;
  change.valid = kSetattrSize;
  change.file = file->get();
  change.opening = true;
  const Result<void> truncated = filesystem_.truncate(inode, change, task);
  if (truncated) return file;
  filesystem_.release(**file, task);
  return truncated.error();
}

// do_tmpfile, vfs_tmpfile.
Result<OpenFileRef> PathWalk::open_tmpfile(Dentry& from, std::string_view path, int flags, std::uint32_t mode,
                                           const Process& task, Walk& walk) {
  const Follow follow = (flags & O_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
  const Result<DentryRef> directory = find_from(from, path, follow, task, walk);
  if (!directory) return directory.error();
  Inode& inode = *(*directory)->inode;
  if (!inode.is_directory()) return Errno(ENOTDIR);
  if (const Result<void> may = filesystem_.permission(inode, kMayWrite | kMayExec, task); !may) return may.error();
  if (filesystem_.connection().no_tmpfile) return Errno(EOPNOTSUPP);
  mode = strip_set_gid(inode, mode, task);
  const DentryRef nameless(new Dentry(nullptr, "#tmpfile"));
  Result<OpenFileRef> file =
      filesystem_.create_open(**directory, *nameless, flags & ~O_CREAT, mode, Opcode::kTmpfile, task);
  if (!file && file.error() == Errno(ENOSYS)) {
    filesystem_.connection().no_tmpfile = true;
    return Errno(EOPNOTSUPP);
  }
  if (file && (flags & O_EXCL) == 0) (*file)->inode->linkable = true;
  return file;
}

}  // namespace fusereplay::kernel
