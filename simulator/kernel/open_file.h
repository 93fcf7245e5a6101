// An open file or directory as the kernel holds it.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/protocol/flags.h"
#include "simulator/kernel/dentry_cache.h"
#include "simulator/kernel/page_cache.h"

namespace fusereplay::kernel {

/// struct file and its struct fuse_file. Shared by the descriptors that dup(2) made.
struct OpenFile : std::enable_shared_from_this<OpenFile> {
  bool uses_cache() const noexcept { return inode->is_regular() && (fopen & kFopenDirectIo) == 0; }
  // O_ACCMODE as a whole stands for neither (OPEN_FMODE).
  bool reads() const noexcept { return (flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR; }
  bool writes() const noexcept { return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR; }
  /// FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE.
  bool seeks() const noexcept { return (fopen & (kFopenNonseekable | kFopenStream)) == 0; }
  /// FMODE_STREAM: has no position, which is to say always 0. A directory is at most not seekable.
  bool streams() const noexcept { return (fopen & kFopenStream) != 0 && inode->is_regular(); }

  DentryRef dentry;
  InodeRef inode;
  int flags = 0;  // of open(2), without O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC
  std::uint64_t handle = 0;
  std::uint32_t fopen = 0;  // kFopen...
  std::uint64_t position = 0;
  int advice = POSIX_FADV_NORMAL;   // of those that stay: SEQUENTIAL, RANDOM
  bool path_only = false;           // O_PATH
  bool flocked = false;             // a flock request was sent: RELEASE carries the unlock
  std::uint64_t owner = 0;          // of flock locks
  std::uint64_t kernel_handle = 0;  // fuse_file.kh: what NOTIFY_POLL names
  std::uint64_t poll_wakeups = 0;   // NOTIFY_POLLs so far
  ReadaheadState readahead;
  Listing::Place listing;
  ErrorSequence::Position errors_seen = 0;        // file.f_wb_err
  ErrorSequence::Position mount_errors_seen = 0;  // file.f_sb_err
  std::uint32_t users = 0;                        // descriptors and mappings
  std::uint32_t carries = 0;                      // WRITEs of cached pages that are outstanding with its handle
  bool counted_as_cached = false;                 // in Inode::cached_opens
  bool closed = false;                            // nobody uses it: RELEASE follows the last of these
};
using OpenFileRef = std::shared_ptr<OpenFile>;

}  // namespace fusereplay::kernel
