// Text put together without memory of its own: for places where nothing may be allocated, as in a signal handler.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fusereplay {

/// A line of at most kCapacity bytes; what does not fit is left out. Async-signal-safe.
class LineBuffer {
 public:
  static constexpr std::size_t kCapacity = 1024;

  LineBuffer& operator<<(std::string_view text) noexcept {
    for (const char c : text) {
      if (size_ < kCapacity) text_[size_++] = c;
    }
    return *this;
  }
  LineBuffer& operator<<(std::uint64_t number) noexcept { return digits(number, 10, 1); }
  LineBuffer& operator<<(std::uint32_t number) noexcept { return digits(number, 10, 1); }
  /// At least `count` digits, with zeros in front.
  LineBuffer& digits(std::uint64_t number, unsigned base, unsigned count) noexcept {
    std::array<char, 64> reversed;
    std::size_t used = 0;
    for (; number != 0 || used < count; number /= base) reversed[used++] = "0123456789abcdef"[number % base];
    while (used > 0) *this << std::string_view(&reversed[--used], 1);
    return *this;
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }
  void clear() noexcept { size_ = 0; }

 private:
  std::array<char, kCapacity> text_;
  std::size_t size_ = 0;
};

}  // namespace fusereplay
