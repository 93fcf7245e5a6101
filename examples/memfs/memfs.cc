// The filesystem as a whole, inodes' attributes and extended attributes.
#include "examples/memfs/memfs.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <mutex>
#include <utility>

namespace fusereplay {

using memfs::kPageSize;

Memfs::Memfs(const MemfsOptions& options)
    : options_(options),
      space_(options.capacity / kPageSize, options.inodes),
      nodes_(space_, static_cast<std::uint32_t>(S_IFDIR | 0755), kRoot) {
  const bool taken = space_.inodes.take(1);
  FUSEREPLAY_CHECK(taken, "there is room for the root");
  const Node root = nodes_.root();
  root->attributes.ino = raw(kRoot);
  root->attributes.uid = root->attributes.gid = options_.owner;
  for (std::uint32_t i = 0; i < options_.files && space_.inodes.take(1); ++i) {
    const Node file = nodes_.insert(space_, static_cast<std::uint32_t>(S_IFREG | 0644), kRoot);
    file->attributes.ino = raw(file.id());
    std::string name = std::to_string(i);
    name.insert(0, name.size() < 5 ? 5 - name.size() : 0, '0');
    root->directory().add(name, file);
  }
}

Async<void> Memfs::init(Connection& connection) {
  if (options_.handlers == MemfsOptions::Handlers::kConcurrent) connection.run_handlers_concurrently();
  // Set-id bits are ours to drop: saves a GETXATTR(security.capability) before each write.
  if (connection.offers(Capability::kKillprivV2)) connection.want(Capability::kKillprivV2);
  connection_ = &connection;
  if (options_.locks == MemfsOptions::Locks::kOwn) {
    co_await connection.require(Capability::kPosixLocks | Capability::kFlockLocks);
  }
  if (options_.handles == MemfsOptions::Handles::kExported) co_await connection.require(Capability::kExport);
  if (options_.writes == MemfsOptions::Writes::kBack) co_await connection.require(Capability::kWritebackCache);
  co_return {};
}

Async<void> Memfs::destroy() {
  std::unordered_map<std::uint64_t, OpenFile> closed;
  {
    const std::lock_guard lock(mutex_);
    closed.swap(open_);
  }
  closed.clear();
  nodes_.forget_all();
  co_return {};
}

// A forget needs no lock of ours: the table drops the node when nothing else holds it.
Async<void> Memfs::forget(NodeId node, std::uint64_t count) {
  return nodes_.forget(node, count);
}

Result<Memfs::Node> Memfs::find(NodeId id) {
  return nodes_.find(id);
}

Entry Memfs::grant(const Node& node) {
  nodes_.count_lookup(node);
  return Entry{.node = node.id(),
               .generation = 0,  // nodeids are never used again
               .attributes = node->stat(),
               .entry_timeout = options_.entry_timeout,
               .attribute_timeout = options_.attribute_timeout};
}

AttributesReply Memfs::attributes_reply(const Inode& inode) const {
  return AttributesReply{inode.stat(), options_.attribute_timeout};
}

Async<AttributesReply> Memfs::getattr(const Request&, NodeId node, std::optional<FileHandle>) {
  const std::shared_lock lock(mutex_);
  const Node inode = co_await find(node);
  co_return attributes_reply(*inode);
}

Result<void> Memfs::resize(Inode& inode, std::uint64_t size, Timestamp now) {
  if (inode.is_directory()) return Errno(EISDIR);
  if (!inode.is_file()) return Errno(EINVAL);
  if (size > memfs::FileData::kMaxSize) return Errno(EFBIG);
  inode.data().resize(size);
  inode.drop_capabilities();
  inode.modified(now);
  return {};
}

Async<AttributesReply> Memfs::setattr(const Request& request, NodeId node, const SetAttributes& changes) {
  const std::lock_guard lock(mutex_);
  const Node found = co_await find(node);
  Inode& inode = *found;
  Attributes& attributes = inode.attributes;
  if (changes.has(kSetattrSize)) co_await resize(inode, changes.size, request.time());
  if (changes.has(kSetattrUid)) attributes.uid = changes.uid;
  if (changes.has(kSetattrGid)) attributes.gid = changes.gid;
  if (changes.has(kSetattrUid | kSetattrGid) && !inode.is_directory()) inode.drop_capabilities();
  if (changes.has(kSetattrKillSuidgid)) inode.drop_set_id();
  if (changes.has(kSetattrMode)) attributes.mode = (attributes.mode & S_IFMT) | (changes.mode & ~S_IFMT);
  inode.changed(request.time());
  if (changes.has(kSetattrAtime)) attributes.atime = changes.atime;
  if (changes.has(kSetattrAtimeNow)) attributes.atime = attributes.ctime;
  if (changes.has(kSetattrMtime)) attributes.mtime = changes.mtime;
  if (changes.has(kSetattrMtimeNow)) attributes.mtime = attributes.ctime;
  if (changes.has(kSetattrCtime)) attributes.ctime = changes.ctime;
  co_return attributes_reply(inode);
}

Async<StatxReply> Memfs::statx(const Request&, NodeId node, const StatxRequest&) {
  const std::shared_lock lock(mutex_);
  const Node inode = co_await find(node);
  StatxReply reply;
  reply.attributes = inode->stat();
  reply.birth = inode->birth;
  reply.mask = STATX_BASIC_STATS | STATX_BTIME;
  reply.timeout = options_.attribute_timeout;
  co_return reply;
}

Async<FilesystemStatistics> Memfs::statfs(const Request&, NodeId) {
  const std::uint64_t pages_free = space_.pages.total() - space_.pages.used();
  return FilesystemStatistics{.blocks = space_.pages.total(),
                              .blocks_free = pages_free,
                              .blocks_available = pages_free,
                              .files = space_.inodes.total(),
                              .files_free = space_.inodes.total() - space_.inodes.used(),
                              .block_size = kPageSize,
                              .fragment_size = kPageSize,
                              .name_length = kMaxName};
}

Async<void> Memfs::syncfs(const Request&, NodeId) {
  return Result<void>();
}

Async<void> Memfs::setxattr(const Request& request, NodeId node, std::string_view name, const SetXattr& attribute) {
  const std::lock_guard lock(mutex_);
  const Node inode = co_await find(node);
  // Access control lists mean something: who keeps them has to enforce them.
  if (name.starts_with("system.")) co_return Errno(EOPNOTSUPP);
  if (name.size() > XATTR_NAME_MAX) co_return Errno(ERANGE);
  if (attribute.value.size() > kMaxXattrValue) co_return Errno(E2BIG);
  memfs::Xattrs& xattrs = inode->xattrs;
  const auto found = xattrs.find(name);
  if (found != xattrs.end() && (attribute.flags & XATTR_CREATE) != 0) co_return Errno(EEXIST);
  if (found == xattrs.end() && (attribute.flags & XATTR_REPLACE) != 0) co_return Errno(ENODATA);
  std::size_t total = name.size() + attribute.value.size();
  for (const auto& [other, value] : xattrs) {
    if (other != name) total += other.size() + value.size();
  }
  if (total > kMaxXattrs) co_return Errno(ENOSPC);
  std::vector<std::byte> value(attribute.value.begin(), attribute.value.end());
  if (found != xattrs.end()) {
    found->second = std::move(value);
  } else {
    xattrs.emplace(name, std::move(value));
  }
  inode->changed(request.time());
  co_return {};
}

Async<void> Memfs::getxattr(const Request&, NodeId node, std::string_view name, XattrWriter& out) {
  const std::shared_lock lock(mutex_);
  const Node inode = co_await find(node);
  const auto found = inode->xattrs.find(name);
  if (found == inode->xattrs.end()) co_return Errno(ENODATA);
  out.set(found->second);
  co_return {};
}

Async<void> Memfs::listxattr(const Request&, NodeId node, XattrListWriter& out) {
  const std::shared_lock lock(mutex_);
  const Node inode = co_await find(node);
  for (const auto& xattr : inode->xattrs) out.add(xattr.first);
  co_return {};
}

Async<void> Memfs::removexattr(const Request& request, NodeId node, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const Node inode = co_await find(node);
  const auto found = inode->xattrs.find(name);
  if (found == inode->xattrs.end()) co_return Errno(ENODATA);
  inode->xattrs.erase(found);
  inode->changed(request.time());
  co_return {};
}

Memfs::Usage Memfs::usage() const {
  const std::shared_lock lock(mutex_);
  return Usage{.inodes = nodes_.size(), .pages = space_.pages.used(), .open = open_.size()};
}

}  // namespace fusereplay
