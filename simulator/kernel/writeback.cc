// Writing cached pages and times back (fs/fuse/file.c, fs/fs-writeback.c, mm/filemap.c, fs/iomap/buffered-io.c).
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

namespace {

constexpr std::uint64_t kLastPage = UINT64_MAX;
constexpr std::int64_t kDirtyExpires = 30'000'000'000;  // vm.dirty_expire_centisecs

/// Somebody who waits for WRITEs of cached pages, or for who sends them.
struct WritebackWait final : WaitReason {
  explicit WritebackWait(std::uint64_t of) noexcept : nodeid(of) {}
  std::string describe() const override { return "pages of nodeid " + std::to_string(nodeid) + " are written back"; }
  std::uint64_t nodeid;
};

}  // namespace

/// The end of a WRITE of cached pages (fuse_writepage_end). How much the server took is not looked at (rule R9).
class Filesystem::CachedWriteEnd final : public RequestEnd {
 public:
  CachedWriteEnd(Filesystem& filesystem, InodeRef inode, Writeback::Queued pages) noexcept
      : filesystem_(filesystem), inode_(std::move(inode)), pages_(std::move(pages)) {}

  void on_end(PendingRequest& request) noexcept override {
    if (request.error() != 0) filesystem_.set_writeback_error(*inode_, request.error());
    if (!filesystem_.connection_.has(kInitWritebackCache)) {
      filesystem_.invalidate_attributes(*inode_, STATX_MTIME | STATX_CTIME | STATX_BLOCKS);
    }
    --inode_->writeback.outstanding;
    filesystem_.end_writeback(*inode_, pages_);
    if (--pages_.file->carries == 0 && pages_.file->closed) filesystem_.send_release(*pages_.file);
    delete this;
  }

 private:
  Filesystem& filesystem_;
  InodeRef inode_;
  Writeback::Queued pages_;
};

// mapping_set_error.
void Filesystem::set_writeback_error(Inode& inode, int error) noexcept {
  inode.writeback.errors.set(error);
  errors_.set(error);
  (error == ENOSPC ? inode.writeback.full : inode.writeback.failed) = true;
}

// filemap_check_errors.
Result<void> Filesystem::take_writeback_error(Inode& inode) noexcept {
  Writeback& writeback = inode.writeback;
  const int error = writeback.failed ? EIO : writeback.full ? ENOSPC : 0;
  writeback.failed = false;
  writeback.full = false;
  if (error != 0) return Errno(error);
  return {};
}

// file_check_and_advance_wb_err.
Result<void> Filesystem::take_writeback_error(OpenFile& file) noexcept {
  static_cast<void>(take_writeback_error(*file.inode));
  return file.inode->writeback.errors.check(file.errors_seen);
}

void Filesystem::list_as_dirty(Inode& inode) {
  Writeback& writeback = inode.writeback;
  if (writeback.times || inode.pages.has_dirty()) return;
  if (writeback.listed) std::erase(dirty_, &inode);
  writeback.listed = true;
  writeback.dirty_since = now();
  dirty_.push_back(&inode);
}

void Filesystem::set_dirty(Inode& inode, Page& page) {
  if (page.dirty) return;
  list_as_dirty(inode);
  inode.pages.set_dirty(page);
}

// file_update_time: nothing where the clock has not gone on since the last change.
void Filesystem::update_times(Inode& inode) {
  if (!keeps_times(inode) || inode.writeback.changed_at == tick_) return;
  list_as_dirty(inode);
  inode.writeback.times = true;
  inode.writeback.changed_at = tick_;
  const Timestamp now = Timestamp::from_nanoseconds(clock_.realtime());
  inode.mtime = inode.ctime = now.seconds;
  inode.mtimensec = inode.ctimensec = now.nanoseconds;
}

// fuse_update_ctime.
void Filesystem::change_time_changed(Inode& inode, const Process& task) {
  invalidate_attributes(inode, STATX_CTIME);
  change_time_changed_in_cache(inode, task);
}

// fuse_update_ctime_in_cache.
void Filesystem::change_time_changed_in_cache(Inode& inode, const Process& task) {
  if (!keeps_times(inode)) return;
  list_as_dirty(inode);
  inode.writeback.times = true;
  const Timestamp now = Timestamp::from_nanoseconds(clock_.realtime());
  inode.ctime = now.seconds;
  inode.ctimensec = now.nanoseconds;
  send_times(inode, task);
}

// fuse_flush_time_update: sync_inode_metadata.
void Filesystem::send_times(Inode& inode, const Process& task) {
  if (const Result<void> sent = write_inode(inode, task); !sent) set_writeback_error(inode, sent.error().value());
}

// sync_inode_metadata: waits for what is being written, and starts nothing.
Result<void> Filesystem::write_inode(Inode& inode, const Process& task) {
  if (!take_inode(inode)) return Errno(EDEADLK);
  Result<void> written;
  if (inode.writeback.times || inode.pages.has_dirty() || inode.pages.is_written_back(0, kLastPage)) {
    written = wait_for_data(inode, 0, kLastPage);
    if (const Result<void> sent = flush_times(inode, task); written) written = sent;
  }
  inode.writeback.busy = false;
  return written;
}

// fuse_write_inode, fuse_flush_times: what the server answers is not looked at.
Result<void> Filesystem::flush_times(Inode& inode, const Process& task) {
  if (!inode.writeback.times) return {};
  inode.writeback.times = false;
  wire::SetattrIn in{};
  in.valid = kSetattrMtime | kSetattrCtime;
  in.mtime = static_cast<std::uint64_t>(inode.mtime);
  in.mtimensec = inode.mtimensec;
  in.ctime = static_cast<std::uint64_t>(inode.ctime);
  in.ctimensec = inode.ctimensec;
  if (!inode.writeback.files.empty()) {
    in.valid |= kSetattrFh;
    in.fh = inode.writeback.files.back()->handle;
  }
  const auto request = make(Opcode::kSetattr, inode.nodeid, task);
  request->add(in);
  return call(*request);
}

// fuse_link_write_file.
void Filesystem::link_write_file(OpenFile& file) {
  std::vector<OpenFile*>& files = file.inode->writeback.files;
  if (std::find(files.begin(), files.end(), &file) == files.end()) files.push_back(&file);
}

// I_SYNC: one at a time writes an inode.
bool Filesystem::take_inode(Inode& inode) {
  if (inode.writeback.busy &&
      !scheduler_.wait_until([&] { return !inode.writeback.busy; }, WritebackWait(inode.nodeid))) {
    return false;
  }
  inode.writeback.busy = true;
  return true;
}

// write_inode_now: writeback_single_inode, which has nothing to do where nothing is dirty.
Result<void> Filesystem::write_inode_now(Inode& inode, const Process& task) {
  const auto clean = [&] { return !inode.writeback.times && inode.writeback.idle() && !inode.pages.has_dirty(); };
  if (clean() && !inode.writeback.busy) return {};
  const InodeRef keep(&inode);
  if (!take_inode(inode)) return Errno(EDEADLK);
  Result<void> written;
  if (clean()) {
    inode.writeback.busy = false;
    return written;
  }
  if (!start_writeback(inode, 0, kLastPage, WritebackMode::kAll)) written = Errno(EIO);
  if (const Result<void> ended = wait_for_data(inode, 0, kLastPage); written) written = ended;
  if (const Result<void> sent = flush_times(inode, task); written) written = sent;
  inode.writeback.busy = false;
  return written;
}

// filemap_fdatawait_range. Before Linux 6.16 the pages were copied, and there was nothing to wait for.
Result<void> Filesystem::wait_for_data(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (!profile_.writeback_copies && !wait_for_writeback(inode, first, last)) return Errno(EDEADLK);
  return take_writeback_error(inode);
}

// filemap_write_and_wait_range.
Result<void> Filesystem::write_and_wait(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (!inode.pages.empty() && !start_writeback(inode, first, last, WritebackMode::kAll)) return Errno(EIO);
  return wait_for_data(inode, first, last);
}

// fuse_writeback_range: to the end, wherever the range ends. The caller holds the inode.
Result<void> Filesystem::write_back_from(Inode& inode, std::uint64_t offset) {
  if (const Result<void> written = write_and_wait(inode, offset / kPageSize, kLastPage); !written) return written;
  if (!drain(inode)) return Errno(EDEADLK);
  return {};
}

bool Filesystem::wait_for_writeback(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (inode.writeback.idle()) return true;
  const InodeRef keep(&inode);
  return scheduler_.wait_until([&] { return !inode.pages.is_written_back(first, last); }, WritebackWait(inode.nodeid));
}

// fuse_set_nowrite.
bool Filesystem::stop_writeback(Inode& inode) {
  ++inode.writeback.stopped;
  if (inode.writeback.outstanding == 0) return true;
  return scheduler_.wait_until([&] { return inode.writeback.outstanding == 0; }, WritebackWait(inode.nodeid));
}

// fuse_release_nowrite.
void Filesystem::resume_writeback(Inode& inode) {
  --inode.writeback.stopped;
  send_queued_writes(inode);
}

// fuse_sync_writes.
bool Filesystem::drain(Inode& inode) {
  const bool stopped = stop_writeback(inode);
  resume_writeback(inode);
  return stopped;
}

// fuse_writepages, iomap_writepages: pages that follow each other go together, as far as one WRITE reaches
// (fuse_writepage_need_send). False: nobody has the file open to write it through.
bool Filesystem::start_writeback(Inode& inode, std::uint64_t first, std::uint64_t last, WritebackMode mode) {
  if (inode.bad) return false;
  const InodeRef keep(&inode);
  const std::uint64_t most =
      std::max<std::uint64_t>(1, std::min<std::uint64_t>(connection_.max_pages, connection_.max_write / kPageSize));
  Writeback::Queued run;
  const auto send = [&] {
    if (run.count == 0) return;
    inode.writeback.queued.push_back(run);
    run.count = 0;
    send_queued_writes(inode);
  };
  for (auto index = inode.pages.next_dirty(first, last); index; index = inode.pages.next_dirty(*index + 1, last)) {
    Page* page = inode.pages.find(*index);
    if (page->writeback || page->locked) {
      if (page->writeback && mode == WritebackMode::kStart) continue;
      send();
      if (!wait_until_idle(inode, *index, *index)) break;
      page = inode.pages.find(*index);
      if (page == nullptr || !page->dirty) continue;
    }
    inode.pages.clear_dirty(*page);
    const std::uint64_t begin = *index * kPageSize;
    if (begin >= inode.size) continue;  // iomap_writeback_handle_eof: truncated meanwhile
    if (inode.size - begin < kPageSize)
      std::memset(&page->bytes[inode.size - begin], 0, begin + kPageSize - inode.size);
    if (run.file == nullptr) {
      if (inode.writeback.files.empty()) return false;
      run.file = inode.writeback.files.back()->shared_from_this();
    }
    if (run.count != 0 && (*index != run.first + run.count || run.count == most)) send();
    if (run.count == 0) run.first = *index;
    ++run.count;
    page->writeback = true;
  }
  send();
  return true;
}

// fuse_flush_writepages.
void Filesystem::send_queued_writes(Inode& inode) {
  while (inode.writeback.stopped == 0 && !inode.writeback.queued.empty()) {
    const Writeback::Queued pages = std::move(inode.writeback.queued.front());
    inode.writeback.queued.erase(inode.writeback.queued.begin());
    send_cached_write(inode, pages);
  }
}

// fuse_send_writepage: as much of it as lies within the file. It carries no credentials.
void Filesystem::send_cached_write(Inode& inode, const Writeback::Queued& pages) {
  const std::uint64_t begin = pages.first * kPageSize;
  if (begin >= inode.size) {  // truncated off
    end_writeback(inode, pages);
    return;
  }
  const std::uint64_t size = std::min(pages.count * kPageSize, inode.size - begin);
  std::vector<std::byte> data;
  data.reserve(pages.count * kPageSize);
  for (std::uint64_t index = pages.first; index < pages.first + pages.count; ++index) {
    const Page& page = inode.pages.get(index);
    data.insert(data.end(), page.bytes.begin(), page.bytes.end());
  }
  wire::WriteIn in{};
  in.fh = pages.file->handle;
  in.offset = begin;
  in.size = static_cast<std::uint32_t>(size);
  in.write_flags = kWriteCache;
  auto request = queue_.make(Opcode::kWrite, inode.nodeid, {});
  request->add(in).bytes(Bytes(data).first(size));
  ++inode.writeback.outstanding;
  ++pages.file->carries;
  auto end = std::make_unique<CachedWriteEnd>(*this, InodeRef(&inode), pages);
  queue_.send_background(std::move(request), end.release());
}

// fuse_writepage_finish.
void Filesystem::end_writeback(Inode& inode, const Writeback::Queued& pages) noexcept {
  for (std::uint64_t index = pages.first; index < pages.first + pages.count; ++index) {
    if (Page* const page = inode.pages.find(index)) page->writeback = false;
  }
}

// fuse_launder_folio, of each dirty page by itself.
bool Filesystem::launder(Inode& inode, std::uint64_t first, std::uint64_t last) {
  for (auto index = inode.pages.next_dirty(first, last); index; index = inode.pages.next_dirty(*index + 1, last)) {
    if (!start_writeback(inode, *index, *index, WritebackMode::kAll)) return false;
    if (!wait_for_writeback(inode, *index, *index)) return false;
  }
  return true;
}

// fuse_iomap: a page at a time. What of a page is not written is read before, if the file has it.
Result<std::size_t> Filesystem::write_cached(OpenFile& file, std::uint64_t offset, Bytes data, const Process& task) {
  Inode& inode = *file.inode;
  std::size_t done = 0;
  bool gets_on = false;
  while (done < data.size()) {
    const auto [index, within, size] = first_part(offset + done, data.size() - done);
    if (!wait_for_pages(inode, index, index)) return Errno(EDEADLK);
    Page* page = &inode.pages.get(index);
    if (size < kPageSize && !page->uptodate) {
      if (index * kPageSize >= inode.size) {  // iomap_block_needs_zeroing
        page->bytes.fill(std::byte{});
      } else if (const Result<void> read = read_folio(file, index, task); !read) {
        // iomap_iter begins anew behind what was written (Linux 6.17 on).
        if (std::exchange(gets_on, false) && !profile_.writeback_copies) continue;
        if (done == 0) return read.error();
        break;
      }
      page = &inode.pages.get(index);
    }
    page->write(within, data.subspan(done, size));
    page->uptodate = true;
    set_dirty(inode, *page);
    done += size;
    gets_on = true;
    inode.size = std::max(inode.size, offset + done);
  }
  return done;
}

// wb_check_old_data_flush.
void Filesystem::write_back_old() {
  write_back_all([this](const Inode& inode) { return inode.writeback.dirty_since + kDirtyExpires <= now(); });
}

// sync_filesystem: what is sent is waited for by nobody but the next who syncs; here, by the caller.
void Filesystem::sync_all() {
  write_back_all([](const Inode&) { return true; });
  std::vector<InodeRef> under_way;
  inodes_.for_each([&](Inode& inode) {
    if (!inode.writeback.idle()) under_way.emplace_back(&inode);
  });
  for (const InodeRef& inode : under_way) wait_for_writeback(*inode, 0, kLastPage);
}

// wb_writeback, by the flusher, which is no process of anybody's.
template <class Which>
void Filesystem::write_back_all(Which&& which) {
  std::vector<InodeRef> inodes;
  for (Inode* inode : dirty_) {
    if ((inode->writeback.times || inode->pages.has_dirty()) && which(*inode)) inodes.emplace_back(inode);
  }
  Process flusher;
  flusher.pid = 0;
  for (const InodeRef& inode : inodes) {
    if (!take_inode(*inode)) continue;
    start_writeback(*inode, 0, kLastPage, WritebackMode::kStart);
    static_cast<void>(flush_times(*inode, flusher));
    inode->writeback.busy = false;
  }
}

}  // namespace fusereplay::kernel
