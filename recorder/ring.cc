#include "recorder/ring.h"

#include <sys/mman.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include "core/check.h"
#include "core/event/unseen_data.h"

namespace fusereplay {
namespace {

constexpr std::size_t kAlignment = 8;
constexpr int kSpins = 200;
constexpr std::chrono::microseconds kLook{100};

constexpr std::size_t aligned(std::size_t size) noexcept {
  return (size + kAlignment - 1) & ~(kAlignment - 1);
}

bool is_ring_size(std::size_t bytes) noexcept {
  return std::has_single_bit(bytes) && bytes >= 64 * 1024;
}

std::byte* map_space(std::size_t bytes) {
  FUSEREPLAY_CHECK(is_ring_size(bytes), "a ring is a power of two, at least 64 KiB");
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

/// Follows the entry of a message that is kept by reference.
struct Ring::Kept {
  Bytes bytes;
  BufferRef owner;
};

Ring::Ring(std::size_t bytes, std::size_t max_referenced)
    : space_(map_space(bytes)),
      mask_(bytes - 1),
      max_referenced_(max_referenced),
      max_inline_(kMaxInlineBytes),
      written_(&own_written_),
      released_position_(&read_) {
  static_assert(alignof(RingEntry) <= kAlignment && sizeof(RingEntry) % kAlignment == 0);
  static_assert(alignof(Kept) <= kAlignment && sizeof(Kept) % kAlignment == 0);
}

Ring::Ring(RingFile file, std::size_t max_referenced)
    : file_(std::move(file)),
      space_(file_->space()),
      mask_(file_->space_bytes() - 1),
      max_referenced_(max_referenced),
      max_inline_(file_->space_bytes() / 2 - sizeof(RingEntry) - kAlignment),
      written_(&file_->header().written),
      released_position_(&file_->header().released) {
  FUSEREPLAY_CHECK(is_ring_size(file_->space_bytes()), "a ring is a power of two, at least 64 KiB");
}

Ring::~Ring() {
  while (peek_sequence() != 0) pop();
  if (!file_) ::munmap(space_, mask_ + 1);
}

bool Ring::has_room(std::size_t bytes, std::size_t referenced) noexcept {
  const std::uint64_t written = written_->load(std::memory_order_relaxed);
  if (referenced == 0 && written + bytes - seen_read_ <= mask_ + 1) [[likely]]
    return true;
  seen_released_ = released_.load(std::memory_order_relaxed);
  seen_read_ = released_position_->load(std::memory_order_acquire);
  const std::uint64_t kept = referenced_ - seen_released_;
  return written + bytes - seen_read_ <= mask_ + 1 &&
         (referenced == 0 || kept == 0 || kept + referenced <= max_referenced_);
}

/// The last look at the other side may be old: look again before the consumer is bothered.
bool Ring::filling(std::uint64_t written) noexcept {
  if (written - seen_read_ <= (mask_ + 1) / 2) [[likely]]
    return false;
  seen_read_ = released_position_->load(std::memory_order_acquire);
  return written - seen_read_ > (mask_ + 1) / 2;
}

/// What becomes of a message.
struct Ring::Plan {
  EntryForm form;
  Bytes apart;        // of it, what does not follow the entry
  std::size_t extra;  // bytes between the entry and what does
};

Ring::Plan Ring::plan(const Message& message) const noexcept {
  if (message.size() > kMaxInlineBytes && !message.tail.empty() && is_unseen(message.tail)) {
    return {EntryForm::kUnseen, message.tail, sizeof(UnseenSize)};
  }
  const bool keep = message.size() > max_inline_ && (message.owner != nullptr || message.size() > (mask_ + 1) / 4);
  if (!keep) return {EntryForm::kInline, {}, 0};
  if (message.tail.empty()) return {EntryForm::kKeptHead, message.head, sizeof(Kept)};
  return {EntryForm::kKeptTail, message.tail, sizeof(Kept)};
}

Ring::Pushed Ring::push(const Event& event) {
  FUSEREPLAY_CHECK(event.sequence > last_sequence_, "a thread hands its events over in ascending order");
  const Message& message = event.message;
  const auto [form, apart, extra] = plan(message);
  const Bytes kept = extra == sizeof(Kept) ? apart : Bytes();
  const std::size_t inline_size = message.size() - apart.size();
  const std::size_t size = aligned(sizeof(RingEntry) + extra + inline_size);
  FUSEREPLAY_CHECK(size <= (mask_ + 1) / 2, "an entry fits the ring");

  std::uint64_t position = written_->load(std::memory_order_relaxed);
  const std::uint64_t to_end = mask_ + 1 - (position & mask_);
  const std::uint64_t skipped = to_end < size ? to_end : 0;
  if (!has_room(skipped + size, kept.size())) [[unlikely]]
    return Pushed::kFull;
  if (skipped != 0) [[unlikely]] {
    const auto skip = static_cast<std::uint32_t>(skipped);
    std::memcpy(at(position), &skip, sizeof(skip));
    at(position)[offsetof(RingEntry, form)] = static_cast<std::byte>(EntryForm::kSkip);
    position += skipped;
  }
  RingEntry* const entry = new (at(position)) RingEntry{
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
  if (form == EntryForm::kUnseen) {
    const UnseenSize unseen = apart.size();
    std::memcpy(body, &unseen, sizeof(unseen));
    copy(body + sizeof(unseen), message.head);
  } else if (!kept.empty()) {
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
    if (form == EntryForm::kKeptTail) copy(body, message.head);
  } else {
    copy(copy(body, message.head), message.tail);
  }
  last_sequence_ = event.sequence;
  position += size;
  written_->store(position, std::memory_order_release);
  return filling(position) ? Pushed::kFilling : Pushed::kDone;
}

void Ring::wait_for_room() const noexcept {
  const auto moved = [&] {
    return released_position_->load(std::memory_order_relaxed) != seen_read_ ||
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

RingEntry* Ring::front() noexcept {
  for (;;) {
    const std::uint64_t position = read_.load(std::memory_order_relaxed);
    if (position == seen_written_) {
      seen_written_ = written_->load(std::memory_order_acquire);
      if (position == seen_written_) return nullptr;
    }
    auto* const entry = reinterpret_cast<RingEntry*>(at(position));
    if (entry->form != EntryForm::kSkip) [[likely]]
      return entry;
    read_.store(position + entry->size, std::memory_order_release);
  }
}

std::uint64_t Ring::peek_sequence() noexcept {
  const RingEntry* const entry = front();
  return entry == nullptr ? 0 : entry->sequence;
}

std::optional<Event> Ring::peek() {
  const RingEntry* const entry = front();
  if (entry == nullptr) return std::nullopt;
  Event event = entry->event();
  const auto* body = reinterpret_cast<const std::byte*>(entry + 1);
  if (entry->form == EntryForm::kInline) {
    event.message.head = Bytes(body, entry->inline_size);
    return event;
  }
  if (entry->form == EntryForm::kUnseen) {
    UnseenSize unseen = 0;
    std::memcpy(&unseen, body, sizeof(unseen));
    event.message.head = Bytes(body + sizeof(unseen), entry->inline_size);
    event.message.tail = unseen_data(unseen);
    return event;
  }
  const auto* const kept = reinterpret_cast<const Kept*>(body);
  event.message.owner = &kept->owner;
  if (entry->form == EntryForm::kKeptHead) {
    event.message.head = kept->bytes;
  } else {
    event.message.head = Bytes(body + sizeof(Kept), entry->inline_size);
    event.message.tail = kept->bytes;
  }
  return event;
}

void Ring::pop() noexcept {
  RingEntry* const entry = front();
  FUSEREPLAY_CHECK(entry != nullptr, "pop follows peek");
  const std::uint32_t size = entry->size;
  if (entry->form == EntryForm::kKeptHead || entry->form == EntryForm::kKeptTail) {
    auto* const kept = reinterpret_cast<Kept*>(entry + 1);
    const std::size_t bytes = kept->bytes.size();
    kept->~Kept();
    released_.store(released_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }
  read_.store(read_.load(std::memory_order_relaxed) + size, std::memory_order_release);
}

void Ring::release() noexcept {
  if (file_) released_position_->store(read_.load(std::memory_order_relaxed), std::memory_order_release);
}

}  // namespace fusereplay
