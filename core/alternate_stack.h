// A stack for the signal handlers of one thread: a crash by an overflow of its own stack can be told even so.
#pragma once

#include <cstddef>

namespace fusereplay {

/// The calling thread's while it lives, unless the thread had one already. Destroyed on the same thread, last but for
/// what was made before it. Costs address space; memory only when used.
class AlternateStack {
 public:
  AlternateStack() noexcept;
  ~AlternateStack();
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  void* memory_ = nullptr;  // null: not ours
};

}  // namespace fusereplay
