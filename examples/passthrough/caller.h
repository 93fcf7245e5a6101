// Makes files in the name of the one who asks.
#pragma once

#include <sys/types.h>

#include "core/operations/request.h"

namespace fusereplay::passthrough {

/// What a thread may still do while it has the caller's identity.
enum class Privilege : unsigned char {
  kCallersOwn,  // what the caller may: to judge ACCESS
  kOverride,    // permission checks are passed, for the kernel has made them: to create
};

/// While it exists, this thread's fsuid and fsgid are the caller's, so what it makes belongs to the caller, and a
/// directory's set-group-id rules hold. Nothing changes where we are not root. Not across a co_await: threads would
/// mix.
class CallerScope {
 public:
  CallerScope(const Request& request, Privilege privilege) noexcept;
  ~CallerScope();
  CallerScope(const CallerScope&) = delete;
  CallerScope& operator=(const CallerScope&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace fusereplay::passthrough
