// The handler interface: one virtual method per request of the protocol.
//
// A filesystem derives from Operations and overrides what it has. Handlers are coroutines, or return a ready value;
// each request is answered by exactly one handler's outcome.
//
// DEFAULTS. open, opendir, release, releasedir, forget, init and destroy succeed (handle 0); statfs gives sane zeros;
// all others answer ENOSYS, which for many requests tells the kernel never to ask again (reference 3.3).
//
// LIFETIMES. The Request, names, data and writers are valid until the handler ends. Names are bytes without '/' and
// NUL;
// "." and ".." come with EXPORT_SUPPORT only.
//
// THREADS. Handlers of one connection run one at a time between awaits, unless init() called
// Connection::run_handlers_concurrently().
//
// INTERRUPTS. A handler that waits should end with EINTR when its caller is interrupted, and must when the connection
// has ended: see Connection::interrupts().
//
// LOOKUP COUNTS. lookup, mknod, mkdir, symlink, link, create, tmpfile and each plus-entry of readdir raise the node's
// count by one: count before returning. Where the kernel refuses the answer, the runtime calls forget and release for
// it.
#pragma once

#include <string>

#include "core/async/async.h"
#include "core/operations/connection.h"
#include "core/operations/data_writer.h"
#include "core/operations/directory_writer.h"
#include "core/operations/request.h"
#include "core/operations/types.h"

namespace fusereplay {

class Operations {
 public:
  virtual ~Operations() = default;

  /// INIT: before any other handler. Ask for capabilities here. An error refuses the connection.
  virtual Async<void> init(Connection& connection);
  /// The connection has ended: all counts and handles are void; nothing follows. No request on plain mounts.
  virtual Async<void> destroy();

  /// LOOKUP. An Entry with node 0 is a negative answer that may be cached, ENOENT one that may not.
  virtual Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name);
  /// FORGET, BATCH_FORGET, and the runtime's undo of refused answers. Never answered; an error is logged.
  virtual Async<void> forget(NodeId node, std::uint64_t count);

  virtual Async<AttributesReply> getattr(const Request& request, NodeId node, std::optional<FileHandle> handle);
  virtual Async<AttributesReply> setattr(const Request& request, NodeId node, const SetAttributes& changes);
  /// STATX: sent only where the caller asks for the birth time.
  virtual Async<StatxReply> statx(const Request& request, NodeId node, const StatxRequest& wanted);
  virtual Async<void> access(const Request& request, NodeId node, std::uint32_t mask);

  /// At most 4095 bytes, without a NUL.
  virtual Async<std::string> readlink(const Request& request, NodeId node);
  virtual Async<Entry> symlink(const Request& request, NodeId parent, std::string_view name, std::string_view target,
                               const Creation& creation);
  /// `rdev` as the kernel encodes it (new_encode_dev).
  virtual Async<Entry> mknod(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                             std::uint32_t rdev);
  virtual Async<Entry> mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation);
  virtual Async<void> unlink(const Request& request, NodeId parent, std::string_view name);
  virtual Async<void> rmdir(const Request& request, NodeId parent, std::string_view name);
  /// RENAME and RENAME2. `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT.
  virtual Async<void> rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                             std::string_view new_name, std::uint32_t flags);
  /// Must return the same node (rule R8).
  virtual Async<Entry> link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name);

  /// `flags` as in open(2), without O_CREAT, O_EXCL and O_NOCTTY.
  virtual Async<Opened> open(const Request& request, NodeId node, std::uint32_t flags);
  /// Creates and opens; opens an existing file where `flags` has no O_EXCL (rule K16).
  virtual Async<Created> create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                                std::uint32_t flags);
  virtual Async<Created> tmpfile(const Request& request, NodeId parent, const Creation& creation, std::uint32_t flags);
  /// Writes at most out.capacity() bytes; fewer mean end of file (rule R10).
  virtual Async<void> read(const Request& request, NodeId node, FileHandle handle, Offset offset, DataWriter& out);
  /// Returns how much was written, at most data.size() (rule R9). `flags`: kWrite...
  virtual Async<std::uint32_t> write(const Request& request, NodeId node, FileHandle handle, Offset offset, Bytes data,
                                     std::uint32_t flags);
  /// Once per close(2). Drops the owner's POSIX locks (rule F9).
  virtual Async<void> flush(const Request& request, NodeId node, FileHandle handle, LockOwner owner);
  /// After the last close, or as the runtime's undo of a refused open; its error goes nowhere.
  virtual Async<void> release(NodeId node, FileHandle handle, const Release& how);
  virtual Async<void> fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind);

  virtual Async<Opened> opendir(const Request& request, NodeId node, std::uint32_t flags);
  /// READDIR and READDIRPLUS, from `from` on (rule F8).
  virtual Async<void> readdir(const Request& request, NodeId node, FileHandle handle, Cookie from,
                              DirectoryWriter& out);
  virtual Async<void> releasedir(NodeId node, FileHandle handle, const Release& how);
  virtual Async<void> fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind);

  virtual Async<FilesystemStatistics> statfs(const Request& request, NodeId node);
  virtual Async<void> syncfs(const Request& request, NodeId node);

  virtual Async<void> setxattr(const Request& request, NodeId node, std::string_view name, const SetXattr& attribute);
  /// ENODATA where there is no such attribute.
  virtual Async<void> getxattr(const Request& request, NodeId node, std::string_view name, XattrWriter& out);
  virtual Async<void> listxattr(const Request& request, NodeId node, XattrListWriter& out);
  virtual Async<void> removexattr(const Request& request, NodeId node, std::string_view name);

  virtual Async<FileLock> getlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                                const FileLock& lock);
  /// SETLK and SETLKW.
  virtual Async<void> setlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                            const FileLock& lock, LockWait wait);
  /// SETLK and SETLKW from flock(2): lock.type is F_RDLCK (shared), F_WRLCK (exclusive) or F_UNLCK.
  virtual Async<void> flock(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                            const FileLock& lock, LockWait wait);

  /// fuseblk only.
  virtual Async<std::uint64_t> bmap(const Request& request, NodeId node, std::uint64_t block, std::uint32_t block_size);
  /// Returns the ioctl's result, which the caller gets as it is (negative: an errno); its output goes to `out`. ENOSYS
  /// and ENOTTY mean the same. What goes in and out is what the command's number says (_IOC_SIZE, _IOC_DIR), for the
  /// kernel lets only drivers ask for more. FS_IOC_GETFLAGS, SETFLAGS, FSGETXATTR and FSSETXATTR come from the kernel
  /// itself, on a handle that it opens for them: what such an answer lacks is filled up with zeros (reference 3.2).
  virtual Async<std::int32_t> ioctl(const Request& request, NodeId node, FileHandle handle, const IoctlRequest& what,
                                    DataWriter& out);
  /// Returns the events that are ready now.
  virtual Async<std::uint32_t> poll(const Request& request, NodeId node, FileHandle handle, const PollRequest& what);
  /// `mode`: FALLOC_FL_...
  virtual Async<void> fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset,
                                std::uint64_t length, std::uint32_t mode);
  /// SEEK_HOLE and SEEK_DATA only.
  virtual Async<Offset> lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                              std::uint32_t whence);
  /// COPY_FILE_RANGE and its 64-bit form. Returns how much was copied.
  virtual Async<std::uint64_t> copy_file_range(const Request& request, const CopyRange& range);
  /// NOTIFY_REPLY: what a NOTIFY_RETRIEVE asked for. Never answered.
  virtual Async<void> retrieve_reply(const Request& request, NodeId node, std::uint64_t notify_unique, Offset offset,
                                     Bytes data);
};

}  // namespace fusereplay
