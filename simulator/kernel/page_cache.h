// The cached pages of one file, and how a reader reads ahead (mm/filemap.c, mm/readahead.c).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "core/protocol/message.h"

namespace fusereplay::kernel {

inline constexpr std::uint64_t kPageSize = 4096;

/// What of a range of bytes lies in its first page.
struct PagePart {
  std::uint64_t index = 0;  // the page
  std::size_t within = 0;   // where in it
  std::size_t size = 0;
};
inline PagePart first_part(std::uint64_t offset, std::uint64_t length) noexcept {
  const std::uint64_t within = offset % kPageSize;
  return {.index = offset / kPageSize,
          .within = static_cast<std::size_t>(within),
          .size = static_cast<std::size_t>(std::min(kPageSize - within, length))};
}

struct Page {
  Page() noexcept {}  // the bytes mean nothing before it is up to date, and a READ fills all of them

  /// As a READ does: `data`, at most a page, and zeros behind it.
  void fill(Bytes data) noexcept;
  /// `data` must fit behind `within`.
  void write(std::size_t within, Bytes data) noexcept {
    std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(within));
  }

  std::array<std::byte, kPageSize> bytes;
  bool uptodate = false;
  bool locked = false;        // by a READ that is under way, or the WRITE of a part of it
  bool readahead = false;     // PG_readahead: whoever reads it starts the next READs
  bool dirty = false;         // the server does not know what it holds; see PageCache::set_dirty()
  bool writeback = false;     // a WRITE of it is under way
  std::uint64_t writers = 0;  // mappings that may write to it without being asked, by Mapping::id modulo 64
};

/// Pages by index (offset / kPageSize). Addresses are stable until a page is dropped; a page that is locked or being
/// written back is never dropped, one that is dirty is if nobody wrote it back before.
class PageCache {
 public:
  Page* find(std::uint64_t index) noexcept {
    const auto found = pages_.find(index);
    return found == pages_.end() ? nullptr : &found->second;
  }
  /// The page, made if there was none.
  Page& get(std::uint64_t index) { return pages_[index]; }
  bool empty() const noexcept { return pages_.empty(); }
  /// Whether any page from `first` to `last` is locked.
  bool is_locked(std::uint64_t first, std::uint64_t last) const noexcept;
  /// Whether any of them is locked or being written back.
  bool is_busy(std::uint64_t first, std::uint64_t last) const noexcept;
  /// Whether any of them is being written back.
  bool is_written_back(std::uint64_t first, std::uint64_t last) const noexcept;
  std::size_t size() const noexcept { return pages_.size(); }

  void set_dirty(Page& page) noexcept {
    dirty_ += page.dirty ? 0 : 1;
    page.dirty = true;
  }
  void clear_dirty(Page& page) noexcept {
    dirty_ -= page.dirty ? 1 : 0;
    page.dirty = false;
    page.writers = 0;  // page_mkclean
  }
  bool has_dirty() const noexcept { return dirty_ != 0; }
  /// The first dirty page from `first` to `last`.
  std::optional<std::uint64_t> next_dirty(std::uint64_t first, std::uint64_t last) const noexcept;

  /// Drops what lies behind `size` and zeroes the rest of its last page (truncate_pagecache).
  void truncate(std::uint64_t size);
  /// Drops all pages (invalidate_inode_pages2).
  void invalidate() { drop(0, UINT64_MAX); }
  /// Drops the pages from `first` to `last`, both included (truncate_inode_pages_range of whole pages).
  void drop(std::uint64_t first, std::uint64_t last);
  /// Zeroes [begin, end) of what is cached and drops its whole pages (truncate_pagecache_range).
  void punch(std::uint64_t begin, std::uint64_t end);

 private:
  /// The first page from `first` to `last` that is so.
  template <typename Is>
  std::optional<std::uint64_t> find_page(std::uint64_t first, std::uint64_t last, const Is& is) const;

  std::map<std::uint64_t, Page> pages_;
  std::size_t dirty_ = 0;
};

/// Pages to ask for at once.
struct ReadaheadWindow {
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::uint64_t async_size = 0;  // reading the page this far before the window's end asks for the next window
};

/// One open file's reading so far (struct file_ra_state).
class ReadaheadState {
 public:
  /// A reader misses page `index` and wants `count` pages from it on (page_cache_sync_ra). `max` pages a window.
  ReadaheadWindow on_miss(PageCache& pages, std::uint64_t index, std::uint64_t count, std::uint64_t max);
  /// A reader meets a page marked `readahead` (page_cache_async_ra). The window ends at a multiple of `alignment` pages
  /// where it can.
  ReadaheadWindow on_marked(PageCache& pages, std::uint64_t index, std::uint64_t count, std::uint64_t max,
                            std::uint64_t alignment);
  /// A process misses a mapped page: what lies around it, unless it has missed too many (do_sync_mmap_readahead).
  std::optional<ReadaheadWindow> on_fault(std::uint64_t index, std::uint64_t max) noexcept;
  /// It finds one.
  void on_hit() noexcept { misses_ -= misses_ > 0 ? 1 : 0; }
  /// A read ended at this offset.
  void set_previous(std::uint64_t offset) noexcept { previous_ = offset; }

 private:
  std::uint64_t next_size(std::uint64_t max) const noexcept;

  ReadaheadWindow window_;
  std::uint64_t previous_ = UINT64_MAX;
  std::uint32_t misses_ = 0;  // of mapped pages (mmap_miss)
};

}  // namespace fusereplay::kernel
