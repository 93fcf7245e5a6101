// File handles, which outlive inodes (fs/fuse/inode.c, fs/exportfs/expfs.c).
#include <sys/stat.h>

#include "rules/entry_check.h"
#include "simulator/kernel/path_walk.h"

namespace fusereplay::kernel {

// fuse_lookup_name, of what may have been forgotten.
Result<InodeRef> Filesystem::look_up_handle(std::uint64_t nodeid, std::string_view name, const Process& task) {
  const Asked asked = asking();
  const auto request = make(Opcode::kLookup, nodeid, task);
  request->name(name);
  if (const Result<void> answer = call(*request); !answer) return answer.error();
  auto entry = request->out<wire::EntryOut>();
  if (entry.nodeid == 0) return Errno(ENOENT);
  if (check_attr(entry.attr.mode, entry.attr.size) != AttrFault::kNone) return Errno(EIO);
  if (entry.nodeid == kRootNodeId) entry.generation = 0;
  return iget(entry, asked);
}

// fuse_get_dentry.
Result<DentryRef> Filesystem::find_handle(std::uint64_t nodeid, std::uint32_t generation, const Process& task) {
  if (nodeid == 0 || connection_.has(kInitNoExportSupport)) return Errno(ESTALE);
  InodeRef inode(inodes_.find(nodeid));
  if (inode == nullptr) {
    if (!connection_.has(kInitExportSupport)) return Errno(ESTALE);
    const Result<InodeRef> found = look_up_handle(nodeid, ".", task);
    if (!found) return found.error();
    if ((*found)->nodeid != nodeid) return Errno(EIO);
    inode = *found;
  }
  if (static_cast<std::uint32_t>(inode->generation) != generation) return Errno(ESTALE);
  return obtain_alias(inode);
}

// fuse_get_parent.
Result<DentryRef> Filesystem::find_parent_of(Inode& child, const Process& task) {
  const InodeLock held = lock(child, LockMode::kExclusive);
  if (!connection_.has(kInitExportSupport)) return Errno(ESTALE);
  const Result<InodeRef> parent = look_up_handle(child.nodeid, "..", task);
  if (!parent) return parent.error();
  return obtain_alias(*parent);
}

// d_obtain_alias: any name that is known, else a dentry that hangs nowhere. It has to be looked up before its next use.
DentryRef Filesystem::obtain_alias(const InodeRef& inode) {
  if (inode->nodeid == kRootNodeId) return root_;
  DentryRef alias;
  if (inode->is_directory()) {
    alias = DentryRef(inode->directory_dentry);
  } else if (const auto names = names_of(*root_, inode->nodeid); !names.empty() && names.front()->inode == inode) {
    alias = names.front();
  }
  if (alias == nullptr) {
    alias = DentryRef(new Dentry(nullptr, ""));
    alias->inode = inode;
    alias->epoch = connection_.epoch;
    if (inode->is_directory()) inode->directory_dentry = alias.get();
  }
  alias->expires = 0;
  return alias;
}

namespace {

/// DCACHE_DISCONNECTED.
bool hangs_nowhere(const Dentry& dentry, const Dentry& root) noexcept {
  return !is_within(dentry, root);
}

}  // namespace

// expfs.c get_name: lists `directory` until the inode number of `child` shows.
Result<std::string> PathWalk::name_in(Dentry& directory, Inode& child, const Process& task,
                                      std::vector<OpenFileRef>& opened) {
  if (const Result<void> known = filesystem_.update_attributes(child, nullptr, STATX_INO, task); !known) {
    return known.error();
  }
  const Result<OpenFileRef> listing = filesystem_.open(directory, O_RDONLY, task);
  if (!listing) return listing.error();
  opened.push_back(*listing);
  while (true) {
    const Result<std::vector<EmittedEntry>> page = filesystem_.readdir(**listing, INT32_MAX, task);
    if (!page) return page.error();
    if (page->empty()) return Errno(ENOENT);
    for (const EmittedEntry& entry : *page) {
      if (entry.ino == child.ino) return entry.name;
    }
  }
}

// reconnect_path, reconnect_one: a directory has to hang in the tree.
Result<void> PathWalk::reconnect(const DentryRef& target, const Process& task, std::vector<OpenFileRef>& opened) {
  DentryRef at = target;
  while (hangs_nowhere(*at, filesystem_.root())) {
    if (at->parent != nullptr) {
      at = at->parent;
      continue;
    }
    const Result<DentryRef> parent = filesystem_.find_parent_of(*at->inode, task);
    if (!parent) return parent.error();
    const Result<std::string> name = name_in(**parent, *at->inode, task, opened);
    if (!name && name.error() != Errno(ENOENT)) return name.error();
    if (name) {
      const Result<void> may = filesystem_.permission(*(*parent)->inode, kMayExec, task);
      if (!may) return may;
      const Result<DentryRef> found = enter(**parent, *name, task, LookupIntent::kAny);
      if (!found) return found.error();
      if (*found == at && at->parent == nullptr) return Errno(ESTALE);
    }
    if (at->parent == nullptr) return Errno(ESTALE);
    // What the listing linked beside it is not kept (tried on Linux 6.18).
    if (hangs_nowhere(**parent, filesystem_.root())) shrink(**parent);
    at = *parent;
  }
  return {};
}

// do_handle_to_path: whatever goes wrong but for memory is ESTALE.
Result<DentryRef> PathWalk::find_handle(std::uint64_t nodeid, std::uint32_t generation, const Process& task,
                                        std::vector<OpenFileRef>& opened) {
  const auto stale = [](Errno error) { return error == Errno(ENOMEM) ? error : Errno(ESTALE); };
  const Result<DentryRef> found = filesystem_.find_handle(nodeid, generation, task);
  if (!found) return stale(found.error());
  if (!(*found)->inode->is_directory()) return found;
  if (const Result<void> hangs = reconnect(*found, task, opened); !hangs) return stale(hangs.error());
  return found;
}

// file_open_root, of the dentry itself.
Result<OpenFileRef> PathWalk::open_root(const DentryRef& dentry, int flags, const Process& task) {
  const Result<int> known = open_flags(flags);
  if (!known) return known.error();
  if ((*known & O_CREAT) != 0 && (*known & O_EXCL) != 0) return Errno(EEXIST);
  Result<OpenFileRef> file = open_found(dentry, *known, false, task);
  if (!file && file.error() == Errno(ESTALE)) file = open_found(dentry, *known, false, task);
  return file;
}

}  // namespace fusereplay::kernel
