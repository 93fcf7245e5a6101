// Compares the data of files where the trace keeps hashes or sizes of it only (docs/trace-contract.md, section 3.5).
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "core/protocol/message.h"
#include "traces/payload.h"

namespace fusereplay {

/// Where one WRITE put a whole page there, its recorded hash says what a READ of it must give. A page that was put
/// together from parts has no recorded hash that says what the parts that stand for them make: there, the live data
/// must be what the replayed WRITEs put there, as long as that is known, and is else compared by its size alone. One a
/// replay. Remembers half a million pages and files, and the bytes of 4096 pages, in about 60 MiB; past that it begins
/// anew.
class KeptData {
 public:
  explicit KeptData(PayloadPolicy policy) noexcept : policy_(policy) {}

  /// Whether data must be compared here rather than byte by byte.
  bool active() const noexcept { return policy_ != PayloadPolicy::kFull; }

  /// A WRITE took effect: `data` stands at `offset` of `node`.
  void wrote(std::uint64_t node, std::uint64_t offset, Bytes data);
  /// `node` is empty: made, or cut to nothing.
  void emptied(std::uint64_t node);
  /// Something else changed the data of `node`.
  void changed(std::uint64_t node);

  /// Whether all that was replayed before a READ, and nothing else, had taken effect when it was answered.
  enum class Moment : std::uint8_t { kKnown, kOverlapping };
  struct Verdict {
    std::optional<std::size_t> differs_at;  // the first byte that must be as recorded and is not
    bool by_size = false;                   // some data could be compared by its size only
  };
  /// What a READ at `offset` of `node` gave: the same number of bytes, recorded and live.
  Verdict compare(std::uint64_t node, std::uint64_t offset, Bytes recorded, Bytes live, Moment moment) const;

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
  struct File {
    std::uint64_t age = 0;   // how often its data changed other than by WRITE
    bool from_zero = false;  // what no WRITE put there since then is zero, and every page with such data is at hand
  };
  /// What the page holds from `begin` to `end`, put there by the last WRITEs.
  struct Contents {
    Page page{};
    std::uint64_t age = 0;  // of the file, then
    std::size_t begin = 0;
    std::size_t end = 0;
    std::array<std::byte, kPayloadChunk> bytes;
  };
  static constexpr std::size_t kMostContents = 4096;
  static constexpr std::size_t kMostKnown = std::size_t{1} << 19;

  bool must_be_equal(const Page& page, Bytes recorded, Bytes live) const;
  /// Where the live data differs from what was put there; its size where it does not; nothing when that is not known.
  std::optional<std::size_t> differs_from_contents(const Page& page, std::size_t at, Bytes live) const;
  Contents& contents_of(const Page& page);
  File file_of(std::uint64_t node) const;
  void keep_within_bounds();

  const PayloadPolicy policy_;
  std::unordered_map<Page, Written, HashPage> written_;
  std::list<Contents> contents_;  // the page written last is the first
  std::unordered_map<Page, std::list<Contents>::iterator, HashPage> by_page_;
  std::unordered_map<std::uint64_t, File> files_;
};

}  // namespace fusereplay
