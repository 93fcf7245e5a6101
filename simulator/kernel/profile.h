// Which kernel is modelled: what it offers in INIT, and where versions differ.
#pragma once

#include <cstdint>

#include "core/protocol/flags.h"
#include "core/protocol/opcode.h"

namespace fusereplay {

/// Numbers are those of a machine with 4 KiB pages.
struct KernelProfile {
  std::uint32_t minor = kProtocolMinor;      // of the protocol: 38 in Linux 6.1, 41 in 6.12, 45 in 6.18
  std::uint64_t offered = 0;                 // kInit... bits in the request (fs/fuse/inode.c fuse_new_init)
  std::uint32_t max_readahead = 128 * 1024;  // bytes: the bdi's read-ahead
  std::uint32_t max_pages_limit = 256;       // pages a request carries at most
  std::uint32_t default_name_max = 1024;     // bytes in a name
  std::uint32_t many_pages_name_max = 1024;  // the same where MAX_PAGES was settled with more than one page
  std::uint64_t readahead_alignment = 1;     // pages: where windows end that were not the first
  bool flush_drains =
      false;  // FLUSH waits for the file's lock and its WRITEs (fuse_sync_writes); see `writeback_copies`
  bool writeback_copies = false;        // cached pages are copied to be written, and nobody waits for that but who must
  bool parallel_direct_writes = false;  // knows FOPEN_PARALLEL_DIRECT_WRITES (Linux 6.2)
  bool sized_readdir = false;           // READDIR asks for as much as the caller's buffer takes, not for one page
  bool skips_stale_evicted = false;     // attributes are distrusted if an inode was evicted meanwhile (evict_ctr)

  static KernelProfile linux_6_1() noexcept;
  static KernelProfile linux_6_12() noexcept;
  static KernelProfile linux_6_18() noexcept;
};

/// What mount(2) was told.
struct SimulatedMountOptions {
  bool default_permissions = false;  // the kernel checks modes itself
  bool allow_other = true;           // else only `owner_uid` and `owner_gid` may enter
  std::uint32_t owner_uid = 0;
  std::uint32_t owner_gid = 0;
  std::uint32_t max_read = UINT32_MAX;  // bytes
  bool read_only = false;
};

}  // namespace fusereplay
