// What a file still owes its server: changed pages, times that only the kernel knows, errors nobody has heard of
// (struct fuse_inode, struct address_space, struct inode). What is done with it: writeback.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "simulator/kernel/error_sequence.h"

namespace fusereplay::kernel {

struct OpenFile;

/// WB_SYNC_NONE, WB_SYNC_ALL: whether pages that are being written already are waited for and written again.
enum class WritebackMode : std::uint8_t { kStart, kAll };

struct Writeback {
  /// A WRITE of cached pages that waits for a truncation to be over (fuse_inode.queued_writes).
  struct Queued {
    std::shared_ptr<OpenFile> file;
    std::uint64_t first = 0;  // page
    std::uint64_t count = 0;
  };

  /// Nothing is under way (fuse_inode.writectr).
  bool idle() const noexcept { return outstanding == 0 && queued.empty(); }

  std::vector<OpenFile*> files;   // that may be written through, the newest last (fuse_inode.write_files)
  std::vector<Queued> queued;     // while `stopped`
  std::uint32_t outstanding = 0;  // WRITEs
  std::uint32_t stopped = 0;      // by how many (FUSE_NOWRITE)
  bool times = false;             // mtime and ctime are to be sent (I_DIRTY_SYNC)
  bool busy = false;              // somebody writes the inode (I_SYNC)
  bool listed = false;            // among the inodes that may be dirty
  std::uint64_t changed_at = 0;   // tick of the last change of mtime
  std::int64_t dirty_since = 0;   // ns (inode.dirtied_when)
  bool failed = false;            // AS_EIO
  bool full = false;              // AS_ENOSPC
  ErrorSequence errors;           // address_space.wb_err
};

}  // namespace fusereplay::kernel
