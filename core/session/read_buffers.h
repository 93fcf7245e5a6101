// Where the messages of one connection's reader go.
#pragma once

#include <cstddef>

#include "core/event/buffer.h"

namespace fusereplay {

/// Two sizes of buffers: most messages are small, and a small one must not hold a whole WRITE's memory. The owner's
/// thread only; the buffers themselves may be dropped on any.
class ReadBuffers {
 public:
  /// Messages to this size belong into a small buffer, in bytes.
  static constexpr std::size_t kSmallMessage = 4096;

  /// `largest`: capacity of a large buffer in bytes.
  explicit ReadBuffers(std::size_t largest) : small_(kSmallMessage, 256), large_(largest, 8), last_(small_.get()) {}

  /// The same again, unless somebody still holds it: a handler that has suspended.
  const BufferRef& small() {
    if (!last_.unique()) last_ = small_.get();
    return last_;
  }
  BufferRef large() { return large_.get(); }

 private:
  BufferPool small_;
  BufferPool large_;
  BufferRef last_;
};

}  // namespace fusereplay
