// A filesystem with less of what it has, with other flags, timeouts and errors: so that scripts reach what the kernel
// does about that.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/operations/operations.h"

namespace fusereplay::testing {

/// What a script says of its filesystem: "[uncached][without:create,flush][open:direct_io][want:dont_mask]".
///
///   entry, attr     how long the kernel may believe: none, small (50 ms), large (what else), huge (no clock holds it)
///   uncached        both none
///   negative        the same for names that begin with "negative", which do not exist
///   without         operations answered with ENOSYS
///   fail            OPERATION=ERRNO: answered with that
///   open, opendir   kFopen... of every open
///   want, refuse    kInit... beyond the filesystem's own, or less
///   max_write, readahead, background    limits of the INIT reply
///   short           read: a READ brings half of what it could; write: half is taken
///   access          ACCESS is answered, writing refused
///   ioctl           IOCTL is answered: see Tuned::ioctl()
///   private         mounted without allow_other
///   read_only       mounted so
///   memfs, passthrough    only over that filesystem
struct Tuning {
  explicit Tuning(std::string_view line);

  bool has(std::string_view key, std::string_view word) const;
  bool has(std::string_view key) const { return values.contains(key); }
  std::uint32_t number(std::string_view key, std::uint32_t otherwise) const;
  Timeout timeout(std::string_view key) const;
  /// Adds what a list OPERATION=ERRNO,... names to `errors`.
  void fail(std::string_view list);

  std::map<std::string, std::string, std::less<>> values;
  bool default_permissions = false;
  std::uint32_t fopen = 0;
  std::uint32_t fopendir = 0;
  std::uint64_t wanted = 0;
  std::uint64_t refused = 0;
  std::map<std::string, Errno, std::less<>> errors;  // by operation: those that fail
};

class Tuned final : public Operations {
 public:
  Tuned(std::unique_ptr<Operations> inner, Tuning tuning) : inner_(std::move(inner)), tuning_(std::move(tuning)) {}

  Async<void> init(Connection& connection) override;
  Async<void> destroy() override { return inner_->destroy(); }
  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> forget(NodeId node, std::uint64_t count) override { return inner_->forget(node, count); }
  Async<AttributesReply> getattr(const Request& request, NodeId node, std::optional<FileHandle> handle) override;
  Async<AttributesReply> setattr(const Request& request, NodeId node, const SetAttributes& changes) override;
  Async<StatxReply> statx(const Request& request, NodeId node, const StatxRequest& wanted) override;
  Async<void> access(const Request& request, NodeId node, std::uint32_t mask) override;
  Async<std::string> readlink(const Request& request, NodeId node) override;
  Async<Entry> symlink(const Request& request, NodeId parent, std::string_view name, std::string_view target,
                       const Creation& creation) override;
  Async<Entry> mknod(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                     std::uint32_t rdev) override;
  Async<Entry> mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation) override;
  Async<void> unlink(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> rmdir(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                     std::string_view new_name, std::uint32_t flags) override;
  Async<Entry> link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) override;
  Async<Opened> open(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<Created> create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override;
  Async<Created> tmpfile(const Request& request, NodeId parent, const Creation& creation, std::uint32_t flags) override;
  Async<void> read(const Request& request, NodeId node, FileHandle handle, Offset offset, DataWriter& out) override;
  Async<std::uint32_t> write(const Request& request, NodeId node, FileHandle handle, Offset offset, Bytes data,
                             std::uint32_t flags) override;
  Async<void> flush(const Request& request, NodeId node, FileHandle handle, LockOwner owner) override;
  Async<void> release(NodeId node, FileHandle handle, const Release& how) override {
    return inner_->release(node, handle, how);
  }
  Async<void> fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;
  Async<Opened> opendir(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<void> readdir(const Request& request, NodeId node, FileHandle handle, Cookie from,
                      DirectoryWriter& out) override;
  Async<void> releasedir(NodeId node, FileHandle handle, const Release& how) override {
    return inner_->releasedir(node, handle, how);
  }
  Async<void> fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;
  Async<FilesystemStatistics> statfs(const Request& request, NodeId node) override;
  /// These are no attributes, but what others do to the files behind the kernel's back:
  ///   user.behind DATA    written to the file's start
  ///   user.cut SIZE       truncated to that
  ///   user.mode OCTAL     chmod
  ///   user.remove NAME    unlinked from the directory
  ///   user.replace NAME   unlinked, and a new file there
  ///   user.fail LIST      as "fail" of the tuning, from now on
  Async<void> setxattr(const Request& request, NodeId node, std::string_view name, const SetXattr& attribute) override;
  Async<void> getxattr(const Request& request, NodeId node, std::string_view name, XattrWriter& out) override;
  Async<void> listxattr(const Request& request, NodeId node, XattrListWriter& out) override;
  Async<void> removexattr(const Request& request, NodeId node, std::string_view name) override;
  Async<FileLock> getlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                        const FileLock& lock) override;
  Async<void> setlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override;
  Async<void> flock(const Request& request, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override;
  /// With [ioctl]: file flags are kept, in both forms; commands of type 'f' are answered with what they brought, turned
  /// around, and their number; above 200 with what it is above that as an error; 150 with half an answer.
  Async<std::int32_t> ioctl(const Request& request, NodeId node, FileHandle handle, const IoctlRequest& what,
                            DataWriter& out) override;
  Async<std::uint32_t> poll(const Request& request, NodeId node, FileHandle handle, const PollRequest& what) override;
  Async<void> fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override;
  Async<Offset> lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                      std::uint32_t whence) override;
  Async<std::uint64_t> copy_file_range(const Request& request, const CopyRange& range) override;

 private:
  Async<void> behind(const Request& request, NodeId node, std::string_view what, const SetXattr& attribute);
  Async<void> write_behind(const Request& request, NodeId node, Bytes data);
  Async<void> replace_behind(const Request& request, NodeId node, std::string_view name);
  /// The error that `operation` is to fail with.
  std::optional<Errno> failure(std::string_view operation) const;
  void tune(Entry& entry) const noexcept;
  /// The same entry with the timeouts asked for.
  Async<Entry> tuned(Async<Entry> entry) const;

  /// The ioctls for the flags of files, of each node.
  Result<std::int32_t> file_flags(NodeId node, const IoctlRequest& what, DataWriter& out);

  std::unique_ptr<Operations> inner_;
  Tuning tuning_;
  std::map<NodeId, std::uint32_t> flags_;              // FS_IOC_GETFLAGS
  std::map<NodeId, std::vector<std::byte>> extended_;  // struct fsxattr
};

}  // namespace fusereplay::testing
