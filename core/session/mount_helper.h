// The programs that mount and unmount for us: fusermount3 where we are not root, and who cleans up after a server.
#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "core/result.h"
#include "core/session/mount_options.h"
#include "core/unique_fd.h"

namespace fusereplay::internal {

/// A process that outlives this one, and then unmounts what is dead by that time. A shell that waits for the end of a
/// pipe, whose other end only we have: fusermount3's own auto_unmount looks at the dead mount as root, which a mount of
/// another user refuses, and leaves it (libfuse 3.14 util/fusermount.c should_auto_unmount).
class UnmountWatcher {
 public:
  /// The error is one line.
  static tl::expected<UnmountWatcher, std::string> start(const std::string& mountpoint);

  UnmountWatcher() = default;
  UnmountWatcher(UnmountWatcher&& other) noexcept;
  UnmountWatcher& operator=(UnmountWatcher&& other) noexcept;
  ~UnmountWatcher() { end(); }

  /// Lets it end, and waits for that; it leaves a mount that is served alone, and what is no mount any more.
  void end() noexcept;

 private:
  UnmountWatcher(pid_t process, UniqueFd pipe) noexcept : process_(process), pipe_(std::move(pipe)) {}

  pid_t process_ = -1;
  UniqueFd pipe_;
};

/// The device. The error is one line, the helper's own.
tl::expected<UniqueFd, std::string> mount_by_helper(const std::string& mountpoint, const MountPlan& plan);
/// Lazily.
tl::expected<void, std::string> unmount_by_helper(const std::string& mountpoint);

}  // namespace fusereplay::internal
