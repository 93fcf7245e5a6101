// A byte buffer that grows and never shrinks, uninitialised. Private to traces/.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>

namespace fusereplay {

class ByteSpace {
 public:
  std::byte* data() const noexcept { return bytes_.get(); }
  std::size_t capacity() const noexcept { return capacity_; }
  /// Room for `wanted` bytes; the first `used` keep their contents.
  void reserve(std::size_t wanted, std::size_t used) {
    if (wanted <= capacity_) return;
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (used != 0) std::memcpy(larger.get(), bytes_.get(), used);
    bytes_ = std::move(larger);
    capacity_ = wanted;
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace fusereplay
