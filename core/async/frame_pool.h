// Memory for coroutine frames and request contexts: freelists of each thread, no lock, no malloc in steady state.
#pragma once

#include <cstddef>

namespace fusereplay::internal {

/// As malloc, for sizes that come again and again. Under the address sanitizer it is malloc, so that a use of a dead
/// frame is seen. Throws std::bad_alloc.
void* allocate_frame(std::size_t size);
/// On any thread. `size` as in allocate_frame.
void free_frame(void* frame, std::size_t size) noexcept;

/// Inherit to be allocated there.
struct FrameAllocated {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }
};

}  // namespace fusereplay::internal
