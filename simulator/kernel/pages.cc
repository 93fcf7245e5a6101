// Pages on their way into the cache, and out of it (fs/fuse/file.c, mm/filemap.c, mm/readahead.c, mm/truncate.c).
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/async/frame_pool.h"
#include "simulator/kernel/filesystem.h"
#include "simulator/kernel/mapping.h"

namespace fusereplay::kernel {

/// The end of a READ into cached pages (fuse_readpages_end): fills them, or leaves them not up to date.
class Filesystem::ReadFill final : public RequestEnd, public internal::FrameAllocated {
 public:
  ReadFill(Filesystem& filesystem, InodeRef inode, std::uint64_t first, std::uint64_t count,
           std::uint64_t attr_version) noexcept
      : filesystem_(filesystem), inode_(std::move(inode)), first_(first), count_(count), attr_version_(attr_version) {}

  void on_end(PendingRequest& request) noexcept override {
    const Bytes data = request.error() == 0 ? request.data() : Bytes();
    if (request.error() == 0 && data.size() < count_ * kPageSize) {
      filesystem_.short_read(*inode_, first_ * kPageSize + data.size(), attr_version_);
    }
    filesystem_.invalidate_atime(*inode_);
    for (std::uint64_t i = 0; i < count_; ++i) {
      Page* const page = inode_->pages.find(first_ + i);
      if (page == nullptr) continue;
      page->locked = false;
      page->uptodate = request.error() == 0;
      const std::size_t from = std::min<std::size_t>(data.size(), i * kPageSize);
      page->fill(data.subspan(from, std::min<std::size_t>(data.size() - from, kPageSize)));
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

/// Somebody who waits for pages.
struct Filesystem::PageWait final : WaitReason {
  PageWait(std::uint64_t of, std::uint64_t page) noexcept : nodeid(of), index(page) {}
  std::string describe() const override {
    return "page " + std::to_string(index) + " of nodeid " + std::to_string(nodeid) + " is locked by a READ or WRITE";
  }
  std::uint64_t nodeid;
  std::uint64_t index;
};

template <typename Free>
bool Filesystem::wait_to_lock(Inode& inode, std::uint64_t first, Free&& free) {
  if (free()) return true;
  const InodeRef keep(&inode);
  ++inode.page_lockers;
  const bool came = scheduler_.wait_until(free, PageWait(inode.nodeid, first));
  --inode.page_lockers;
  return came;
}

bool Filesystem::wait_for_pages(Inode& inode, std::uint64_t first, std::uint64_t last) {
  return wait_to_lock(inode, first, [&] { return !inode.pages.is_locked(first, last); });
}

bool Filesystem::wait_to_read(Inode& inode, std::uint64_t index) {
  const InodeRef keep(&inode);
  return scheduler_.wait_until([&] { return inode.page_lockers == 0 && !inode.pages.is_locked(index, index); },
                               PageWait(inode.nodeid, index));
}

bool Filesystem::wait_until_idle(Inode& inode, std::uint64_t first, std::uint64_t last) {
  return wait_to_lock(inode, first, [&] { return !inode.pages.is_busy(first, last); });
}

void Filesystem::truncate_pages(Inode& inode, std::uint64_t size) {
  wait_until_idle(inode, size / kPageSize, UINT64_MAX);
  inode.pages.truncate(size);
  for (Mapping* const mapping : inode.mappings) mapping->truncate(size);
}

bool Filesystem::invalidate_pages(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (inode.pages.empty()) return true;
  const bool clean = wait_until_idle(inode, first, last) && (!inode.pages.has_dirty() || launder(inode, first, last));
  inode.pages.drop(first, last);
  return clean;
}

void Filesystem::discard_pages(Inode& inode, std::uint64_t first, std::uint64_t last) {
  wait_until_idle(inode, first, last);
  inode.pages.drop(first, last);
}

// filemap_get_pages for one page: what a miss reads ahead, then what its mark does, then the wait for it. A page that
// was dropped meanwhile is missed anew.
Result<Page*> Filesystem::page_for_reading(OpenFile& file, std::uint64_t index, std::uint64_t end_index,
                                           const Process& task) {
  Inode& inode = *file.inode;
  Page* page = nullptr;
  // ractl_max_pages: a large read may go beyond the window, up to what the device takes (VM_READAHEAD_PAGES).
  const std::uint64_t ahead = readahead_pages(file);
  const std::uint64_t window = ahead == 0 ? 0 : std::max(ahead, std::min(end_index - index, kIoPages));
  for (bool waited = true; waited && page == nullptr;) {
    page = inode.pages.find(index);
    if (page == nullptr && window > 0 && file.advice == POSIX_FADV_RANDOM) {
      read_ahead_now(file, index, end_index - index, task);
      page = inode.pages.find(index);
    } else if (page == nullptr && window > 0) {
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

// fuse_read_folio.
Result<void> Filesystem::read_page(OpenFile& file, std::uint64_t index, const Process& task) {
  Inode& inode = *file.inode;
  if (!wait_for_pages(inode, index, index)) return Errno(EDEADLK);
  if (const Page* const page = inode.pages.find(index); page != nullptr && page->uptodate) return {};
  const Result<void> read = read_folio(file, index, task);
  invalidate_atime(inode);  // whatever came of it
  return read;
}

// fuse_do_readfolio, of a page that nobody has locked.
Result<void> Filesystem::read_folio(OpenFile& file, std::uint64_t index, const Process& task) {
  Inode& inode = *file.inode;
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
  if (!answer) return answer;
  const Bytes data = request->data();
  if (data.size() < kPageSize) short_read(inode, in.offset + data.size(), attr_version);
  Page& page = inode.pages.get(index);
  page.fill(data);
  page.uptodate = true;
  return {};
}

}  // namespace fusereplay::kernel
