// The kernel's control files of one FUSE connection (fusectl): ending it by force, and how much it waits for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// What the kernel calls a FUSE connection: the minor number of the mount's st_dev, which is also its directory name
/// under /sys/fs/fuse/connections (fs/fuse/control.c fuse_ctl_add_conn).
struct ConnectionId {
  std::uint32_t value = 0;
  constexpr bool operator==(const ConnectionId&) const noexcept = default;
};

/// The FUSE mount on top at `mountpoint` (absolute, without symbolic links), by /proc/self/mountinfo: a stat() would
/// ask the filesystem itself and wait for ever if that hangs. Nothing if there is none.
std::optional<ConnectionId> find_connection(std::string_view mountpoint);

/// Where it is mounted in the calling thread's mount namespace; the latest place of several.
std::optional<std::string> find_mountpoint(ConnectionId connection);

/// Whether `connection` is mounted at `mountpoint` in the calling thread's mount namespace. Never asks the filesystem.
bool is_mounted(std::string_view mountpoint, ConnectionId connection);

/// Control of one connection. The files are opened once: they follow this connection after a lazy unmount, and never
/// reach another one that got the same number later. Thread-safe.
class ConnectionControl {
 public:
  /// Opens the control files; where fusectl is not mounted, through a private instance of it (needs CAP_SYS_ADMIN).
  /// Errors: ENOENT no such connection; EACCES, EPERM not ours to control.
  static Result<ConnectionControl> open(ConnectionId connection);

  ConnectionId id() const noexcept { return id_; }
  /// Ends the connection now: every outstanding request fails with ECONNABORTED, every later one with ENOTCONN, the
  /// mount stays until it is unmounted (reference 5.3). Does nothing when the connection is gone.
  Result<void> abort() const;
  /// The kernel still has the connection, aborted or not: some mount of it, or a file opened in one, is left.
  bool exists() const;
  /// Requests waiting to be read or answered; 0 when the connection is gone.
  Result<std::uint64_t> waiting() const;

 private:
  ConnectionControl(ConnectionId id, UniqueFd abort, UniqueFd waiting) noexcept
      : id_(id), abort_(std::move(abort)), waiting_(std::move(waiting)) {}

  /// The text of "waiting"; empty when the connection is gone.
  Result<std::string> read_waiting() const;

  ConnectionId id_;
  UniqueFd abort_;
  UniqueFd waiting_;  // O_PATH
};

}  // namespace fusereplay
