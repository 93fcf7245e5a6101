// Passes a reply whose data lie in a file to a device without reading them: splice(2), from the file to a pipe, from
// the pipe to the device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/protocol/message.h"
#include "core/protocol/wire.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// One pipe, made when it is first needed, and empty between two replies. One thread at a time.
///
/// The header goes in first, but its length is known only when the file's part is in: so it is not copied into the pipe
/// but mapped there (vmsplice(2)), and filled in afterwards.
class SplicePipe {
 public:
  SplicePipe() noexcept = default;
  ~SplicePipe();
  SplicePipe(const SplicePipe&) = delete;
  SplicePipe& operator=(const SplicePipe&) = delete;

  /// Takes in a header and what is there of `file`: how many bytes that is. An error: nothing is in the pipe, and
  /// `file` must be read. It does not fit (fs.pipe-max-size limits a pipe, and with it a range to a page less, where we
  /// have no CAP_SYS_RESOURCE), it is no file that can be spliced, it cannot be read, or there is no pipe.
  Result<std::size_t> fill(std::uint64_t unique, const FileRange& file) noexcept;
  /// Gives the device what fill() took in, which it needs in one piece (fs/fuse/dev.c fuse_dev_splice_write): what
  /// write(2) would return. Then the pipe is empty, whatever the device said.
  std::int64_t flush(int device) noexcept;

 private:
  Result<void> open() noexcept;
  Result<void> grow(std::size_t places) noexcept;
  /// Nothing that is in the pipe may come out with the next reply.
  void drop() noexcept;

  UniqueFd out_;
  UniqueFd in_;
  // At the start of a page that is mapped shared: a private one, when written to after a fork, is no more the one that
  // lies in the pipe.
  wire::OutHeader* header_ = nullptr;
  std::size_t places_ = 0;          // that the pipe has, each for a page or less
  std::size_t refused_ = SIZE_MAX;  // as many were more than we may have
  std::size_t contents_ = 0;        // bytes, behind fill()
};

}  // namespace fusereplay
