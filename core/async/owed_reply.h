// The reply that a handler owes.
#pragma once

#include <string>

#include "core/async/executor.h"

namespace fusereplay {

/// What the runtime knows of it. Lives until it has been sent.
class OwedReply {
 public:
  /// Runs `work` when the reply has been sent, on the thread that sent it.
  virtual void then(Work& work) noexcept = 0;
  /// The request: "MKDIR 12".
  virtual std::string name() const = 0;

 protected:
  ~OwedReply() = default;
};

}  // namespace fusereplay
