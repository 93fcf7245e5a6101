#include "core/operations/operations.h"

namespace fusereplay {

namespace {
Result<void> ok() {
  return {};
}
constexpr Errno kNotImplemented{ENOSYS};
}  // namespace

Async<void> Operations::init(Connection&) {
  return ok();
}
Async<void> Operations::destroy() {
  return ok();
}
Async<Entry> Operations::lookup(const Request&, NodeId, std::string_view) {
  return kNotImplemented;
}
Async<void> Operations::forget(NodeId, std::uint64_t) {
  return ok();
}
Async<AttributesReply> Operations::getattr(const Request&, NodeId, std::optional<FileHandle>) {
  return kNotImplemented;
}
Async<AttributesReply> Operations::setattr(const Request&, NodeId, const SetAttributes&) {
  return kNotImplemented;
}
Async<StatxReply> Operations::statx(const Request&, NodeId, const StatxRequest&) {
  return kNotImplemented;
}
Async<void> Operations::access(const Request&, NodeId, std::uint32_t) {
  return kNotImplemented;
}
Async<std::string> Operations::readlink(const Request&, NodeId) {
  return kNotImplemented;
}
Async<Entry> Operations::symlink(const Request&, NodeId, std::string_view, std::string_view, const Creation&) {
  return kNotImplemented;
}
Async<Entry> Operations::mknod(const Request&, NodeId, std::string_view, const Creation&, std::uint32_t) {
  return kNotImplemented;
}
Async<Entry> Operations::mkdir(const Request&, NodeId, std::string_view, const Creation&) {
  return kNotImplemented;
}
Async<void> Operations::unlink(const Request&, NodeId, std::string_view) {
  return kNotImplemented;
}
Async<void> Operations::rmdir(const Request&, NodeId, std::string_view) {
  return kNotImplemented;
}
Async<void> Operations::rename(const Request&, NodeId, std::string_view, NodeId, std::string_view, std::uint32_t) {
  return kNotImplemented;
}
Async<Entry> Operations::link(const Request&, NodeId, NodeId, std::string_view) {
  return kNotImplemented;
}
Async<Opened> Operations::open(const Request&, NodeId, std::uint32_t) {
  return Opened{};
}
Async<Created> Operations::create(const Request&, NodeId, std::string_view, const Creation&, std::uint32_t) {
  return kNotImplemented;
}
Async<Created> Operations::tmpfile(const Request&, NodeId, const Creation&, std::uint32_t) {
  return kNotImplemented;
}
Async<void> Operations::read(const Request&, NodeId, FileHandle, Offset, DataWriter&) {
  return kNotImplemented;
}
Async<std::uint32_t> Operations::write(const Request&, NodeId, FileHandle, Offset, Bytes, std::uint32_t) {
  return kNotImplemented;
}
Async<void> Operations::flush(const Request&, NodeId, FileHandle, LockOwner) {
  return kNotImplemented;
}
Async<void> Operations::release(NodeId, FileHandle, const Release&) {
  return ok();
}
Async<void> Operations::fsync(const Request&, NodeId, FileHandle, SyncKind) {
  return kNotImplemented;
}
Async<Opened> Operations::opendir(const Request&, NodeId, std::uint32_t) {
  return Opened{};
}
Async<void> Operations::readdir(const Request&, NodeId, FileHandle, Cookie, DirectoryWriter&) {
  return kNotImplemented;
}
Async<void> Operations::releasedir(NodeId, FileHandle, const Release&) {
  return ok();
}
Async<void> Operations::fsyncdir(const Request&, NodeId, FileHandle, SyncKind) {
  return kNotImplemented;
}
Async<FilesystemStatistics> Operations::statfs(const Request&, NodeId) {
  return FilesystemStatistics{};
}
Async<void> Operations::syncfs(const Request&, NodeId) {
  return kNotImplemented;
}
Async<void> Operations::setxattr(const Request&, NodeId, std::string_view, const SetXattr&) {
  return kNotImplemented;
}
Async<void> Operations::getxattr(const Request&, NodeId, std::string_view, XattrWriter&) {
  return kNotImplemented;
}
Async<void> Operations::listxattr(const Request&, NodeId, XattrListWriter&) {
  return kNotImplemented;
}
Async<void> Operations::removexattr(const Request&, NodeId, std::string_view) {
  return kNotImplemented;
}
Async<FileLock> Operations::getlk(const Request&, NodeId, FileHandle, LockOwner, const FileLock&) {
  return kNotImplemented;
}
Async<void> Operations::setlk(const Request&, NodeId, FileHandle, LockOwner, const FileLock&, LockWait) {
  return kNotImplemented;
}
Async<void> Operations::flock(const Request&, NodeId, FileHandle, LockOwner, const FileLock&, LockWait) {
  return kNotImplemented;
}
Async<std::uint64_t> Operations::bmap(const Request&, NodeId, std::uint64_t, std::uint32_t) {
  return kNotImplemented;
}
Async<std::int32_t> Operations::ioctl(const Request&, NodeId, FileHandle, const IoctlRequest&, DataWriter&) {
  return kNotImplemented;
}
Async<std::uint32_t> Operations::poll(const Request&, NodeId, FileHandle, const PollRequest&) {
  return kNotImplemented;
}
Async<void> Operations::fallocate(const Request&, NodeId, FileHandle, Offset, std::uint64_t, std::uint32_t) {
  return kNotImplemented;
}
Async<Offset> Operations::lseek(const Request&, NodeId, FileHandle, Offset, std::uint32_t) {
  return kNotImplemented;
}
Async<std::uint64_t> Operations::copy_file_range(const Request&, const CopyRange&) {
  return kNotImplemented;
}
Async<void> Operations::retrieve_reply(const Request&, NodeId, std::uint64_t, Offset, Bytes) {
  return kNotImplemented;
}

}  // namespace fusereplay
