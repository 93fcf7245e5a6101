// What a caller says of its plans (mm/fadvise.c, mm/readahead.c).
#include <fcntl.h>

#include <algorithm>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

// generic_fadvise.
Result<void> Filesystem::advise(OpenFile& file, std::uint64_t offset, std::uint64_t length, int advice,
                                const Process& task) {
  Inode& inode = *file.inode;
  const std::uint64_t end = length == 0 || offset + length < offset || offset + length > INT64_MAX
                                ? std::uint64_t{INT64_MAX}
                                : offset + length;
  switch (advice) {
    case POSIX_FADV_NORMAL:
    case POSIX_FADV_SEQUENTIAL:
    case POSIX_FADV_RANDOM:
      file.advice = advice;
      return {};
    case POSIX_FADV_WILLNEED:
      if (!inode.is_regular()) return {};
      read_ahead_now(file, offset / kPageSize, (end - 1) / kPageSize - offset / kPageSize + 1, task);
      return {};
    case POSIX_FADV_NOREUSE:
      return {};
    case POSIX_FADV_DONTNEED:
      break;
    default:
      return Errno(EINVAL);
  }
  // Pages that lie there only in part stay, but for the file's last.
  const std::uint64_t first = (offset + kPageSize - 1) / kPageSize;
  std::uint64_t behind = end / kPageSize;
  if (end % kPageSize != 0 && end == inode.size) ++behind;
  if (inode.pages.has_dirty()) {
    start_writeback(inode, offset / kPageSize, (end - 1) / kPageSize, WritebackMode::kStart);
  }
  if (behind > first) drop_unused(inode, first, behind - 1);
  return {};
}

// invalidate_mapping_pages.
void Filesystem::drop_unused(Inode& inode, std::uint64_t first, std::uint64_t last) {
  if (inode.pages.empty()) return;
  last = std::min(last, inode.size / kPageSize);
  for (std::uint64_t index = first; index <= last; ++index) {
    const Page* const page = inode.pages.find(index);
    if (page != nullptr && !page->locked && !page->dirty && !page->writeback) inode.pages.drop(index, index);
  }
}

// force_page_cache_ra: 2 MiB at a time, and no more than the device takes at once.
void Filesystem::read_ahead_now(OpenFile& file, std::uint64_t first, std::uint64_t count, const Process& task) {
  constexpr std::uint64_t kChunk = (std::uint64_t{2} << 20) / kPageSize;
  count = std::min(count, std::max(kIoPages, readahead_pages(file)));
  while (count > 0) {
    const std::uint64_t now = std::min(count, kChunk);
    read_ahead(file, {.start = first, .size = now, .async_size = 0}, task);
    first += now;
    count -= now;
  }
}

}  // namespace fusereplay::kernel
