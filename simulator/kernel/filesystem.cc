// INIT, inodes and their attributes (fs/fuse/inode.c).
#include "simulator/kernel/filesystem.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "rules/entry_check.h"

namespace fusereplay::kernel {

Filesystem::Filesystem(RequestQueue& queue, Clock& clock, Scheduler& scheduler, const KernelProfile& profile,
                       const SimulatedMountOptions& options)
    : queue_(queue), clock_(clock), scheduler_(scheduler), profile_(profile), options_(options), inodes_(*this) {
  // fuse_get_root_inode: a lookup that no reply granted, and attributes that nobody knows.
  const InodeRef inode = inodes_.insert(kRootNodeId);
  inode->mode = S_IFDIR;
  inode->nlink = 1;
  inode->nlookup = 1;
  queue_.set_notification_handler(this);
  root_ = DentryRef(new Dentry(nullptr, ""));
  root_->inode = inode;
  root_->expires = INT64_MAX;
}

Filesystem::~Filesystem() {
  active_ = false;
  shrink_all();
}

void Filesystem::shrink_all() {
  shrink(*root_);
  std::vector<DentryRef> lost;
  inodes_.for_each([&](Inode& inode) {
    if (inode.directory_dentry != nullptr && !inode.directory_dentry->hashed) lost.emplace_back(inode.directory_dentry);
  });
  for (const DentryRef& directory : lost) shrink(*directory);
}

// Options are not looked at (fuse_parse_param), and nothing is asked: a plain mount has no SYNCFS.
Result<void> Filesystem::reconfigure(unsigned long flags, std::size_t writers) {
  const bool read_only = (flags & MS_RDONLY) != 0;
  shrink_all();
  if (read_only && !options_.read_only) {  // sb_prepare_remount_readonly
    bool removed = false;                  // s_remove_count
    inodes_.for_each([&](const Inode& inode) { removed |= inode.nlink == 0; });
    if (removed || writers != 0) return Errno(EBUSY);
  }
  if (!options_.read_only) sync_all();
  if ((flags & MS_MANDLOCK) != 0) return Errno(EINVAL);
  options_.read_only = read_only;
  return {};
}

Result<void> Filesystem::send_init() {
  wire::InitIn in{};
  in.major = kProtocolMajor;
  in.minor = profile_.minor;
  in.max_readahead = profile_.max_readahead;
  in.flags = static_cast<std::uint32_t>(profile_.offered);
  in.flags2 = static_cast<std::uint32_t>(profile_.offered >> 32);
  const auto request = queue_.make(Opcode::kInit, 0, {});
  request->add(in);
  const auto refuse = [this](int error) {
    queue_.set_init_failed();
    return Errno(error);
  };
  if (const int error = queue_.call(*request); error != 0) return refuse(error);
  const auto out = request->out<wire::InitOut>();
  if (out.major != kProtocolMajor) return refuse(EPROTO);

  constexpr std::uint32_t kStatxMinor = 39;  // Linux 6.6
  ConnectionState& connection = connection_;
  connection.no_statx = profile_.minor < kStatxMinor;
  connection.minor = out.minor;
  const std::uint64_t flags =
      out.flags | ((out.flags & kInitInitExt) != 0 ? std::uint64_t{out.flags2} << 32 : std::uint64_t{0});
  if (out.minor >= 6) {
    connection.flags = flags & profile_.offered;
    connection.readahead_pages = std::min<std::uint64_t>(profile_.max_readahead, out.max_readahead) / kPageSize;
  }
  queue_.set_negotiated(
      {.minor = std::min(profile_.minor, out.minor), .setxattr_ext = connection.has(kInitSetxattrExt)});
  connection.max_write = out.minor < 5 ? 4096 : std::max<std::uint32_t>(4096, out.max_write);
  if (connection.has(kInitMaxPages)) {
    connection.max_pages = std::clamp<std::uint32_t>(out.max_pages, 1, profile_.max_pages_limit);
  }
  connection.name_max = connection.has(kInitMaxPages) && connection.max_pages > 1 ? profile_.many_pages_name_max
                                                                                  : profile_.default_name_max;
  if (out.minor >= 13 && out.max_background != 0) queue_.set_max_background(out.max_background);
  if (connection.has(kInitPosixAcl)) options_.default_permissions = true;
  if (connection.has(kInitAllowIdmap) && !options_.default_permissions) return refuse(EINVAL);
  return {};
}

RequestQueue::Request Filesystem::make(Opcode opcode, std::uint64_t nodeid, const Process& task) {
  return queue_.make(opcode, nodeid, {.uid = task.uid, .gid = task.gid, .pid = task.pid, .groups = task.groups});
}

Result<void> Filesystem::call(PendingRequest& request) {
  if (const int error = queue_.call(request); error != 0) return Errno(error);
  return {};
}

// fs/fuse/dir.c time_to_jiffies, without its rounding to jiffies.
std::int64_t Filesystem::expiry(std::uint64_t seconds, std::uint32_t nanoseconds) const noexcept {
  if (seconds == 0 && nanoseconds == 0) return 0;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr auto kEver = static_cast<std::uint64_t>(INT64_MAX);
  const auto from = static_cast<std::uint64_t>(now());
  if (seconds >= (kEver - from) / kSecond - 1) return INT64_MAX;
  return static_cast<std::int64_t>(from + seconds * kSecond + std::min<std::uint64_t>(nanoseconds, kSecond - 1));
}

void Filesystem::set_expiry(Dentry& dentry, const wire::EntryOut& entry) const noexcept {
  dentry.expires = expiry(entry.entry_valid, entry.entry_valid_nsec);
}

void Filesystem::on_evict(Inode& inode) noexcept {
  if (inode.writeback.listed) std::erase(dirty_, &inode);
  if (!active_) return;
  queue_.forget(inode.nodeid, inode.nlookup);
  ++connection_.evictions;
}

void Filesystem::make_bad(Inode& inode) noexcept {
  inode.bad = true;
}

// fuse_iget: counts the lookup.
InodeRef Filesystem::iget(const wire::EntryOut& entry, std::optional<Asked> asked) {
  InodeRef inode(inodes_.find(entry.nodeid));
  const auto is_stale = [&] {  // fuse_stale_inode
    return static_cast<std::uint32_t>(inode->generation) != static_cast<std::uint32_t>(entry.generation) ||
           (inode->mode & S_IFMT) != (entry.attr.mode & S_IFMT);
  };
  if (inode != nullptr && is_stale()) {
    make_bad(*inode);
    if (entry.nodeid != kRootNodeId) {
      inodes_.unhash(*inode);
      inode = nullptr;
    }
  }
  if (inode == nullptr) {
    inode = inodes_.insert(entry.nodeid);
    inode->generation = entry.generation;
    inode->mode = entry.attr.mode;
    inode->size = entry.attr.size;
    inode->mtime = static_cast<std::int64_t>(entry.attr.mtime);
    inode->mtimensec = entry.attr.mtimensec;
    inode->ctime = static_cast<std::int64_t>(entry.attr.ctime);
    inode->ctimensec = entry.attr.ctimensec;
  }
  ++inode->nlookup;
  change_attributes(*inode, entry.attr, expiry(entry.attr_valid, entry.attr_valid_nsec), asked);
  return inode;
}

// fuse_change_attributes_common.
void Filesystem::set_attributes(Inode& inode, const wire::Attr& attr, std::int64_t expires,
                                std::optional<Asked> asked) noexcept {
  inode.attr_version = ++connection_.attr_version;
  inode.attributes_expire = expires;
  if (!asked || !profile_.skips_stale_evicted || asked->evictions == connection_.evictions) {
    inode.invalid &= ~kAllAttributes;
  }
  inode.ino = attr.ino;
  inode.mode = (inode.mode & S_IFMT) | (attr.mode & 07777);
  inode.nlink = attr.nlink;
  inode.uid = attr.uid;
  inode.gid = attr.gid;
  inode.rdev = attr.rdev;
  inode.blocks = attr.blocks;
  inode.block_size = attr.blksize != 0 ? attr.blksize : 4096;
  const auto nanoseconds = [](std::uint32_t value) { return std::min<std::uint32_t>(value, 999'999'999); };
  inode.atime = static_cast<std::int64_t>(attr.atime);
  inode.atimensec = nanoseconds(attr.atimensec);
  if (!keeps_times(inode)) {
    inode.mtime = static_cast<std::int64_t>(attr.mtime);
    inode.mtimensec = nanoseconds(attr.mtimensec);
    inode.ctime = static_cast<std::int64_t>(attr.ctime);
    inode.ctimensec = nanoseconds(attr.ctimensec);
  }
  inode.no_privileges = false;  // another client may have set them
}

// fuse_change_attributes_i: attributes that may be older than what is known are dropped (reference 3.4).
void Filesystem::change_attributes(Inode& inode, const wire::Attr& attr, std::int64_t expires,
                                   std::optional<Asked> asked) {
  if ((asked && inode.attr_version > asked->attr_version) || inode.size_unstable) return;
  const std::int64_t old_mtime = inode.mtime;
  const std::uint32_t old_mtimensec = inode.mtimensec;
  set_attributes(inode, attr, expires, asked);
  if (keeps_times(inode)) return;  // and its size: what was written is not yet the server's
  const std::uint64_t old_size = std::exchange(inode.size, attr.size);
  if (!inode.is_regular()) return;
  if (old_size != attr.size) {
    truncate_pages(inode, attr.size);
    if (!connection_.has(kInitExplicitInvalData)) invalidate_pages(inode);
  } else if (connection_.has(kInitAutoInvalData) && (old_mtime != inode.mtime || old_mtimensec != inode.mtimensec)) {
    invalidate_pages(inode);
  }
}

// fuse_write_update_attr.
void Filesystem::content_changed(Inode& inode, std::uint64_t end, std::uint64_t written) noexcept {
  inode.attr_version = ++connection_.attr_version;
  if (written > 0 && end > inode.size) inode.size = end;
  invalidate_attributes(inode, kContentAttributes);
}

}  // namespace fusereplay::kernel
