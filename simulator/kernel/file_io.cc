// Reading and writing through the page cache and past it (fs/fuse/file.c, mm/filemap.c).
#include "simulator/kernel/filesystem.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace fusereplay::kernel {

/// The end of a READ into cached pages (fuse_readpages_end): fills them, or leaves them not up to date.
class Filesystem::ReadFill final : public RequestEnd {
 public:
  ReadFill(Filesystem& filesystem, InodeRef inode, std::uint64_t first, std::uint64_t count,
           std::uint64_t attr_version) noexcept
      : filesystem_(filesystem), inode_(std::move(inode)), first_(first), count_(count), attr_version_(attr_version) {}

  void on_end(PendingRequest& request) noexcept override {
    const Bytes data = request.error() == 0 ? request.data() : Bytes();
    if (request.error() == 0 && data.size() < count_ * kPageSize) {
      filesystem_.short_read(*inode_, first_ * kPageSize + data.size(), attr_version_);
    }
    filesystem_.invalidate_attributes(*inode_, STATX_ATIME);
    for (std::uint64_t i = 0; i < count_; ++i) {
      Page* const page = inode_->pages.find(first_ + i);
      if (page == nullptr) continue;
      page->locked = false;
      page->uptodate = request.error() == 0;
      const std::size_t from = std::min<std::size_t>(data.size(), i * kPageSize);
      const std::size_t size = std::min<std::size_t>(data.size() - from, kPageSize);
      if (size != 0) std::memcpy(page->bytes.data(), data.data() + from, size);
      std::memset(page->bytes.data() + size, 0, kPageSize - size);
    }
    delete this;
  }

 private:
  Filesystem& filesystem_;
  InodeRef inode_;
  std::uint64_t first_;
  std::uint64_t count_;
  std::uint64_t attr_version_;
};

// fuse_short_read, fuse_read_update_size: a short READ says where the file ends, unless something changed meanwhile.
void Filesystem::short_read(Inode& inode, std::uint64_t end, std::uint64_t attr_version) noexcept {
  if (connection_.has(kInitWritebackCache)) return;
  if (attr_version < inode.attr_version || end >= inode.size || inode.size_unstable) return;
  inode.attr_version = ++connection_.attr_version;
  inode.size = end;
}

namespace {

constexpr std::uint64_t kIoPages = 32;

}  // namespace

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
  if (!into.empty() && file.inode->pages.is_locked(offset / kPageSize, (offset + into.size() - 1) / kPageSize)) {
    // filemap_range_has_writeback: a locked page looks like one, and whoever writes it back holds the inode.
    const InodeLock passed = lock(*file.inode, LockMode::kExclusive);
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
    invalidate_attributes(*file.inode, STATX_ATIME);  // whatever came of it
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
  if ((file.flags & O_DIRECT) != 0) {  // fuse_direct_IO
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
    const Result<Page*> page = page_for_reading(file, at / kPageSize, end_index, task);
    if (!page) {
      if (done > 0) break;
      return page.error();
    }
    if (at >= inode.size) break;
    const std::uint64_t within = at % kPageSize;
    const std::uint64_t size = std::min({kPageSize - within, std::uint64_t{into.size() - done}, inode.size - at});
    std::memcpy(into.data() + done, (*page)->bytes.data() + within, size);
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

/// Somebody who waits for pages.
struct Filesystem::PageWait final : WaitReason {
  PageWait(std::uint64_t of, std::uint64_t page) noexcept : nodeid(of), index(page) {}
  std::string describe() const override {
    return "page " + std::to_string(index) + " of nodeid " + std::to_string(nodeid) + " is locked by a READ or WRITE";
  }
  std::uint64_t nodeid;
  std::uint64_t index;
};

bool Filesystem::wait_for_pages(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (!inode.pages.is_locked(first, last)) return true;
  const InodeRef keep(&inode);
  ++inode.page_lockers;
  const bool came =
      scheduler_.wait_until([&] { return !inode.pages.is_locked(first, last); }, PageWait(inode.nodeid, first));
  --inode.page_lockers;
  return came;
}

bool Filesystem::wait_to_read(Inode& inode, std::uint64_t index) {
  const InodeRef keep(&inode);
  return scheduler_.wait_until([&] { return inode.page_lockers == 0 && !inode.pages.is_locked(index, index); },
                               PageWait(inode.nodeid, index));
}

void Filesystem::truncate_pages(Inode& inode, std::uint64_t size) {
  wait_for_pages(inode, size / kPageSize, UINT64_MAX);
  inode.pages.truncate(size);
}

void Filesystem::drop_pages(Inode& inode, std::uint64_t first, std::uint64_t last) {
  wait_for_pages(inode, first, last);
  inode.pages.drop(first, last);
}

// filemap_get_pages for one page: what a miss reads ahead, then what its mark does, then the wait for it. A page that
// was dropped meanwhile is missed anew.
Result<Page*> Filesystem::page_for_reading(OpenFile& file, std::uint64_t index, std::uint64_t end_index,
                                           const Process& task) {
  Inode& inode = *file.inode;
  Page* page = nullptr;
  // ractl_max_pages: a large read may go beyond the window, up to what the device takes (VM_READAHEAD_PAGES).
  const std::uint64_t ahead = connection_.readahead_pages;
  const std::uint64_t window = ahead == 0 ? 0 : std::max(ahead, std::min(end_index - index, kIoPages));
  for (bool waited = true; waited && page == nullptr;) {
    page = inode.pages.find(index);
    if (page == nullptr && window > 0) {
      read_ahead(file, file.readahead.on_miss(inode.pages, index, end_index - index, window), task);
      page = inode.pages.find(index);
    }
    if (page != nullptr && page->readahead) {
      page->readahead = false;
      read_ahead(file,
                 file.readahead.on_marked(inode.pages, index, end_index - index, window, profile_.readahead_alignment),
                 task);
    }
    waited = page != nullptr && page->locked;
    if (waited && !wait_to_read(inode, index)) return Errno(EDEADLK);
    page = inode.pages.find(index);
  }
  if (page == nullptr || !page->uptodate) {
    if (const Result<void> read = read_page(file, index, task); !read) return read.error();
    page = inode.pages.find(index);
  }
  return page;
}

// page_cache_ra_unbounded, fuse_readahead: READs for the missing pages of the window, none behind the file's end.
void Filesystem::read_ahead(OpenFile& file, const ReadaheadWindow& window, const Process& task) {
  Inode& inode = *file.inode;
  if (inode.size == 0) return;
  const std::uint64_t last = (inode.size - 1) / kPageSize;
  if (window.size == 0 || window.start > last) return;
  const std::uint64_t end = std::min(window.start + window.size, last + 1);
  const std::uint64_t marked = window.start + window.size - window.async_size;
  const std::uint64_t most =
      std::max<std::uint64_t>(1, std::min<std::uint64_t>(options_.max_read / kPageSize, connection_.max_pages));
  for (std::uint64_t index = window.start; index < end;) {
    if (inode.pages.find(index) != nullptr) {
      ++index;
      continue;
    }
    const std::uint64_t first = index;
    while (index < end && index - first < most && inode.pages.find(index) == nullptr) {
      Page& page = inode.pages.get(index);
      page.locked = true;
      page.readahead = window.async_size != 0 && index == marked;
      ++index;
    }
    wire::ReadIn in{};
    in.fh = file.handle;
    in.offset = first * kPageSize;
    in.size = static_cast<std::uint32_t>((index - first) * kPageSize);
    in.flags = static_cast<std::uint32_t>(file.flags);
    auto request = make(Opcode::kRead, inode.nodeid, task);
    request->add(in);
    auto end_of_read = std::make_unique<ReadFill>(*this, file.inode, first, index - first, connection_.attr_version);
    queue_.send_background(std::move(request), end_of_read.release());
    if (!connection_.has(kInitAsyncRead)) {
      wait_for_pages(inode, first, first);
    }
  }
}

// fuse_read_folio, fuse_do_readfolio.
Result<void> Filesystem::read_page(OpenFile& file, std::uint64_t index, const Process& task) {
  Inode& inode = *file.inode;
  if (!wait_for_pages(inode, index, index)) return Errno(EDEADLK);
  if (const Page* const page = inode.pages.find(index); page != nullptr && page->uptodate) return {};
  const std::uint64_t attr_version = connection_.attr_version;
  wire::ReadIn in{};
  in.fh = file.handle;
  in.offset = index * kPageSize;
  in.size = kPageSize;
  in.flags = static_cast<std::uint32_t>(file.flags);
  const auto request = make(Opcode::kRead, inode.nodeid, task);
  request->add(in);
  inode.pages.get(index).locked = true;
  const Result<void> answer = call(*request);
  inode.pages.get(index).locked = false;
  invalidate_attributes(inode, STATX_ATIME);  // whatever came of it
  if (!answer) return answer;
  const Bytes data = request->data();
  if (data.size() < kPageSize) short_read(inode, in.offset + data.size(), attr_version);
  Page& page = inode.pages.get(index);
  if (!data.empty()) std::memcpy(page.bytes.data(), data.data(), data.size());
  std::memset(page.bytes.data() + data.size(), 0, kPageSize - data.size());
  page.uptodate = true;
  return {};
}

// fuse_file_write_iter. An append goes to where the kernel believes the end is; the server knows better (rule F13).
Result<std::size_t> Filesystem::write(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task, int how) {
  Inode& inode = *file.inode;
  if (inode.bad) return Errno(EIO);
  if (data.empty()) return std::size_t{0};
  const Result<std::size_t> written = write_locked(file, offset, data, task, how);
  if ((file.fopen & kFopenDirectIo) != 0) return written;
  if (written && *written > 0 && (how & O_DSYNC) != 0) {  // generic_write_sync
    const SyncKind kind = (how & O_SYNC) == O_SYNC ? SyncKind::kAll : SyncKind::kDataOnly;
    if (const Result<void> synced = fsync(file, kind, task); !synced) return synced.error();
  }
  return written;
}

// fuse_dio_lock: a write that may run beside others.
bool Filesystem::writes_in_parallel(const OpenFile& file, std::uint64_t offset, std::size_t size,
                                    int how) const noexcept {
  const bool asked = (file.fopen & kFopenDirectIo) != 0 && (file.fopen & kFopenParallelDirectWrites) != 0;
  return asked && (how & O_APPEND) == 0 && offset + size <= file.inode->size && file.inode->cached_opens == 0;
}

Result<std::size_t> Filesystem::write_locked(OpenFile& file, std::uint64_t& offset, Bytes data, const Process& task,
                                             int how) {
  Inode& inode = *file.inode;
  const bool parallel = writes_in_parallel(file, offset, data.size(), how);
  const InodeLock held = lock(inode, parallel ? LockMode::kShared : LockMode::kExclusive);
  if ((how & O_APPEND) != 0) offset = inode.size;
  if ((file.fopen & kFopenDirectIo) != 0) return write_direct(file, offset, data, task, how);
  if (const Result<void> removed = remove_privileges(inode, task); !removed) return removed.error();
  if ((file.flags & O_DIRECT) == 0) return write_through(file, offset, data, task, how);
  const Result<std::size_t> written = write_direct(file, offset, data, task, how);
  if (!written && offset + data.size() > inode.size) {  // fuse_direct_IO, fuse_do_truncate
    Change change;
    change.valid = kSetattrSize;
    change.size = inode.size;
    change.file = &file;
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
    const std::uint64_t at = offset + count;
    const std::uint64_t within = at % kPageSize;
    const std::size_t size =
        std::min<std::size_t>({kPageSize - within, data.size() - count, connection_.max_write - count});
    wait_for_pages(inode, at / kPageSize, at / kPageSize);
    Page& page = inode.pages.get(at / kPageSize);
    std::memcpy(page.bytes.data() + within, data.data() + count, size);
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
    wire::WriteIn in{};
    in.fh = file.handle;
    in.offset = offset + done;
    in.size = static_cast<std::uint32_t>(count);
    in.flags = write_flags(file, how);
    if (connection_.has(kInitHandleKillprivV2) && !task.capable()) in.write_flags |= kWriteKillSuidgid;
    const auto request = make(Opcode::kWrite, inode.nodeid, task);
    request->add(in).bytes(rest.first(count));
    failed = call(*request);
    inode.pages.get((offset + done + count - 1) / kPageSize).locked = false;
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
      for (std::uint64_t index = first; index <= (offset + done + count - 1) / kPageSize; ++index) {
        inode.pages.get(index).uptodate = false;
      }
      if (failed) failed = Errno(EIO);  // goes no further; what was written counts
    }
    done += written;
  }
  content_changed(inode, offset + done, done);
  inode.size_unstable = false;
  if (done == 0 && !failed) return failed.error();
  return done;
}

// fuse_direct_write_iter, fuse_direct_io.
Result<std::size_t> Filesystem::write_direct(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task,
                                             int how) {
  Inode& inode = *file.inode;
  const std::size_t most = std::min<std::size_t>(connection_.max_write, std::size_t{connection_.max_pages} * kPageSize);
  const bool at_once = sends_at_once(file);
  std::size_t done = 0;
  drop_pages(inode, offset / kPageSize, (offset + data.size() - 1) / kPageSize);  // kiocb_invalidate_pages
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
    drop_pages(inode, offset / kPageSize, (offset + done - 1) / kPageSize);
  }
  content_changed(inode, offset + done, done);
  if (done == 0 && failed) return *failed;
  return done;
}

}  // namespace fusereplay::kernel
