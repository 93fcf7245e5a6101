// One FUSE mount, owned: made by mount(2) or fusermount3, or handed to us as an open device.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "core/result.h"
#include "core/session/connection_control.h"
#include "core/session/mount_helper.h"
#include "core/session/mount_options.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// Why there is no mount.
enum class MountErrorKind : std::uint8_t {
  kNoMountpoint,   // does not exist
  kNotADirectory,  // exists, is something else
  kDeadMount,      // a FUSE mount whose server is gone is still there
  kNoDevice,       // no /dev/fuse, or no driver behind it
  kNoPermission,   // /dev/fuse or the mount point is not ours to use
  kBadOption,      // no such mount option, or none that is served; see mount_options.h
  kFailed,         // anything else mount(2) or fusermount3 said
};

struct MountError {
  MountErrorKind kind;
  std::string message;  // one line without a newline: what, where, and what to do
};

/// A mount in the mount namespace of the thread that made it. Unmounted when destroyed.
class Mount {
 public:
  /// Mounts on `mountpoint`: by mount(2) where that is allowed, as to root and in a user namespace, else by
  /// fusermount3. With the option auto_unmount a process of its own unmounts when this one is gone without having done
  /// so. Returns when mount(2) is done: the connection is up and waits for INIT to be read from device(). Blocks if
  /// `mountpoint` lies in a hung filesystem.
  ///
  /// "/dev/fd/N" mounts nothing: descriptor N is a device that somebody else has mounted and left to us (mount.fuse3
  /// with drop_privileges, a test), and is ours from now on. Options are checked, and were for who mounted. Never give
  /// such a descriptor to a program on libfuse 2: it takes the name for a mount point, and mounts over /dev/fuse.
  static tl::expected<std::unique_ptr<Mount>, MountError> create(const std::string& mountpoint,
                                                                 const MountOptions& options);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  /// The device of this connection, O_CLOEXEC. The connection lives as long as it, or a clone of it, is open.
  int device() const noexcept { return device_.get(); }
  /// Another device of the same connection (FUSE_DEV_IOC_CLONE): a reply goes to the one that read the request.
  Result<UniqueFd> clone_device() const;
  /// Absolute, without symbolic links. Of a device that was handed to us: where it is mounted, if our namespace shows
  /// it and the kernel tells which connection it is (6.16), else "/dev/fd/N".
  const std::string& mountpoint() const noexcept { return mountpoint_; }
  /// 0 where the kernel does not tell.
  ConnectionId connection() const noexcept { return connection_; }
  /// Whether somebody unmounts when this process is killed.
  bool auto_unmount() const noexcept { return origin_ == Origin::kWatched; }
  /// Whether somebody else has mounted it ("/dev/fd/N"): the destructor then leaves it alone.
  bool handed_over() const noexcept { return origin_ == Origin::kHandedOver; }
  /// Control of the connection, or why we have none.
  const Result<ConnectionControl>& control() const noexcept { return control_; }
  /// Still in the mount table, aborted or not. Never asks the filesystem.
  bool attached() const;

  /// Takes the mount away if it is still there, also one whose connection was aborted; never a later mount at the
  /// same place. Idempotent, any thread, but not from inside a request: unmounting writes dirty pages back and waits
  /// for the answers. Lazy: where files are open the connection goes on until the last is closed. EBUSY: still there.
  /// A device that was handed to us, where we may not unmount: its connection is aborted, and the dead mount left to
  /// who made it.
  Result<void> unmount();

 private:
  enum class Origin : std::uint8_t { kOurs, kWatched, kHandedOver };
  Mount(std::string mountpoint, UniqueFd device, ConnectionId connection, Origin origin);
  static tl::expected<std::unique_ptr<Mount>, MountError> adopt(int device);
  Result<void> detach();

  const std::string mountpoint_;
  const UniqueFd device_;
  const ConnectionId connection_;
  const Origin origin_;
  const Result<ConnectionControl> control_;
  std::mutex mutex_;  // one unmount at a time
  internal::UnmountWatcher watcher_;
};

}  // namespace fusereplay
