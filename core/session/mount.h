// One FUSE mount, owned: libfuse3 parses the options, mounts and unmounts; the device is ours.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/result.h"
#include "core/session/connection_control.h"
#include "core/unique_fd.h"

struct fuse_session;

namespace fusereplay {

/// Why there is no mount.
enum class MountErrorKind : std::uint8_t {
  kNoMountpoint,   // does not exist
  kNotADirectory,  // exists, is something else
  kDeadMount,      // a FUSE mount whose server is gone is still there
  kNoDevice,       // no /dev/fuse, or no driver behind it
  kNoPermission,   // /dev/fuse or the mount point is not ours to use
  kBadOption,      // libfuse knows no such mount option
  kFailed,         // anything else mount(2) or fusermount3 said
};

struct MountError {
  MountErrorKind kind;
  std::string message;  // one line without a newline: what, where, and what to do
};

struct MountOptions {
  std::string fsname = "fusereplay";  // first column of mount(8)
  std::string subtype;                // "memfs" makes the type fuse.memfs; empty for plain fuse
  std::vector<std::string> options;   // what follows -o: "allow_other", "max_read=65536"; passed on as they are
};

/// A mount in the mount namespace of the thread that made it. Unmounted when destroyed.
class Mount {
 public:
  /// Mounts on `mountpoint`, directly as root, else through fusermount3. Returns when mount(2) is done: the connection
  /// is up and waits for INIT to be read from device(). Blocks if `mountpoint` lies in a hung filesystem.
  static tl::expected<std::unique_ptr<Mount>, MountError> create(const std::string& mountpoint,
                                                                 const MountOptions& options);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  /// The device of this connection, O_CLOEXEC. The connection lives as long as it, or a clone of it, is open.
  int device() const noexcept { return device_.get(); }
  /// Another device of the same connection (FUSE_DEV_IOC_CLONE): a reply goes to the one that read the request.
  Result<UniqueFd> clone_device() const;
  /// Absolute, without symbolic links.
  const std::string& mountpoint() const noexcept { return mountpoint_; }
  ConnectionId connection() const noexcept { return connection_; }
  /// Control of the connection, or why we have none.
  const Result<ConnectionControl>& control() const noexcept { return control_; }
  /// Still in the mount table, aborted or not. Never asks the filesystem.
  bool attached() const;

  /// Takes the mount away if it is still there, also one whose connection was aborted; never a later mount at the
  /// same place. Idempotent, any thread, but not from inside a request: unmounting writes dirty pages back and waits
  /// for the answers. Lazy: where files are open the connection goes on until the last is closed. EBUSY: still there.
  Result<void> unmount();

 private:
  struct SessionDeleter {
    void operator()(fuse_session* session) const noexcept;
  };
  using FuseSession = std::unique_ptr<fuse_session, SessionDeleter>;
  Mount(std::string mountpoint, FuseSession session, UniqueFd device, ConnectionId connection);

  const std::string mountpoint_;
  const UniqueFd device_;
  const ConnectionId connection_;
  const Result<ConnectionControl> control_;
  std::mutex mutex_;     // guards session_; taken before no other
  FuseSession session_;  // knows how it was mounted
};

}  // namespace fusereplay
