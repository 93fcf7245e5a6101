// What a nodeid of passthrough stands for: a file of the source, held by a descriptor.
#pragma once

#include <linux/stat.h>
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/operations/backing_files.h"
#include "core/operations/inode_table.h"
#include "core/unique_fd.h"
#include "examples/locks/file_locks.h"

namespace fusereplay::passthrough {

/// Tells one file of the source from all others. Device and number do not suffice: a number is free again once a file
/// is gone, and not every filesystem waits until the last descriptor is closed.
struct Identity {
  std::uint64_t device = 0;
  std::uint64_t ino = 0;
  std::uint32_t type = 0;  // S_IF...
  // When it was made; 0 where the source does not say.
  std::int64_t birth_seconds = 0;
  std::uint32_t birth_nanoseconds = 0;

  /// From a statx with STATX_BTIME.
  static Identity of(const struct statx& status) noexcept;
  bool operator==(const Identity&) const noexcept = default;
};

struct Inode;
using Inodes = InodeTable<Inode>;
/// Keeps an inode, and its descriptor, alive.
using Node = Inodes::Reference;

/// Finds the node of a file that was seen before. Thread-safe. Lock order: its mutex, then the table's.
///
/// A node that a concurrent forget is destroying is not found any more, though its entry may still be here: the file
/// then gets a new node, whose entry the old one leaves alone.
class NodeIndex {
 public:
  /// The node of the file that `fd` (O_PATH) is; a new one, which takes `fd` over, where there is none.
  Node intern(Inodes& nodes, const Identity& identity, UniqueFd fd);

 private:
  friend struct Inode;
  struct Key {
    std::uint64_t device;
    std::uint64_t ino;
    bool operator==(const Key&) const noexcept = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::uint64_t>()(key.ino * 0x9e3779b97f4a7c15U ^ key.device);
    }
  };
  struct Known {
    NodeId id{};
    const Inode* inode = nullptr;
    Identity identity;
  };

  void remove(const Inode& inode) noexcept;

  std::mutex mutex_;  // guards known_. No Node is dropped while it is held: ~Inode() takes it
  std::unordered_map<Key, Known, KeyHash> known_;
};

/// By what way the opens of one file go to the kernel. Those that overlap all go by one backing file, or none does: it
/// refuses the rest (fs/fuse/iomode.c). Thread-safe.
class OpenWay {
 public:
  struct Taken {
    std::int32_t backing_id = 0;  // 0: reads and writes come here
    std::shared_ptr<const void>
        hold;  // for as long as the handle is open: the kernel has left that way when it says so
  };
  /// For one more open, of the file that is open as `fd`.
  Taken take(BackingFiles& files, int fd);

 private:
  std::mutex mutex_;  // guards all below; over the connection's own
  std::weak_ptr<const BackingFile> backing_;
  std::weak_ptr<const void> ordinary_;
};

/// Record locks taken on the source's file, where other programs meet them: an open file description of its own for
/// each owner (F_OFD_SETLK), for they must not merge.
struct SourceLocks {
  std::mutex mutex;                            // guards by_owner; under FileLocks'
  std::map<std::uint64_t, UniqueFd> by_owner;  // of owners that locked something since their last FLUSH
};

/// A file of the source. INVARIANT: fd is O_PATH, so the file exists as long as this does, whatever its names.
struct Inode {
  /// `index` knows it and must outlive it; null for the root, which is found by no lookup.
  Inode(NodeIndex* index, const Identity& file, UniqueFd descriptor) noexcept
      : identity(file), fd(std::move(descriptor)), index_(index) {}
  ~Inode() {
    if (index_ != nullptr) index_->remove(*this);
  }
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const noexcept { return identity.type == S_IFDIR; }
  bool is_file() const noexcept { return identity.type == S_IFREG; }

  const Identity identity;
  const UniqueFd fd;
  FileLocks locks;
  SourceLocks source_locks;
  OpenWay way;

 private:
  NodeIndex* index_;
};

}  // namespace fusereplay::passthrough
