// memfs, whose handlers tell the kernel something in the middle of serving.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "examples/memfs/memfs.h"

namespace fusereplay::testing {

/// The handler of an opcode, when it is next called, first does what it was given.
class TellingMemfs final : public Memfs {
 public:
  using Tell = std::function<Async<void>()>;

  explicit TellingMemfs(const MemfsOptions& options) : Memfs(options) {}

  /// Only while nothing is outstanding.
  void arm(Opcode at, Tell tell) {
    at_ = at;
    tell_ = std::move(tell);
  }
  /// It has not been called since.
  bool armed() const noexcept { return at_.has_value(); }
  Notifier& notifier() const noexcept { return connection_->notifier(); }

  Async<void> init(Connection& connection) override {
    connection_ = &connection;
    return Memfs::init(connection);
  }
  Async<Entry> lookup(const Request& r, NodeId parent, std::string_view name) override {
    return around(Opcode::kLookup, Memfs::lookup(r, parent, name));
  }
  Async<void> forget(NodeId node, std::uint64_t count) override {
    return around(Opcode::kForget, Memfs::forget(node, count));
  }
  Async<AttributesReply> getattr(const Request& r, NodeId node, std::optional<FileHandle> handle) override {
    return around(Opcode::kGetattr, Memfs::getattr(r, node, handle));
  }
  Async<AttributesReply> setattr(const Request& r, NodeId node, const SetAttributes& changes) override {
    return around(Opcode::kSetattr, Memfs::setattr(r, node, changes));
  }
  Async<StatxReply> statx(const Request& r, NodeId node, const StatxRequest& wanted) override {
    return around(Opcode::kStatx, Memfs::statx(r, node, wanted));
  }
  Async<void> access(const Request&, NodeId, std::uint32_t) override { return around(Opcode::kAccess, success()); }
  Async<std::string> readlink(const Request& r, NodeId node) override {
    return around(Opcode::kReadlink, Memfs::readlink(r, node));
  }
  Async<Entry> symlink(const Request& r, NodeId parent, std::string_view name, std::string_view target,
                       const Creation& creation) override {
    return around(Opcode::kSymlink, Memfs::symlink(r, parent, name, target, creation));
  }
  Async<Entry> mknod(const Request& r, NodeId parent, std::string_view name, const Creation& creation,
                     std::uint32_t rdev) override {
    return around(Opcode::kMknod, Memfs::mknod(r, parent, name, creation, rdev));
  }
  Async<Entry> mkdir(const Request& r, NodeId parent, std::string_view name, const Creation& creation) override {
    return around(Opcode::kMkdir, Memfs::mkdir(r, parent, name, creation));
  }
  Async<void> unlink(const Request& r, NodeId parent, std::string_view name) override {
    return around(Opcode::kUnlink, Memfs::unlink(r, parent, name));
  }
  Async<void> rmdir(const Request& r, NodeId parent, std::string_view name) override {
    return around(Opcode::kRmdir, Memfs::rmdir(r, parent, name));
  }
  Async<void> rename(const Request& r, NodeId parent, std::string_view name, NodeId new_parent,
                     std::string_view new_name, std::uint32_t flags) override {
    return around(flags == 0 ? Opcode::kRename : Opcode::kRename2,
                  Memfs::rename(r, parent, name, new_parent, new_name, flags));
  }
  Async<Entry> link(const Request& r, NodeId node, NodeId new_parent, std::string_view new_name) override {
    return around(Opcode::kLink, Memfs::link(r, node, new_parent, new_name));
  }
  Async<Opened> open(const Request& r, NodeId node, std::uint32_t flags) override {
    return around(Opcode::kOpen, Memfs::open(r, node, flags));
  }
  Async<Created> create(const Request& r, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override {
    return around(Opcode::kCreate, Memfs::create(r, parent, name, creation, flags));
  }
  Async<Created> tmpfile(const Request& r, NodeId parent, const Creation& creation, std::uint32_t flags) override {
    return around(Opcode::kTmpfile, Memfs::tmpfile(r, parent, creation, flags));
  }
  Async<void> read(const Request& r, NodeId node, FileHandle handle, Offset offset, DataWriter& out) override {
    return around(Opcode::kRead, Memfs::read(r, node, handle, offset, out));
  }
  Async<std::uint32_t> write(const Request& r, NodeId node, FileHandle handle, Offset offset, Bytes data,
                             std::uint32_t flags) override {
    return around(Opcode::kWrite, Memfs::write(r, node, handle, offset, data, flags));
  }
  Async<void> flush(const Request& r, NodeId node, FileHandle handle, LockOwner owner) override {
    return around(Opcode::kFlush, Memfs::flush(r, node, handle, owner));
  }
  Async<void> release(NodeId node, FileHandle handle, const Release& how) override {
    return around(Opcode::kRelease, Memfs::release(node, handle, how));
  }
  Async<void> fsync(const Request& r, NodeId node, FileHandle handle, SyncKind kind) override {
    return around(Opcode::kFsync, Memfs::fsync(r, node, handle, kind));
  }
  Async<Opened> opendir(const Request& r, NodeId node, std::uint32_t flags) override {
    return around(Opcode::kOpendir, Memfs::opendir(r, node, flags));
  }
  Async<void> readdir(const Request& r, NodeId node, FileHandle handle, Cookie from, DirectoryWriter& out) override {
    return around(r.view().opcode(), Memfs::readdir(r, node, handle, from, out));
  }
  Async<void> releasedir(NodeId node, FileHandle handle, const Release& how) override {
    return around(Opcode::kReleasedir, Memfs::releasedir(node, handle, how));
  }
  Async<void> fsyncdir(const Request& r, NodeId node, FileHandle handle, SyncKind kind) override {
    return around(Opcode::kFsyncdir, Memfs::fsyncdir(r, node, handle, kind));
  }
  Async<FilesystemStatistics> statfs(const Request& r, NodeId node) override {
    return around(Opcode::kStatfs, Memfs::statfs(r, node));
  }
  Async<void> setxattr(const Request& r, NodeId node, std::string_view name, const SetXattr& attribute) override {
    return around(Opcode::kSetxattr, Memfs::setxattr(r, node, name, attribute));
  }
  Async<void> getxattr(const Request& r, NodeId node, std::string_view name, XattrWriter& out) override {
    return around(Opcode::kGetxattr, Memfs::getxattr(r, node, name, out));
  }
  Async<void> listxattr(const Request& r, NodeId node, XattrListWriter& out) override {
    return around(Opcode::kListxattr, Memfs::listxattr(r, node, out));
  }
  Async<void> removexattr(const Request& r, NodeId node, std::string_view name) override {
    return around(Opcode::kRemovexattr, Memfs::removexattr(r, node, name));
  }
  Async<FileLock> getlk(const Request& r, NodeId node, FileHandle handle, LockOwner owner,
                        const FileLock& lock) override {
    return around(Opcode::kGetlk, Memfs::getlk(r, node, handle, owner, lock));
  }
  Async<void> setlk(const Request& r, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override {
    return around(wait == LockWait::kNo ? Opcode::kSetlk : Opcode::kSetlkw,
                  Memfs::setlk(r, node, handle, owner, lock, wait));
  }
  Async<std::int32_t> ioctl(const Request&, NodeId, FileHandle, const IoctlRequest&, DataWriter&) override {
    return around(Opcode::kIoctl, Async<std::int32_t>(std::int32_t{0}));
  }
  Async<std::uint32_t> poll(const Request&, NodeId, FileHandle, const PollRequest& what) override {
    return around(Opcode::kPoll, Async<std::uint32_t>(what.events));
  }
  Async<void> fallocate(const Request& r, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override {
    return around(Opcode::kFallocate, Memfs::fallocate(r, node, handle, offset, length, mode));
  }
  Async<Offset> lseek(const Request& r, NodeId node, FileHandle handle, Offset offset, std::uint32_t whence) override {
    return around(Opcode::kLseek, Memfs::lseek(r, node, handle, offset, whence));
  }
  Async<std::uint64_t> copy_file_range(const Request& r, const CopyRange& range) override {
    return around(r.view().opcode(), Memfs::copy_file_range(r, range));
  }

 private:
  static Async<void> success() { return Result<void>(); }

  template <class T>
  Async<T> around(Opcode opcode, Async<T> handler) {
    if (at_ != opcode) return handler;
    at_.reset();
    return tell_first(std::exchange(tell_, nullptr), std::move(handler));
  }
  /// An error of what is told ends the handler before anything has happened.
  template <class T>
  static Async<T> tell_first(Tell tell, Async<T> handler) {
    co_await tell();
    co_return co_await as_result(std::move(handler));
  }

  Connection* connection_ = nullptr;
  std::optional<Opcode> at_;
  Tell tell_;
};

}  // namespace fusereplay::testing
