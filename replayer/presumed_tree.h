// The tree that a trace presumes: what its first replies show of files that were there before it began.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/operations/types.h"
#include "replayer/recorded_events.h"

namespace fusereplay {

/// One file, directory, link or special file as it was when the recording began, as far as the recording tells.
struct PresumedNode {
  Attributes attributes;                                         // the first that a reply showed
  bool seen = false;                                             // attributes were; else only the type is known
  std::string target;                                            // of a symlink
  std::map<std::string, std::vector<std::byte>> xattrs;          // those read, or listed (then empty)
  std::map<std::uint64_t, std::vector<std::byte>> data;          // by offset; pieces do not overlap
  std::map<std::string, std::shared_ptr<PresumedNode>> entries;  // of a directory; a node may have several names
};

/// Reads a recording to its end and keeps what it presumes.
///
/// A name is presumed where LOOKUP, READDIR or READDIRPLUS shows it before any request of the recording made it. Of a
/// presumed file, what is read before it is written is presumed too: data, target, xattrs. What other requests than
/// the recording's changed meanwhile cannot be told from what was there. Memory grows with that tree and with the
/// number of files alive at once, not with the length of the recording.
class PresumedTree {
 public:
  static PresumedTree collect(RecordedEvents& source);

  /// The root directory; `seen` is false where the recording never asked about it.
  const PresumedNode& root() const noexcept { return *root_; }
  /// Names below the root.
  std::size_t names() const noexcept { return names_; }

 private:
  class Collector;
  std::shared_ptr<PresumedNode> root_ = std::make_shared<PresumedNode>();
  std::size_t names_ = 0;
};

}  // namespace fusereplay
