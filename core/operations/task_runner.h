// What a connection needs of the server that runs it.
#pragma once

#include <string_view>

#include "core/async/async.h"
#include "core/async/executor.h"

namespace fusereplay {

/// Runs what goes on beside the handlers. Any thread.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  /// What Connection::spawn leads to.
  virtual void spawn(Async<void> task) = 0;
  /// Runs `write`, later, where it may wait for as long as the kernel likes: handlers and other writes go on meanwhile.
  virtual void run_write(Work& write) noexcept = 0;
  /// One line without a newline.
  virtual void log(std::string_view line) = 0;
};

}  // namespace fusereplay
