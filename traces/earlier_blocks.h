// The bodies of blocks that came before the one being read, for file data shared with them. Private to traces/.
#pragma once

#include <list>

#include "traces/block_file.h"
#include "traces/codec.h"

namespace fusereplay {

/// Keeps those used last, up to 16 MiB of them; the rest is read again.
class EarlierBodies final : public EarlierBlocks {
 public:
  /// `file` outlives this.
  explicit EarlierBodies(BlockFile& file) noexcept : file_(file) {}

  /// The block being read, at `offset`; its body stays where it is until the next.
  void enter(std::uint64_t offset, Bytes body) noexcept {
    offset_ = offset;
    body_ = body;
    looked_back_ = false;
  }
  /// Whether the block being read has shared data with an earlier one, so far.
  bool looked_back() const noexcept { return looked_back_; }
  Bytes body(std::uint64_t back) override;

 private:
  struct Kept {
    std::uint64_t offset = 0;
    std::size_t size = 0;
    ByteSpace bytes;
  };
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  BlockFile& file_;
  std::uint64_t offset_ = 0;
  Bytes body_;
  bool looked_back_ = false;
  std::list<Kept> kept_;  // the one used last is the first
  std::size_t kept_bytes_ = 0;
};

}  // namespace fusereplay
