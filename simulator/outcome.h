// What a simulated system call gives back.
#pragma once

#include <ostream>
#include <type_traits>
#include <utility>

#include "core/result.h"

namespace fusereplay {

/// A Result that a test may drop: a script of calls reads like a program, and looks only at the results it is about.
template <class T>
class Outcome : public Result<T> {
 public:
  using Result<T>::Result;
  Outcome(Result<T> result) : Result<T>(std::move(result)) {}  // NOLINT(google-explicit-constructor)
  constexpr Outcome(Errno error) : Result<T>(error) {}         // NOLINT(google-explicit-constructor)
};

/// As Result<T>s print in a failing test: the value, or the errno by its name.
template <class T>
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Outcome<T>& outcome, std::ostream* out) {
  if (!outcome) {
    *out << to_string(outcome.error());
  } else if constexpr (std::is_void_v<T>) {
    *out << "success";
  } else if constexpr (requires { *out << *outcome; }) {
    *out << *outcome;
  } else {
    *out << "a value";
  }
}

}  // namespace fusereplay
