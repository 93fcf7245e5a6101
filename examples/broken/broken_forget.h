// THE BUG: a nodeid is handed out again once its file has been closed, without waiting for the kernel to forget it.
//
// RULE: R6, the generation (and type) of a nodeid is the same while it is counted.
// THE KERNEL (fs/fuse/inode.c fuse_iget, fuse_stale_inode) makes the inode it had bad, and looks the name up again when
// it is next used. Nobody is told; but a request that was on its way meets another file, and the FORGET of the old file
// takes counts away from the new one.
// FOUND by any workload that creates two files one after the other: scripts/workloads/small.
#pragma once

#include <map>
#include <mutex>

#include "examples/memfs/memfs.h"

namespace fusereplay {

class BrokenForget final : public Memfs {
 public:
  using Memfs::Memfs;

  Async<void> forget(NodeId node, std::uint64_t count) override;
  Async<Opened> open(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<Created> create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override;
  Async<void> release(NodeId node, FileHandle handle, const Release& how) override;

 protected:
  Result<Node> find(NodeId id) override;
  Entry grant(const Node& node) override;

 private:
  struct Slot {
    NodeId file{};  // as the inode table calls it
    std::uint64_t generation = 0;
    std::uint64_t open = 0;
    bool closed = false;  // for the last time, as it seems
  };

  NodeId file_of(NodeId id);
  void opened(NodeId id);
  /// The nodeid to give a file that has none.
  std::uint64_t choose_slot();

  std::mutex slots_mutex_;                        // guards what follows; after Memfs::mutex_
  std::map<std::uint64_t, Slot> slots_;           // by the nodeid the kernel knows
  std::map<std::uint64_t, std::uint64_t> given_;  // that nodeid, by the file's
  std::uint64_t next_ = kRootNodeId + 1;
};

}  // namespace fusereplay
