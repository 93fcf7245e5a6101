// Reads ahead in the recorded conversation, so that the reply of an outstanding request is known before its turn.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "core/event/buffer.h"
#include "core/flat_map.h"
#include "replayer/recorded_events.h"
#include "replayer/slot.h"

namespace fusereplay {

/// Makes slots and takes them back, buffers and all.
class SlotPool {
 public:
  SlotPool();
  /// A slot with a copy of this request, which is at least a header long.
  Slot& take(const Event& request);
  void give_back(Slot& slot);

 private:
  void fit(BufferRef& buffer, std::size_t size);

  BufferPool small_;
  BufferPool medium_;
  BufferPool large_;
  std::deque<Slot> slots_;  // addresses are stable
  std::vector<Slot*> idle_;
};

/// An event in the window. Its message lies in `bytes`, that of a request in its slot.
struct WindowEvent {
  Event event;
  Slot* slot = nullptr;  // of the request; of the request that a reply answers, null if there is none
  std::vector<std::byte> bytes;
};

/// A FIFO of events between the source and the replay.
class Window {
 public:
  Window(RecordedEvents& source, SlotPool& slots, std::size_t most_events, std::size_t most_bytes);

  /// The next event of the source, past an empty window; false at the end. Valid until the source is read again.
  bool read(Event& event);
  /// Appends an event that read() gave.
  void append(const Event& event);
  bool empty() const noexcept { return ring_.size() == head_; }
  /// The oldest, taken out; give_back() returns it.
  WindowEvent& pop() noexcept;
  void give_back(WindowEvent& event);

  /// Reads ahead until the slot's reply is known; false where it is not within the window or the trace.
  bool find_reply(const Slot& slot);

  /// Lets a reply find this outstanding request.
  void expect(Slot& slot) {
    by_unique_[slot.unique] = &slot;
    slot.expected = true;
  }
  /// The outstanding or awaited request; null when there is none.
  Slot* find(std::uint64_t unique) const noexcept;
  void close(const Slot& slot) noexcept;

  std::uint64_t events() const noexcept { return events_; }

 private:
  RecordedEvents& source_;
  SlotPool& slots_;
  const std::size_t most_events_;
  const std::size_t most_bytes_;
  std::size_t held_bytes_ = 0;
  bool ended_ = false;
  std::uint64_t events_ = 0;
  std::vector<WindowEvent*> ring_;  // from head_ on
  std::size_t head_ = 0;
  std::deque<WindowEvent> storage_;  // addresses are stable
  std::vector<WindowEvent*> idle_;
  FlatMap<std::uint64_t, Slot*> by_unique_;
};

/// Whether a recorded message is at least a header long, so that it can be replayed.
bool has_header(const Event& event) noexcept;

}  // namespace fusereplay
