// The memory of a ring as a file next to the trace: what a thread pushed outlives a process that is killed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "core/event/event.h"
#include "core/result.h"

namespace fusereplay {

/// The directory of the ring files of a trace: "TRACE.rings".
std::filesystem::path ring_directory(const std::filesystem::path& trace);

/// How a message lies in a ring.
enum class EntryForm : std::uint8_t {
  kInline,    // it follows, in one piece
  kKeptHead,  // it is kept by reference, in one piece
  kKeptTail,  // its head follows, its tail is kept by reference
  kSkip,      // nothing up to the end of the space
  kUnseen,    // the size of its tail follows, in 8 bytes, then its head; the tail is unseen_data()
};

/// Of EntryForm::kUnseen.
using UnseenSize = std::uint64_t;

/// Begins each entry of a ring; of a skip, only the first 8 bytes are there. Entries are 8-byte aligned.
struct RingEntry {
  std::uint32_t size;  // bytes to the next entry
  EntryForm form;
  EventKind kind;
  Mark mark;
  std::uint32_t
      inline_size;  // message bytes that follow (after what is kept or said of its tail, if there is something)
  std::uint32_t thread;
  std::uint32_t channel;
  std::uint64_t sequence;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t result;

  /// The event, its message aside.
  Event event() const noexcept {
    return {.kind = kind,
            .mark = mark,
            .sequence = sequence,
            .begin = begin,
            .end = end,
            .thread = thread,
            .channel = channel,
            .result = result,
            .message = {}};
  }
};

/// The first bytes of a ring file; the space begins at kRingSpaceOffset. Positions count bytes from the beginning of
/// time; byte p stands at p modulo the size of the space.
struct RingFileHeader {
  static constexpr std::uint32_t kMagic = 0x47525246;  // "FRRG"
  static constexpr std::uint32_t kVersion = 2;

  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t space_bytes;
  alignas(64) std::atomic<std::uint64_t> written;   // to here there are whole entries
  alignas(64) std::atomic<std::uint64_t> released;  // from here on entries may not be in the trace yet
};
inline constexpr std::size_t kRingSpaceOffset = 4096;

/// A new ring file, mapped. The file stays when this goes.
class RingFile {
 public:
  /// All its bytes are reserved, so that a disk that fills up later cannot fault the thread that writes.
  static Result<RingFile> create(const std::filesystem::path& path, std::size_t space_bytes);
  RingFile(RingFile&& other) noexcept;
  RingFile& operator=(RingFile&&) = delete;
  ~RingFile();

  RingFileHeader& header() const noexcept { return *static_cast<RingFileHeader*>(mapping_); }
  std::byte* space() const noexcept { return static_cast<std::byte*>(mapping_) + kRingSpaceOffset; }
  std::size_t space_bytes() const noexcept { return mapped_ - kRingSpaceOffset; }

 private:
  RingFile(void* mapping, std::size_t mapped) noexcept : mapping_(mapping), mapped_(mapped) {}
  void* mapping_;
  std::size_t mapped_;
};

}  // namespace fusereplay
