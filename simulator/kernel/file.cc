// Opening and closing, and what asks for a file as a whole (fs/fuse/file.c).
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "core/async/frame_pool.h"
#include "simulator/kernel/filesystem.h"
#include "simulator/kernel/no_writes.h"

namespace fusereplay::kernel {
namespace {

constexpr int kOpenOnly = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC;  // not in f_flags once it is open

std::uint32_t word(int flags) noexcept {
  return static_cast<std::uint32_t>(flags);
}

}  // namespace

OpenFileRef Filesystem::opened(Dentry& dentry, int flags, std::uint64_t handle, std::uint32_t fopen) {
  auto file = std::make_shared<OpenFile>();
  file->dentry = DentryRef(&dentry);
  file->inode = dentry.inode;
  file->flags = flags & ~kOpenOnly;
  file->handle = handle;
  file->fopen = fopen;
  file->kernel_handle = kernel_handles_;
  file->counted_as_cached = file->uses_cache();
  if (file->counted_as_cached) ++file->inode->cached_opens;
  file->errors_seen = file->inode->writeback.errors.sample();
  file->mount_errors_seen = errors_.sample();
  if (file->writes() && keeps_times(*file->inode)) link_write_file(*file);
  return file;
}

// No server here has a backing file registered. Kernels before 7.40 do not know the flag.
bool Filesystem::check_io_mode(Inode& inode, int flags, std::uint64_t handle, std::uint32_t fopen) {
  constexpr std::uint32_t kPassthroughMinor = 40;
  if (profile_.minor < kPassthroughMinor || (fopen & kFopenPassthrough) == 0) return true;
  wire::ReleaseIn in{};  // fuse_sync_release
  in.fh = handle;
  in.flags = word(flags);
  const auto request = queue_.make(Opcode::kRelease, inode.nodeid, {});
  request->add(in);
  static_cast<void>(queue_.call(*request));
  return false;
}

// fuse_file_open: OPEN or OPENDIR, unless the server turned out not to have it.
Result<Filesystem::Granted> Filesystem::ask_open(Inode& inode, int flags, const Process& task) {
  ++kernel_handles_;
  const bool directory = inode.is_directory();
  bool& none = directory ? connection_.no_opendir : connection_.no_open;
  const Granted ungranted{.handle = 0, .fopen = kFopenKeepCache | (directory ? kFopenCacheDir : 0)};
  if (none) return ungranted;
  wire::OpenIn in{};
  in.flags = word(flags & ~(O_CREAT | O_EXCL | O_NOCTTY | (connection_.has(kInitAtomicOTrunc) ? 0 : O_TRUNC)));
  const bool truncates = (in.flags & O_TRUNC) != 0;
  if (truncates && connection_.has(kInitHandleKillprivV2) && !task.capable()) in.open_flags |= kOpenKillSuidgid;
  const auto request = make(directory ? Opcode::kOpendir : Opcode::kOpen, inode.nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  if (!answer && answer.error() != Errno(ENOSYS)) return answer.error();
  none = !answer;
  if (none) return ungranted;
  const auto out = request->out<wire::OpenOut>();
  return Granted{.handle = out.fh, .fopen = out.open_flags};
}

// fuse_open, fuse_dir_open: fuse_file_open, fuse_finish_open.
Result<OpenFileRef> Filesystem::open(Dentry& dentry, int flags, const Process& task) {
  Inode& inode = *dentry.inode;
  if (inode.bad) return Errno(EIO);
  const bool directory = inode.is_directory();
  const bool atomic = connection_.has(kInitAtomicOTrunc);
  const bool truncates = atomic && (flags & O_TRUNC) != 0 && inode.is_regular();
  InodeLock held;
  std::optional<NoWrites> no_writes;
  if (truncates && keeps_times(inode)) {
    held = lock(inode, LockMode::kExclusive);
    no_writes.emplace(*this, inode);
  }
  const Result<Granted> granted = ask_open(inode, flags, task);
  if (!granted) return granted.error();
  const std::uint64_t handle = granted->handle;
  std::uint32_t fopen = granted->fopen;
  if (!directory && !check_io_mode(inode, flags, handle, fopen)) return Errno(EIO);
  if (directory) fopen &= ~kFopenDirectIo;
  OpenFileRef file = opened(dentry, flags, handle, fopen);
  if (directory) {
    if ((fopen & kFopenKeepCache) == 0) inode.listing.drop_pages();
    return file;
  }
  if (truncates) {
    inode.size = 0;
    inode.attr_version = ++connection_.attr_version;
    update_times(inode);
    invalidate_attributes(inode, kContentAttributes);
    no_writes.reset();
    truncate_pages(inode, 0);
  } else if ((fopen & kFopenKeepCache) == 0) {
    invalidate_pages(inode);
  }
  return file;
}

// fuse_flush.
Result<void> Filesystem::flush(const OpenFile& file, const Process& task) {
  if (file.inode->bad) return Errno(EIO);
  if ((file.fopen & kFopenNoflush) != 0 && !connection_.has(kInitWritebackCache)) return {};
  Inode& inode = *file.inode;
  if (const Result<void> written = write_inode_now(inode, task); !written) return written;
  if (profile_.flush_drains) {
    const InodeLock held = lock(inode, LockMode::kExclusive);
    drain(inode);
  }
  if (const Result<void> written = take_writeback_error(inode); !written) return written;
  const Result<void> flushed = send_flush(file, task);
  if (flushed && connection_.has(kInitWritebackCache)) invalidate_attributes(inode, STATX_BLOCKS);
  return flushed;
}

Result<void> Filesystem::send_flush(const OpenFile& file, const Process& task) {
  if (connection_.no_flush) return {};
  const auto request = make(Opcode::kFlush, file.inode->nodeid, task);
  request->add(wire::FlushIn{.fh = file.handle, .unused = 0, .padding = 0, .lock_owner = task.pid});
  const Result<void> answer = call(*request);
  if (answer || answer.error() != Errno(ENOSYS)) return answer;
  connection_.no_flush = true;
  return {};
}

namespace {

/// Keeps the inode until its RELEASE is answered (fuse_release_end).
class HeldInode final : public RequestEnd, public internal::FrameAllocated {
 public:
  explicit HeldInode(InodeRef inode) noexcept : inode_(std::move(inode)) {}
  void on_end(PendingRequest&) noexcept override { delete this; }

 private:
  InodeRef inode_;
};

}  // namespace

// RELEASE or RELEASEDIR in the background; it carries no credentials (args.nocreds).
void Filesystem::send_release(const InodeRef& inode, const wire::ReleaseIn& in) {
  const bool directory = inode->is_directory();
  if (directory ? connection_.no_opendir : connection_.no_open) return;
  auto request = queue_.make(directory ? Opcode::kReleasedir : Opcode::kRelease, inode->nodeid, {});
  request->add(in);
  queue_.send_background(std::move(request), std::make_unique<HeldInode>(inode).release());
}

// fuse_release, fuse_release_common.
void Filesystem::release(OpenFile& file, const Process& task) {
  if (keeps_times(*file.inode)) static_cast<void>(write_inode_now(*file.inode, task));
  std::erase(file.inode->writeback.files, &file);
  if (file.carries != 0) {
    file.closed = true;
  } else {
    send_release(file);
  }
}

// fuse_file_put.
void Filesystem::send_release(OpenFile& file) {
  wire::ReleaseIn in{};
  in.fh = file.handle;
  in.flags = word(file.flags);
  if (file.flocked) {
    in.release_flags |= kReleaseFlockUnlock;
    in.lock_owner = file.owner;
  }
  if (file.counted_as_cached) --file.inode->cached_opens;
  polled_.erase(file.kernel_handle);
  if (file.owner != 0 && !file.flocked) {
    file.inode->flocks.set({.owner = file.owner, .type = F_UNLCK, .start = 0, .end = kLastOffset, .pid = 0});
  }
  const InodeRef inode = std::move(file.inode);
  file.dentry.reset();
  send_release(inode, in);
}

// fuse_fsync, fuse_dir_fsync.
Result<void> Filesystem::fsync(OpenFile& file, std::uint64_t begin, std::uint64_t end, SyncKind kind,
                               const Process& task) {
  Inode& inode = *file.inode;
  if (inode.bad) return Errno(EIO);
  const InodeLock held = lock(inode, LockMode::kExclusive);
  const bool directory = inode.is_directory();
  if (!directory) {
    if (const Result<void> written = write_for_fsync(file, begin, end, task); !written) return written;
  }
  bool& none = directory ? connection_.no_fsyncdir : connection_.no_fsync;
  if (none) return {};
  wire::FsyncIn in{};
  in.fh = file.handle;
  in.fsync_flags = kind == SyncKind::kDataOnly ? kFsyncDatasync : 0;
  const auto request = make(directory ? Opcode::kFsyncdir : Opcode::kFsync, inode.nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  if (answer || answer.error() != Errno(ENOSYS)) return answer;
  none = true;
  return {};
}

// file_write_and_wait_range, fuse_sync_writes, sync_inode_metadata.
Result<void> Filesystem::write_for_fsync(OpenFile& file, std::uint64_t begin, std::uint64_t end, const Process& task) {
  Inode& inode = *file.inode;
  if (inode.pages.has_dirty()) start_writeback(inode, begin / kPageSize, (end - 1) / kPageSize, WritebackMode::kAll);
  if (!profile_.writeback_copies) wait_for_writeback(inode, begin / kPageSize, (end - 1) / kPageSize);
  if (const Result<void> written = take_writeback_error(file); !written) return written;
  drain(inode);
  if (const Result<void> written = take_writeback_error(file); !written) return written;
  return write_inode(inode, task);
}

// fuse_file_fallocate.
Result<void> Filesystem::fallocate(OpenFile& file, std::uint32_t mode, std::uint64_t offset, std::uint64_t length,
                                   const Process& task) {
  constexpr std::uint32_t kKnown = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  Inode& inode = *file.inode;
  if ((mode & ~kKnown) != 0 || connection_.no_fallocate) return Errno(EOPNOTSUPP);
  if (inode.bad) return Errno(EIO);
  Result<void> done;
  {
    const InodeLock held = lock(inode, LockMode::kExclusive);
    done = send_fallocate(file, mode, offset, length, task);
  }
  send_times(inode, task);
  return done;
}

Result<void> Filesystem::send_fallocate(OpenFile& file, std::uint32_t mode, std::uint64_t offset, std::uint64_t length,
                                        const Process& task) {
  Inode& inode = *file.inode;
  const bool extends = (mode & FALLOC_FL_KEEP_SIZE) == 0;
  const bool punches = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
  if (punches) {
    if (const Result<void> written = write_back_from(inode, offset); !written) return written;
  }
  if (const Result<void> removed = remove_privileges(inode, task); !removed) return removed;
  update_times(inode);
  if (extends) inode.size_unstable = true;
  wire::FallocateIn in{};
  in.fh = file.handle;
  in.offset = offset;
  in.length = length;
  in.mode = mode;
  const auto request = make(Opcode::kFallocate, inode.nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  if (answer) {
    if (extends) content_changed(inode, offset + length, length);
    if (punches) {
      wait_until_idle(inode, offset / kPageSize, (offset + length) / kPageSize);
      inode.pages.punch(offset, offset + length);
    }
    invalidate_attributes(inode, kContentAttributes);
  }
  inode.size_unstable = false;
  if (answer || answer.error() != Errno(ENOSYS)) return answer;
  connection_.no_fallocate = true;
  return Errno(EOPNOTSUPP);
}

// __fuse_copy_file_range. EOPNOTSUPP: the caller copies by reading and writing.
Result<std::uint64_t> Filesystem::copy_file_range(OpenFile& in, std::uint64_t in_offset, OpenFile& out,
                                                  std::uint64_t out_offset, std::uint64_t length, const Process& task) {
  if (connection_.no_copy_file_range) return Errno(EOPNOTSUPP);
  Inode& target = *out.inode;
  {
    const InodeLock held_in = lock(*in.inode, LockMode::kExclusive);
    const Result<void> written = write_back_from(*in.inode, in_offset);
    if (!written) return written.error();
  }
  Result<std::uint64_t> copied = Errno(EIO);
  {
    const InodeLock held = lock(target, LockMode::kExclusive);
    Result<void> ready = remove_privileges(target, task);
    if (ready) update_times(target);
    if (ready) ready = write_back_from(target, out_offset);
    if (ready) {
      copied = send_copy(in, in_offset, out, out_offset, length, task);
    } else {
      copied = ready.error();
    }
  }
  send_times(target, task);
  return copied;
}

Result<std::uint64_t> Filesystem::send_copy(OpenFile& in, std::uint64_t in_offset, OpenFile& out,
                                            std::uint64_t out_offset, std::uint64_t length, const Process& task) {
  Inode& target = *out.inode;
  wire::CopyFileRangeIn body{};
  body.fh_in = in.handle;
  body.off_in = in_offset;
  body.nodeid_out = target.nodeid;
  body.fh_out = out.handle;
  body.off_out = out_offset;
  body.len = length;
  if (profile_.minor < 45) connection_.no_copy_file_range_64 = true;
  target.size_unstable = !connection_.has(kInitWritebackCache);
  std::uint64_t copied = 0;
  Result<void> answer = Errno(ENOSYS);
  if (!connection_.no_copy_file_range_64) {
    const auto request = make(Opcode::kCopyFileRange64, in.inode->nodeid, task);
    request->add(body);
    answer = call(*request);
    if (answer) copied = request->out<wire::CopyFileRangeOut>().bytes_copied;
    connection_.no_copy_file_range_64 = !answer && answer.error() == Errno(ENOSYS);
  }
  if (connection_.no_copy_file_range_64) {
    body.len = std::min<std::uint64_t>(length, 0xfffff000);
    const auto request = make(Opcode::kCopyFileRange, in.inode->nodeid, task);
    request->add(body);
    answer = call(*request);
    if (answer) copied = request->out<wire::WriteOut>().size;
  }
  target.size_unstable = false;
  if (!answer) {
    if (answer.error() != Errno(ENOSYS)) return answer.error();
    connection_.no_copy_file_range = true;
    return Errno(EOPNOTSUPP);
  }
  if (copied > length) return Errno(EIO);
  if (copied > 0) {
    discard_pages(target, out_offset / kPageSize, (out_offset + copied + kPageSize - 1) / kPageSize - 1);
  }
  update_times(target);
  content_changed(target, out_offset + copied, copied);
  return copied;
}

// fuse_lseek.
Result<std::uint64_t> Filesystem::seek(OpenFile& file, std::uint64_t offset, int whence, const Process& task) {
  const InodeLock held = lock(*file.inode, LockMode::kExclusive);
  if (!connection_.no_lseek) {
    wire::LseekIn in{};
    in.fh = file.handle;
    in.offset = offset;
    in.whence = static_cast<std::uint32_t>(whence);
    const auto request = make(Opcode::kLseek, file.inode->nodeid, task);
    request->add(in);
    const Result<void> answer = call(*request);
    if (answer) return request->out<wire::LseekOut>().offset;
    if (answer.error() != Errno(ENOSYS)) return answer.error();
    connection_.no_lseek = true;
  }
  if (const Result<void> known = update_attributes(*file.inode, &file, STATX_SIZE, task); !known) {
    return known.error();
  }
  if (offset >= file.inode->size) return Errno(ENXIO);
  return whence == SEEK_HOLE ? file.inode->size : offset;
}

}  // namespace fusereplay::kernel
