// A program that goes to the background once it serves, and not before: its caller learns whether it does.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "core/unique_fd.h"

namespace fusereplay {

/// The child's half of a process that was split in two.
class Background {
 public:
  /// Splits the process and returns in the child, which goes on in the foreground: its messages reach the caller,
  /// Ctrl-C reaches it. The parent waits, and ends with status 0 when the child says ready(); as the child ends, if
  /// that comes first: with its status, or by its signal. To be called before any thread is started. `log`: takes what
  /// goes to stderr from ready() on, at its end; empty for /dev/null. The error is one line; nothing was split then.
  static tl::expected<std::unique_ptr<Background>, std::string> start(const std::string& log = {});

  /// Lets the parent end. From now on the process has a session of its own, works in "/", and has /dev/null for stdin
  /// and stdout. Once.
  void ready();

 private:
  Background(UniqueFd parent, UniqueFd null, UniqueFd log) noexcept
      : parent_(std::move(parent)), null_(std::move(null)), log_(std::move(log)) {}

  UniqueFd parent_;  // takes a byte
  UniqueFd null_;
  UniqueFd log_;
};

}  // namespace fusereplay
