// Compares the data of files where the trace keeps hashes or sizes of it only (docs/trace-contract.md, section 3.5).
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "core/protocol/message.h"
#include "traces/trace_header.h"

namespace fusereplay {

/// Knows which pages hold exactly what one replayed WRITE put there. Where a page was put together from parts, no
/// recorded hash says what the replayed parts make of it: there, data that differs is compared by its size alone.
/// One a replay. Memory grows with the pages written, by about a hundredth of the data.
class KeptData {
 public:
  explicit KeptData(PayloadPolicy policy) noexcept : policy_(policy) {}

  /// Whether data must be compared here rather than byte by byte.
  bool active() const noexcept { return policy_ != PayloadPolicy::kFull; }

  /// A WRITE took effect: `data` stands at `offset` of `node`.
  void wrote(std::uint64_t node, std::uint64_t offset, Bytes data);

  struct Verdict {
    std::optional<std::size_t> differs_at;  // the first byte that must be as recorded and is not
    bool by_size = false;                   // some data could be compared by its size only
  };
  /// What a READ at `offset` of `node` gave: the same number of bytes, recorded and live.
  Verdict compare(std::uint64_t node, std::uint64_t offset, Bytes recorded, Bytes live) const;

 private:
  struct Page {
    std::uint64_t node;
    std::uint64_t number;
    bool operator==(const Page&) const = default;
  };
  struct HashPage {
    std::size_t operator()(const Page& page) const noexcept {
      return static_cast<std::size_t>((page.node * 0x9e3779b97f4a7c15 ^ page.number) * 0xbf58476d1ce4e5b9 >> 16);
    }
  };
  /// What the page begins with, written in one piece.
  struct Written {
    std::uint64_t hash;
    std::size_t size;
  };
  bool must_be_equal(const Page& page, Bytes recorded, Bytes live) const;

  const PayloadPolicy policy_;
  std::unordered_map<Page, Written, HashPage> written_;
};

}  // namespace fusereplay
