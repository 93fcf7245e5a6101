#include "recorder/ring.h"

#include <sys/mman.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include "core/check.h"

namespace fusereplay {
namespace {

constexpr std::size_t kAlignment = 8;
constexpr int kSpins = 200;
constexpr std::chrono::microseconds kLook{100};

constexpr std::size_t aligned(std::size_t size) noexcept {
  return (size + kAlignment - 1) & ~(kAlignment - 1);
}

enum class Form : std::uint8_t {
  kInline,    // the message follows, in one piece
  kKeptHead,  // the message, in one piece, is kept by reference
  kKeptTail,  // head follows, tail is kept by reference
  kSkip,      // nothing up to the end of the space
};

std::byte* map_space(std::size_t bytes) {
  FUSEREPLAY_CHECK(std::has_single_bit(bytes) && bytes >= 64 * 1024, "a ring is a power of two, at least 64 KiB");
  void* const space =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  FUSEREPLAY_CHECK(space != MAP_FAILED, "memory for a ring");
  return static_cast<std::byte*>(space);
}

std::byte* copy(std::byte* to, Bytes bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

/// Begins each entry; of a skip, only the first 8 bytes are there.
struct Ring::Entry {
  std::uint32_t size;  // bytes to the next entry
  Form form;
  EventKind kind;
  Mark mark;
  std::uint32_t inline_size;  // message bytes that follow (after Kept, if there is one)
  std::uint32_t thread;
  std::uint32_t channel;
  std::uint64_t sequence;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t result;
};

/// Follows the Entry of a message that is kept by reference.
struct Ring::Kept {
  Bytes bytes;
  BufferRef owner;
};

Ring::Ring(std::size_t bytes, std::size_t max_referenced)
    : space_(map_space(bytes)), mask_(bytes - 1), max_referenced_(max_referenced) {
  static_assert(alignof(Entry) <= kAlignment && sizeof(Entry) % kAlignment == 0);
  static_assert(alignof(Kept) <= kAlignment && sizeof(Kept) % kAlignment == 0);
}

Ring::~Ring() {
  while (peek_sequence() != 0) pop();
  ::munmap(space_, mask_ + 1);
}

bool Ring::has_room(std::size_t bytes, std::size_t referenced) noexcept {
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  if (referenced == 0 && written + bytes - seen_read_ <= mask_ + 1) [[likely]]
    return true;
  seen_released_ = released_.load(std::memory_order_relaxed);
  seen_read_ = read_.load(std::memory_order_acquire);
  const std::uint64_t kept = referenced_ - seen_released_;
  return written + bytes - seen_read_ <= mask_ + 1 &&
         (referenced == 0 || kept == 0 || kept + referenced <= max_referenced_);
}

/// The last look at the other side may be old: look again before the consumer is bothered.
bool Ring::filling(std::uint64_t written) noexcept {
  if (written - seen_read_ <= (mask_ + 1) / 2) [[likely]]
    return false;
  seen_read_ = read_.load(std::memory_order_acquire);
  return written - seen_read_ > (mask_ + 1) / 2;
}

Ring::Pushed Ring::push(const Event& event) {
  FUSEREPLAY_CHECK(event.sequence > last_sequence_, "a thread hands its events over in ascending order");
  const Message& message = event.message;
  const std::size_t message_size = message.size();
  const bool small = message_size <= kMaxInlineBytes;
  const bool keep = !small && (message.owner != nullptr || message_size > (mask_ + 1) / 4);
  const Form form = !keep ? Form::kInline : message.tail.empty() ? Form::kKeptHead : Form::kKeptTail;
  const Bytes kept = form == Form::kKeptHead ? message.head : form == Form::kKeptTail ? message.tail : Bytes();
  const std::size_t inline_size = message_size - kept.size();
  const std::size_t size = aligned(sizeof(Entry) + (keep ? sizeof(Kept) : 0) + inline_size);
  FUSEREPLAY_CHECK(size <= (mask_ + 1) / 2, "an entry fits the ring");

  std::uint64_t position = written_.load(std::memory_order_relaxed);
  const std::uint64_t to_end = mask_ + 1 - (position & mask_);
  const std::uint64_t skipped = to_end < size ? to_end : 0;
  if (!has_room(skipped + size, kept.size())) [[unlikely]]
    return Pushed::kFull;
  if (skipped != 0) [[unlikely]] {
    const auto skip = static_cast<std::uint32_t>(skipped);
    std::memcpy(at(position), &skip, sizeof(skip));
    at(position)[offsetof(Entry, form)] = static_cast<std::byte>(Form::kSkip);
    position += skipped;
  }
  Entry* const entry = new (at(position)) Entry{
      .size = static_cast<std::uint32_t>(size),
      .form = form,
      .kind = event.kind,
      .mark = event.mark,
      .inline_size = static_cast<std::uint32_t>(inline_size),
      .thread = event.thread,
      .channel = event.channel,
      .sequence = event.sequence,
      .begin = event.begin,
      .end = event.end,
      .result = event.result,
  };
  auto* body = reinterpret_cast<std::byte*>(entry + 1);
  if (keep) {
    if (message.owner != nullptr) {
      new (body) Kept{kept, *message.owner};
    } else {
      BufferRef own = BufferRef::allocate(kept.size());
      copy(own->data(), kept);
      const Bytes copied(own->data(), kept.size());
      new (body) Kept{copied, std::move(own)};
    }
    referenced_ += kept.size();
    body += sizeof(Kept);
    if (form == Form::kKeptTail) copy(body, message.head);
  } else {
    copy(copy(body, message.head), message.tail);
  }
  last_sequence_ = event.sequence;
  position += size;
  written_.store(position, std::memory_order_release);
  return filling(position) ? Pushed::kFilling : Pushed::kDone;
}

void Ring::wait_for_room() const noexcept {
  const auto moved = [&] {
    return read_.load(std::memory_order_relaxed) != seen_read_ ||
           released_.load(std::memory_order_relaxed) != seen_released_;
  };
  for (int spin = 0; !moved(); ++spin) {
    if (spin < kSpins) {
      pause();
    } else {
      std::this_thread::sleep_for(kLook);
    }
  }
}

Ring::Entry* Ring::front() noexcept {
  for (;;) {
    const std::uint64_t position = read_.load(std::memory_order_relaxed);
    if (position == seen_written_) {
      seen_written_ = written_.load(std::memory_order_acquire);
      if (position == seen_written_) return nullptr;
    }
    auto* const entry = reinterpret_cast<Entry*>(at(position));
    if (entry->form != Form::kSkip) [[likely]]
      return entry;
    read_.store(position + entry->size, std::memory_order_release);
  }
}

std::uint64_t Ring::peek_sequence() noexcept {
  const Entry* const entry = front();
  return entry == nullptr ? 0 : entry->sequence;
}

std::optional<Event> Ring::peek() {
  const Entry* const entry = front();
  if (entry == nullptr) return std::nullopt;
  Event event;
  event.kind = entry->kind;
  event.mark = entry->mark;
  event.sequence = entry->sequence;
  event.begin = entry->begin;
  event.end = entry->end;
  event.thread = entry->thread;
  event.channel = entry->channel;
  event.result = entry->result;
  const auto* body = reinterpret_cast<const std::byte*>(entry + 1);
  if (entry->form == Form::kInline) {
    event.message.head = Bytes(body, entry->inline_size);
    return event;
  }
  const auto* const kept = reinterpret_cast<const Kept*>(body);
  event.message.owner = &kept->owner;
  if (entry->form == Form::kKeptHead) {
    event.message.head = kept->bytes;
  } else {
    event.message.head = Bytes(body + sizeof(Kept), entry->inline_size);
    event.message.tail = kept->bytes;
  }
  return event;
}

void Ring::pop() noexcept {
  Entry* const entry = front();
  FUSEREPLAY_CHECK(entry != nullptr, "pop follows peek");
  const std::uint32_t size = entry->size;
  if (entry->form != Form::kInline) {
    auto* const kept = reinterpret_cast<Kept*>(entry + 1);
    const std::size_t bytes = kept->bytes.size();
    kept->~Kept();
    released_.store(released_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }
  read_.store(read_.load(std::memory_order_relaxed) + size, std::memory_order_release);
}

}  // namespace fusereplay
