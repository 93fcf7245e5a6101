// File data in a trace: which bytes of a message it is, what a policy keeps of it, and what stands for it afterwards
// (docs/trace-contract.md, section 3.5).
//
// File data is cut into chunks where the file's pages end, so that a READ and the WRITE whose data it returns are cut
// alike. Under PayloadPolicy::kHash a chunk is kept as its hash, and wherever the trace is read, bytes made from that
// hash stand for it: what is replayed as written is then what is expected to be read, and is compared as ever.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/event/event.h"
#include "traces/trace_header.h"

namespace fusereplay {

/// Data is cut at multiples of this offset in the file.
inline constexpr std::size_t kPayloadChunk = 4096;

/// XXH3-128 of a chunk, in its canonical (big-endian) form.
using ChunkHash = std::array<std::byte, 16>;
ChunkHash hash_chunk(Bytes chunk) noexcept;

/// The bytes that stand for a chunk of this hash and size: zeros for a chunk of zeros, else none of them zero. They
/// depend on nothing else, now and in later versions.
void generate_chunk(const ChunkHash& hash, std::span<std::byte> chunk) noexcept;

/// How many chunks `size` bytes at `offset` are cut into.
constexpr std::size_t chunk_count(std::uint64_t offset, std::size_t size) noexcept {
  return size == 0 ? 0 : (offset % kPayloadChunk + size - 1) / kPayloadChunk + 1;
}

/// Calls visit(position, size) for each chunk of `size` bytes that stand at `offset` in the file.
template <class Visit>
void for_each_chunk(std::uint64_t offset, std::size_t size, Visit visit) {
  std::size_t at = 0;
  while (at < size) {
    const std::size_t whole = kPayloadChunk - (offset + at) % kPayloadChunk;
    const std::size_t chunk = whole < size - at ? whole : size - at;
    visit(at, chunk);
    at += chunk;
  }
}

/// File data within a message.
struct Payload {
  std::uint64_t offset = 0;  // in the file
  Bytes bytes = {};          // within the message; empty where it holds none
};

/// The data of a WRITE, of a READ's reply, of NOTIFY_STORE and of NOTIFY_REPLY. Event::request must be set on replies.
/// Names, symlink targets, extended attributes, listings and what ioctls carry are not file data.
Payload payload_of(const Event& event) noexcept;

/// Shows an ordered sink each event as a trace of this policy gives it back. An ordered sink itself.
class AsKept : public EventSink {
 public:
  /// `sink` outlives this.
  AsKept(PayloadPolicy policy, EventSink& sink) noexcept : policy_(policy), sink_(sink) {}
  void on_event(const Event& event) override;
  bool wants_file_data() const noexcept override { return policy_ != PayloadPolicy::kNone; }

 private:
  const PayloadPolicy policy_;
  EventSink& sink_;
  std::unique_ptr<std::byte[]> space_;
  std::size_t capacity_ = 0;
};

}  // namespace fusereplay
