// Calls of a RealMount that are no file's data, names or attributes.
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "testing/real_mount_parts.h"

namespace fusereplay {
namespace {

int number(Fd fd) noexcept {
  return static_cast<int>(fd);
}

}  // namespace

char* RealMount::path(Fd directory, std::string_view path) {
  return directory == kWorkingDirectory ? this->path(path) : parts_->caller.text(path);
}

Outcome<int> RealMount::ioctl(Fd fd, std::uint32_t command, std::uint64_t argument) {
  const auto result = call(SYS_ioctl, number(fd), command, argument);
  if (!result) return result.error();
  return static_cast<int>(*result);
}

Outcome<int> RealMount::ioctl(Fd fd, std::uint32_t command, std::span<std::byte> memory) {
  if (_IOC_DIR(command) != _IOC_NONE && memory.size() < _IOC_SIZE(command)) return Errno(EFAULT);
  std::byte* const shared = parts_->caller.allocate(memory.size());
  if (!memory.empty()) std::memcpy(shared, memory.data(), memory.size());
  const auto result = call(SYS_ioctl, number(fd), command, shared);
  if (!memory.empty()) std::memcpy(memory.data(), shared, memory.size());
  if (!result) return result.error();
  return static_cast<int>(*result);
}

Outcome<void> RealMount::fadvise(Fd fd, std::uint64_t offset, std::uint64_t length, int advice) {
  return done(SYS_fadvise64, number(fd), offset, length, advice);
}

Outcome<void> RealMount::readahead(Fd fd, std::uint64_t offset, std::size_t count) {
  return done(SYS_readahead, number(fd), offset, count);
}

Outcome<Fd> RealMount::dup2(Fd fd, Fd as) {
  if (!parts_->descriptors.contains(number(fd)) || number(as) < 0) return Errno(EBADF);
  constexpr int kFirstFree = 4;  // below are the caller's own
  if (number(as) < kFirstFree) return Errno(EBUSY);
  const auto copy = fd == as ? call(SYS_fcntl, number(fd), F_GETFD) : call(SYS_dup3, number(fd), number(as), 0);
  if (!copy) return copy.error();
  parts_->descriptors.insert(number(as));
  return as;
}

Outcome<void> RealMount::chdir(std::string_view path) {
  const auto changed = call(SYS_chdir, this->path(path));
  if (!changed) return changed.error();
  parts_->in_directory = path != "/";
  return {};
}

Outcome<void> RealMount::fchdir(Fd fd) {
  const auto changed = call(SYS_fchdir, number(fd));
  if (!changed) return changed.error();
  parts_->in_directory = true;
  return {};
}

Outcome<void> RealMount::mkdirat(Fd directory, std::string_view path, std::uint32_t mode) {
  return done(SYS_mkdirat, number(directory), this->path(directory, path), mode);
}

Outcome<void> RealMount::mknodat(Fd directory, std::string_view path, std::uint32_t mode, std::uint64_t device) {
  return done(SYS_mknodat, number(directory), this->path(directory, path), mode, device);
}

Outcome<void> RealMount::symlinkat(std::string_view target, Fd directory, std::string_view path) {
  return done(SYS_symlinkat, parts_->caller.text(target), number(directory), this->path(directory, path));
}

Outcome<void> RealMount::unlinkat(Fd directory, std::string_view path, int flags) {
  return done(SYS_unlinkat, number(directory), this->path(directory, path), flags);
}

Outcome<void> RealMount::renameat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to,
                                  std::uint32_t flags) {
  return done(SYS_renameat2, number(from_directory), path(from_directory, from), number(to_directory),
              path(to_directory, to), flags);
}

Outcome<void> RealMount::linkat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to) {
  return done(SYS_linkat, number(from_directory), path(from_directory, from), number(to_directory),
              path(to_directory, to), 0);
}

Outcome<std::string> RealMount::readlinkat(Fd directory, std::string_view path) {
  constexpr std::size_t kMost = 4096;
  std::byte* const target = parts_->caller.allocate(kMost);
  const auto size = call(SYS_readlinkat, number(directory), this->path(directory, path), target, kMost);
  if (!size) return size.error();
  return std::string(reinterpret_cast<const char*>(target), static_cast<std::size_t>(*size));
}

Outcome<struct stat> RealMount::fstatat(Fd directory, std::string_view path, int flags) {
  auto* const stat = parts_->caller.make<struct ::stat>();
  const auto got = call(SYS_newfstatat, number(directory), this->path(directory, path), stat, flags);
  if (!got) return got.error();
  return *stat;
}

Outcome<struct statx> RealMount::statx(Fd directory, std::string_view path, int flags, std::uint32_t mask) {
  auto* const stat = parts_->caller.make<struct ::statx>();
  const auto got = call(SYS_statx, number(directory), this->path(directory, path), flags, mask, stat);
  if (!got) return got.error();
  return *stat;
}

Outcome<void> RealMount::faccessat(Fd directory, std::string_view path, int mode, int flags) {
  return done(SYS_faccessat2, number(directory), this->path(directory, path), mode, flags | AT_EACCESS);
}

Outcome<void> RealMount::fchmodat(Fd directory, std::string_view path, std::uint32_t mode) {
  return done(SYS_fchmodat, number(directory), this->path(directory, path), mode);
}

Outcome<void> RealMount::fchownat(Fd directory, std::string_view path, std::uint32_t uid, std::uint32_t gid,
                                  int flags) {
  return done(SYS_fchownat, number(directory), this->path(directory, path), uid, gid, flags);
}

Outcome<ExportedHandle> RealMount::get_handle(Fd directory, const char* path, int flags, std::size_t size) {
  std::byte* const memory = parts_->caller.allocate(sizeof(file_handle) + std::max<std::size_t>(size, MAX_HANDLE_SZ));
  auto* const handle = reinterpret_cast<file_handle*>(memory);
  handle->handle_bytes = static_cast<unsigned>(size);
  const auto got =
      call(SYS_name_to_handle_at, number(directory), path, handle, parts_->caller.make<std::uint64_t>(), flags);
  if (!got) return got.error();
  return ExportedHandle{
      .type = handle->handle_type,
      .bytes = std::string(reinterpret_cast<const char*>(memory + sizeof(file_handle)), handle->handle_bytes)};
}

Outcome<ExportedHandle> RealMount::name_to_handle_at(std::string_view path, int flags, std::size_t size) {
  return get_handle(kWorkingDirectory, this->path(path), flags, size);
}

Outcome<ExportedHandle> RealMount::name_to_handle_at(Fd fd) {
  return get_handle(fd, parts_->caller.text(""), AT_EMPTY_PATH, MAX_HANDLE_SZ);
}

Outcome<Fd> RealMount::open_by_handle_at(const ExportedHandle& handle, int flags) {
  std::byte* const memory = parts_->caller.allocate(sizeof(file_handle) + handle.bytes.size());
  auto* const raw = reinterpret_cast<file_handle*>(memory);
  raw->handle_bytes = static_cast<unsigned>(handle.bytes.size());
  raw->handle_type = handle.type;
  std::memcpy(memory + sizeof(file_handle), handle.bytes.data(), handle.bytes.size());
  // The working directory is in the mount: pivot_root(2) saw to it.
  const auto opened = call(SYS_open_by_handle_at, AT_FDCWD, raw, flags | O_CLOEXEC);
  if (!opened) return opened.error();
  parts_->descriptors.insert(static_cast<std::int32_t>(*opened));
  return static_cast<Fd>(*opened);
}

}  // namespace fusereplay
