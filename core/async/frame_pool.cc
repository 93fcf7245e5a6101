#include "core/async/frame_pool.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace fusereplay::internal {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FUSEREPLAY_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FUSEREPLAY_PLAIN_FRAMES 1
#endif
#endif

#ifdef FUSEREPLAY_PLAIN_FRAMES

void* allocate_frame(std::size_t size) {
  return ::operator new(size);
}
void free_frame(void* frame, std::size_t) noexcept {
  ::operator delete(frame);
}

#else

namespace {

constexpr std::size_t kStep = 64;       // bytes between size classes
constexpr std::size_t kClasses = 32;    // up to 2 KiB
constexpr std::uint32_t kMaxIdle = 64;  // frames kept a class and thread: enough for a burst, 4 MiB at worst

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* head = nullptr;
  std::uint32_t count = 0;
};

// Trivially destructible, so that frames may be freed while the thread's other thread_locals go; the guard below
// empties and closes it.
thread_local constinit std::array<FreeList, kClasses> free_lists{};
thread_local constinit bool closed = false;

struct ThreadEnd {
  ~ThreadEnd() {
    closed = true;
    for (FreeList& list : free_lists) {
      while (list.head != nullptr) {
        FreeFrame* frame = list.head;
        list.head = frame->next;
        ::operator delete(frame);
      }
      list.count = 0;
    }
  }
};

constexpr std::size_t class_of(std::size_t size) noexcept {
  return (size - 1) / kStep;
}

[[gnu::noinline]] void* allocate_slow(std::size_t size) {
  if (size > kStep * kClasses) return ::operator new(size);
  static thread_local ThreadEnd at_thread_end;
  (void)at_thread_end;
  return ::operator new((class_of(size) + 1) * kStep);
}

}  // namespace

void* allocate_frame(std::size_t size) {
  if (size <= kStep * kClasses) [[likely]] {
    FreeList& list = free_lists[class_of(size)];
    if (list.head != nullptr) [[likely]] {
      FreeFrame* frame = list.head;
      list.head = frame->next;
      --list.count;
      return frame;
    }
  }
  return allocate_slow(size);
}

void free_frame(void* frame, std::size_t size) noexcept {
  if (size <= kStep * kClasses && !closed) [[likely]] {
    FreeList& list = free_lists[class_of(size)];
    if (list.count < kMaxIdle) [[likely]] {
      list.head = new (frame) FreeFrame{list.head};
      ++list.count;
      return;
    }
  }
  ::operator delete(frame);
}

#endif

}  // namespace fusereplay::internal
