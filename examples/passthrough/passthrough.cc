// The filesystem as a whole, attributes and extended attributes.
#include "examples/passthrough/passthrough.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "core/operations/attributes.h"
#include "examples/passthrough/caller.h"
#include "examples/passthrough/system.h"

namespace fusereplay {

using passthrough::CallerScope;
using passthrough::DescriptorPath;
using passthrough::done;
using passthrough::Identity;
using passthrough::Privilege;

namespace {

constexpr unsigned kStatxMask = STATX_BASIC_STATS | STATX_BTIME;

Result<void> stat_descriptor(int fd, unsigned mask, struct statx& status) {
  return done(::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, mask, &status));
}

bool is_access_list(std::string_view xattr) noexcept {
  return xattr.starts_with("system.posix_acl_");
}

timespec change_of_time(bool changes, bool to_now, Timestamp time) noexcept {
  if (!changes) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  // The source's own clock, which stamps its writes too: the machine's may be ahead of it by a tick, and a write right
  // after this would then take the file's time back.
  if (to_now) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  return {.tv_sec = time.seconds, .tv_nsec = static_cast<long>(time.nanoseconds)};
}

}  // namespace

tl::expected<std::unique_ptr<Passthrough>, std::string> Passthrough::make(const PassthroughOptions& options) {
  UniqueFd root(::open(options.source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statx status {};
  if (!root.valid() || !stat_descriptor(root.get(), kStatxMask, status)) {
    return tl::unexpected("passthrough cannot show '" + options.source + "': " + describe(Errno::last()));
  }
  return std::unique_ptr<Passthrough>(new Passthrough(options, Identity::of(status), std::move(root)));
}

Async<void> Passthrough::init(Connection& connection) {
  if (options_.handlers == PassthroughOptions::Handlers::kConcurrent) connection.run_handlers_concurrently();
  if (options_.io == PassthroughOptions::Io::kPassthrough) {
    connection.want(Capability::kPassthrough);
  } else if (connection.offers(Capability::kKillprivV2)) {  // nobody would do it for writes that do not come here
    connection.want(Capability::kKillprivV2);
  }
  if (options_.writes == PassthroughOptions::Writes::kBack) co_await connection.require(Capability::kWritebackCache);
  // A shared mapping is possible without it only where pages are cached.
  const bool direct = options_.io == PassthroughOptions::Io::kDirect;
  if (direct) connection.want(Capability::kDirectIoAllowMmap);
  connection_ = &connection;
  if (options_.locks == PassthroughOptions::Locks::kForwarded) {
    co_await connection.require(Capability::kPosixLocks | Capability::kFlockLocks);
  }
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < descriptors.rlim_max) {
    descriptors.rlim_cur = descriptors.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  co_return {};
}

Async<void> Passthrough::destroy() {
  files_.clear();
  directories_.clear();
  nodes_.forget_all();
  co_return {};
}

Passthrough::Usage Passthrough::usage() const {
  return Usage{.inodes = nodes_.size(), .open = files_.size() + directories_.size()};
}

Result<Passthrough::Node> Passthrough::find_directory(NodeId id) {
  auto node = nodes_.find(id);
  if (node && !(*node)->is_directory()) return Errno(ENOTDIR);
  return node;
}

Result<Passthrough::Node> Passthrough::find_child(const Node& directory, std::string_view name, struct statx& status) {
  const passthrough::Name text(name);
  if (!text.ok()) return Errno(ENAMETOOLONG);
  const bool above_root = directory.id() == kRoot && name == "..";
  UniqueFd fd(::openat(directory->fd.get(), above_root ? "." : text.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return Errno::last();
  if (const auto known = stat_descriptor(fd.get(), kStatxMask, status); !known) return known.error();
  const Identity identity = Identity::of(status);
  Node root = nodes_.root();
  if (identity == root->identity) return root;
  return index_.intern(nodes_, identity, std::move(fd));
}

Result<Passthrough::Node> Passthrough::adopt(int fd, struct statx& status) {
  UniqueFd path(::open(DescriptorPath(fd).c_str(), O_PATH | O_CLOEXEC));
  if (!path.valid()) return Errno::last();
  if (const auto known = stat_descriptor(path.get(), kStatxMask, status); !known) return known.error();
  return index_.intern(nodes_, Identity::of(status), std::move(path));
}

Entry Passthrough::grant(const Node& node, const struct statx& status) {
  nodes_.count_lookup(node);
  return Entry{.node = node.id(),
               .generation = 0,  // nodeids are never used again
               .attributes = attributes_of(status),
               .entry_timeout = options_.entry_timeout,
               .attribute_timeout = options_.attribute_timeout};
}

Result<Entry> Passthrough::enter(const Node& directory, std::string_view name) {
  struct statx status {};
  const auto node = find_child(directory, name, status);
  if (!node) return node.error();
  return grant(*node, status);
}

Async<Entry> Passthrough::lookup(const Request&, NodeId parent, std::string_view name) {
  const Node directory = co_await find_directory(parent);
  co_return enter(directory, name);
}

Async<void> Passthrough::forget(NodeId node, std::uint64_t count) {
  return nodes_.forget(node, count);
}

Result<AttributesReply> Passthrough::read_attributes(int fd) const {
  struct statx status {};
  if (const auto known = stat_descriptor(fd, STATX_BASIC_STATS, status); !known) return known.error();
  return AttributesReply{attributes_of(status), options_.attribute_timeout};
}

Async<AttributesReply> Passthrough::getattr(const Request&, NodeId node, std::optional<FileHandle> handle) {
  if (handle) {
    if (const auto file = files_.find(*handle)) co_return read_attributes((*file)->fd.get());
  }
  const Node inode = co_await nodes_.find(node);
  co_return read_attributes(inode->fd.get());
}

Result<void> Passthrough::change_mode(int fd, std::uint32_t mode) const {
  return done(::chmod(DescriptorPath(fd).c_str(), mode & ~S_IFMT));
}

Result<void> Passthrough::give_back_masked(const Node& node, std::uint32_t mode, struct statx& status) const {
  const std::uint32_t masked = mode & 0777 & ~static_cast<std::uint32_t>(status.stx_mode);
  if (masked == 0) return {};
  status.stx_mode = static_cast<std::uint16_t>(status.stx_mode | masked);
  return change_mode(node->fd.get(), status.stx_mode);
}

Result<void> Passthrough::drop_set_id(int fd) const {
  struct statx status {};
  if (const auto known = stat_descriptor(fd, STATX_MODE, status); !known) return known.error();
  std::uint32_t mode = status.stx_mode & ~static_cast<std::uint32_t>(S_ISUID);
  if ((mode & S_IXGRP) != 0) mode &= ~static_cast<std::uint32_t>(S_ISGID);
  return mode == status.stx_mode ? Result<void>() : change_mode(fd, mode);
}

Result<void> Passthrough::change_size(const Node& node, const SetAttributes& changes) {
  if (node->is_directory()) return Errno(EISDIR);
  if (!node->is_file()) return Errno(EINVAL);
  if (changes.size > INT64_MAX) return Errno(EFBIG);
  const auto size = static_cast<off_t>(changes.size);
  if (changes.handle) {
    const auto file = files_.find(*changes.handle);
    if (!file) return file.error();
    return done(::ftruncate((*file)->fd.get(), size));
  }
  return done(::truncate(DescriptorPath(node->fd.get()).c_str(), size));
}

Async<AttributesReply> Passthrough::setattr(const Request&, NodeId node, const SetAttributes& changes) {
  const Node inode = co_await nodes_.find(node);
  const int fd = inode->fd.get();
  if (changes.has(kSetattrSize)) co_await change_size(inode, changes);
  if (changes.has(kSetattrUid | kSetattrGid)) {
    const uid_t uid = changes.has(kSetattrUid) ? changes.uid : static_cast<uid_t>(-1);
    const gid_t gid = changes.has(kSetattrGid) ? changes.gid : static_cast<gid_t>(-1);
    co_await done(::fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  }
  if (changes.has(kSetattrKillSuidgid)) co_await drop_set_id(fd);
  if (changes.has(kSetattrMode)) co_await change_mode(fd, changes.mode);
  // A ctime alone (the flusher's, with a writeback cache) is the source's own affair.
  if (changes.has(kSetattrAtime | kSetattrMtime)) {
    const timespec times[2] = {
        change_of_time(changes.has(kSetattrAtime), changes.has(kSetattrAtimeNow), changes.atime),
        change_of_time(changes.has(kSetattrMtime), changes.has(kSetattrMtimeNow), changes.mtime)};
    co_await done(::utimensat(AT_FDCWD, DescriptorPath(fd).c_str(), times, 0));
  }
  co_return read_attributes(fd);
}

Async<StatxReply> Passthrough::statx(const Request&, NodeId node, const StatxRequest& wanted) {
  const Node inode = co_await nodes_.find(node);
  struct statx status {};
  co_await stat_descriptor(inode->fd.get(), wanted.mask | STATX_BASIC_STATS, status);
  StatxReply reply = statx_reply_of(status);
  reply.timeout = options_.attribute_timeout;
  co_return reply;
}

Async<void> Passthrough::access(const Request& request, NodeId node, std::uint32_t mask) {
  const Node inode = co_await nodes_.find(node);
  const CallerScope caller(request, Privilege::kCallersOwn);
  // The C library's faccessat() knows no AT_EMPTY_PATH. AT_EACCESS: by fsuid, which is the caller's.
  co_return done(::syscall(SYS_faccessat2, inode->fd.get(), "", mask, AT_EACCESS | AT_EMPTY_PATH));
}

Async<FilesystemStatistics> Passthrough::statfs(const Request&, NodeId node) {
  const Node inode = co_await nodes_.find(node);
  struct statvfs status {};
  co_await done(::fstatvfs(inode->fd.get(), &status));
  co_return FilesystemStatistics{.blocks = status.f_blocks,
                                 .blocks_free = status.f_bfree,
                                 .blocks_available = status.f_bavail,
                                 .files = status.f_files,
                                 .files_free = status.f_ffree,
                                 .block_size = static_cast<std::uint32_t>(status.f_bsize),
                                 .fragment_size = static_cast<std::uint32_t>(status.f_frsize),
                                 .name_length = static_cast<std::uint32_t>(status.f_namemax)};
}

Async<void> Passthrough::syncfs(const Request&, NodeId node) {
  const Node inode = co_await nodes_.find(node);
  const UniqueFd fd = co_await reopen(inode->fd.get(), O_RDONLY);
  co_return done(::syncfs(fd.get()));
}

Async<void> Passthrough::setxattr(const Request&, NodeId node, std::string_view name, const SetXattr& attribute) {
  const Node inode = co_await nodes_.find(node);
  if (is_access_list(name)) co_return Errno(EOPNOTSUPP);
  co_return done(::setxattr(DescriptorPath(inode->fd.get()).c_str(), std::string(name).c_str(), attribute.value.data(),
                            attribute.value.size(), static_cast<int>(attribute.flags)));
}

Async<void> Passthrough::getxattr(const Request&, NodeId node, std::string_view name, XattrWriter& out) {
  const Node inode = co_await nodes_.find(node);
  if (is_access_list(name)) co_return Errno(ENODATA);
  std::vector<std::byte> value(XATTR_SIZE_MAX);
  const ssize_t size =
      ::getxattr(DescriptorPath(inode->fd.get()).c_str(), std::string(name).c_str(), value.data(), value.size());
  if (size < 0) co_return Errno::last();
  out.set(Bytes(value).first(static_cast<std::size_t>(size)));
  co_return {};
}

Async<void> Passthrough::listxattr(const Request&, NodeId node, XattrListWriter& out) {
  const Node inode = co_await nodes_.find(node);
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t size = ::listxattr(DescriptorPath(inode->fd.get()).c_str(), names.data(), names.size());
  if (size < 0) co_return Errno::last();
  std::string_view rest(names.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('\0'));
    if (!is_access_list(name)) out.add(name);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  co_return {};
}

Async<void> Passthrough::removexattr(const Request&, NodeId node, std::string_view name) {
  const Node inode = co_await nodes_.find(node);
  if (is_access_list(name)) co_return Errno(EOPNOTSUPP);
  co_return done(::removexattr(DescriptorPath(inode->fd.get()).c_str(), std::string(name).c_str()));
}

}  // namespace fusereplay
