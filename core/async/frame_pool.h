// Memory for coroutine frames and request contexts: freelists of each thread, no lock, no malloc in steady state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FUSEREPLAY_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FUSEREPLAY_PLAIN_FRAMES 1
#endif
#endif

namespace fusereplay::internal {

#ifdef FUSEREPLAY_PLAIN_FRAMES

// So that a use of a dead frame is seen.
inline void* allocate_frame(std::size_t size) {
  return ::operator new(size);
}
inline void free_frame(void* frame, std::size_t) noexcept {
  ::operator delete(frame);
}

#else

inline constexpr std::size_t kFrameStep = 64;     // bytes between size classes
inline constexpr std::size_t kFrameClasses = 32;  // up to 2 KiB

struct FreeFrame {
  FreeFrame* next;
};

/// The frames of one size class that a thread keeps. `room`: how many more it may keep; 0 before the thread's first
/// allocation and when the thread is ending.
struct FreeFrames {
  FreeFrame* head = nullptr;
  std::uint32_t room = 0;
};

// Older clangs take a thread_local's address for a constant and keep it in a frame that moves to another thread; g++
// splits a coroutine before it optimises.
#if defined(__clang__)
#define FUSEREPLAY_FRAME_CALL [[gnu::noinline]] inline
#else
#define FUSEREPLAY_FRAME_CALL inline
#endif

// Trivially destructible, so that frames may be freed while the thread's other thread_locals go.
extern thread_local constinit std::array<FreeFrames, kFrameClasses> free_frames;

void* allocate_new_frame(std::size_t size);

/// As malloc, for sizes that come again and again. Throws std::bad_alloc.
FUSEREPLAY_FRAME_CALL void* allocate_frame(std::size_t size) {
  if (size <= kFrameStep * kFrameClasses) [[likely]] {
    FreeFrames& frames = free_frames[(size - 1) / kFrameStep];
    if (FreeFrame* frame = frames.head; frame != nullptr) [[likely]] {
      frames.head = frame->next;
      ++frames.room;
      return frame;
    }
  }
  return allocate_new_frame(size);
}

/// On any thread. `size` as in allocate_frame.
FUSEREPLAY_FRAME_CALL void free_frame(void* frame, std::size_t size) noexcept {
  if (size <= kFrameStep * kFrameClasses) [[likely]] {
    FreeFrames& frames = free_frames[(size - 1) / kFrameStep];
    if (frames.room != 0) [[likely]] {
      frames.head = new (frame) FreeFrame{frames.head};
      --frames.room;
      return;
    }
  }
  ::operator delete(frame);
}

#undef FUSEREPLAY_FRAME_CALL
#endif

/// Inherit to be allocated there.
struct FrameAllocated {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }
};

}  // namespace fusereplay::internal
