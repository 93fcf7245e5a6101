// Files that the kernel reads, writes and maps by itself, past the filesystem that opened them (FUSE passthrough,
// protocol 7.40; fs/fuse/backing.c, passthrough.c, iomode.c).
//
//   init(connection)        connection.want(Capability::kPassthrough);
//   open(...)               auto backing = connection.backing_files().open(fd);
//                           if (backing) answer with kFopenPassthrough and backing->id(), else without, as ever
//   release(...)            the BackingFile may go
//
// WHAT THE KERNEL ASKS. All opens of a node that overlap go by one BackingFile, or all without: an open that does not
// fit those that are there fails with EIO (fuse_file_io_open). No other flag stands beside kFopenPassthrough but
// kFopenDirectIo (reads and writes come to the filesystem, mappings go past it), kFopenParallelDirectWrites and
// kFopenNoflush. Not with kWritebackCache.
//
// WHAT IS NOT SEEN. READ and WRITE of such an open do not come, to the filesystem or to any observer; everything else
// does, FLUSH, FSYNC and SETATTR included. Size and times change unasked: the kernel asks for them when they are
// wanted. Set-id bits that a write ought to clear (rule F12) it takes away by SETATTR, unless kKillprivV2 was asked
// for: then nobody does.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/result.h"

namespace fusereplay {

class ReplyChannel;

namespace internal {
struct BackingLink;
}

/// A file that the kernel knows by a number, until this is destroyed; opens that were granted by then go on. Outlives
/// its connection harmlessly. Any thread.
class BackingFile {
 public:
  BackingFile(BackingFile&& other) noexcept : link_(std::move(other.link_)), id_(other.id_) {}
  BackingFile& operator=(BackingFile&&) = delete;
  ~BackingFile();

  /// Opened::backing_id.
  std::int32_t id() const noexcept { return id_; }

 private:
  friend class BackingFiles;
  BackingFile(std::shared_ptr<internal::BackingLink> link, std::int32_t id) noexcept
      : link_(std::move(link)), id_(id) {}

  std::shared_ptr<internal::BackingLink> link_;  // null: moved from
  std::int32_t id_;
};

/// One connection's. Thread-safe.
class BackingFiles {
 public:
  BackingFiles();
  BackingFiles(const BackingFiles&) = delete;
  BackingFiles& operator=(const BackingFiles&) = delete;

  /// Registers the regular file that is open as `fd`, in whatever mode: the kernel opens it anew for each open, with
  /// our credentials. The fd may be closed at once. From a filesystem that cannot do without: never, for it may be
  /// refused. EPERM: INIT did not settle kPassthrough, we have no CAP_SYS_ADMIN, or there is no kernel behind this
  /// connection (tests, replays, simulations). ELOOP: the file lies in a filesystem that is stacked on others, as
  /// overlayfs. EOPNOTSUPP, ENOTTY: the kernel was built without, or is older. ENOTCONN:
  /// INIT is not answered yet, or the connection has ended.
  Result<BackingFile> open(int fd);

  // For the server.

  /// INIT has been answered; `channel` outlives disconnect().
  void connect(ReplyChannel& channel) noexcept;
  void disconnect() noexcept;

 private:
  const std::shared_ptr<internal::BackingLink> link_;
};

}  // namespace fusereplay
