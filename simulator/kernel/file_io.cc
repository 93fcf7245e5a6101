// Reading and writing through the page cache and past it (fs/fuse/file.c, mm/filemap.c).
#include "simulator/kernel/filesystem.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace fusereplay::kernel {

Result<std::size_t> Filesystem::read(OpenFile& file, std::uint64_t offset, std::span<std::byte> into,
                                     const Process& task) {
  if (file.inode->bad) return Errno(EIO);
  return (file.fopen & kFopenDirectIo) != 0 ? read_direct(file, offset, into, task)
                                            : read_cached(file, offset, into, task);
}

// fuse_direct_IO: all requests are sent before the first is answered, so that an error of one does not keep the others
// back, and the caller hears of the first that failed (fuse_get_res_by_io).
bool Filesystem::sends_at_once(const OpenFile& file) const noexcept {
  return (file.fopen & kFopenDirectIo) == 0 && connection_.has(kInitAsyncDio);
}

// fuse_direct_io, reading: as many READs as it takes, one after the other, until one is short.
Result<std::size_t> Filesystem::read_direct(OpenFile& file, std::uint64_t offset, std::span<std::byte> into,
                                            const Process& task) {
  const std::uint64_t most =
      std::min<std::uint64_t>(options_.max_read, std::uint64_t{connection_.max_pages} * kPageSize);
  const bool at_once = sends_at_once(file);
  std::size_t done = 0;
  if (!into.empty() && !file.inode->pages.empty()) {
    Inode& inode = *file.inode;
    const std::uint64_t first = offset / kPageSize;
    const std::uint64_t last = (offset + into.size() - 1) / kPageSize;
    if ((file.fopen & kFopenDirectIo) != 0 && connection_.has(kInitDirectIoAllowMmap)) {
      if (const Result<void> written = write_and_wait(inode, first, last); !written) return written.error();
    }
    // filemap_range_has_writeback: a locked or a dirty page looks like one, and whoever writes it back holds the inode.
    if (inode.pages.is_busy(first, last) || inode.pages.next_dirty(first, last)) {
      const InodeLock held = lock(inode, LockMode::kExclusive);
      if (!drain(inode)) return Errno(EDEADLK);
    }
  }
  std::size_t end = into.size();
  std::optional<Errno> failed;
  while (done < into.size()) {
    wire::ReadIn in{};
    in.fh = file.handle;
    in.offset = offset + done;
    in.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(into.size() - done, most));
    in.read_flags = kReadLockowner;
    in.lock_owner = task.pid;
    in.flags = static_cast<std::uint32_t>(file.flags);
    const auto request = make(Opcode::kRead, file.inode->nodeid, task);
    request->add(in);
    const Result<void> answer = call(*request);
    invalidate_atime(*file.inode);  // whatever came of it
    if (!answer && !at_once) {
      if (done > 0) break;
      return answer.error();
    }
    if (!answer && !failed) failed = answer.error();
    const Bytes data = answer ? request->data() : Bytes();
    if (!data.empty()) std::memcpy(into.data() + done, data.data(), data.size());
    if (at_once && data.size() < in.size) end = std::min(end, done + data.size());
    done += at_once ? in.size : data.size();
    if (data.size() < in.size && !at_once) break;
  }
  if (failed) return *failed;
  return std::min(done, end);
}

// fuse_cache_read_iter, filemap_read.
Result<std::size_t> Filesystem::read_cached(OpenFile& file, std::uint64_t offset, std::span<std::byte> into,
                                            const Process& task) {
  Inode& inode = *file.inode;
  if (connection_.has(kInitAutoInvalData) || offset + into.size() > inode.size) {
    if (const Result<void> known = update_attributes(inode, &file, STATX_SIZE, task); !known) return known.error();
  }
  if ((file.flags & O_DIRECT) != 0) {             // fuse_direct_IO
    if (!into.empty() && !inode.pages.empty()) {  // kiocb_write_and_wait
      const std::uint64_t last = (offset + into.size() - 1) / kPageSize;
      const Result<void> written = write_and_wait(inode, offset / kPageSize, last);
      if (!written) return written.error();
    }
    if (offset >= inode.size) return std::size_t{0};
    const std::span<std::byte> all = into;
    if (connection_.has(kInitAsyncDio)) {
      const std::uint64_t unit = std::uint64_t{connection_.max_pages} * kPageSize;
      const std::uint64_t most = (inode.size - offset + unit - 1) / unit * unit;
      into = into.first(std::min<std::uint64_t>(into.size(), most));
    }
    const Result<std::size_t> direct = read_direct(file, offset, into, task);
    // generic_file_read_iter: what is missing before the end comes through the cache.
    if (!direct || *direct == all.size() || offset + *direct >= inode.size) return direct;
    const Result<std::size_t> rest = read_pages(file, offset + *direct, all.subspan(*direct), task);
    return rest ? *direct + *rest : *direct;
  }
  const Result<std::size_t> done = read_pages(file, offset, into, task);
  if (done && *done > 0) file.readahead.set_previous(offset + *done);
  return done;
}

Result<std::size_t> Filesystem::read_pages(OpenFile& file, std::uint64_t offset, std::span<std::byte> into,
                                           const Process& task) {
  const Inode& inode = *file.inode;
  std::size_t done = 0;
  while (done < into.size() && offset + done < inode.size) {
    const std::uint64_t at = offset + done;
    const std::uint64_t end_index = (offset + into.size() + kPageSize - 1) / kPageSize;
    const PagePart part = first_part(at, into.size() - done);
    const Result<Page*> page = page_for_reading(file, part.index, end_index, task);
    if (!page) {
      if (done > 0) break;
      return page.error();
    }
    if (at >= inode.size) break;
    const std::size_t size = std::min<std::uint64_t>(part.size, inode.size - at);
    std::memcpy(into.data() + done, (*page)->bytes.data() + part.within, size);
    done += size;
  }
  return done;
}

// splice_copy_file_range, filemap_splice_read, iter_file_splice_write: a pipe's worth at a time.
Result<std::size_t> Filesystem::splice(OpenFile& in, std::uint64_t in_offset, OpenFile& out, std::uint64_t out_offset,
                                       std::size_t length, const Process& task) {
  constexpr std::size_t kPipe = 16 * kPageSize;
  std::vector<std::byte> data(std::min(length, kPipe));
  std::size_t done = 0;
  while (done < length) {
    const std::span<std::byte> room(data.data(), std::min(data.size(), length - done));
    const Result<std::size_t> count = read_pages(in, in_offset + done, room, task);
    if (!count || *count == 0) return done > 0 ? Result<std::size_t>(done) : count;
    std::uint64_t to = out_offset + done;
    const Result<std::size_t> written = write(out, to, room.first(*count), task);
    if (!written) return done > 0 ? Result<std::size_t>(done) : written;
    done += *written;
    if (*written < *count) break;
  }
  return done;
}

// fuse_file_write_iter. An append goes to where the kernel believes the end is; the server knows better (rule F13).
Result<std::size_t> Filesystem::write(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task, int how) {
  Inode& inode = *file.inode;
  if (inode.bad) return Errno(EIO);
  if (data.empty()) return std::size_t{0};
  auto way = WriteWay::kThrough;
  if ((file.fopen & kFopenDirectIo) == 0 && connection_.has(kInitWritebackCache)) {
    const Result<void> known = update_attributes(inode, &file, STATX_SIZE | STATX_MODE, task);
    if (!known) return known.error();
    if (!connection_.has(kInitHandleKillprivV2) || !drops_set_id(inode, task)) way = WriteWay::kBack;
  }
  const Result<std::size_t> written = write_locked(file, offset, data, task, how, way);
  if ((file.fopen & kFopenDirectIo) != 0) return written;
  if (written && *written > 0 && (how & O_DSYNC) != 0) {  // generic_write_sync
    const SyncKind kind = (how & O_SYNC) == O_SYNC ? SyncKind::kAll : SyncKind::kDataOnly;
    const Result<void> synced = fsync(file, offset, offset + *written, kind, task);
    if (!synced) return synced.error();
  }
  return written;
}

// fuse_dio_lock: a write that may run beside others.
bool Filesystem::writes_in_parallel(const OpenFile& file, std::uint64_t offset, std::size_t size,
                                    int how) const noexcept {
  const bool asked = profile_.parallel_direct_writes && (file.fopen & kFopenDirectIo) != 0 &&
                     (file.fopen & kFopenParallelDirectWrites) != 0;
  return asked && (how & O_APPEND) == 0 && offset + size <= file.inode->size && file.inode->cached_opens == 0;
}

Result<std::size_t> Filesystem::write_locked(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task,
                                             int how, WriteWay way) {
  Inode& inode = *file.inode;
  const bool parallel = writes_in_parallel(file, offset, data.size(), how);
  const InodeLock held = lock(inode, parallel ? LockMode::kShared : LockMode::kExclusive);
  if ((how & O_APPEND) != 0) offset = inode.size;
  if ((file.fopen & kFopenDirectIo) != 0) return write_direct(file, offset, data, task, how);
  if (const Result<void> removed = remove_privileges(inode, task); !removed) return removed.error();
  update_times(inode);
  if ((file.flags & O_DIRECT) == 0) {
    return way == WriteWay::kBack ? write_cached(file, offset, data, task)
                                  : write_through(file, offset, data, task, how);
  }
  const Result<std::size_t> written = write_direct(file, offset, data, task, how);
  if (!written && offset + data.size() > inode.size) {  // fuse_direct_IO, fuse_do_truncate
    Change change;
    change.valid = kSetattrSize;
    change.size = inode.size;
    change.file = &file;
    change.timeless = true;
    static_cast<void>(setattr(inode, change, task));
  }
  return written;
}

namespace {

// fuse_write_flags.
std::uint32_t write_flags(const OpenFile& file, int how) noexcept {
  return static_cast<std::uint32_t>(file.flags | (how & (O_DSYNC | O_SYNC)));
}

}  // namespace

// fuse_fill_write_pages: how much one WRITE carries. It ends with a page that is only in part known, which stays
// locked.
std::size_t Filesystem::fill_pages(Inode& inode, std::uint64_t offset, Bytes data) {
  std::size_t count = 0;
  std::uint32_t pages = 0;
  while (count < data.size() && count < connection_.max_write && pages < connection_.max_pages) {
    const auto [index, within, size] =
        first_part(offset + count, std::min<std::size_t>(data.size(), connection_.max_write) - count);
    wait_for_pages(inode, index, index);
    Page& page = inode.pages.get(index);
    page.write(within, data.subspan(count, size));
    count += size;
    ++pages;
    if (size == kPageSize) page.uptodate = true;
    page.locked = !page.uptodate;
    if (!page.uptodate || !connection_.has(kInitBigWrites)) break;
    if ((offset + count) % kPageSize != 0) break;
  }
  return count;
}

// fuse_perform_write, fuse_send_write_pages.
Result<std::size_t> Filesystem::write_through(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task,
                                              int how) {
  Inode& inode = *file.inode;
  if (inode.size < offset + data.size()) inode.size_unstable = true;
  std::size_t done = 0;
  Result<void> failed;
  while (done < data.size() && failed) {
    const Bytes rest = data.subspan(done);
    const std::size_t count = fill_pages(inode, offset + done, rest);
    const std::uint64_t last = (offset + done + count - 1) / kPageSize;
    if (!wait_for_writeback(inode, (offset + done) / kPageSize, last)) return Errno(EDEADLK);
    wire::WriteIn in{};
    in.fh = file.handle;
    in.offset = offset + done;
    in.size = static_cast<std::uint32_t>(count);
    in.flags = write_flags(file, how);
    if (connection_.has(kInitHandleKillprivV2) && !task.capable()) in.write_flags |= kWriteKillSuidgid;
    const auto request = make(Opcode::kWrite, inode.nodeid, task);
    request->add(in).bytes(rest.first(count));
    failed = call(*request);
    inode.pages.get(last).locked = false;
    std::size_t written = 0;
    if (failed) {
      const std::uint32_t size = request->out<wire::WriteOut>().size;
      if (size > count) {
        failed = Errno(EIO);
      } else {
        written = size;
      }
    }
    if (!failed || written < count) {
      const std::uint64_t first = (offset + done + (failed ? written : 0)) / kPageSize;
      for (std::uint64_t index = first; index <= last; ++index) inode.pages.get(index).uptodate = false;
      if (failed) failed = Errno(EIO);  // goes no further; what was written counts
    }
    done += written;
  }
  content_changed(inode, offset + done, done);
  inode.size_unstable = false;
  if (done == 0 && !failed) return failed.error();
  return done;
}

// What goes before a direct write: kiocb_invalidate_pages, or what fuse_direct_io does itself.
Result<void> Filesystem::invalidate_for_direct_write(OpenFile& file, std::uint64_t first, std::uint64_t last) {
  Inode& inode = *file.inode;
  if (inode.pages.empty()) return {};
  const bool own = (file.fopen & kFopenDirectIo) != 0;
  if (!own || connection_.has(kInitDirectIoAllowMmap)) {
    if (const Result<void> written = write_and_wait(inode, first, last); !written) return written;
  }
  if (own && (inode.pages.is_busy(first, last) || inode.pages.next_dirty(first, last))) drain(inode);
  if (!invalidate_pages(inode, first, last)) return Errno(EBUSY);
  return {};
}

// fuse_direct_write_iter, fuse_direct_io.
Result<std::size_t> Filesystem::write_direct(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task,
                                             int how) {
  Inode& inode = *file.inode;
  const std::size_t most = std::min<std::size_t>(connection_.max_write, std::size_t{connection_.max_pages} * kPageSize);
  const bool at_once = sends_at_once(file);
  std::size_t done = 0;
  const std::uint64_t last_page = (offset + data.size() - 1) / kPageSize;
  if (const Result<void> ready = invalidate_for_direct_write(file, offset / kPageSize, last_page); !ready) {
    return ready.error();
  }
  if (at_once) {
    // fuse_direct_IO says so once the WRITEs are sent, and waits for them then.
    invalidate_attributes(inode, kContentAttributes);
  }
  std::optional<Errno> failed;
  while (done < data.size()) {
    const Bytes rest = data.subspan(done).first(std::min(most, data.size() - done));
    wire::WriteIn in{};
    in.fh = file.handle;
    in.offset = offset + done;
    in.size = static_cast<std::uint32_t>(rest.size());
    in.write_flags = kWriteLockowner;
    in.lock_owner = task.pid;
    in.flags = write_flags(file, how);
    if (!task.capable()) in.write_flags |= kWriteKillSuidgid;  // asked for or not
    const auto request = make(Opcode::kWrite, inode.nodeid, task);
    request->add(in).bytes(rest);
    if (at_once) {
      const Result<void> answer = call(*request);
      const bool whole = answer && request->out<wire::WriteOut>().size == rest.size();
      if (!whole && !failed) failed = answer ? Errno(EIO) : answer.error();
      done += rest.size();
      continue;
    }
    if (const Result<void> answer = call(*request); !answer) {
      failed = answer.error();
      break;
    }
    const std::uint32_t written = request->out<wire::WriteOut>().size;
    if (written > rest.size()) {
      failed = Errno(EIO);
      break;
    }
    done += written;
    if (written < rest.size()) break;
  }
  if (at_once && failed) done = 0;
  if (done > 0) {
    static_cast<void>(invalidate_pages(inode, offset / kPageSize, (offset + done - 1) / kPageSize));
  }
  content_changed(inode, offset + done, done);
  if (done == 0 && failed) return *failed;
  return done;
}

}  // namespace fusereplay::kernel
