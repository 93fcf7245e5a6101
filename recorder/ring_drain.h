// Reads what a killed recording left in its ring files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "recorder/ring_file.h"
#include "traces/repair.h"

namespace fusereplay {

/// The events in the files of a ring directory (ring_directory()), merged by their sequence. The files may hold
/// anything: what is no event ends its ring. Memory: one message. One thread.
class RingDrain final : public LateEvents {
 public:
  /// A directory that is not there is one without events.
  explicit RingDrain(const std::filesystem::path& directory);
  ~RingDrain() override;

  bool next(std::uint64_t after, Event& event) override;

  /// Ring files that were read.
  std::size_t rings() const noexcept { return rings_.size(); }
  /// Events whose message was kept by reference: it went with the process.
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  class File;
  std::vector<std::unique_ptr<File>> rings_;
  std::vector<std::byte> message_;
  std::uint64_t lost_ = 0;
};

}  // namespace fusereplay
