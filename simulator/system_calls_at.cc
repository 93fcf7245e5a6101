// Calls that begin at a directory, and where others begin (fs/namei.c path_init, fs/open.c).
#include <unistd.h>

#include "simulator/call.h"

namespace fusereplay {

using kernel::DentryRef;

// path_init.
Result<DentryRef> SystemCalls::start_of(Fd directory, std::string_view path) const {
  if (directory == kWorkingDirectory || path.empty() || path.front() == '/') return directory_;
  const Result<File> open = file(directory, Access::kPathOnly);
  if (!open) return open.error();
  if (!(*open)->inode->is_directory()) return Errno(ENOTDIR);
  return (*open)->dentry;
}

template <class Body>
auto SystemCalls::begin_at(Fd directory, std::string_view path, Body&& body) -> decltype(body()) {
  const Result<DentryRef> start = start_of(directory, path);
  if (!start) return start.error();
  const DentryRef before = std::exchange(directory_, *start);
  auto answer = body();
  directory_ = before;
  return answer;
}

/// Two paths, the second of which begins elsewhere.
template <class Body>
auto SystemCalls::begin_at(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to, Body&& body)
    -> decltype(body()) {
  const Result<DentryRef> target = start_of(to_directory, to);
  if (!target) {  // what the first path is comes first
    const auto source = start_of(from_directory, from);
    return source ? target.error() : source.error();
  }
  target_directory_ = *target != nullptr ? *target : DentryRef(&kernel_.filesystem.root());
  auto answer = begin_at(from_directory, from, body);
  target_directory_.reset();
  return answer;
}

/// Who is at the root is nowhere: there it was mounted, and there it may be unmounted.
Result<void> SystemCalls::go_to(const DentryRef& directory) {
  kernel::Inode& inode = *directory->inode;
  if (!inode.is_directory()) return Errno(ENOTDIR);
  const auto may = kernel_.filesystem.permission(inode, kernel::kMayExec | kernel::kMayChdir, process_);
  if (may) directory_ = directory.get() == &kernel_.filesystem.root() ? DentryRef() : directory;
  return may;
}

Outcome<void> SystemCalls::chdir(std::string_view path) {
  return call_on_path([&](kernel::LookupIntent intent) -> Result<void> {
    const Result<DentryRef> found = kernel_.walk.find(path, kernel::Follow::kYes, process_, intent);
    return found ? go_to(*found) : found.error();
  });
}

Outcome<void> SystemCalls::fchdir(Fd fd) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd, Access::kPathOnly);
    return open ? go_to((*open)->dentry) : open.error();
  });
}

Outcome<void> SystemCalls::mkdirat(Fd directory, std::string_view path, std::uint32_t mode) {
  return begin_at(directory, path, [&] { return mkdir(path, mode); });
}

Outcome<void> SystemCalls::mknodat(Fd directory, std::string_view path, std::uint32_t mode, std::uint64_t device) {
  return begin_at(directory, path, [&] { return mknod(path, mode, device); });
}

Outcome<void> SystemCalls::symlinkat(std::string_view target, Fd directory, std::string_view path) {
  return begin_at(directory, path, [&] { return symlink(target, path); });
}

Outcome<void> SystemCalls::unlinkat(Fd directory, std::string_view path, int flags) {
  if ((flags & ~AT_REMOVEDIR) != 0) return Errno(EINVAL);
  return begin_at(directory, path, [&] { return (flags & AT_REMOVEDIR) != 0 ? rmdir(path) : unlink(path); });
}

Outcome<void> SystemCalls::renameat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to,
                                    std::uint32_t flags) {
  return begin_at(from_directory, from, to_directory, to, [&] { return rename(from, to, flags); });
}

Outcome<void> SystemCalls::linkat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to) {
  return begin_at(from_directory, from, to_directory, to, [&] { return link(from, to); });
}

Outcome<std::string> SystemCalls::readlinkat(Fd directory, std::string_view path) {
  return begin_at(directory, path, [&] { return readlink(path); });
}

Outcome<struct stat> SystemCalls::fstatat(Fd directory, std::string_view path, int flags) {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return Errno(EINVAL);
  if (path.empty() && (flags & AT_EMPTY_PATH) != 0) return fstat(directory);
  return begin_at(directory, path, [&] { return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? lstat(path) : stat(path); });
}

Outcome<struct statx> SystemCalls::statx(Fd directory, std::string_view path, int flags, std::uint32_t mask) {
  return begin_at(directory, path, [&] { return statx(path, flags, mask); });
}

Outcome<void> SystemCalls::faccessat(Fd directory, std::string_view path, int mode, int flags) {
  return begin_at(directory, path, [&] { return faccessat(path, mode, flags); });
}

Outcome<void> SystemCalls::fchmodat(Fd directory, std::string_view path, std::uint32_t mode) {
  return begin_at(directory, path, [&] { return chmod(path, mode); });
}

Outcome<void> SystemCalls::fchownat(Fd directory, std::string_view path, std::uint32_t uid, std::uint32_t gid,
                                    int flags) {
  if ((flags & ~AT_SYMLINK_NOFOLLOW) != 0) return Errno(EINVAL);
  return begin_at(directory, path,
                  [&] { return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? lchown(path, uid, gid) : chown(path, uid, gid); });
}

Outcome<void> SystemCalls::utimensat(Fd directory, std::string_view path, const NewTime& atime, const NewTime& mtime,
                                     int flags) {
  if ((flags & ~AT_SYMLINK_NOFOLLOW) != 0) return Errno(EINVAL);
  return begin_at(directory, path, [&] {
    return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? lutimens(path, atime, mtime) : utimens(path, atime, mtime);
  });
}

Outcome<Fd> SystemCalls::dup2(Fd fd, Fd as) {
  constexpr std::size_t kMostFds = 1024;  // RLIMIT_NOFILE
  Result<File> open = file(fd, Access::kPathOnly);
  const std::size_t place = place_of(as);
  if (!open || place >= kMostFds) return Errno(EBADF);
  if (fd == as) return as;
  static_cast<void>(close(as));  // nobody is told what becomes of it
  if (place >= files_.size()) files_.resize(place + 1);
  ++(*open)->users;
  files_[place] = std::move(*open);
  return as;
}

}  // namespace fusereplay
