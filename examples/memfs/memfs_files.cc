// Open files and directories: their data and listings.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "examples/memfs/memfs.h"

namespace fusereplay {

using memfs::Directory;
using memfs::FileData;

namespace {

/// What copy_file_range copies at most before it answers: others want the lock too.
constexpr std::uint64_t kMaxCopy = std::uint64_t{1} << 24;
constexpr std::size_t kCopyStep = 64 * 1024;

}  // namespace

Result<const Memfs::OpenFile*> Memfs::find_open(FileHandle handle) const {
  const auto found = open_.find(raw(handle));
  if (found == open_.end()) return Errno(EBADF);
  return &found->second;
}

Opened Memfs::open_node(const Node& node, std::uint32_t flags) {
  const std::uint64_t handle = next_handle_++;
  open_.emplace(handle, OpenFile{node, flags});
  return Opened{.handle = FileHandle{handle}};
}

Async<Opened> Memfs::open(const Request& request, NodeId node, std::uint32_t flags) {
  const std::lock_guard lock(mutex_);
  const Node inode = co_await find(node);
  if (inode->is_directory()) co_return Errno(EISDIR);
  if (!inode->is_file()) co_return Errno(EINVAL);  // the kernel opens the others itself
  if ((flags & O_TRUNC) != 0) {
    co_await resize(*inode, 0, request.time());
    const auto& view = request.view();
    if (view.opcode() == Opcode::kOpen && (view.fixed<wire::OpenIn>().open_flags & kOpenKillSuidgid) != 0) {
      inode->drop_set_id();
    }
  }
  co_return open_node(inode, flags);
}

Async<Created> Memfs::create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                             std::uint32_t flags) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  Node node;
  if (const Node* existing = directory->directory().find(name); existing != nullptr) {
    // The kernel may have believed in a cached "no such file" (rule K16).
    if ((flags & O_EXCL) != 0) co_return Errno(EEXIST);
    node = *existing;
    // A reply must name a regular file (rule R7). On ESTALE the kernel looks the name up again and finds out.
    if (!node->is_file()) co_return Errno(ESTALE);
    if ((flags & O_TRUNC) != 0) {
      co_await resize(*node, 0, request.time());
      if ((request.view().fixed<wire::CreateIn>().open_flags & kOpenKillSuidgid) != 0) node->drop_set_id();
    }
  } else {
    co_await may_add(directory, name);
    node = co_await make_inode(request, directory, S_IFREG | (creation.mode & ~S_IFMT));
    add_name(request, directory, name, node);
  }
  const Entry entry = grant(node);
  co_return Created{entry, open_node(node, flags)};
}

Async<Created> Memfs::tmpfile(const Request& request, NodeId parent, const Creation& creation, std::uint32_t flags) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(parent);
  const Node node = co_await make_inode(request, directory, S_IFREG | (creation.mode & ~S_IFMT));
  node->attributes.nlink = 0;
  node->linkable = (flags & O_EXCL) == 0;
  const Entry entry = grant(node);
  co_return Created{entry, open_node(node, flags)};
}

Async<void> Memfs::read(const Request&, NodeId, FileHandle handle, Offset offset, DataWriter& out) {
  const std::shared_lock lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  if (!file->node->is_file()) co_return Errno(EISDIR);
  const FileData& data = file->node->data();
  if (offset >= data.size()) co_return {};
  const std::span<std::byte> space =
      out.space(static_cast<std::size_t>(std::min<std::uint64_t>(out.capacity(), data.size() - offset)));
  out.commit(data.read(offset, space));
  co_return {};
}

Async<std::uint32_t> Memfs::write(const Request& request, NodeId, FileHandle handle, Offset offset, Bytes data,
                                  std::uint32_t flags) {
  const std::lock_guard lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  Inode& inode = *file->node;
  if (!inode.is_file()) co_return Errno(EISDIR);
  // The kernel gives the end of file as it knows it; ours is the true one, unless it keeps writes back (rule F13).
  const bool appends = (file->flags & O_APPEND) != 0 && options_.writes == MemfsOptions::Writes::kThrough;
  if (appends) offset = inode.data().size();
  if (offset >= FileData::kMaxSize) co_return Errno(EFBIG);
  const std::size_t written = inode.data().write(offset, data);
  // Of a cached write the kernel does not look at how much was taken (rule R9).
  const bool lost = written < data.size() && (written == 0 || (flags & kWriteCache) != 0);
  if (lost) co_return Errno(ENOSPC);
  if ((flags & kWriteKillSuidgid) != 0) inode.drop_set_id();
  inode.drop_capabilities();
  inode.modified(request.time());
  co_return static_cast<std::uint32_t>(written);
}

// Nothing is kept back: what was written is there.
Async<void> Memfs::flush(const Request&, NodeId, FileHandle handle, LockOwner owner) {
  const std::shared_lock lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  if (file->node->locks) file->node->locks->drop(LockKind::kRecord, owner);
  co_return {};
}

Async<void> Memfs::fsync(const Request&, NodeId, FileHandle handle, SyncKind) {
  const std::shared_lock lock(mutex_);
  co_await find_open(handle);
  co_return {};
}

Async<void> Memfs::fsyncdir(const Request&, NodeId, FileHandle handle, SyncKind) {
  const std::shared_lock lock(mutex_);
  co_await find_open(handle);
  co_return {};
}

Async<void> Memfs::release(NodeId, FileHandle handle, const Release& how) {
  Node node;  // above the lock: its data may be freed when it goes
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(raw(handle));
  if (found == open_.end()) co_return Errno(EBADF);
  node = std::move(found->second.node);
  if (how.drops_flock() && node->locks) node->locks->drop(LockKind::kFlock, how.lock_owner);
  open_.erase(found);
  co_return {};
}

Async<void> Memfs::releasedir(NodeId node, FileHandle handle, const Release& how) {
  return Memfs::release(node, handle, how);
}

Async<Opened> Memfs::opendir(const Request&, NodeId node, std::uint32_t flags) {
  const std::lock_guard lock(mutex_);
  const Node directory = co_await find_directory(node);
  co_return open_node(directory, flags);
}

Async<void> Memfs::readdir(const Request&, NodeId, FileHandle handle, Cookie from, DirectoryWriter& out) {
  const std::shared_lock lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  if (!file->node->is_directory()) co_return Errno(ENOTDIR);
  list(file->node, from, out);
  co_return {};
}

void Memfs::list(const Node& directory, Cookie from, DirectoryWriter& out) {
  const Directory& entries = directory->directory();
  if (from < Directory::kDot && !out.add(".", Directory::kDot, raw(directory.id()), DT_DIR)) return;
  if (from < Directory::kDotDot && !out.add("..", Directory::kDotDot, raw(entries.parent()), DT_DIR)) return;
  for (auto child = entries.after(from); child != entries.children().end(); ++child) {
    const auto& [name, node] = child->second;
    if (!out.fits(name)) return;
    const Cookie cookie{child->first};
    if (out.plus()) {
      out.add(name, cookie, grant(node));
    } else {
      out.add(name, cookie, node->attributes.ino, node->dirent_type());
    }
  }
}

Async<FileLock> Memfs::getlk(const Request&, NodeId node, FileHandle, LockOwner owner, const FileLock& lock) {
  const std::shared_lock guard(mutex_);
  const Node inode = co_await find(node);
  if (inode->locks) {
    if (const auto conflict = inode->locks->conflict(LockKind::kRecord, owner, lock)) co_return *conflict;
  }
  co_return FileLock{.start = lock.start, .end = lock.end, .type = F_UNLCK, .pid = 0};
}

Async<void> Memfs::set_lock(const Request& request, NodeId node, LockKind kind, LockOwner owner, const FileLock& lock,
                            LockWait wait) {
  Node inode;
  {
    const std::lock_guard guard(mutex_);
    inode = co_await find(node);
    if (!inode->locks) inode->locks = std::make_unique<FileLocks>();
  }
  co_await inode->locks->set(request, connection_->interrupts(), kind, owner, lock, wait, nullptr);
  co_return {};
}

Async<void> Memfs::setlk(const Request& request, NodeId node, FileHandle, LockOwner owner, const FileLock& lock,
                         LockWait wait) {
  return set_lock(request, node, LockKind::kRecord, owner, lock, wait);
}

Async<void> Memfs::flock(const Request& request, NodeId node, FileHandle, LockOwner owner, const FileLock& lock,
                         LockWait wait) {
  return set_lock(request, node, LockKind::kFlock, owner, lock, wait);
}

Async<void> Memfs::fallocate(const Request& request, NodeId, FileHandle handle, Offset offset, std::uint64_t length,
                             std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  Inode& inode = *file->node;
  if (!inode.is_file()) co_return Errno(ENODEV);
  if (length == 0) co_return Errno(EINVAL);
  if (offset > FileData::kMaxSize || length > FileData::kMaxSize - offset) co_return Errno(EFBIG);
  const Offset end = offset + length;
  FileData& data = inode.data();
  switch (mode & ~static_cast<std::uint32_t>(FALLOC_FL_KEEP_SIZE)) {
    case 0:
      co_await data.allocate(offset, end);
      break;
    case FALLOC_FL_ZERO_RANGE:
      co_await data.allocate(offset, end);
      data.clear(offset, end);
      break;
    case FALLOC_FL_PUNCH_HOLE:
      if ((mode & FALLOC_FL_KEEP_SIZE) == 0) co_return Errno(EOPNOTSUPP);
      data.punch(offset, end);
      break;
    default:
      co_return Errno(EOPNOTSUPP);
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > data.size()) data.resize(end);
  inode.modified(request.time());
  co_return {};
}

Async<Offset> Memfs::lseek(const Request&, NodeId, FileHandle handle, Offset offset, std::uint32_t whence) {
  const std::shared_lock lock(mutex_);
  const OpenFile* file = co_await find_open(handle);
  if (!file->node->is_file()) co_return Errno(EINVAL);
  const FileData& data = file->node->data();
  if (whence == SEEK_DATA) co_return data.next_data(offset);
  if (whence == SEEK_HOLE) co_return data.next_hole(offset);
  co_return Errno(EINVAL);
}

Async<std::uint64_t> Memfs::copy_file_range(const Request& request, const CopyRange& range) {
  const std::lock_guard lock(mutex_);
  const OpenFile* source = co_await find_open(range.handle_in);
  const OpenFile* target = co_await find_open(range.handle_out);
  if (!source->node->is_file() || !target->node->is_file()) co_return Errno(EISDIR);
  if (range.flags != 0) co_return Errno(EINVAL);
  const FileData& from = source->node->data();
  FileData& to = target->node->data();
  if (range.offset_out >= FileData::kMaxSize) co_return Errno(EFBIG);
  if (range.offset_in >= from.size()) co_return 0;
  const std::uint64_t length = std::min({range.length, from.size() - range.offset_in, kMaxCopy});
  if (&from == &to && range.offset_in < range.offset_out + length && range.offset_out < range.offset_in + length) {
    co_return Errno(EINVAL);
  }
  std::vector<std::byte> step(kCopyStep);
  std::uint64_t done = 0;
  while (done < length) {
    const std::span<std::byte> room(step.data(), std::min<std::size_t>(step.size(), length - done));
    const std::size_t count = from.read(range.offset_in + done, room);
    const std::size_t written = to.write(range.offset_out + done, room.first(count));
    done += written;
    if (written < room.size()) break;
  }
  if (done == 0 && length > 0) co_return Errno(ENOSPC);
  target->node->drop_capabilities();
  target->node->modified(request.time());
  co_return done;
}

}  // namespace fusereplay
