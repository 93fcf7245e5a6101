// Errors as values: an Errno, and a Result that is a value or an Errno.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace fusereplay {

/// A positive errno value (ENOENT, not -ENOENT). Zero is not an error and is never stored in a Result.
class Errno {
 public:
  constexpr explicit Errno(int value) noexcept : value_(value) {}
  /// The calling thread's errno, as left by a failed system call.
  static Errno last() noexcept { return Errno(errno); }
  constexpr int value() const noexcept { return value_; }
  constexpr bool operator==(const Errno&) const noexcept = default;

 private:
  int value_;
};

/// "ENOENT"; "errno 599" where the C library knows no name. Static storage is not promised: returns by value.
std::string to_string(Errno error);
/// "No such file or directory".
std::string describe(Errno error);

/// A value or an Errno. `return Errno(ENOENT);` and `return value;` both convert.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Errno> {
 public:
  using Base = tl::expected<T, Errno>;
  using Base::Base;
  constexpr Result(Errno error) : Base(tl::unexpect, error) {}  // NOLINT(google-explicit-constructor)
};

/// Success, or an Errno.
template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Errno> {
 public:
  using Base = tl::expected<void, Errno>;
  using Base::Base;
  constexpr Result(Errno error) : Base(tl::unexpect, error) {}  // NOLINT(google-explicit-constructor)

  /// As for other results: throws unless it is a success. The library has it for types with values only.
  constexpr void value() const {
    if (!has_value()) throw tl::bad_expected_access<Errno>(error());
  }
};

}  // namespace fusereplay
