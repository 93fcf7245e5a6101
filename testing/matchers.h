// GoogleMock matchers for what system calls give back and for what the kernel asked.
#pragma once

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/protocol/opcode.h"
#include "core/result.h"
#include "testing/conversation_log.h"

namespace fusereplay::testing {

/// Matches a Result or Outcome that is an error, and which: EXPECT_THAT(mount.rmdir("/d"), FailsWith(ENOTEMPTY)).
class FailsWithMatcher {
 public:
  using is_gtest_matcher = void;
  explicit FailsWithMatcher(int error) noexcept : error_(error) {}

  template <class T>
  bool MatchAndExplain(const T& outcome, std::ostream* listener) const {
    if (outcome.has_value()) {
      if (listener != nullptr) *listener << "which is a success";
      return false;
    }
    if (listener != nullptr) *listener << "which is " << to_string(outcome.error());
    return outcome.error() == error_;
  }
  void DescribeTo(std::ostream* out) const { *out << "fails with " << to_string(error_); }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not fail with " << to_string(error_); }

 private:
  Errno error_;
};
/// `error`: ENOENT and the like.
inline FailsWithMatcher FailsWith(int error) {
  return FailsWithMatcher(error);
}

/// Matches a Result or Outcome that is a success; see also SucceedsWith().
class SucceedsMatcher {
 public:
  using is_gtest_matcher = void;
  template <class T>
  bool MatchAndExplain(const T& outcome, std::ostream* listener) const {
    if (!outcome.has_value() && listener != nullptr) *listener << "which is " << to_string(outcome.error());
    return outcome.has_value();
  }
  void DescribeTo(std::ostream* out) const { *out << "succeeds"; }
  void DescribeNegationTo(std::ostream* out) const { *out << "fails"; }
};
inline SucceedsMatcher Succeeds() {
  return {};
}

/// EXPECT_THAT(mount.read(file, 100), SucceedsWith("data")).
template <class Value>
class SucceedsWithMatcher {
 public:
  using is_gtest_matcher = void;
  explicit SucceedsWithMatcher(Value value) : value_(std::move(value)) {}

  template <class T>
  bool MatchAndExplain(const T& outcome, std::ostream* listener) const {
    if (!outcome.has_value()) {
      if (listener != nullptr) *listener << "which is " << to_string(outcome.error());
      return false;
    }
    const auto inner = ::testing::SafeMatcherCast<const typename T::value_type&>(value_);
    ::testing::StringMatchResultListener why;
    const bool matches = inner.MatchAndExplain(*outcome, &why);
    if (listener != nullptr) *listener << why.str();
    return matches;
  }
  void DescribeTo(std::ostream* out) const {
    *out << "succeeds with ";
    describe(out);
  }
  void DescribeNegationTo(std::ostream* out) const {
    *out << "does not succeed with ";
    describe(out);
  }

 private:
  void describe(std::ostream* out) const {
    if constexpr (requires { value_.DescribeTo(out); }) {
      value_.DescribeTo(out);
    } else {
      *out << ::testing::PrintToString(value_);
    }
  }
  Value value_;
};
/// `value`: a value or a matcher of it.
template <class Value>
SucceedsWithMatcher<std::decay_t<Value>> SucceedsWith(Value&& value) {
  return SucceedsWithMatcher<std::decay_t<Value>>(std::forward<Value>(value));
}

// Of struct stat.
MATCHER_P(HasPermissions, mode, "") {
  *result_listener << "whose mode is 0" << std::oct << arg.st_mode << std::dec;
  return (arg.st_mode & 07777U) == static_cast<unsigned>(mode);
}
MATCHER_P(HasSize, size, "") {
  *result_listener << "whose size is " << arg.st_size;
  return static_cast<std::uint64_t>(arg.st_size) == static_cast<std::uint64_t>(size);
}
MATCHER_P(HasLinks, links, "") {
  *result_listener << "which has " << arg.st_nlink << " links";
  return static_cast<std::uint64_t>(arg.st_nlink) == static_cast<std::uint64_t>(links);
}
MATCHER(IsDirectory, "") {
  return S_ISDIR(arg.st_mode);
}
MATCHER(IsRegularFile, "") {
  return S_ISREG(arg.st_mode);
}
MATCHER(IsSymlink, "") {
  return S_ISLNK(arg.st_mode);
}

/// Of an AskedRequest: EXPECT_THAT(asked(), ElementsAre(Asks(Opcode::kLookup, "a"), Asks(Opcode::kOpen))).
MATCHER_P(Asks, opcode, std::string(negation ? "does not ask " : "asks ") + std::string(opcode_name(opcode))) {
  return arg.opcode == opcode;
}
MATCHER_P2(Asks, opcode, name,
           std::string(negation ? "does not ask " : "asks ") + std::string(opcode_name(opcode)) + " of " +
               ::testing::PrintToString(name)) {
  return arg.opcode == opcode && !arg.names.empty() && arg.names.front() == name;
}

}  // namespace fusereplay::testing
