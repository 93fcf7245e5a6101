// Private to the kernel model: a time without WRITEs of cached pages.
#pragma once

#include <utility>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

/// Keeps WRITEs of cached pages back while it lives (fuse_set_nowrite). The caller holds the inode.
class Filesystem::NoWrites {
 public:
  NoWrites(Filesystem& filesystem, Inode& inode) : filesystem_(filesystem), inode_(&inode) {
    filesystem_.stop_writeback(inode);
  }
  NoWrites(const NoWrites&) = delete;
  NoWrites& operator=(const NoWrites&) = delete;
  ~NoWrites() { end(); }
  void end() {
    if (inode_ != nullptr) filesystem_.resume_writeback(*std::exchange(inode_, nullptr));
  }

 private:
  Filesystem& filesystem_;
  InodeRef inode_;
};

}  // namespace fusereplay::kernel
