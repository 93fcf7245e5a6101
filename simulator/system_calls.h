// The system calls of one simulated process: what a program would call, in the words of section 2 of the manual.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/operations/types.h"
#include "simulator/outcome.h"
#include "simulator/process.h"

namespace fusereplay {

namespace kernel {
struct Kernel;
struct Dentry;
struct Inode;
struct OpenFile;
struct Mapping;
void intrusive_ptr_add_ref(Dentry* dentry) noexcept;
void intrusive_ptr_release(Dentry* dentry) noexcept;
class Task;
enum class Follow : std::uint8_t;
}  // namespace kernel

template <class T>
class PendingCall;

/// A file descriptor of a simulated process.
enum class Fd : std::int32_t {};

/// Memory of a simulated process that holds a file's pages.
enum class Mapping : std::int32_t {};

/// Stands for no directory: AT_FDCWD.
inline constexpr Fd kWorkingDirectory{AT_FDCWD};

/// A file handle as name_to_handle_at(2) gives it: it outlives names, descriptors, and the kernel's inodes.
struct ExportedHandle {
  std::int32_t type = 0;
  std::string bytes;

  bool operator==(const ExportedHandle&) const = default;
};

/// A directory record as getdents64(2) gives it.
struct ListedEntry {
  std::string name;
  std::uint64_t ino = 0;
  std::uint32_t type = 0;      // DT_...
  std::uint64_t position = 0;  // to seekdir to what follows it

  bool operator==(const ListedEntry&) const = default;
};

/// When to change a file's times to (utimensat(2)).
struct NewTime {
  enum class Kind : std::uint8_t { kNow, kOmit, kSet };
  Kind kind = Kind::kNow;
  Timestamp time{};
};

/// Each call does what the kernel does, asks the server what the kernel asks, and returns what the caller would get;
/// it returns when the caller would go on, and what that leaves for the server to do (RELEASE, FORGET) has been done.
/// EDEADLK from the simulation itself: nothing is left that could bring the reply (SimulatedMount::dead_ends()).
///
/// Relative paths begin at the root of the mount, or where chdir(2) went, absolute ones at the root. Those of calls in
/// ...at begin at the descriptor of a directory, as in the manual. Data is bytes: `std::string_view` or any span of
/// them.
class SystemCalls {
 public:
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;

  /// Who calls from now on.
  Process& process() noexcept { return process_; }

  Outcome<Fd> open(std::string_view path, int flags, std::uint32_t mode = 0);
  Outcome<Fd> creat(std::string_view path, std::uint32_t mode) {
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
  }
  /// A relative path begins at `directory`.
  Outcome<Fd> openat(Fd directory, std::string_view path, int flags, std::uint32_t mode = 0);
  /// The error of FLUSH, as close(2) returns it; the descriptor is closed either way.
  Outcome<void> close(Fd fd);
  Outcome<Fd> dup(Fd fd);
  Outcome<Fd> dup2(Fd fd, Fd as);
  /// F_GETFL and F_SETFL.
  Outcome<int> fcntl(Fd fd, int command, int argument = 0);

  Outcome<std::size_t> read(Fd fd, std::span<std::byte> into);
  Outcome<std::size_t> pread(Fd fd, std::span<std::byte> into, std::uint64_t offset);
  /// At most `size` bytes from there.
  Outcome<std::string> read(Fd fd, std::size_t size);
  Outcome<std::string> pread(Fd fd, std::size_t size, std::uint64_t offset);
  Outcome<std::size_t> write(Fd fd, std::string_view data);
  Outcome<std::size_t> pwrite(Fd fd, std::string_view data, std::uint64_t offset);
  Outcome<std::size_t> readv(Fd fd, std::span<const std::span<std::byte>> into) { return preadv2(fd, into, -1, 0); }
  Outcome<std::size_t> preadv(Fd fd, std::span<const std::span<std::byte>> into, std::uint64_t offset);
  /// Offset -1: at the file's position. `flags`: RWF_...
  Outcome<std::size_t> preadv2(Fd fd, std::span<const std::span<std::byte>> into, std::int64_t offset, int flags);
  Outcome<std::size_t> writev(Fd fd, std::span<const std::string_view> data) { return pwritev2(fd, data, -1, 0); }
  Outcome<std::size_t> pwritev(Fd fd, std::span<const std::string_view> data, std::uint64_t offset);
  Outcome<std::size_t> pwritev2(Fd fd, std::span<const std::string_view> data, std::int64_t offset, int flags);
  Outcome<std::uint64_t> lseek(Fd fd, std::int64_t offset, int whence);
  Outcome<void> truncate(std::string_view path, std::uint64_t size);
  Outcome<void> ftruncate(Fd fd, std::uint64_t size);
  Outcome<void> fallocate(Fd fd, int mode, std::uint64_t offset, std::uint64_t length);
  Outcome<std::size_t> copy_file_range(Fd in, std::uint64_t in_offset, Fd out, std::uint64_t out_offset,
                                       std::size_t length);
  /// posix_fadvise(2): POSIX_FADV_...
  Outcome<void> fadvise(Fd fd, std::uint64_t offset, std::uint64_t length, int advice);
  Outcome<void> readahead(Fd fd, std::uint64_t offset, std::size_t count);
  Outcome<void> fsync(Fd fd);
  Outcome<void> fdatasync(Fd fd);
  Outcome<void> syncfs(Fd fd);

  /// ioctl(2) with a number, or with what its argument points to: that much goes in and comes out as the command's
  /// number says (_IOC_SIZE, _IOC_DIR). A file's flags and the like are what the kernel makes of them.
  Outcome<int> ioctl(Fd fd, std::uint32_t command, std::uint64_t argument = 0);
  /// EFAULT where `memory` is too small.
  Outcome<int> ioctl(Fd fd, std::uint32_t command, std::span<std::byte> memory);
  template <class T>
  Outcome<int> ioctl(Fd fd, std::uint32_t command, T* pointee) {
    static_assert(std::is_trivially_copyable_v<T>);
    return ioctl(fd, command, std::as_writable_bytes(std::span(pointee, 1)));
  }

  /// mmap(2). `protection`: PROT_READ, PROT_WRITE; `flags`: MAP_SHARED or MAP_PRIVATE. The file stays open until
  /// munmap(), whatever becomes of the descriptor.
  Outcome<Mapping> mmap(Fd fd, std::uint64_t offset, std::uint64_t length, int protection, int flags);
  /// Of the whole mapping; what it left in the cache is written back.
  Outcome<void> munmap(Mapping mapping);
  /// What the program sees in its memory, `offset` bytes from the mapping's start on, and what it puts there, a page
  /// after the other. EFAULT, as a system call fails that is given such memory: a page lies behind the file's end or
  /// cannot be read (the program gets SIGBUS), or the protection forbids it or nothing is mapped there (SIGSEGV). What
  /// came before such a page is stored.
  Outcome<std::string> load(Mapping mapping, std::uint64_t offset, std::size_t size);
  Outcome<void> store(Mapping mapping, std::uint64_t offset, std::string_view data);
  /// `flags`: MS_SYNC, MS_ASYNC, MS_INVALIDATE.
  Outcome<void> msync(Mapping mapping, std::uint64_t offset, std::uint64_t length, int flags);

  Outcome<struct stat> stat(std::string_view path);
  Outcome<struct stat> lstat(std::string_view path);
  Outcome<struct stat> fstat(Fd fd);
  /// `flags`: AT_SYMLINK_NOFOLLOW, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC; `mask`: STATX_...
  Outcome<struct statx> statx(std::string_view path, int flags, std::uint32_t mask);
  Outcome<void> access(std::string_view path, int mode) { return faccessat(path, mode, 0); }
  /// `flags`: AT_SYMLINK_NOFOLLOW, AT_EACCESS, which is the rule here: a process has one uid.
  Outcome<void> faccessat(std::string_view path, int mode, int flags);
  Outcome<void> chmod(std::string_view path, std::uint32_t mode);
  Outcome<void> fchmod(Fd fd, std::uint32_t mode);
  /// UINT32_MAX leaves an owner as it is.
  Outcome<void> chown(std::string_view path, std::uint32_t uid, std::uint32_t gid);
  Outcome<void> lchown(std::string_view path, std::uint32_t uid, std::uint32_t gid);
  Outcome<void> fchown(Fd fd, std::uint32_t uid, std::uint32_t gid);
  Outcome<void> utimens(std::string_view path, const NewTime& atime, const NewTime& mtime);
  Outcome<void> lutimens(std::string_view path, const NewTime& atime, const NewTime& mtime);
  Outcome<void> futimens(Fd fd, const NewTime& atime, const NewTime& mtime);
  Outcome<struct statvfs> statvfs(std::string_view path);
  Outcome<struct statvfs> fstatvfs(Fd fd);

  Outcome<void> mkdir(std::string_view path, std::uint32_t mode);
  Outcome<void> rmdir(std::string_view path);
  Outcome<void> unlink(std::string_view path);
  Outcome<void> rename(std::string_view from, std::string_view to, std::uint32_t flags = 0);
  Outcome<void> link(std::string_view from, std::string_view to);
  /// linkat(2) with AT_EMPTY_PATH: gives a file without a name one.
  Outcome<void> link(Fd from, std::string_view to);
  Outcome<void> symlink(std::string_view target, std::string_view path);
  Outcome<std::string> readlink(std::string_view path);
  /// `device` as makedev(3) makes it.
  Outcome<void> mknod(std::string_view path, std::uint32_t mode, std::uint64_t device = 0);

  Outcome<void> chdir(std::string_view path);
  Outcome<void> fchdir(Fd fd);
  Outcome<void> mkdirat(Fd directory, std::string_view path, std::uint32_t mode);
  Outcome<void> mknodat(Fd directory, std::string_view path, std::uint32_t mode, std::uint64_t device = 0);
  Outcome<void> symlinkat(std::string_view target, Fd directory, std::string_view path);
  Outcome<void> unlinkat(Fd directory, std::string_view path, int flags);
  Outcome<void> renameat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to,
                         std::uint32_t flags = 0);
  Outcome<void> linkat(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to);
  Outcome<std::string> readlinkat(Fd directory, std::string_view path);
  Outcome<struct stat> fstatat(Fd directory, std::string_view path, int flags);
  Outcome<struct statx> statx(Fd directory, std::string_view path, int flags, std::uint32_t mask);
  Outcome<void> faccessat(Fd directory, std::string_view path, int mode, int flags);
  Outcome<void> fchmodat(Fd directory, std::string_view path, std::uint32_t mode);
  Outcome<void> fchownat(Fd directory, std::string_view path, std::uint32_t uid, std::uint32_t gid, int flags);
  Outcome<void> utimensat(Fd directory, std::string_view path, const NewTime& atime, const NewTime& mtime, int flags);

  /// `flags`: AT_SYMLINK_FOLLOW, AT_HANDLE_FID; `size`: bytes the caller has room for. EOPNOTSUPP: the filesystem wants
  /// NO_EXPORT_SUPPORT.
  Outcome<ExportedHandle> name_to_handle_at(std::string_view path, int flags = 0, std::size_t size = 128);
  Outcome<ExportedHandle> name_to_handle_at(Fd fd);
  /// For uid 0. ESTALE: nothing is known by it any more, or the filesystem was asked (EXPORT_SUPPORT) and did not know.
  Outcome<Fd> open_by_handle_at(const ExportedHandle& handle, int flags);

  /// One getdents64(2) with a buffer of `size` bytes; nothing at the end.
  Outcome<std::vector<ListedEntry>> getdents(Fd fd, std::size_t size = 32768);
  /// Opens, reads to the end and closes, as ls(1) does; "." and ".." are left out, the rest is in the server's order.
  Outcome<std::vector<std::string>> list(std::string_view path);

  Outcome<void> setxattr(std::string_view path, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> getxattr(std::string_view path, std::string_view name, std::size_t size = 65536);
  /// The length alone: getxattr(2) with size 0.
  Outcome<std::size_t> getxattr_size(std::string_view path, std::string_view name);
  Outcome<std::vector<std::string>> listxattr(std::string_view path, std::size_t size = 65536);
  Outcome<std::size_t> listxattr_size(std::string_view path);
  Outcome<void> removexattr(std::string_view path, std::string_view name);
  // The same of a symbolic link itself, and of an open file.
  Outcome<void> lsetxattr(std::string_view path, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> lgetxattr(std::string_view path, std::string_view name, std::size_t size = 65536);
  Outcome<std::vector<std::string>> llistxattr(std::string_view path, std::size_t size = 65536);
  Outcome<void> lremovexattr(std::string_view path, std::string_view name);
  Outcome<void> fsetxattr(Fd fd, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> fgetxattr(Fd fd, std::string_view name, std::size_t size = 65536);
  Outcome<std::vector<std::string>> flistxattr(Fd fd, std::size_t size = 65536);
  Outcome<void> fremovexattr(Fd fd, std::string_view name);

  /// flock(2): LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB or without.
  Outcome<void> flock(Fd fd, int operation);
  // fcntl(2) with F_SETLK, F_SETLKW, F_GETLK.
  Outcome<void> setlk(Fd fd, const struct flock& lock);
  Outcome<void> setlkw(Fd fd, const struct flock& lock);
  Outcome<struct flock> getlk(Fd fd, const struct flock& lock);
  /// poll(2) of one descriptor: POLL... bits of `events` that hold, and POLLERR, POLLHUP, POLLNVAL; 0 after `timeout`
  /// ns (negative: never). Time goes on only by SimulatedMount::advance_time().
  Outcome<std::uint32_t> poll(Fd fd, std::uint32_t events, std::int64_t timeout);

  /// Descriptors that are open.
  std::size_t open_descriptors() const noexcept;
  std::size_t open_mappings() const noexcept { return mappings_.size(); }
  std::size_t open_for_writing() const noexcept;
  /// chdir(2) went below the root.
  bool in_directory() const noexcept { return directory_ != nullptr; }

 protected:
  using File = std::shared_ptr<kernel::OpenFile>;

  SystemCalls(kernel::Kernel& kernel, Process process);
  ~SystemCalls();
  /// Forgets all descriptors and mappings without a word to the server: the connection is gone.
  void drop_descriptors() noexcept;
  /// As when the process ends (exit_mm, exit_files).
  void close_descriptors();

  /// Runs `body` as a task of this process until it first waits.
  void begin(std::function<void()> body);
  /// Lets everybody run until nothing can happen any more. On the test's stack; else nothing.
  void settle();
  /// Lets everybody run until that task is over; ends it if it never can be.
  void finish();
  /// The task that begin() made, while there is one.
  kernel::Task* task() const noexcept { return task_; }

  kernel::Kernel& kernel_;

 private:
  template <class T>
  friend class PendingCall;
  enum class Access : std::uint8_t { kAny, kRead, kReadAt, kWrite, kWriteAt, kPathOnly };
  struct Named {
    std::string_view path;
    kernel::Follow follow;
  };
  struct Opened {
    Fd fd;
    Access access = Access::kAny;
  };

  static constexpr std::int32_t kFirstFd = 3;  // behind the standard ones
  /// Its place in files_, beyond the end for a number that is none.
  static std::size_t place_of(Fd fd) noexcept {
    return static_cast<std::size_t>(std::int64_t{static_cast<std::int32_t>(fd)} - kFirstFd);
  }

  /// The open file; EBADF where there is none, or none for that use.
  Result<File> file(Fd fd, Access access = Access::kAny) const;
  Fd install(File file);
  Result<kernel::Mapping*> mapping(Mapping mapping, std::uint64_t offset, std::uint64_t size) const;
  void end_mappings();
  /// FLUSH, and RELEASE where this was the last that held it (filp_close).
  Result<void> close_file(const File& file);
  template <class Body>
  auto call(Body&& body);
  template <class Body>
  auto call_on_path(Body&& body);
  /// Runs `body(inode)` as a call on what a path or a descriptor names.
  template <class Body>
  auto call_on(const Named& where, Body&& body);
  template <class Body>
  auto call_on(const Opened& where, Body&& body);
  /// Runs `body()` with relative paths beginning there; those of a second path in target_directory_.
  template <class Body>
  auto begin_at(Fd directory, std::string_view path, Body&& body) -> decltype(body());
  template <class Body>
  auto begin_at(Fd from_directory, std::string_view from, Fd to_directory, std::string_view to, Body&& body)
      -> decltype(body());
  Result<void> go_to(const boost::intrusive_ptr<kernel::Dentry>& directory);
  Result<boost::intrusive_ptr<kernel::Dentry>> start_of(Fd directory, std::string_view path) const;
  /// A process makes one call at a time.
  void check_idle() const;

  Outcome<int> do_ioctl(Fd fd, std::uint32_t command, std::uint64_t argument, std::span<std::byte> memory);
  Result<ExportedHandle> encode(kernel::Inode& inode, int flags, std::size_t size);
  Result<int> file_attributes(const kernel::OpenFile& file, std::uint32_t command, std::span<std::byte> memory);
  Outcome<int> allocate(Fd fd, const kernel::OpenFile& file, std::uint32_t command, std::span<const std::byte> memory);
  Result<void> set_lock(Fd fd, const struct flock& lock, bool waits);
  // Extended attributes, of either.
  template <class Where>
  Outcome<void> set_xattr(const Where& where, std::string_view name, std::string_view value, int flags);
  template <class Where>
  Outcome<std::string> get_xattr(const Where& where, std::string_view name, std::size_t size);
  template <class Where>
  Outcome<std::vector<std::string>> list_xattrs(const Where& where, std::size_t size);
  template <class Where>
  Outcome<void> remove_xattr(const Where& where, std::string_view name);

  Process process_;
  std::vector<File> files_;  // by descriptor, from kFirstFd on; null where it is free
  std::map<std::int32_t, std::unique_ptr<kernel::Mapping>> mappings_;
  boost::intrusive_ptr<kernel::Dentry> directory_;         // where relative paths begin; null: at the root
  boost::intrusive_ptr<kernel::Dentry> target_directory_;  // the same of the second path of a call
  bool busy_ = false;                                      // begun, and not over
  kernel::Task* task_ = nullptr;                           // once it runs
};

}  // namespace fusereplay
