#include "core/async/frame_pool.h"

#ifndef FUSEREPLAY_PLAIN_FRAMES

namespace fusereplay::internal {

thread_local constinit std::array<FreeFrames, kFrameClasses> free_frames{};

namespace {

constexpr std::uint32_t kMaxIdle = 64;  // frames kept a class and thread: enough for a burst, 4 MiB at worst

/// Opens the thread's freelists at its first allocation, empties and closes them at its end.
struct ThreadFrames {
  ThreadFrames() noexcept {
    for (FreeFrames& frames : free_frames) frames.room = kMaxIdle;
  }
  ~ThreadFrames() {
    for (FreeFrames& frames : free_frames) {
      frames.room = 0;
      while (frames.head != nullptr) {
        FreeFrame* frame = frames.head;
        frames.head = frame->next;
        ::operator delete(frame);
      }
    }
  }
};

}  // namespace

void* allocate_new_frame(std::size_t size) {
  if (size > kFrameStep * kFrameClasses) return ::operator new(size);
  static thread_local ThreadFrames frames;
  (void)frames;
  return ::operator new(((size - 1) / kFrameStep + 1) * kFrameStep);
}

}  // namespace fusereplay::internal

#endif
