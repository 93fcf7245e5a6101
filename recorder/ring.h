// A byte ring from one thread that serves requests to the recorder's writer thread: one producer, one consumer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/event/event.h"
#include "recorder/ring_file.h"

namespace fusereplay {

/// Messages up to this many bytes are copied into a ring in memory; longer ones are kept by reference where they have
/// an owner: from here on, a copy costs more than two counted references and the misses they bring. A ring in a file
/// copies all that fits half of it: a reference would not outlive the process.
inline constexpr std::size_t kMaxInlineBytes = 4096;

/// Events with their messages, in the order of pushing. push() is for one thread at a time (the producer), peek() and
/// pop() for another (the consumer). Handing the producer's side from one thread to another needs synchronisation by
/// the caller.
class Ring {
 public:
  /// `bytes`: a power of two, at least 64 KiB. `max_referenced`: see RecorderOptions.
  Ring(std::size_t bytes, std::size_t max_referenced);
  /// A ring in a file: there is room for more only where release() has given it.
  Ring(RingFile file, std::size_t max_referenced);
  /// Drops what was not popped.
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  enum class Pushed : std::uint8_t {
    kDone,
    kFilling,  // done, and the ring is more than half full: the consumer should be woken
    kFull,     // not done
  };
  /// Appends the event; its message is copied or kept. Sequences ascend (checked). No lock, no allocation; but a
  /// message of more than a quarter of the ring that has no owner is copied into a buffer of its own.
  Pushed push(const Event& event);
  /// Returns when the consumer has popped something since push() said kFull; push() again, which may say kFull again.
  /// Spins, then sleeps and looks 10,000 times a second: a full ring is rare, and a wake-up that cannot be missed is
  /// worth more than 100 us there.
  void wait_for_room() const noexcept;
  /// Whether all that was pushed has been popped. For the producer.
  bool drained() const noexcept {
    return read_.load(std::memory_order_acquire) == written_->load(std::memory_order_relaxed);
  }

  /// The oldest event, or nothing. Its message points into the ring or into what the ring keeps, and is valid until
  /// pop(); Message::owner is set where it can be kept longer.
  std::optional<Event> peek();
  /// The sequence of the oldest event; 0 for none. Cheaper than peek().
  std::uint64_t peek_sequence() noexcept;
  /// Drops the oldest event.
  void pop() noexcept;
  /// For the consumer of a ring in a file: what was popped is safe elsewhere, its room may be used again.
  void release() noexcept;
  /// Bytes that were pushed and are not released. For the consumer.
  std::size_t unreleased() const noexcept {
    return static_cast<std::size_t>(written_->load(std::memory_order_acquire) -
                                    released_position_->load(std::memory_order_relaxed));
  }
  std::size_t capacity() const noexcept { return static_cast<std::size_t>(mask_ + 1); }

 private:
  struct Kept;
  struct Plan;

  Plan plan(const Message& message) const noexcept;
  std::byte* at(std::uint64_t position) const noexcept { return space_ + (position & mask_); }
  bool has_room(std::size_t bytes, std::size_t referenced) noexcept;
  bool filling(std::uint64_t written) noexcept;
  RingEntry* front() noexcept;

  const std::optional<RingFile> file_;
  std::byte* const space_;
  const std::uint64_t mask_;
  const std::size_t max_referenced_;
  const std::size_t max_inline_;
  std::atomic<std::uint64_t>* const written_;            // bytes ever pushed
  std::atomic<std::uint64_t>* const released_position_;  // room begins here, one turn later

  // Each side has cache lines of its own: what it writes, and its last look at the other side.
  alignas(64) std::atomic<std::uint64_t> own_written_{0};  // of a ring in memory
  std::uint64_t seen_read_ = 0;
  std::uint64_t seen_released_ = 0;
  std::uint64_t referenced_ = 0;  // message bytes ever kept
  std::uint64_t last_sequence_ = 0;

  alignas(64) std::atomic<std::uint64_t> read_{0};  // bytes ever popped
  std::atomic<std::uint64_t> released_{0};          // message bytes ever let go
  std::uint64_t seen_written_ = 0;
};

}  // namespace fusereplay
