// Names, descriptors and results as system calls want and give them, without allocation.
#pragma once

#include <array>
#include <charconv>
#include <climits>
#include <cstring>
#include <string_view>

#include "core/result.h"

namespace fusereplay::passthrough {

/// A name with a NUL behind it. Longer than NAME_MAX: ok() is false, and ENAMETOOLONG is the answer.
class Name {
 public:
  explicit Name(std::string_view name) noexcept : ok_(name.size() <= NAME_MAX) {
    if (ok_) std::memcpy(text_.data(), name.data(), name.size());
    text_[ok_ ? name.size() : 0] = '\0';
  }
  bool ok() const noexcept { return ok_; }
  const char* c_str() const noexcept { return text_.data(); }

 private:
  bool ok_;
  std::array<char, NAME_MAX + 1> text_;
};

/// What a system call returned, as a Result.
inline Result<void> done(long returned) {
  if (returned < 0) return Errno::last();
  return {};
}

/// ENAMETOOLONG where it is not.
inline Result<void> usable(const Name& name) {
  if (!name.ok()) return Errno(ENAMETOOLONG);
  return {};
}

/// "/proc/self/fd/N": the only way to what an O_PATH descriptor is, for calls that take a path.
class DescriptorPath {
 public:
  explicit DescriptorPath(int fd) noexcept {
    constexpr std::string_view kPrefix = "/proc/self/fd/";
    std::memcpy(text_.data(), kPrefix.data(), kPrefix.size());
    *std::to_chars(text_.data() + kPrefix.size(), text_.data() + text_.size() - 1, fd).ptr = '\0';
  }
  const char* c_str() const noexcept { return text_.data(); }

 private:
  std::array<char, 32> text_;
};

}  // namespace fusereplay::passthrough
