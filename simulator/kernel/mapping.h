// A file in a process's memory (struct vm_area_struct).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "simulator/kernel/open_file.h"

namespace fusereplay::kernel {

/// Made by Filesystem::mmap(), ended by Filesystem::munmap(); one that is only destroyed tells nobody.
struct Mapping {
  Mapping(OpenFileRef of, std::uint64_t from, std::uint64_t size, int access, std::uint32_t number)
      : file(std::move(of)), inode(file->inode), first(from), length(size), protection(access), id(number) {
    inode->mappings.push_back(this);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { std::erase(inode->mappings, this); }

  /// Private copies of pages behind the file's end go with what they were copies of (unmap_mapping_range, even_cows).
  void truncate(std::uint64_t size) {
    copies.erase(copies.lower_bound((size + kPageSize - 1) / kPageSize), copies.end());
  }

  const OpenFileRef file;
  const InodeRef inode;
  const std::uint64_t first;   // page of the file
  const std::uint64_t length;  // bytes, of whole pages
  const int protection;        // PROT_...
  const std::uint32_t id;      // among those there are now, but for chance
  bool shared = false;
  bool writes_back = true;                                   // its end writes the file back (fuse_vma_close)
  std::map<std::uint64_t, std::vector<std::byte>> copies{};  // pages that a private one has written to, by the file's
};

}  // namespace fusereplay::kernel
