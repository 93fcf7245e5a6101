// The protobuf wire format, as far as records need it: varints, tags, length-delimited fields. Private to traces/.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/protocol/message.h"

namespace fusereplay::protobuf {

enum class WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}
constexpr std::uint32_t tag_of(std::uint32_t number, WireType type) noexcept {
  return number << 3 | static_cast<std::uint32_t>(type);
}
constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

/// Writes into space that the caller has made large enough.
class Output {
 public:
  explicit Output(std::byte* position) noexcept : at_(reinterpret_cast<std::uint8_t*>(position)) {}
  std::byte* position() const noexcept { return reinterpret_cast<std::byte*>(at_); }

  void varint(std::uint64_t value) noexcept {
    while (value >= 0x80) {
      *at_++ = static_cast<std::uint8_t>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<std::uint8_t>(value);
  }
  void tag(std::uint32_t number, WireType type) noexcept { varint(tag_of(number, type)); }
  /// A varint field; nothing for zero.
  void field(std::uint32_t number, std::uint64_t value) noexcept {
    if (value == 0) return;
    tag(number, WireType::kVarint);
    varint(value);
  }
  void signed_field(std::uint32_t number, std::int64_t value) noexcept { field(number, zigzag(value)); }
  /// A bytes field, also when empty.
  void bytes(std::uint32_t number, const void* data, std::size_t size) noexcept {
    tag(number, WireType::kLength);
    varint(size);
    raw(data, size);
  }
  void bytes(std::uint32_t number, Bytes data) noexcept { bytes(number, data.data(), data.size()); }
  void raw(const void* data, std::size_t size) noexcept {
    if (size != 0) std::memcpy(at_, data, size);
    at_ += size;
  }
  void raw(Bytes data) noexcept { raw(data.data(), data.size()); }

  /// Leaves room for the varint of a length, guessed; close() puts it there, and moves what follows if the guess was
  /// wrong.
  struct Mark {
    std::uint8_t* at;
    std::size_t room;
  };
  Mark open(std::size_t guess) noexcept {
    const Mark mark{at_, varint_size(guess)};
    at_ += mark.room;
    return mark;
  }
  void close(Mark mark) noexcept {
    std::uint8_t* const body = mark.at + mark.room;
    const auto size = static_cast<std::size_t>(at_ - body);
    const std::size_t needed = varint_size(size);
    if (needed != mark.room) [[unlikely]]
      std::memmove(mark.at + needed, body, size);
    at_ = mark.at;
    varint(size);
    at_ += size;
  }

 private:
  std::uint8_t* at_;
};

/// Reads from bytes that may hold anything; never past their end.
class Input {
 public:
  Input() noexcept = default;
  explicit Input(Bytes bytes) noexcept
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}
  bool done() const noexcept { return at_ == end_; }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  const std::byte* position() const noexcept { return reinterpret_cast<const std::byte*>(at_); }

  [[nodiscard, gnu::always_inline]] inline bool varint(std::uint64_t& value) noexcept {
    if (at_ != end_ && *at_ < 0x80) [[likely]] {
      value = *at_++;
      return true;
    }
    const Long read = long_varint(at_, end_);
    at_ += read.size;
    value = read.value;
    return read.size != 0;
  }
  /// Past the next tag if it is this one.
  template <std::uint32_t kTag>
  [[nodiscard]] bool skip_tag() noexcept {
    static_assert(kTag < 1U << 14);
    if constexpr (kTag < 0x80) {
      if (at_ == end_ || *at_ != kTag) return false;
      ++at_;
    } else {
      if (left() < 2 || at_[0] != (kTag & 0x7f) + 0x80 || at_[1] != kTag >> 7) return false;
      at_ += 2;
    }
    return true;
  }
  /// A length and that many bytes.
  [[nodiscard]] bool bytes(Bytes& value) noexcept {
    std::uint64_t size = 0;
    if (!varint(size) || size > left()) return false;
    value = Bytes(position(), static_cast<std::size_t>(size));
    at_ += size;
    return true;
  }
  /// Leaves out the value of a field of this wire type. Groups are refused.
  [[nodiscard]] bool skip(std::uint32_t wire_type) noexcept {
    std::uint64_t ignored = 0;
    Bytes ignored_bytes;
    switch (wire_type) {
      case 0:
        return varint(ignored);
      case 1:
        return advance(8);
      case 2:
        return bytes(ignored_bytes);
      case 5:
        return advance(4);
      default:
        return false;
    }
  }

 private:
  bool advance(std::size_t count) noexcept {
    if (left() < count) return false;
    at_ += count;
    return true;
  }
  struct Long {
    std::uint64_t value;
    std::size_t size;  // 0: malformed
  };
  // A function of its own, of values: so the position of whoever calls it stays in a register.
  [[gnu::noinline]] static Long long_varint(const std::uint8_t* at, const std::uint8_t* end) noexcept {
    if (end - at >= 2 && at[1] < 0x80) return {(at[0] & 0x7fU) | static_cast<std::uint64_t>(at[1]) << 7, 2};
    if (static_cast<std::size_t>(end - at) >= sizeof(std::uint64_t)) [[likely]] {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof(word));
      const std::uint64_t ends = ~word & 0x8080808080808080U;
      if (ends != 0) [[likely]] {
        return {joined(word & (ends ^ (ends - 1))), (static_cast<std::size_t>(std::countr_zero(ends)) + 1) / 8};
      }
    }
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at == end) break;
      const std::uint64_t byte = *at++;
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return {value, shift / 7 + 1};
    }
    return {0, 0};
  }
  /// The seven low bits of each byte, side by side.
  static std::uint64_t joined(std::uint64_t word) noexcept {
    word &= 0x7f7f7f7f7f7f7f7fU;
    word = (word & 0x7f007f007f007f00U) >> 1 | (word & 0x007f007f007f007fU);
    word = (word & 0x3fff00003fff0000U) >> 2 | (word & 0x00003fff00003fffU);
    return (word & 0x0fffffff00000000U) >> 4 | (word & 0x000000000fffffffU);
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

}  // namespace fusereplay::protobuf
