#include "core/operations/connection.h"

#include <algorithm>

namespace fusereplay {

namespace {
// What every filesystem gets without asking: it changes how many requests come, not what they mean.
constexpr std::uint64_t kDefaults = kInitAsyncRead | kInitBigWrites | kInitParallelDirops | kInitDoReaddirplus |
                                    kInitReaddirplusAuto | kInitAsyncDio | kInitMaxPages | kInitAutoInvalData |
                                    kInitSetxattrExt | kInitInitExt | kInitHasIoctlDir;
}  // namespace

void Connection::open(std::uint32_t minor, std::uint64_t offered, std::uint32_t max_readahead) noexcept {
  minor_ = minor;
  offered_ = offered;
  wanted_ = kDefaults & offered;
  limits_.max_readahead = std::min(limits_.max_readahead, max_readahead);
}

Result<void> Connection::want(std::uint64_t flags) noexcept {
  if (!offers(flags)) return Errno(ENOTSUP);
  wanted_ |= flags;
  return {};
}

void Connection::spawn(Async<void> task) {
  tasks_.spawn(std::move(task));
}

}  // namespace fusereplay
