// Opens past the filesystem (FOPEN_PASSTHROUGH): what a report has to say of what nobody saw.
#pragma once

#include <cstdint>
#include <string>

#include "core/event/event.h"

namespace fusereplay {

/// Counts the opens that the kernel accepted with kFopenPassthrough. An *ordered* sink; Event::request must be set.
class UnseenOpens final : public EventSink {
 public:
  void on_event(const Event& event) override;
  bool wants_file_data() const noexcept override { return false; }
  std::uint64_t count() const noexcept { return count_; }

 private:
  std::uint64_t count_ = 0;
};

/// "2 opens went past the filesystem (passthrough): what they read and wrote is not seen".
std::string unseen_text(std::uint64_t opens);

}  // namespace fusereplay
