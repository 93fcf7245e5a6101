// A message as it is passed around: bytes in at most two pieces, and who keeps them alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/event/buffer.h"

namespace fusereplay {

using Bytes = std::span<const std::byte>;

/// One wire message, seen, not owned. A whole message is `head` followed by `tail`.
/// INVARIANT: either `tail` is empty (the message is contiguous in `head`), or `head` ends exactly where the layout's
/// tail begins (core/protocol/layout.h).
/// The bytes are valid during the call that receives the Message. A receiver that wants them longer copies, or, where
/// `owner` is set, takes a reference on it: that keeps the last piece alive and unchanged (`tail`, or `head` where the
/// tail is empty). A small head beside a kept tail is always copied.
struct Message {
  Bytes head;
  Bytes tail;
  const BufferRef* owner = nullptr;  // valid during the call

  std::size_t size() const noexcept { return head.size() + tail.size(); }
};

/// Part of a file, named, not read and not owned. The file may end before the range does.
struct FileRange {
  int fd = -1;
  std::uint64_t offset = 0;  // bytes from the start of the file
  std::size_t size = 0;      // bytes
};

}  // namespace fusereplay
