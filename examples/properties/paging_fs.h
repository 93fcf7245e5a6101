// PROPERTY: a listing that is read page by page shows every entry once, whatever else is removed or added meanwhile.
//
// The kernel asks for a directory in pages, each from the offset that the last record of the page before it carried,
// and the caller may come back to any offset it was given (rules R11, F8; fs/fuse/readdir.c parse_dirfile). An offset
// must therefore name a place that stays, not a position in a list: here it is the number of the entry, which is never
// used again. Offset 0 is the start, so no entry has it.
#pragma once

#include <dirent.h>
#include <map>
#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// A directory of empty files: entry-1, entry-2 and so on.
class PagingFs final : public Operations {
 public:
  explicit PagingFs(std::uint64_t entries) {
    while (last_ < entries) add();
  }
  /// Adds one more; its name.
  std::string add() {
    ++last_;
    return entries_[last_] = "entry-" + std::to_string(last_);
  }
  /// Pages that were asked for.
  std::uint64_t pages() const noexcept { return pages_; }

  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    const auto found = find(name);
    if (found == entries_.end()) return Errno(ENOENT);
    return entry(found->first);
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node), .timeout = kLong};
  }
  Async<void> unlink(const Request&, NodeId, std::string_view name) override {
    const auto found = find(name);
    if (found == entries_.end()) return Errno(ENOENT);
    entries_.erase(found);
    return Result<void>();
  }

  Async<void> readdir(const Request&, NodeId, FileHandle, Cookie from, DirectoryWriter& out) override {
    ++pages_;
    for (auto next = entries_.upper_bound(raw(from)); next != entries_.end() && out.fits(next->second); ++next) {
      const Cookie after{next->first};
      if (out.plus()) {
        out.add(next->second, after, entry(next->first));
      } else {
        out.add(next->second, after, node_of(next->first), DT_REG);
      }
    }
    return Result<void>();
  }

 private:
  using Entries = std::map<std::uint64_t, std::string>;  // by number
  static constexpr Timeout kLong = Timeout::seconds(3600);

  static std::uint64_t node_of(std::uint64_t number) noexcept { return raw(kRoot) + number; }
  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }
  // Nothing here is ever freed, so there is nothing to count: forget() keeps its default.
  static Entry entry(std::uint64_t number) {
    const NodeId node{node_of(number)};
    return Entry{.node = node, .attributes = attributes(node), .entry_timeout = kLong, .attribute_timeout = kLong};
  }
  Entries::iterator find(std::string_view name) {
    auto at = entries_.begin();
    while (at != entries_.end() && at->second != name) ++at;
    return at;
  }

  Entries entries_;
  std::uint64_t last_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace fusereplay
