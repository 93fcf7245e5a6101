// PROPERTY: a file that has lost its last name works on for those who have it open, and goes when they close it.
//
// UNLINK takes a name away, not the inode: whoever has the file open reads, writes and stats it by its nodeid, with a
// link count of 0 (rules F2, F6; fs/fuse/dir.c fuse_unlink). The kernel forgets the inode after the last RELEASE; only
// then, and only if no name is left, may the data go (rule F3).
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "core/operations/operations.h"

namespace fusereplay {

/// A directory of files, each with one name at most.
class UnlinkedFs final : public Operations {
 public:
  /// Files whose data is still kept, named or not.
  std::size_t files() const noexcept { return files_.size(); }

  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    const auto found = names_.find(name);
    if (found == names_.end()) return Errno(ENOENT);
    return grant(found->second);
  }
  Async<Created> create(const Request&, NodeId, std::string_view name, const Creation&, std::uint32_t) override {
    files_[++last_].linked = true;
    names_.emplace(name, last_);
    return Created{.entry = grant(last_), .opened = {}};
  }
  Async<void> unlink(const Request&, NodeId, std::string_view name) override {
    const auto found = names_.find(name);
    if (found == names_.end()) return Errno(ENOENT);
    const std::uint64_t node = found->second;
    names_.erase(found);
    files_.at(node).linked = false;
    drop_if_unused(node);
    return Result<void>();
  }
  Async<void> forget(NodeId node, std::uint64_t count) override {
    files_.at(raw(node)).lookups -= count;
    drop_if_unused(raw(node));
    return Result<void>();
  }

  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    if (node != kRoot && !files_.contains(raw(node))) return Errno(ESTALE);
    return AttributesReply{.attributes = attributes(node)};
  }
  Async<void> read(const Request&, NodeId node, FileHandle, Offset offset, DataWriter& out) override {
    const std::string& data = files_.at(raw(node)).data;
    if (offset < data.size()) out.append(std::as_bytes(std::span(data).subspan(offset)));
    return Result<void>();
  }
  Async<std::uint32_t> write(const Request&, NodeId node, FileHandle, Offset offset, Bytes bytes,
                             std::uint32_t) override {
    std::string& data = files_.at(raw(node)).data;
    data.resize(std::max(data.size(), offset + bytes.size()));
    std::memcpy(data.data() + offset, bytes.data(), bytes.size());
    return static_cast<std::uint32_t>(bytes.size());
  }

 private:
  struct File {
    std::string data;
    std::uint64_t lookups = 0;
    bool linked = false;
  };

  Entry grant(std::uint64_t node) {
    ++files_.at(node).lookups;
    return Entry{.node = NodeId{node}, .attributes = attributes(NodeId{node})};
  }
  // An open file holds a lookup for as long as it is open: there is nothing else to count.
  void drop_if_unused(std::uint64_t node) {
    const File& file = files_.at(node);
    if (!file.linked && file.lookups == 0) files_.erase(node);
  }
  Attributes attributes(NodeId node) const {
    if (node == kRoot) return {.ino = raw(node), .mode = S_IFDIR | 0755U, .nlink = 2};
    const File& file = files_.at(raw(node));
    return {.ino = raw(node), .size = file.data.size(), .mode = S_IFREG | 0644U, .nlink = file.linked ? 1U : 0U};
  }

  std::map<std::uint64_t, File> files_;  // by nodeid
  std::map<std::string, std::uint64_t, std::less<>> names_;
  std::uint64_t last_ = raw(kRoot);
};

}  // namespace fusereplay
