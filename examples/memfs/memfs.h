// A complete filesystem in memory: what to read first when writing one against Operations.
//
// It has directories, sparse regular files, symbolic links, special files, hard links, rename with all flags, extended
// attributes, files without a name, and files that are unlinked but open. It keeps locks where asked to (the option
// `locks`); else the kernel does, for POSIX_LOCKS and FLOCK_LOCKS are off. Permissions are the kernel's business too:
// mount it with default_permissions.
//
// TIME. Every stamp is the time at which the request was read, never the machine's clock: the same requests leave the
// same stamps. Reading does not change atime.
//
// DETERMINISM. The same requests in the same order give the same replies, to the byte: nodeids count up and are never
// used again, an inode's number is its nodeid, cookies and handles count up, nothing depends on addresses or hashing.
//
// LOCKING. One shared mutex guards all inodes and open files: handlers that change something hold it exclusively, the
// others shared. Lock order: mutex_, then whatever find() of a derived class takes, then the table's own. The mutex is
// held over co_awaits of Results only, which never suspend; a handler's frame, and its lock, are gone before its reply
// is sent. What can be large is freed after the lock is dropped: see the Nodes declared above a lock.
#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "core/operations/operations.h"
#include "examples/memfs/inode.h"
#include "examples/memfs/options.h"
#include "examples/memfs/space.h"

namespace fusereplay {

class Memfs : public Operations {
 public:
  static constexpr std::size_t kMaxName = 255;
  static constexpr std::size_t kMaxTarget = 4095;           // of a symbolic link: PATH_MAX less its NUL
  static constexpr std::size_t kMaxXattrValue = 64 * 1024;  // XATTR_SIZE_MAX
  static constexpr std::size_t kMaxXattrs = 128 * 1024;     // names and values of one inode

  explicit Memfs(const MemfsOptions& options = {});

  Async<void> init(Connection& connection) override;
  Async<void> destroy() override;

  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> forget(NodeId node, std::uint64_t count) override;

  Async<AttributesReply> getattr(const Request& request, NodeId node, std::optional<FileHandle> handle) override;
  Async<AttributesReply> setattr(const Request& request, NodeId node, const SetAttributes& changes) override;
  Async<StatxReply> statx(const Request& request, NodeId node, const StatxRequest& wanted) override;

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

  Async<void> fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override;
  Async<Offset> lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                      std::uint32_t whence) override;
  Async<std::uint64_t> copy_file_range(const Request& request, const CopyRange& range) override;

  /// What is in use now. Any thread.
  struct Usage {
    std::uint64_t inodes = 0;  // the root included
    std::uint64_t pages = 0;   // of memfs::kPageSize
    std::uint64_t open = 0;    // files and directories
    bool operator==(const Usage&) const noexcept = default;
  };
  Usage usage() const;
  /// Walks the tree and says what is wrong with it, one line each: link counts, parents, pages, indices. Empty where
  /// all is well. Any thread.
  std::string check_invariants();

 protected:
  using Node = memfs::Node;
  using Inode = memfs::Inode;

  /// The inode that the kernel calls `id`; ESTALE where there is none. Called with mutex_ held.
  virtual Result<Node> find(NodeId id);
  /// The answer that hands `node` to the kernel: counts one lookup. Called with mutex_ held.
  virtual Entry grant(const Node& node);
  /// Fills one page of a listing. Called with mutex_ held.
  virtual void list(const Node& directory, Cookie from, DirectoryWriter& out);

 private:
  struct OpenFile {
    Node node;
    std::uint32_t flags = 0;  // as in open(2)
  };

  // All of these are called with mutex_ held; what changes something, with it held exclusively.

  /// find() and ENOTDIR.
  Result<Node> find_directory(NodeId id);
  /// What `handle` opened; EBADF where it is none of `find(node)`'s.
  Result<const OpenFile*> find_open(FileHandle handle) const;
  /// What an entry is called; ENOENT, ENAMETOOLONG.
  Result<Node> child_of(const Node& directory, std::string_view name) const;
  /// Whether an entry may be added: EEXIST, ENAMETOOLONG, ENOENT in a removed directory.
  Result<void> may_add(const Node& directory, std::string_view name) const;
  /// Whether `directory` is `ancestor` or lies below it.
  Result<bool> lies_within(const Node& directory, const Node& ancestor);

  /// A new inode without a name, owned by the caller or as a setgid directory says. ENOSPC.
  Result<Node> make_inode(const Request& request, const Node& directory, std::uint32_t mode);
  /// Gives a node its first or another name.
  void add_name(const Request& request, const Node& directory, std::string_view name, const Node& node);
  /// `node` has lost a name in `directory`.
  void drop_name(const Request& request, const Node& directory, const Node& node);

  Result<void> may_exchange(const Node& from, const Node& source, const Node& to, const Node& target);
  Result<void> may_replace(const Node& from, const Node& source, const Node& to, const Node* target);
  /// Tells a directory that it has moved.
  static void move_directory(const Node& moved, const Node& from, const Node& to);

  Opened open_node(const Node& node, std::uint32_t flags);
  static Result<void> resize(Inode& inode, std::uint64_t size, Timestamp now);
  AttributesReply attributes_reply(const Inode& inode) const;

  /// Any thread; takes mutex_ itself.
  Async<void> set_lock(const Request& request, NodeId node, LockKind kind, LockOwner owner, const FileLock& lock,
                       LockWait wait);

  const MemfsOptions options_;
  Connection* connection_ = nullptr;  // from init() on
  memfs::Space space_;
  mutable std::shared_mutex mutex_;
  memfs::Inodes nodes_;                               // payloads guarded by mutex_
  std::unordered_map<std::uint64_t, OpenFile> open_;  // by handle; guarded by mutex_; before nodes_ in destruction
  std::uint64_t next_handle_ = 1;                     // guarded by mutex_
};

}  // namespace fusereplay
