#include "replayer/window.h"

#include <cstring>

namespace fusereplay {
namespace {

// What an idle slot or event keeps: more would let one burst of large messages hold memory for good.
constexpr std::size_t kKeptBytes = 8192;

std::uint64_t reply_unique(const Event& event) noexcept {
  wire::OutHeader header;
  std::memcpy(&header, event.message.head.data(), sizeof(header));
  return header.unique;
}

void drop_large(std::vector<std::byte>& bytes) {
  if (bytes.capacity() > kKeptBytes) bytes = {};
}

}  // namespace

bool has_header(const Event& event) noexcept {
  const std::size_t size = event.message.head.size();
  switch (event.kind) {
    case EventKind::kRequest:
      return size >= sizeof(wire::InHeader);
    case EventKind::kReply:
    case EventKind::kNotification:
      return size >= sizeof(wire::OutHeader);
    case EventKind::kMark:
      break;
  }
  return true;
}

SlotPool::SlotPool() : small_(kKeptBytes, 64), medium_((128U << 10) + 4096, 16), large_((1U << 20) + 4096, 4) {}

void SlotPool::fit(BufferRef& buffer, std::size_t size) {
  // A server may keep the buffer for as long as it likes: then this slot takes another.
  if (buffer && buffer->capacity() >= size && buffer.unique()) return;
  if (size <= small_.capacity()) {
    buffer = small_.get();
  } else if (size <= medium_.capacity()) {
    buffer = medium_.get();
  } else if (size <= large_.capacity()) {
    buffer = large_.get();
  } else {
    buffer = BufferRef::allocate(size);
  }
}

Slot& SlotPool::take(const Event& request) {
  Slot* slot = nullptr;
  if (idle_.empty()) {
    slot = &slots_.emplace_back();
  } else {
    slot = idle_.back();
    idle_.pop_back();
  }
  const Bytes bytes = request.message.head;
  fit(slot->buffer, bytes.size());
  std::memcpy(slot->buffer->data(), bytes.data(), bytes.size());
  slot->size = bytes.size();
  slot->event = request;
  slot->event.message = Message{.head = slot->bytes(), .tail = {}, .owner = nullptr};
  wire::InHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  slot->unique = header.unique;
  slot->opcode = static_cast<Opcode>(header.opcode);
  slot->nodeid = header.nodeid;
  slot->has_reply = false;
  slot->state = SlotState::kAhead;
  slot->judged = slot->expected = slot->at_reply = slot->shown = slot->delivered = slot->overlaps =
      slot->usage_overlaps = slot->may_free = slot->withheld = false;
  slot->released_handle = slot->released_live = slot->differing_node = 0;
  slot->overlapped.clear();
  return *slot;
}

void SlotPool::give_back(Slot& slot) {
  if (slot.buffer->capacity() > kKeptBytes) slot.buffer = BufferRef();
  drop_large(slot.live);
  idle_.push_back(&slot);
}

Window::Window(RecordedEvents& source, SlotPool& slots, std::size_t most_events, std::size_t most_bytes)
    : source_(source), slots_(slots), most_events_(most_events), most_bytes_(most_bytes) {}

bool Window::read(Event& event) {
  if (ended_ || !source_.next(event)) {
    ended_ = true;
    return false;
  }
  ++events_;
  return true;
}

void Window::append(const Event& event) {
  WindowEvent* entry = nullptr;
  if (idle_.empty()) {
    entry = &storage_.emplace_back();
  } else {
    entry = idle_.back();
    idle_.pop_back();
  }
  entry->event = event;
  entry->slot = nullptr;
  held_bytes_ += event.message.head.size();
  if (event.kind == EventKind::kRequest && has_header(event)) {
    entry->slot = &slots_.take(event);
    if (expects_reply(entry->slot->opcode)) expect(*entry->slot);
  } else {
    entry->bytes.assign(event.message.head.begin(), event.message.head.end());
    entry->event.message = Message{.head = entry->bytes, .tail = {}, .owner = nullptr};
  }
  if (event.kind == EventKind::kReply && has_header(event)) {
    Slot* const slot = find(reply_unique(event));
    if (slot != nullptr && !slot->has_reply) {
      slot->has_reply = true;
      slot->reply = entry->event;
      entry->slot = slot;
    }
  }
  ring_.push_back(entry);
}

WindowEvent& Window::pop() noexcept {
  WindowEvent& oldest = *ring_[head_++];
  if (head_ == ring_.size()) {
    ring_.clear();
    head_ = 0;
  } else if (head_ >= 1024 && head_ * 2 >= ring_.size()) {
    ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return oldest;
}

void Window::give_back(WindowEvent& event) {
  held_bytes_ -= event.event.message.head.size();
  drop_large(event.bytes);
  idle_.push_back(&event);
}

bool Window::find_reply(const Slot& slot) {
  while (!slot.has_reply && ring_.size() - head_ < most_events_ && held_bytes_ < most_bytes_) {
    Event event;
    if (!read(event)) break;
    append(event);
  }
  return slot.has_reply;
}

Slot* Window::find(std::uint64_t unique) const noexcept {
  Slot* const* slot = by_unique_.find(unique);
  return slot != nullptr ? *slot : nullptr;
}

void Window::close(const Slot& slot) noexcept {
  if (slot.expected && find(slot.unique) == &slot) by_unique_.erase(slot.unique);
}

}  // namespace fusereplay
