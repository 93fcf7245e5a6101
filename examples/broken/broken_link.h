// THE BUG: a hard link gets a nodeid of its own, as in filesystems that number paths instead of files.
//
// RULE: R8, LINK returns the nodeid of the file that was linked.
// THE KERNEL (fs/fuse/dir.c fuse_link, create_new_entry) checks the type only and takes the answer for another file.
// The two names then have page caches of their own: what is written through one is not seen through the other until a
// timeout. No call fails.
// FOUND by any workload that links: scripts/workloads/small.
#pragma once

#include <map>
#include <mutex>

#include "examples/memfs/memfs.h"

namespace fusereplay {

class BrokenLink final : public Memfs {
 public:
  using Memfs::Memfs;

  Async<Entry> link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) override;
  Async<void> forget(NodeId node, std::uint64_t count) override;

 protected:
  Result<Node> find(NodeId id) override;

 private:
  /// The file's true nodeid.
  NodeId behind(NodeId id);

  std::mutex aliases_mutex_;                           // guards what follows; after Memfs::mutex_
  std::uint64_t next_alias_ = std::uint64_t{1} << 32;  // far from what the inode table hands out
  std::map<std::uint64_t, NodeId> aliases_;            // until forgotten
};

}  // namespace fusereplay
