// What stands for data of files that nobody wants to look at, and that nobody has therefore read: zeros.
#pragma once

#include <cstddef>

#include "core/protocol/message.h"

namespace fusereplay {

/// No more than this is passed on unread: the largest READ of a kernel whose fs.fuse.max_pages_limit is as it was.
inline constexpr std::size_t kMaxUnseenData = std::size_t{1} << 20;

/// `size` zeros, at most kMaxUnseenData; they stay where they are for good. A trace that keeps no data of files gives
/// zeros as well (docs/trace-contract.md, 3.5).
Bytes unseen_data(std::size_t size) noexcept;
/// Whether `bytes`, which are not empty, came from there, so that their number says it all.
bool is_unseen(Bytes bytes) noexcept;

}  // namespace fusereplay
