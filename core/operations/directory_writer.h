// Where readdir leaves its entries: plain, or with a lookup of each, as the kernel asked.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/operations/types.h"
#include "core/protocol/dirent.h"

namespace fusereplay {

/// One page of a directory stream. Used by one handler at a time.
///
///   for (auto& child : children_from(cookie)) {
///     if (!out.fits(child.name)) break;
///     if (out.plus()) out.add(child.name, child.next, grant(child));
///     else out.add(child.name, child.next, child.ino, child.type);
///   }
class DirectoryWriter {
 public:
  /// `space` must outlive the writer; it is the page, 8-byte aligned.
  DirectoryWriter(DirentKind kind, std::span<std::byte> space) noexcept : writer_(kind, space), space_(space) {}
  DirectoryWriter(const DirectoryWriter&) = delete;
  DirectoryWriter& operator=(const DirectoryWriter&) = delete;

  /// READDIRPLUS: every entry but "." and ".." may carry an Entry, which counts as a lookup.
  bool plus() const noexcept { return writer_.kind() == DirentKind::kPlus; }
  /// Whether one more record with this name fits the page. Ask before counting a lookup.
  bool fits(std::string_view name) const noexcept { return writer_.fits(name); }

  /// Adds an entry without a lookup: its inode number and type (DT_...). `next` is the cookie of the entry after this
  /// one and must not be 0. Right for "." and "..", also in a plus page. False, and nothing added, when it does not
  /// fit.
  bool add(std::string_view name, Cookie next, std::uint64_t ino, std::uint32_t type);
  /// Adds an entry with its lookup, which the handler has counted. Where the kernel will not count it, the runtime
  /// takes it back by forget(): in a plain page, for "." and "..", for an entry that does not fit (then: false), and
  /// for the whole page when the handler fails or the kernel refuses the reply (rule R12).
  bool add(std::string_view name, Cookie next, const Entry& entry);

  /// The page so far.
  Bytes page() const noexcept { return space_.first(writer_.size()); }
  /// Lookups counted by the handler that are not on the page.
  std::span<const NodeId> uncounted() const noexcept { return uncounted_; }

 private:
  DirentWriter writer_;
  std::span<std::byte> space_;
  std::vector<NodeId> uncounted_;
};

}  // namespace fusereplay
