// Names (fs/fuse/dir.c).
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "rules/entry_check.h"
#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {
namespace {

bool invalid_attr(const wire::Attr& attr) noexcept {
  return check_attr(attr.mode, attr.size) != AttrFault::kNone;
}
bool invalid_nodeid(std::uint64_t nodeid) noexcept {
  return nodeid == 0 || nodeid == kRootNodeId;
}
constexpr std::uint32_t kOpenExcludes = O_NOCTTY;

}  // namespace

// fuse_lookup, fuse_lookup_name.
Result<DentryRef> Filesystem::lookup(Dentry& parent, std::string_view name, const Process& task) {
  Inode& directory = *parent.inode;
  if (directory.bad) return Errno(EIO);
  if (name.size() > connection_.name_max) return Errno(ENAMETOOLONG);
  InodeLock serial;
  if (!connection_.has(kInitParallelDirops)) serial = InodeLock::of_mutex(scheduler_, directory);
  const Asked asked = asking();
  const auto request = make(Opcode::kLookup, directory.nodeid, task);
  request->name(name);
  const Result<void> answer = call(*request);
  if (!answer && answer.error() != Errno(ENOENT)) return answer.error();
  DentryRef dentry = make_child(parent, name);
  dentry->epoch = connection_.epoch;
  if (!answer) {
    hash(*dentry);
    return dentry;
  }
  const auto entry = request->out<wire::EntryOut>();
  if (entry.nodeid == 0) {
    hash(*dentry);
    set_expiry(*dentry, entry);
    return dentry;
  }
  if (invalid_attr(entry.attr)) return Errno(EIO);
  const InodeRef inode = iget(entry, asked);
  if (inode->nodeid == kRootNodeId) return Errno(EIO);
  if (const Result<void> spliced = splice(inode, dentry); !spliced) return spliced.error();
  set_expiry(*dentry, entry);
  directory.advise_readdirplus = true;
  return dentry;
}

// fs/dcache.c d_splice_alias: a directory has one dentry, hashed or not, which moves to where it was found.
Result<void> Filesystem::splice(const InodeRef& inode, DentryRef& dentry) {
  if (inode->is_directory()) {
    if (Dentry* const alias = inode->directory_dentry; alias != nullptr) {
      if (is_within(*dentry->parent, *alias)) return Errno(ELOOP);
      const DentryRef keep(alias);
      move(*alias, *dentry);
      dentry = keep;
      return {};
    }
    inode->directory_dentry = dentry.get();
  }
  dentry->inode = inode;
  hash(*dentry);
  return {};
}

// fuse_dentry_revalidate.
Result<bool> Filesystem::revalidate(Dentry& dentry, LookupIntent intent, const Process& task) {
  if (dentry.parent == nullptr) return true;
  if (dentry.epoch < connection_.epoch) return false;
  Inode* const inode = dentry.inode.get();
  if (inode != nullptr && inode->bad) return false;
  if (!has_expired(dentry.expires) && intent == LookupIntent::kAny) {
    if (inode != nullptr && std::exchange(inode->from_readdirplus, false)) {
      dentry.parent->inode->advise_readdirplus = true;
    }
    return true;
  }
  if (inode == nullptr) return false;
  const InodeRef keep(inode);
  const Asked asked = asking();
  const auto request = make(Opcode::kLookup, dentry.parent->inode->nodeid, task);
  request->name(dentry.name);
  const Result<void> answer = call(*request);
  if (!answer) {
    if (answer.error() == Errno(ENOMEM) || answer.error() == Errno(EINTR)) return answer.error();
    return false;
  }
  const auto entry = request->out<wire::EntryOut>();
  if (entry.nodeid == 0) return false;
  if (entry.nodeid != inode->nodeid) {
    queue_.forget(entry.nodeid, 1);
    return false;
  }
  ++inode->nlookup;
  const bool stale = static_cast<std::uint32_t>(inode->generation) != static_cast<std::uint32_t>(entry.generation) ||
                     (inode->mode & S_IFMT) != (entry.attr.mode & S_IFMT);
  if (invalid_attr(entry.attr) || stale) return false;
  change_attributes(*inode, entry.attr, expiry(entry.attr_valid, entry.attr_valid_nsec), asked);
  set_expiry(dentry, entry);
  return true;
}

std::uint32_t Filesystem::masked(std::uint32_t mode, const Process& task) const noexcept {
  return connection_.has(kInitDontMask) ? mode : mode & ~task.umask;
}

// fuse_create_open.
Result<OpenFileRef> Filesystem::create_open(Dentry& parent, Dentry& dentry, int flags, std::uint32_t mode,
                                            Opcode opcode, const Process& task) {
  Inode& directory = *parent.inode;
  ++kernel_handles_;
  wire::CreateIn in{};
  in.flags = static_cast<std::uint32_t>(flags) & ~kOpenExcludes;
  in.mode = masked(S_IFREG | (mode & 07777), task);
  in.umask = task.umask;
  if (connection_.has(kInitHandleKillprivV2) && (flags & O_TRUNC) != 0 && (flags & O_EXCL) == 0 && !task.capable()) {
    in.open_flags |= kOpenKillSuidgid;
  }
  const auto request = make(opcode, directory.nodeid, task);
  request->add(in).name(opcode == Opcode::kTmpfile ? "/" : std::string_view(dentry.name));
  if (const Result<void> answer = call(*request); !answer) return answer.error();
  const auto entry = request->out<wire::EntryOut>();
  const auto open = request->out<wire::OpenOut>(sizeof(wire::EntryOut));
  if (!S_ISREG(entry.attr.mode) || invalid_nodeid(entry.nodeid) || invalid_attr(entry.attr)) return Errno(EIO);
  dentry.inode = iget(entry, std::nullopt);
  dentry.epoch = connection_.epoch;
  set_expiry(dentry, entry);
  directory_changed(directory);
  if (!check_io_mode(*dentry.inode, flags, open.fh, open.open_flags)) return Errno(EIO);
  OpenFileRef file = opened(dentry, flags, open.fh, open.open_flags);
  if ((file->fopen & kFopenKeepCache) == 0) invalidate_pages(*dentry.inode);
  return file;
}

// create_new_entry.
Result<void> Filesystem::create_new_entry(PendingRequest& request, Dentry& parent, Dentry& dentry, std::uint32_t type) {
  if (const Result<void> answer = call(request); !answer) {
    if (answer.error() == Errno(EEXIST)) invalidate_entry(dentry);
    return answer.error();
  }
  const auto entry = request.out<wire::EntryOut>();
  if (invalid_nodeid(entry.nodeid) || invalid_attr(entry.attr) || (entry.attr.mode & S_IFMT) != type) {
    return Errno(EIO);
  }
  const InodeRef inode = iget(entry, std::nullopt);
  unhash(dentry);
  DentryRef made(&dentry);
  if (const Result<void> spliced = splice(inode, made); !spliced) return spliced.error();
  made->epoch = connection_.epoch;
  set_expiry(*made, entry);
  directory_changed(*parent.inode);
  return {};
}

Result<void> Filesystem::mknod(Dentry& parent, Dentry& dentry, std::uint32_t mode, std::uint32_t rdev,
                               const Process& task) {
  wire::MknodIn in{};
  in.mode = masked(mode, task);
  in.rdev = rdev;
  in.umask = task.umask;
  const auto request = make(Opcode::kMknod, parent.inode->nodeid, task);
  request->add(in).name(dentry.name);
  return create_new_entry(*request, parent, dentry, mode & S_IFMT);
}

Result<void> Filesystem::mkdir(Dentry& parent, Dentry& dentry, std::uint32_t mode, const Process& task) {
  wire::MkdirIn in{};
  in.mode = masked(mode & (S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX), task);
  in.umask = task.umask;
  const auto request = make(Opcode::kMkdir, parent.inode->nodeid, task);
  request->add(in).name(dentry.name);
  return create_new_entry(*request, parent, dentry, S_IFDIR);
}

Result<void> Filesystem::symlink(Dentry& parent, Dentry& dentry, std::string_view target, const Process& task) {
  const auto request = make(Opcode::kSymlink, parent.inode->nodeid, task);
  request->name(dentry.name).name(target);
  return create_new_entry(*request, parent, dentry, S_IFLNK);
}

Result<void> Filesystem::link(Inode& source, Dentry& parent, Dentry& dentry, const Process& task) {
  if (connection_.no_link) return Errno(EPERM);
  const auto request = make(Opcode::kLink, parent.inode->nodeid, task);
  request->add(wire::LinkIn{.oldnodeid = source.nodeid}).name(dentry.name);
  const Result<void> linked = create_new_entry(*request, parent, dentry, source.mode & S_IFMT);
  if (linked) {
    change_time_changed_in_cache(source, task);
    return {};
  }
  if (linked.error() == Errno(EINTR)) invalidate_attributes(source);
  if (linked.error() == Errno(ENOSYS) && profile_.sized_readdir) {  // both came in the same series (6.16)
    connection_.no_link = true;
    return Errno(EPERM);
  }
  return linked;
}

// fuse_entry_unlinked.
void Filesystem::entry_unlinked(Dentry& dentry, const Process& task) {
  Inode& inode = *dentry.inode;
  inode.attr_version = ++connection_.attr_version;
  if (inode.is_directory()) {
    inode.nlink = 0;
  } else if (inode.nlink > 0) {
    --inode.nlink;
  }
  dentry.expires = 0;
  change_time_changed(inode, task);
}

// fuse_invalidate_entry.
void Filesystem::invalidate_entry(Dentry& dentry) {
  invalidate(dentry);
  dentry.expires = 0;
}

// fuse_unlink and fuse_rmdir, which differ in what they ask.
Result<void> Filesystem::remove(Opcode opcode, Dentry& parent, Dentry& dentry, const Process& task) {
  Inode& directory = *parent.inode;
  if (directory.bad) return Errno(EIO);
  const auto request = make(opcode, directory.nodeid, task);
  request->name(dentry.name);
  const Result<void> answer = call(*request);
  if (answer) {
    directory_changed(directory);
    entry_unlinked(dentry, task);
  } else if (answer.error() == Errno(EINTR) || answer.error() == Errno(ENOENT)) {
    invalidate_entry(dentry);
  }
  return answer;
}

Result<void> Filesystem::unlink(Dentry& parent, Dentry& dentry, const Process& task) {
  return remove(Opcode::kUnlink, parent, dentry, task);
}

Result<void> Filesystem::rmdir(Dentry& parent, Dentry& dentry, const Process& task) {
  return remove(Opcode::kRmdir, parent, dentry, task);
}

Filesystem::RenameLocks Filesystem::lock_rename(Dentry& one, Dentry& other) {
  RenameLocks locks;
  if (&one == &other) {
    locks.first = lock(*one.inode, LockMode::kExclusive);
    return locks;
  }
  locks.rename_mutex = LockGuard(scheduler_, rename_mutex_, LockMode::kExclusive, "s_vfs_rename_mutex", 0);
  // The ancestor first (lock_two_directories); of two that are not related, either.
  const bool other_first = is_within(one, other);
  locks.first = lock(*(other_first ? other : one).inode, LockMode::kExclusive);
  locks.second = lock(*(other_first ? one : other).inode, LockMode::kExclusive);
  return locks;
}

// fuse_rename2, fuse_rename_common.
Result<void> Filesystem::rename(Dentry& old_parent, Dentry& old_dentry, Dentry& new_parent, Dentry& new_dentry,
                                std::uint32_t flags, const Process& task) {
  Inode& from = *old_parent.inode;
  Inode& to = *new_parent.inode;
  if (from.bad) return Errno(EIO);
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) return Errno(EINVAL);
  if (flags != 0 && connection_.no_rename2) return Errno(EINVAL);
  const auto request = make(flags == 0 ? Opcode::kRename : Opcode::kRename2, from.nodeid, task);
  if (flags == 0) {
    request->add(wire::RenameIn{.newdir = to.nodeid});
  } else {
    request->add(wire::Rename2In{.newdir = to.nodeid, .flags = flags, .padding = 0});
  }
  request->name(old_dentry.name).name(new_dentry.name);
  const Result<void> answer = call(*request);
  if (answer) {
    change_time_changed(*old_dentry.inode, task);
    if ((flags & RENAME_EXCHANGE) != 0) change_time_changed(*new_dentry.inode, task);
    directory_changed(from);
    if (&from != &to) directory_changed(to);
    if ((flags & RENAME_EXCHANGE) == 0 && !new_dentry.negative()) entry_unlinked(new_dentry, task);
  } else if (answer.error() == Errno(EINTR) || answer.error() == Errno(ENOENT)) {
    invalidate_entry(old_dentry);
    if (!new_dentry.negative()) invalidate_entry(new_dentry);
  } else if (answer.error() == Errno(ENOSYS) && flags != 0) {
    connection_.no_rename2 = true;
    return Errno(EINVAL);
  }
  return answer;
}

// fuse_get_link, fuse_readlink_folio.
Result<std::string> Filesystem::readlink(Inode& inode, const Process& task) {
  if (inode.bad) return Errno(EIO);
  const bool cached = connection_.has(kInitCacheSymlinks);
  if (cached && inode.link) return *inode.link;
  const auto request = make(Opcode::kReadlink, inode.nodeid, task);
  const Result<void> answer = call(*request);
  invalidate_atime(inode);
  if (!answer) return answer.error();
  const Bytes data = request->data();
  const std::string_view target(reinterpret_cast<const char*>(data.data()), data.size());
  std::string link(target.substr(0, target.find('\0')));
  if (cached) inode.link = link;
  return link;
}

}  // namespace fusereplay::kernel
