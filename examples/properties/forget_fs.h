// PROPERTY: an inode lives exactly as long as the kernel may name it.
//
// Every name exists here: a LOOKUP makes the file, and counts one lookup of it. FORGET takes lookups back, many at
// once, and with the last of them the inode goes (rules K6, F2; fs/fuse/inode.c fuse_evict_inode). A filesystem that
// forgets too early answers ESTALE to somebody who has the file open; one that counts too much never frees anything.
//
// What to look at: lookup() counts BEFORE it returns its entry, because the FORGET may be read before the reply's write
// has returned (reference R2). The root is never counted and never forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

class ForgetFs final : public Operations {
 public:
  /// Inodes that are alive, the root left out.
  std::size_t alive() const noexcept { return inodes_.size(); }
  /// A FORGET of more than was counted, or of nothing that is alive: never, on a kernel.
  std::uint64_t surprises() const noexcept { return surprises_; }

  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    if (parent != kRoot) return Errno(ENOTDIR);
    const auto known = nodes_.try_emplace(std::string(name), next_).first;
    if (known->second == next_) {
      inodes_.emplace(next_, Inode{.name = known->first, .lookups = 0});
      ++next_;
    }
    Inode& inode = inodes_.at(known->second);
    ++inode.lookups;
    return Entry{.node = NodeId{known->second}, .attributes = attributes(NodeId{known->second})};
  }

  Async<void> forget(NodeId node, std::uint64_t count) override {
    const auto found = inodes_.find(raw(node));
    if (found == inodes_.end() || found->second.lookups < count) {
      ++surprises_;
    } else if ((found->second.lookups -= count) == 0) {
      nodes_.erase(found->second.name);
      inodes_.erase(found);
    }
    return Result<void>();
  }

  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    if (node != kRoot && !inodes_.contains(raw(node))) return Errno(ESTALE);
    return AttributesReply{.attributes = attributes(node)};
  }

 private:
  struct Inode {
    std::string name;
    std::uint64_t lookups;
  };

  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }

  std::map<std::uint64_t, Inode> inodes_;
  std::map<std::string, std::uint64_t> nodes_;  // by name
  std::uint64_t next_ = raw(kRoot) + 1;
  std::uint64_t surprises_ = 0;
};

}  // namespace fusereplay
