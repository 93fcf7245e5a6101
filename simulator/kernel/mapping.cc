// Files in memory (fs/fuse/file.c fuse_file_mmap, mm/filemap.c filemap_fault, mm/memory.c do_fault).
#include "simulator/kernel/mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

// fuse_file_mmap.
Result<std::unique_ptr<Mapping>> Filesystem::mmap(const OpenFileRef& file, std::uint64_t offset, std::uint64_t length,
                                                  int protection, int flags) {
  Inode& inode = *file->inode;
  const bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
  const bool direct = (file->fopen & kFopenDirectIo) != 0;
  if (direct && shared && !connection_.has(kInitDirectIoAllowMmap)) return Errno(ENODEV);
  if (direct) invalidate_pages(inode);
  const std::uint64_t pages = (length + kPageSize - 1) / kPageSize;
  auto mapping = std::make_unique<Mapping>(file, offset / kPageSize, pages * kPageSize, protection, mappings_++);
  mapping->shared = shared;
  mapping->writes_back = shared || !direct;
  if (direct && shared && !file->counted_as_cached) {  // fuse_file_cached_io_open
    file->counted_as_cached = true;
    ++inode.cached_opens;
  }
  if (shared && file->writes()) link_write_file(*file);
  ++file->users;
  return mapping;
}

// fuse_vma_close, and vma_fput.
void Filesystem::munmap(Mapping& mapping, const Process& task) {
  if (mapping.writes_back) {
    const Result<void> written = write_inode_now(*mapping.inode, task);
    if (!written) set_writeback_error(*mapping.inode, written.error().value());
  }
  if (--mapping.file->users == 0) release(*mapping.file, task);
}

// filemap_fault, after filemap_map_pages had nothing to give. Behind the end, and where a READ fails: SIGBUS.
Result<Page*> Filesystem::fault(OpenFile& file, std::uint64_t index, const Process& task) {
  Inode& inode = *file.inode;
  const auto is_behind_end = [&] { return index >= (inode.size + kPageSize - 1) / kPageSize; };
  if (inode.bad || is_behind_end()) return Errno(EFAULT);
  Page* page = inode.pages.find(index);
  if (page != nullptr && page->uptodate && !page->locked && !page->readahead) return page;
  const std::uint64_t window = connection_.readahead_pages;
  const bool missed = page == nullptr;
  if (!missed) file.readahead.on_hit();
  if (missed && window > 0) {
    if (const auto around = file.readahead.on_fault(index, window)) read_ahead(file, *around, task);
  } else if (!missed && page->readahead) {
    page->readahead = false;
    read_ahead(file, file.readahead.on_marked(inode.pages, index, window, window, profile_.readahead_alignment), task);
  }
  if (!wait_for_pages(inode, index, index)) return Errno(EFAULT);
  if (is_behind_end()) return Errno(EFAULT);
  page = inode.pages.find(index);
  // The fault is made anew after a READ: once, or twice where the first try of it went without the mmap_lock.
  bool uptodate = page != nullptr && page->uptodate;
  for (int tries = missed ? 2 : 3; !uptodate && tries > 0; --tries) uptodate = read_page(file, index, task).has_value();
  if (!uptodate) return Errno(EFAULT);
  page = inode.pages.find(index);
  return page;
}

// do_shared_fault, do_wp_page, fuse_page_mkwrite: a page may be written to from its fault until it is written back.
Result<Page*> Filesystem::fault_to_write(Mapping& mapping, std::uint64_t index, const Process& task) {
  Inode& inode = *mapping.inode;
  Result<Page*> page = fault(*mapping.file, index, task);
  if (!page) return page;
  const std::uint64_t writer = std::uint64_t{1} << mapping.id % 64;
  if (((*page)->writers & writer) != 0) return page;
  update_times(inode);
  if (!wait_until_idle(inode, index, index)) return Errno(EFAULT);
  page = inode.pages.find(index);
  if (*page == nullptr) return fault_to_write(mapping, index, task);  // it was dropped meanwhile
  (*page)->writers |= writer;
  set_dirty(inode, **page);
  return page;
}

Result<void> Filesystem::load(Mapping& mapping, std::uint64_t at, std::span<std::byte> into, const Process& task) {
  if ((mapping.protection & (PROT_READ | PROT_WRITE)) == 0) return Errno(EFAULT);
  for (std::size_t done = 0; done < into.size();) {
    const auto [page_of_mapping, within, size] = first_part(at + done, into.size() - done);
    const std::uint64_t index = mapping.first + page_of_mapping;
    const auto copy = mapping.copies.find(index);
    if (copy != mapping.copies.end()) {
      std::memcpy(into.data() + done, copy->second.data() + within, size);
    } else {
      const Result<Page*> page = fault(*mapping.file, index, task);
      if (!page) return page.error();
      std::memcpy(into.data() + done, (*page)->bytes.data() + within, size);
    }
    done += size;
  }
  return {};
}

Result<void> Filesystem::store(Mapping& mapping, std::uint64_t at, Bytes data, const Process& task) {
  if ((mapping.protection & PROT_WRITE) == 0) return Errno(EFAULT);
  for (std::size_t done = 0; done < data.size();) {
    const auto [page_of_mapping, within, size] = first_part(at + done, data.size() - done);
    const std::uint64_t index = mapping.first + page_of_mapping;
    std::byte* bytes = nullptr;
    if (mapping.shared) {
      const Result<Page*> page = fault_to_write(mapping, index, task);
      if (!page) return page.error();
      bytes = (*page)->bytes.data();
    } else {
      auto copy = mapping.copies.find(index);
      if (copy == mapping.copies.end()) {  // do_cow_fault
        const Result<Page*> page = fault(*mapping.file, index, task);
        if (!page) return page.error();
        copy = mapping.copies.emplace(index, std::vector((*page)->bytes.begin(), (*page)->bytes.end())).first;
      }
      bytes = copy->second.data();
    }
    std::memcpy(bytes + within, data.data() + done, size);
    done += size;
  }
  return {};
}

// mm/msync.c: of a mapping that could be written to, and only if asked to wait.
Result<void> Filesystem::msync(Mapping& mapping, std::uint64_t begin, std::uint64_t end, int flags,
                               const Process& task) {
  if ((flags & MS_SYNC) == 0 || !mapping.shared || !mapping.file->writes() || begin == end) return {};
  const std::uint64_t from = mapping.first * kPageSize;
  return fsync(*mapping.file, from + begin, from + end, SyncKind::kDataOnly, task);
}

}  // namespace fusereplay::kernel
