// THE BUG: an entry's cookie is made from its inode number, so two names of one file in one directory share a cookie.
//
// RULE: R11, no two entries of a directory have the same cookie.
// THE KERNEL (fs/fuse/readdir.c) passes cookies on as they are. When a page ends between the two names, the next one
// begins behind both: a name is missing from the listing. telldir(3) cannot tell the two apart.
// FOUND by a workload that lists a directory with two names of one file in it: scripts/workloads/storm, which small
// includes.
#pragma once

#include "examples/memfs/memfs.h"

namespace fusereplay {

class BrokenReaddir final : public Memfs {
 public:
  using Memfs::Memfs;

 protected:
  void list(const Node& directory, Cookie from, DirectoryWriter& out) override;
};

}  // namespace fusereplay
