// The system calls of a RealMount (its header says what they are).
#include <fcntl.h>
#include <linux/limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstring>

#include "core/protocol/dirent.h"
#include "testing/real_mount_parts.h"

namespace fusereplay {
namespace {

int number(Fd fd) noexcept {
  return static_cast<int>(fd);
}

}  // namespace

char* RealMount::path(std::string_view path) {
  if (path.empty() || path.front() == '/' || parts_->in_directory) return parts_->caller.text(path);
  return parts_->caller.text("/" + std::string(path));
}

Outcome<Fd> RealMount::open(std::string_view path, int flags, std::uint32_t mode) {
  const auto opened = call(SYS_openat, AT_FDCWD, this->path(path), flags | O_CLOEXEC, mode);
  if (!opened) return opened.error();
  parts_->descriptors.insert(static_cast<std::int32_t>(*opened));
  return static_cast<Fd>(*opened);
}

Outcome<Fd> RealMount::openat(Fd directory, std::string_view path, int flags, std::uint32_t mode) {
  const auto opened = call(SYS_openat, number(directory), this->path(directory, path), flags | O_CLOEXEC, mode);
  if (!opened) return opened.error();
  parts_->descriptors.insert(static_cast<std::int32_t>(*opened));
  return static_cast<Fd>(*opened);
}

Outcome<void> RealMount::close(Fd fd) {
  if (parts_->descriptors.erase(number(fd)) == 0) return Errno(EBADF);
  return done(SYS_close, number(fd));
}

Outcome<Fd> RealMount::dup(Fd fd) {
  if (!parts_->descriptors.contains(number(fd))) return Errno(EBADF);
  const auto copy = call(SYS_dup, number(fd));
  if (!copy) return copy.error();
  parts_->descriptors.insert(static_cast<std::int32_t>(*copy));
  return static_cast<Fd>(*copy);
}

Outcome<int> RealMount::fcntl(Fd fd, int command, int argument) {
  const auto result = call(SYS_fcntl, number(fd), command, argument);
  if (!result) return result.error();
  return static_cast<int>(*result);
}

Outcome<std::size_t> RealMount::read(Fd fd, std::span<std::byte> into) {
  std::byte* const data = parts_->caller.allocate(into.size());
  const auto size = call(SYS_read, number(fd), data, into.size());
  if (!size) return size.error();
  if (*size != 0) std::memcpy(into.data(), data, static_cast<std::size_t>(*size));
  return static_cast<std::size_t>(*size);
}

Outcome<std::size_t> RealMount::pread(Fd fd, std::span<std::byte> into, std::uint64_t offset) {
  std::byte* const data = parts_->caller.allocate(into.size());
  const auto size = call(SYS_pread64, number(fd), data, into.size(), offset);
  if (!size) return size.error();
  if (*size != 0) std::memcpy(into.data(), data, static_cast<std::size_t>(*size));
  return static_cast<std::size_t>(*size);
}

Outcome<std::string> RealMount::read(Fd fd, std::size_t size) {
  std::string data(size, '\0');
  const auto got = read(fd, std::as_writable_bytes(std::span(data)));
  if (!got) return got.error();
  data.resize(*got);
  return data;
}

Outcome<std::string> RealMount::pread(Fd fd, std::size_t size, std::uint64_t offset) {
  std::string data(size, '\0');
  const auto got = pread(fd, std::as_writable_bytes(std::span(data)), offset);
  if (!got) return got.error();
  data.resize(*got);
  return data;
}

Outcome<std::size_t> RealMount::write(Fd fd, std::string_view data) {
  const auto size = call(SYS_write, number(fd), parts_->caller.text(data), data.size());
  if (!size) return size.error();
  return static_cast<std::size_t>(*size);
}

Outcome<std::size_t> RealMount::pwrite(Fd fd, std::string_view data, std::uint64_t offset) {
  const auto size = call(SYS_pwrite64, number(fd), parts_->caller.text(data), data.size(), offset);
  if (!size) return size.error();
  return static_cast<std::size_t>(*size);
}

// The offset of preadv2 and pwritev2 comes in two halves; on machines of 64 bits the second is not looked at.
Outcome<std::size_t> RealMount::preadv2(Fd fd, std::span<const std::span<std::byte>> into, std::int64_t offset,
                                        int flags) {
  auto* const pieces = reinterpret_cast<iovec*>(parts_->caller.allocate(into.size() * sizeof(iovec)));
  for (std::size_t i = 0; i < into.size(); ++i) {
    pieces[i] = {.iov_base = parts_->caller.allocate(into[i].size()), .iov_len = into[i].size()};
  }
  const auto size = call(SYS_preadv2, number(fd), pieces, into.size(), offset, 0, flags);
  if (!size) return size.error();
  auto rest = static_cast<std::size_t>(*size);
  for (std::size_t i = 0; i < into.size() && rest > 0; ++i) {
    const std::size_t here = std::min(rest, into[i].size());
    if (here != 0) std::memcpy(into[i].data(), pieces[i].iov_base, here);
    rest -= here;
  }
  return static_cast<std::size_t>(*size);
}

Outcome<std::size_t> RealMount::preadv(Fd fd, std::span<const std::span<std::byte>> into, std::uint64_t offset) {
  const auto at = static_cast<std::int64_t>(offset);
  return at < 0 ? Outcome<std::size_t>(Errno(EINVAL)) : preadv2(fd, into, at, 0);
}

Outcome<std::size_t> RealMount::pwritev2(Fd fd, std::span<const std::string_view> data, std::int64_t offset,
                                         int flags) {
  auto* const pieces = reinterpret_cast<iovec*>(parts_->caller.allocate(data.size() * sizeof(iovec)));
  for (std::size_t i = 0; i < data.size(); ++i) {
    pieces[i] = {.iov_base = parts_->caller.text(data[i]), .iov_len = data[i].size()};
  }
  const auto size = call(SYS_pwritev2, number(fd), pieces, data.size(), offset, 0, flags);
  if (!size) return size.error();
  return static_cast<std::size_t>(*size);
}

Outcome<std::size_t> RealMount::pwritev(Fd fd, std::span<const std::string_view> data, std::uint64_t offset) {
  const auto at = static_cast<std::int64_t>(offset);
  return at < 0 ? Outcome<std::size_t>(Errno(EINVAL)) : pwritev2(fd, data, at, 0);
}

Outcome<std::uint64_t> RealMount::lseek(Fd fd, std::int64_t offset, int whence) {
  const auto position = call(SYS_lseek, number(fd), offset, whence);
  if (!position) return position.error();
  return static_cast<std::uint64_t>(*position);
}

Outcome<void> RealMount::truncate(std::string_view path, std::uint64_t size) {
  return done(SYS_truncate, this->path(path), size);
}

Outcome<void> RealMount::ftruncate(Fd fd, std::uint64_t size) {
  return done(SYS_ftruncate, number(fd), size);
}

Outcome<void> RealMount::fallocate(Fd fd, int mode, std::uint64_t offset, std::uint64_t length) {
  return done(SYS_fallocate, number(fd), mode, offset, length);
}

Outcome<std::size_t> RealMount::copy_file_range(Fd in, std::uint64_t in_offset, Fd out, std::uint64_t out_offset,
                                                std::size_t length) {
  auto* const from = parts_->caller.make<std::uint64_t>();
  auto* const to = parts_->caller.make<std::uint64_t>();
  *from = in_offset;
  *to = out_offset;
  const auto size = call(SYS_copy_file_range, number(in), from, number(out), to, length, 0);
  if (!size) return size.error();
  return static_cast<std::size_t>(*size);
}

Outcome<void> RealMount::fsync(Fd fd) {
  return done(SYS_fsync, number(fd));
}

Outcome<void> RealMount::fdatasync(Fd fd) {
  return done(SYS_fdatasync, number(fd));
}

Outcome<void> RealMount::syncfs(Fd fd) {
  return done(SYS_syncfs, number(fd));
}

Outcome<struct stat> RealMount::stat(std::string_view path) {
  auto* const stat = parts_->caller.make<struct ::stat>();
  const auto got = call(SYS_newfstatat, AT_FDCWD, this->path(path), stat, 0);
  if (!got) return got.error();
  return *stat;
}

Outcome<struct stat> RealMount::lstat(std::string_view path) {
  auto* const stat = parts_->caller.make<struct ::stat>();
  const auto got = call(SYS_newfstatat, AT_FDCWD, this->path(path), stat, AT_SYMLINK_NOFOLLOW);
  if (!got) return got.error();
  return *stat;
}

Outcome<struct stat> RealMount::fstat(Fd fd) {
  auto* const stat = parts_->caller.make<struct ::stat>();
  const auto got = call(SYS_fstat, number(fd), stat);
  if (!got) return got.error();
  return *stat;
}

Outcome<struct statx> RealMount::statx(std::string_view path, int flags, std::uint32_t mask) {
  auto* const stat = parts_->caller.make<struct ::statx>();
  const auto got = call(SYS_statx, AT_FDCWD, this->path(path), flags, mask, stat);
  if (!got) return got.error();
  return *stat;
}

Outcome<void> RealMount::faccessat(std::string_view path, int mode, int flags) {
  return done(SYS_faccessat2, AT_FDCWD, this->path(path), mode, flags | AT_EACCESS);
}

Outcome<void> RealMount::chmod(std::string_view path, std::uint32_t mode) {
  return done(SYS_fchmodat, AT_FDCWD, this->path(path), mode);
}

Outcome<void> RealMount::fchmod(Fd fd, std::uint32_t mode) {
  return done(SYS_fchmod, number(fd), mode);
}

Outcome<void> RealMount::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return done(SYS_fchownat, AT_FDCWD, this->path(path), uid, gid, 0);
}

Outcome<void> RealMount::lchown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  return done(SYS_fchownat, AT_FDCWD, this->path(path), uid, gid, AT_SYMLINK_NOFOLLOW);
}

Outcome<void> RealMount::fchown(Fd fd, std::uint32_t uid, std::uint32_t gid) {
  return done(SYS_fchown, number(fd), uid, gid);
}

namespace {

timespec as_timespec(const NewTime& time) noexcept {
  if (time.kind == NewTime::Kind::kNow) return {0, UTIME_NOW};
  if (time.kind == NewTime::Kind::kOmit) return {0, UTIME_OMIT};
  return {static_cast<time_t>(time.time.seconds), static_cast<long>(time.time.nanoseconds)};
}
timespec* times(testing::CallingProcess& caller, const NewTime& atime, const NewTime& mtime) {
  auto* const both = reinterpret_cast<timespec*>(caller.allocate(2 * sizeof(timespec)));
  both[0] = as_timespec(atime);
  both[1] = as_timespec(mtime);
  return both;
}

struct statvfs as_statvfs(const struct ::statfs& got) noexcept {
  struct ::statvfs result {};
  result.f_bsize = static_cast<unsigned long>(got.f_bsize);
  result.f_frsize = static_cast<unsigned long>(got.f_frsize != 0 ? got.f_frsize : got.f_bsize);
  result.f_blocks = got.f_blocks;
  result.f_bfree = got.f_bfree;
  result.f_bavail = got.f_bavail;
  result.f_files = got.f_files;
  result.f_ffree = result.f_favail = got.f_ffree;
  result.f_namemax = static_cast<unsigned long>(got.f_namelen);
  return result;
}

}  // namespace

Outcome<void> RealMount::utimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  return done(SYS_utimensat, AT_FDCWD, this->path(path), times(parts_->caller, atime, mtime), 0);
}

Outcome<void> RealMount::lutimens(std::string_view path, const NewTime& atime, const NewTime& mtime) {
  return done(SYS_utimensat, AT_FDCWD, this->path(path), times(parts_->caller, atime, mtime), AT_SYMLINK_NOFOLLOW);
}

Outcome<void> RealMount::futimens(Fd fd, const NewTime& atime, const NewTime& mtime) {
  return done(SYS_utimensat, number(fd), 0, times(parts_->caller, atime, mtime), 0);
}

Outcome<void> RealMount::utimensat(Fd directory, std::string_view path, const NewTime& atime, const NewTime& mtime,
                                   int flags) {
  return done(SYS_utimensat, number(directory), this->path(directory, path), times(parts_->caller, atime, mtime),
              flags);
}

Outcome<struct statvfs> RealMount::statvfs(std::string_view path) {
  auto* const got = parts_->caller.make<struct ::statfs>();
  const auto asked = call(SYS_statfs, this->path(path), got);
  if (!asked) return asked.error();
  return as_statvfs(*got);
}

Outcome<struct statvfs> RealMount::fstatvfs(Fd fd) {
  auto* const got = parts_->caller.make<struct ::statfs>();
  const auto asked = call(SYS_fstatfs, number(fd), got);
  if (!asked) return asked.error();
  return as_statvfs(*got);
}

Outcome<void> RealMount::mkdir(std::string_view path, std::uint32_t mode) {
  return done(SYS_mkdirat, AT_FDCWD, this->path(path), mode);
}

Outcome<void> RealMount::rmdir(std::string_view path) {
  return done(SYS_unlinkat, AT_FDCWD, this->path(path), AT_REMOVEDIR);
}

Outcome<void> RealMount::unlink(std::string_view path) {
  return done(SYS_unlinkat, AT_FDCWD, this->path(path), 0);
}

Outcome<void> RealMount::rename(std::string_view from, std::string_view to, std::uint32_t flags) {
  return done(SYS_renameat2, AT_FDCWD, path(from), AT_FDCWD, path(to), flags);
}

Outcome<void> RealMount::link(std::string_view from, std::string_view to) {
  return done(SYS_linkat, AT_FDCWD, path(from), AT_FDCWD, path(to), 0);
}

Outcome<void> RealMount::link(Fd from, std::string_view to) {
  return done(SYS_linkat, number(from), parts_->caller.text(""), AT_FDCWD, path(to), AT_EMPTY_PATH);
}

Outcome<void> RealMount::symlink(std::string_view target, std::string_view path) {
  return done(SYS_symlinkat, parts_->caller.text(target), AT_FDCWD, this->path(path));
}

Outcome<std::string> RealMount::readlink(std::string_view path) {
  std::byte* const target = parts_->caller.allocate(PATH_MAX);
  const auto size = call(SYS_readlinkat, AT_FDCWD, this->path(path), target, PATH_MAX);
  if (!size) return size.error();
  return std::string(reinterpret_cast<const char*>(target), static_cast<std::size_t>(*size));
}

Outcome<void> RealMount::mknod(std::string_view path, std::uint32_t mode, std::uint64_t device) {
  return done(SYS_mknodat, AT_FDCWD, this->path(path), mode, device);
}

Outcome<std::vector<ListedEntry>> RealMount::getdents(Fd fd, std::size_t size) {
  std::byte* const records = parts_->caller.allocate(size);
  const auto got = call(SYS_getdents64, number(fd), records, size);
  if (!got) return got.error();
  struct Head {  // struct linux_dirent64, its name left out
    std::uint64_t ino;
    std::int64_t position;
    std::uint16_t size;
    std::uint8_t type;
  };
  std::vector<ListedEntry> entries;
  for (std::int64_t at = 0; at < *got;) {
    Head head{};
    constexpr std::size_t kName = 19;
    std::memcpy(&head, records + at, kName);
    entries.push_back({.name = reinterpret_cast<const char*>(records + at + kName),
                       .ino = head.ino,
                       .type = head.type,
                       .position = static_cast<std::uint64_t>(head.position)});
    at += head.size;
  }
  return entries;
}

Outcome<std::vector<std::string>> RealMount::list(std::string_view path) {
  const auto directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  std::vector<std::string> names;
  while (true) {
    const auto entries = getdents(*directory);
    if (!entries || entries->empty()) {
      close(*directory);
      if (!entries) return entries.error();
      return names;
    }
    for (const ListedEntry& entry : *entries) {
      if (!is_dot_name(entry.name)) names.push_back(entry.name);
    }
  }
}

Outcome<void> RealMount::setxattr(std::string_view path, std::string_view name, std::string_view value, int flags) {
  testing::CallingProcess& caller = parts_->caller;
  return done(SYS_setxattr, this->path(path), caller.text(name), caller.text(value), value.size(), flags);
}

Outcome<void> RealMount::lsetxattr(std::string_view path, std::string_view name, std::string_view value, int flags) {
  testing::CallingProcess& caller = parts_->caller;
  return done(SYS_lsetxattr, this->path(path), caller.text(name), caller.text(value), value.size(), flags);
}

Outcome<void> RealMount::fsetxattr(Fd fd, std::string_view name, std::string_view value, int flags) {
  testing::CallingProcess& caller = parts_->caller;
  return done(SYS_fsetxattr, number(fd), caller.text(name), caller.text(value), value.size(), flags);
}

Outcome<std::string> RealMount::get_value(long number, long where, std::string_view name, std::size_t size) {
  std::byte* const value = parts_->caller.allocate(size);
  const auto got = call(number, where, parts_->caller.text(name), value, size);
  if (!got) return got.error();
  return std::string(reinterpret_cast<const char*>(value), static_cast<std::size_t>(*got));
}

Outcome<std::vector<std::string>> RealMount::get_list(long number, long where, std::size_t size) {
  std::byte* const list = parts_->caller.allocate(size);
  const auto got = call(number, where, list, size);
  if (!got) return got.error();
  std::vector<std::string> names;
  std::string_view rest(reinterpret_cast<const char*>(list), static_cast<std::size_t>(*got));
  while (!rest.empty()) {
    names.emplace_back(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), names.back().size() + 1));
  }
  return names;
}

namespace {

long where(const char* path) noexcept {
  return static_cast<long>(reinterpret_cast<std::intptr_t>(path));
}

}  // namespace

Outcome<std::string> RealMount::getxattr(std::string_view path, std::string_view name, std::size_t size) {
  return get_value(SYS_getxattr, where(this->path(path)), name, size);
}

Outcome<std::string> RealMount::lgetxattr(std::string_view path, std::string_view name, std::size_t size) {
  return get_value(SYS_lgetxattr, where(this->path(path)), name, size);
}

Outcome<std::string> RealMount::fgetxattr(Fd fd, std::string_view name, std::size_t size) {
  return get_value(SYS_fgetxattr, number(fd), name, size);
}

Outcome<std::size_t> RealMount::getxattr_size(std::string_view path, std::string_view name) {
  const auto got = call(SYS_getxattr, this->path(path), parts_->caller.text(name), 0, 0);
  if (!got) return got.error();
  return static_cast<std::size_t>(*got);
}

Outcome<std::vector<std::string>> RealMount::listxattr(std::string_view path, std::size_t size) {
  return get_list(SYS_listxattr, where(this->path(path)), size);
}

Outcome<std::vector<std::string>> RealMount::llistxattr(std::string_view path, std::size_t size) {
  return get_list(SYS_llistxattr, where(this->path(path)), size);
}

Outcome<std::vector<std::string>> RealMount::flistxattr(Fd fd, std::size_t size) {
  return get_list(SYS_flistxattr, number(fd), size);
}

Outcome<std::size_t> RealMount::listxattr_size(std::string_view path) {
  const auto got = call(SYS_listxattr, this->path(path), 0, 0);
  if (!got) return got.error();
  return static_cast<std::size_t>(*got);
}

Outcome<void> RealMount::removexattr(std::string_view path, std::string_view name) {
  return done(SYS_removexattr, this->path(path), parts_->caller.text(name));
}

Outcome<void> RealMount::lremovexattr(std::string_view path, std::string_view name) {
  return done(SYS_lremovexattr, this->path(path), parts_->caller.text(name));
}

Outcome<void> RealMount::fremovexattr(Fd fd, std::string_view name) {
  return done(SYS_fremovexattr, number(fd), parts_->caller.text(name));
}

Outcome<void> RealMount::flock(Fd fd, int operation) {
  return done(SYS_flock, number(fd), operation);
}

Outcome<void> RealMount::setlk(Fd fd, const struct flock& lock) {
  auto* const wanted = parts_->caller.make<struct ::flock>();
  *wanted = lock;
  return done(SYS_fcntl, number(fd), F_SETLK, wanted);
}

Outcome<void> RealMount::setlkw(Fd fd, const struct flock& lock) {
  auto* const wanted = parts_->caller.make<struct ::flock>();
  *wanted = lock;
  return done(SYS_fcntl, number(fd), F_SETLKW, wanted);
}

Outcome<struct flock> RealMount::getlk(Fd fd, const struct flock& lock) {
  auto* const asked = parts_->caller.make<struct ::flock>();
  *asked = lock;
  const auto got = call(SYS_fcntl, number(fd), F_GETLK, asked);
  if (!got) return got.error();
  return *asked;
}

Outcome<std::uint32_t> RealMount::poll(Fd fd, std::uint32_t events, std::int64_t timeout) {
  auto* const asked = parts_->caller.make<pollfd>();
  *asked = {.fd = number(fd), .events = static_cast<short>(events), .revents = 0};
  timespec* limit = nullptr;
  if (timeout >= 0) {
    limit = parts_->caller.make<timespec>();
    *limit = {timeout / 1'000'000'000, timeout % 1'000'000'000};
  }
  const auto got = call(SYS_ppoll, asked, 1, limit, 0, 0);
  if (!got) return got.error();
  return static_cast<std::uint32_t>(asked->revents);
}

}  // namespace fusereplay
