// Shows a directory tree of another filesystem, the source: every file by a descriptor, never by a path.
//
// A node holds an O_PATH descriptor, so renames and removals in the source, by us or by others, do not lead it astray,
// and a file stays reachable while the kernel counts or has it open. The kernel may have as many nodes as we may have
// descriptors: init() raises the soft limit to the hard one.
//
// WHO. Permissions are the kernel's business: mount it with default_permissions. As root, files are made with the
// caller's fsuid and fsgid (setfsuid(2), of this thread only, CallerScope), so they belong to the caller and the
// source's set-group-id rules hold. Otherwise all belongs to whoever runs us.
//
// WHAT IS NOT SHOWN. Access control lists of the source (system.posix_acl_*): the kernel would not enforce them.
//
// THREADS. Any number with the option `threads`. Nothing is locked across a system call but a directory handle's own
// place; waiting for a lock suspends the handler and holds no thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/operations/operations.h"
#include "examples/passthrough/handles.h"
#include "examples/passthrough/inode.h"
#include "examples/passthrough/options.h"

struct flock;
struct statx;

namespace fusereplay {

class Passthrough final : public Operations {
 public:
  /// The error is one line that names the directory and what is wrong with it.
  static tl::expected<std::unique_ptr<Passthrough>, std::string> make(const PassthroughOptions& options);

  Async<void> init(Connection& connection) override;
  Async<void> destroy() override;

  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> forget(NodeId node, std::uint64_t count) override;

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
  Async<void> release(NodeId node, FileHandle handle, const Release& how) override;
  Async<void> fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;

  Async<Opened> opendir(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<void> readdir(const Request& request, NodeId node, FileHandle handle, Cookie from,
                      DirectoryWriter& out) override;
  Async<void> releasedir(NodeId node, FileHandle handle, const Release& how) override;
  Async<void> fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;

  Async<FilesystemStatistics> statfs(const Request& request, NodeId node) override;
  Async<void> syncfs(const Request& request, NodeId node) override;

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

  /// What lsattr(1) shows and chattr(1) sets, where the source has it.
  Async<std::int32_t> ioctl(const Request& request, NodeId node, FileHandle handle, const IoctlRequest& what,
                            DataWriter& out) override;
  Async<void> fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override;
  Async<Offset> lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                      std::uint32_t whence) override;
  Async<std::uint64_t> copy_file_range(const Request& request, const CopyRange& range) override;

  /// What is in use now. Any thread.
  struct Usage {
    std::uint64_t inodes = 0;  // the root included
    std::uint64_t open = 0;    // files and directories
    bool operator==(const Usage&) const noexcept = default;
  };
  Usage usage() const;

 private:
  using Node = passthrough::Node;

  Passthrough(const PassthroughOptions& options, const passthrough::Identity& root, UniqueFd root_fd)
      : options_(options), nodes_(nullptr, root, std::move(root_fd)) {}

  Result<Node> find_directory(NodeId id);
  /// The node of what `name` means in `directory`, and its attributes.
  Result<Node> find_child(const Node& directory, std::string_view name, struct statx& status);
  /// find_child(), counted.
  Result<Entry> enter(const Node& directory, std::string_view name);
  /// The node of a file that is open as `fd`, and its attributes.
  Result<Node> adopt(int fd, struct statx& status);
  /// What was just made with `mode` in `directory`, counted.
  Result<Entry> enter_new(const Node& directory, std::string_view name, std::uint32_t mode);
  /// The permissions that our umask took from a new file: the kernel has applied the caller's already.
  Result<void> give_back_masked(const Node& node, std::uint32_t mode, struct statx& status) const;
  Entry grant(const Node& node, const struct statx& status);
  Result<AttributesReply> read_attributes(int fd) const;
  /// With what flags the source's file is opened where the kernel says `flags`.
  int source_flags(std::uint32_t flags) const noexcept;
  /// Opens what the O_PATH descriptor `fd` is.
  Result<UniqueFd> reopen(int fd, std::uint32_t flags) const;
  Result<void> change_size(const Node& node, const SetAttributes& changes);
  Result<void> change_mode(int fd, std::uint32_t mode) const;
  /// What HANDLE_KILLPRIV_V2 leaves to us (rule F12): root's writes do not make the source do it.
  Result<void> drop_set_id(int fd) const;
  Opened open_node(const Node& node, UniqueFd fd);
  /// Puts an entry into a page; false where it does not fit.
  Result<bool> put(const Node& directory, const dirent64& entry, DirectoryWriter& out);

  /// The descriptor by which `owner` holds record locks in the source.
  Result<int> lock_descriptor(const Node& node, LockOwner owner);
  Result<void> lock_source(const Node& node, LockOwner owner, const FileLock& lock);
  /// F_OFD_GETLK.
  Result<void> ask_source(const Node& node, LockOwner owner, struct flock& range);
  void drop_record_locks(const Node& node, LockOwner owner);

  const PassthroughOptions options_;
  Connection* connection_ = nullptr;  // from init() on
  passthrough::NodeIndex index_;      // before nodes_, whose payloads use it
  passthrough::Inodes nodes_;
  passthrough::Handles<passthrough::OpenFile> files_;
  passthrough::Handles<passthrough::OpenDirectory> directories_;
};

}  // namespace fusereplay
