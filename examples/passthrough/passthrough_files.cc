// Open files and directories: their data and listings.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "examples/passthrough/caller.h"
#include "examples/passthrough/passthrough.h"
#include "examples/passthrough/system.h"

namespace fusereplay {

using passthrough::CallerScope;
using passthrough::DescriptorPath;
using passthrough::done;
using passthrough::Name;
using passthrough::Privilege;
using passthrough::usable;

int Passthrough::source_flags(std::uint32_t flags) const noexcept {
  // O_DIRECT is between the caller and the kernel: our buffers are not aligned as the source would want.
  std::uint32_t kept = flags & (O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC | O_DIRECTORY);
  if (options_.writes == PassthroughOptions::Writes::kBack) {
    // The kernel reads what it writes only in part, and appends by itself (rule F13).
    if ((kept & O_ACCMODE) == O_WRONLY) kept = (kept & ~static_cast<std::uint32_t>(O_ACCMODE)) | O_RDWR;
    kept &= ~static_cast<std::uint32_t>(O_APPEND);
  }
  return static_cast<int>(kept) | O_CLOEXEC;
}

Result<UniqueFd> Passthrough::reopen(int fd, std::uint32_t flags) const {
  UniqueFd opened(::open(DescriptorPath(fd).c_str(), source_flags(flags)));
  if (!opened.valid()) return Errno::last();
  return opened;
}

Opened Passthrough::open_node(const Node& node, UniqueFd fd) {
  if (options_.io == PassthroughOptions::Io::kPassthrough) {
    passthrough::OpenWay::Taken way = node->way.take(connection_->backing_files(), fd.get());
    if (way.backing_id != 0) {
      return Opened{.handle = files_.add(node.id(), std::move(fd), std::move(way.hold)),
                    .flags = kFopenPassthrough,
                    .backing_id = way.backing_id};
    }
    return Opened{.handle = files_.add(node.id(), std::move(fd), std::move(way.hold))};
  }
  Opened opened{.handle = files_.add(node.id(), std::move(fd), nullptr)};
  if (options_.io == PassthroughOptions::Io::kDirect) opened.flags |= kFopenDirectIo;
  if (options_.cache == PassthroughOptions::Cache::kAlways) opened.flags |= kFopenKeepCache;
  return opened;
}

Async<Opened> Passthrough::open(const Request& request, NodeId node, std::uint32_t flags) {
  const Node inode = co_await nodes_.find(node);
  if (inode->is_directory()) co_return Errno(EISDIR);
  if (!inode->is_file()) co_return Errno(EINVAL);  // the kernel opens the others itself; a fifo would keep us waiting
  UniqueFd fd = co_await reopen(inode->fd.get(), flags);
  const auto& view = request.view();
  if ((flags & O_TRUNC) != 0 && (view.fixed<wire::OpenIn>().open_flags & kOpenKillSuidgid) != 0) {
    co_await drop_set_id(fd.get());
  }
  co_return open_node(inode, std::move(fd));
}

Async<Created> Passthrough::create(const Request& request, NodeId parent, std::string_view name,
                                   const Creation& creation, std::uint32_t flags) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  UniqueFd fd;
  {
    const CallerScope caller(request, Privilege::kOverride);
    fd.reset(
        ::openat(directory->fd.get(), text.c_str(), source_flags(flags) | O_CREAT | O_EXCL, creation.mode & ~S_IFMT));
    // The kernel may have believed in a cached "no such file" (rule K16): then what there is is opened.
    if (!fd.valid() && (errno != EEXIST || (flags & O_EXCL) != 0)) co_return Errno::last();
  }
  struct statx status {};
  Node node;
  if (fd.valid()) {
    node = co_await adopt(fd.get(), status);
    co_await give_back_masked(node, creation.mode, status);
  } else {
    node = co_await find_child(directory, name, status);
    // A reply must name a regular file (rule R7). On ESTALE the kernel looks the name up again and finds out.
    if (!node->is_file()) co_return Errno(ESTALE);
    fd = co_await reopen(node->fd.get(), flags);
    if ((flags & O_TRUNC) != 0) {
      if ((request.view().fixed<wire::CreateIn>().open_flags & kOpenKillSuidgid) != 0) co_await drop_set_id(fd.get());
      node = co_await adopt(fd.get(), status);
    }
  }
  const Entry entry = grant(node, status);
  co_return Created{entry, open_node(node, std::move(fd))};
}

Async<Created> Passthrough::tmpfile(const Request& request, NodeId parent, const Creation& creation,
                                    std::uint32_t flags) {
  const Node directory = co_await find_directory(parent);
  UniqueFd fd;
  {
    const CallerScope caller(request, Privilege::kOverride);
    const int wanted = static_cast<int>(flags & (O_ACCMODE | O_EXCL)) | O_TMPFILE | O_CLOEXEC;
    fd.reset(::openat(directory->fd.get(), ".", wanted, creation.mode & ~S_IFMT));
    if (!fd.valid()) co_return Errno::last();
  }
  struct statx status {};
  const Node node = co_await adopt(fd.get(), status);
  co_await give_back_masked(node, creation.mode, status);
  const Entry entry = grant(node, status);
  co_return Created{entry, open_node(node, std::move(fd))};
}

Async<void> Passthrough::read(const Request&, NodeId, FileHandle handle, Offset offset, DataWriter& out) {
  auto file = co_await files_.find(handle);
  const int fd = file->fd.get();
  out.share_file(fd, offset, out.capacity(), std::move(file));
  co_return {};
}

Async<std::uint32_t> Passthrough::write(const Request&, NodeId, FileHandle handle, Offset offset, Bytes data,
                                        std::uint32_t flags) {
  const auto file = co_await files_.find(handle);
  const int fd = file->fd.get();
  std::size_t written = 0;
  while (written < data.size()) {
    const Bytes rest = data.subspan(written);
    const ssize_t count = ::pwrite(fd, rest.data(), rest.size(), static_cast<off_t>(offset + written));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && written == 0) co_return Errno::last();
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  if ((flags & kWriteKillSuidgid) != 0) co_await drop_set_id(fd);
  co_return static_cast<std::uint32_t>(written);
}

Async<void> Passthrough::flush(const Request&, NodeId node, FileHandle handle, LockOwner owner) {
  const auto file = co_await files_.find(handle);
  const Node inode = co_await nodes_.find(node);
  drop_record_locks(inode, owner);
  // Closing a copy flushes, and reports what a network filesystem could not write.
  co_return done(::close(::dup(file->fd.get())));
}

Async<void> Passthrough::release(NodeId node, FileHandle handle, const Release& how) {
  {
    const auto file = co_await files_.remove(handle);  // closed here: the source's flock goes with it
  }
  const auto inode = nodes_.find(node);
  if (inode && how.drops_flock()) (*inode)->locks.drop(LockKind::kFlock, how.lock_owner);
  co_return {};
}

Async<void> Passthrough::fsync(const Request&, NodeId, FileHandle handle, SyncKind kind) {
  const auto file = co_await files_.find(handle);
  co_return done(kind == SyncKind::kDataOnly ? ::fdatasync(file->fd.get()) : ::fsync(file->fd.get()));
}

Async<Opened> Passthrough::opendir(const Request&, NodeId node, std::uint32_t) {
  const Node directory = co_await find_directory(node);
  UniqueFd fd = co_await reopen(directory->fd.get(), O_RDONLY | O_DIRECTORY);
  co_return Opened{.handle = directories_.add(node, std::move(fd))};
}

Result<bool> Passthrough::put(const Node& directory, const dirent64& entry, DirectoryWriter& out) {
  const std::string_view name(entry.d_name);
  const Cookie next{static_cast<std::uint64_t>(entry.d_off)};
  if (!out.fits(name)) return false;
  const bool above_root = directory.id() == kRoot && name == "..";
  const std::uint64_t ino = above_root ? directory->identity.ino : entry.d_ino;
  if (!out.plus() || is_dot_name(name)) return out.add(name, next, ino, entry.d_type);
  const auto child = enter(directory, name);
  if (child) return out.add(name, next, *child);
  // Removed since it was read ahead: then it is no entry any more. Else listed without a lookup of it.
  return child.error() == Errno(ENOENT) || out.add(name, next, ino, entry.d_type);
}

Async<void> Passthrough::readdir(const Request&, NodeId node, FileHandle handle, Cookie from, DirectoryWriter& out) {
  const auto opened = co_await directories_.find(handle);
  const Node directory = co_await find_directory(node);
  const std::lock_guard lock(opened->mutex);
  co_await opened->seek(from);
  for (;;) {
    const auto entry = opened->next();
    if (!entry && !out.page().empty()) break;  // the next page will tell
    if (!entry) co_return entry.error();
    if (*entry == nullptr) break;
    if (!co_await put(directory, **entry, out)) break;
    opened->advance(**entry);
  }
  co_return {};
}

Async<void> Passthrough::releasedir(NodeId, FileHandle handle, const Release&) {
  co_await directories_.remove(handle);
  co_return {};
}

Async<void> Passthrough::fsyncdir(const Request&, NodeId, FileHandle handle, SyncKind kind) {
  const auto directory = co_await directories_.find(handle);
  const int fd = directory->fd.get();
  co_return done(kind == SyncKind::kDataOnly ? ::fdatasync(fd) : ::fsync(fd));
}

Async<std::int32_t> Passthrough::ioctl(const Request&, NodeId, FileHandle handle, const IoctlRequest& what,
                                       DataWriter& out) {
  std::array<std::byte, 64> memory{};  // more than any of them has
  switch (what.command) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
      break;
    default:
      co_return Errno(ENOTTY);
  }
  std::copy_n(what.input.begin(), std::min(what.input.size(), memory.size()), memory.begin());
  const auto on = [&](int fd) { return done(::ioctl(fd, what.command, memory.data())); };
  if ((what.flags & kIoctlDir) != 0) {
    const auto directory = co_await directories_.find(handle);
    co_await on(directory->fd.get());
  } else {
    const auto file = co_await files_.find(handle);
    co_await on(file->fd.get());
  }
  out.append(std::span(memory).first(std::min<std::size_t>(what.output_size, memory.size())));
  co_return 0;
}

Async<void> Passthrough::fallocate(const Request&, NodeId, FileHandle handle, Offset offset, std::uint64_t length,
                                   std::uint32_t mode) {
  const auto file = co_await files_.find(handle);
  co_return done(
      ::fallocate(file->fd.get(), static_cast<int>(mode), static_cast<off_t>(offset), static_cast<off_t>(length)));
}

Async<Offset> Passthrough::lseek(const Request&, NodeId, FileHandle handle, Offset offset, std::uint32_t whence) {
  const auto file = co_await files_.find(handle);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) co_return Errno(EINVAL);
  // The descriptor's own place, which this moves, is used by nothing else.
  const off_t found = ::lseek(file->fd.get(), static_cast<off_t>(offset), static_cast<int>(whence));
  if (found < 0) co_return Errno::last();
  co_return static_cast<Offset>(found);
}

Async<std::uint64_t> Passthrough::copy_file_range(const Request&, const CopyRange& range) {
  const auto source = co_await files_.find(range.handle_in);
  const auto target = co_await files_.find(range.handle_out);
  auto from = static_cast<off_t>(range.offset_in);
  auto to = static_cast<off_t>(range.offset_out);
  const ssize_t copied = ::copy_file_range(source->fd.get(), &from, target->fd.get(), &to, range.length,
                                           static_cast<unsigned>(range.flags));
  if (copied < 0) co_return Errno::last();
  co_return static_cast<std::uint64_t>(copied);
}

}  // namespace fusereplay
