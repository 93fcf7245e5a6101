// THE BUG: a nodeid is handed out again as soon as its file has lost its last name, without waiting for the kernel to
// forget it.
//
// RULE: R6, the generation (and type) of a nodeid is the same while it is counted.
// THE KERNEL (fs/fuse/inode.c fuse_iget, fuse_stale_inode) makes the inode it had bad: who still has the old file open
// gets EIO from every call. Where nobody has, only the FORGET of the old file is still to come, and it takes counts
// away from the new one. FOUND by a workload that creates while others unlink, or while an unlinked file is open:
// scripts/workloads/storm, which small includes.
#pragma once

#include <map>
#include <mutex>

#include "examples/memfs/memfs.h"

namespace fusereplay {

class BrokenForget final : public Memfs {
 public:
  using Memfs::Memfs;

  Async<void> forget(NodeId node, std::uint64_t count) override;

 protected:
  Result<Node> find(NodeId id) override;
  Entry grant(const Node& node) override;

 private:
  struct Slot {
    NodeId file{};  // as the inode table calls it
    std::uint64_t generation = 0;
  };

  NodeId file_of(NodeId id);
  /// The nodeid to give a file that has none: a used one where possible.
  std::uint64_t choose_slot();

  std::mutex slots_mutex_;                        // guards what follows; after Memfs::mutex_
  std::map<std::uint64_t, Slot> slots_;           // by the nodeid the kernel knows
  std::map<std::uint64_t, std::uint64_t> given_;  // that nodeid, by the file's
  std::uint64_t next_ = kRootNodeId + 1;
};

}  // namespace fusereplay
