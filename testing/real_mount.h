// The counterpart of SimulatedMount: the same system calls, made of the kernel of this machine.
//
//   RealMount mount(std::make_unique<MyFs>());
//   auto file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
//   mount.unlink("/a");
//   EXPECT_EQ(mount.pwrite(file, "x", 0), 1);       // unlinked but open
//   mount.close(file);
//   mount.drop_caches();                            // of this mount alone
//   EXPECT_TRUE(mount.lookup_counts().empty());
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/event/event.h"
#include "core/operations/operations.h"
#include "core/server/server.h"
#include "rules/finding.h"
#include "simulator/kernel/profile.h"
#include "simulator/outcome.h"
#include "simulator/process.h"
#include "simulator/system_calls.h"

namespace fusereplay {

/// How a RealMount is made.
struct RealMountSetup {
  SimulatedMountOptions mount = {};
  Process process = {};                    // who calls; its pid is given by the kernel
  std::vector<EventSink*> observers = {};  // ordered sinks, told of the conversation from its start; outlive the mount
  std::chrono::milliseconds deadline{60'000};  // a call that takes longer ends with the connection: see dead_ends()
};

/// A filesystem, mounted for real where nobody else sees it: in a mount namespace of a process that it makes, which
/// also makes the system calls. The filesystem runs in this process, on a thread of its own; nothing is left behind
/// however this process ends.
///
/// Needs /dev/fuse, and root or user namespaces: see obstacle(). Every rule listens, as on a SimulatedMount. A call
/// returns when the filesystem has done what it left behind (RELEASE, FORGET). What no kernel does when told (expire a
/// name, move time, refuse a reply, forget one inode) a RealMount cannot do: such tests are for SimulatedMount alone,
/// and do not compile here.
class RealMount {
 public:
  using Setup = RealMountSetup;

  /// Why nothing can be mounted here: "/dev/fuse: No such file or directory". Empty where it works.
  static std::string obstacle();

  /// Throws std::runtime_error where there is an obstacle().
  explicit RealMount(std::unique_ptr<Operations> filesystem, Setup setup = {});
  /// Any server but one that has ServerWork.
  explicit RealMount(std::unique_ptr<Server> server, Setup setup = {});
  ~RealMount();
  RealMount(const RealMount&) = delete;
  RealMount& operator=(const RealMount&) = delete;

  /// Who calls from now on: uid, gid, groups and umask. Changing the pid changes nothing. In a user namespace there is
  /// only uid 0, and to be somebody else throws.
  Process& process() noexcept;

  // As in SystemCalls.

  Outcome<Fd> open(std::string_view path, int flags, std::uint32_t mode = 0);
  Outcome<Fd> creat(std::string_view path, std::uint32_t mode) {
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
  }
  Outcome<Fd> openat(Fd directory, std::string_view path, int flags, std::uint32_t mode = 0);
  Outcome<void> close(Fd fd);
  Outcome<Fd> dup(Fd fd);
  Outcome<Fd> dup2(Fd fd, Fd as);
  Outcome<int> fcntl(Fd fd, int command, int argument = 0);

  Outcome<std::size_t> read(Fd fd, std::span<std::byte> into);
  Outcome<std::size_t> pread(Fd fd, std::span<std::byte> into, std::uint64_t offset);
  Outcome<std::string> read(Fd fd, std::size_t size);
  Outcome<std::string> pread(Fd fd, std::size_t size, std::uint64_t offset);
  Outcome<std::size_t> readv(Fd fd, std::span<const std::span<std::byte>> into) { return preadv2(fd, into, -1, 0); }
  Outcome<std::size_t> preadv(Fd fd, std::span<const std::span<std::byte>> into, std::uint64_t offset);
  Outcome<std::size_t> preadv2(Fd fd, std::span<const std::span<std::byte>> into, std::int64_t offset, int flags);
  Outcome<std::size_t> write(Fd fd, std::string_view data);
  Outcome<std::size_t> pwrite(Fd fd, std::string_view data, std::uint64_t offset);
  Outcome<std::size_t> writev(Fd fd, std::span<const std::string_view> data) { return pwritev2(fd, data, -1, 0); }
  Outcome<std::size_t> pwritev(Fd fd, std::span<const std::string_view> data, std::uint64_t offset);
  Outcome<std::size_t> pwritev2(Fd fd, std::span<const std::string_view> data, std::int64_t offset, int flags);
  Outcome<std::uint64_t> lseek(Fd fd, std::int64_t offset, int whence);
  Outcome<void> truncate(std::string_view path, std::uint64_t size);
  Outcome<void> ftruncate(Fd fd, std::uint64_t size);
  Outcome<void> fallocate(Fd fd, int mode, std::uint64_t offset, std::uint64_t length);
  Outcome<std::size_t> copy_file_range(Fd in, std::uint64_t in_offset, Fd out, std::uint64_t out_offset,
                                       std::size_t length);
  Outcome<void> fadvise(Fd fd, std::uint64_t offset, std::uint64_t length, int advice);
  Outcome<void> readahead(Fd fd, std::uint64_t offset, std::size_t count);
  Outcome<void> fsync(Fd fd);
  Outcome<void> fdatasync(Fd fd);
  Outcome<void> syncfs(Fd fd);
  Outcome<int> ioctl(Fd fd, std::uint32_t command, std::uint64_t argument = 0);
  Outcome<int> ioctl(Fd fd, std::uint32_t command, std::span<std::byte> memory);
  template <class T>
  Outcome<int> ioctl(Fd fd, std::uint32_t command, T* pointee) {
    static_assert(std::is_trivially_copyable_v<T>);
    return ioctl(fd, command, std::as_writable_bytes(std::span(pointee, 1)));
  }

  Outcome<Mapping> mmap(Fd fd, std::uint64_t offset, std::uint64_t length, int protection, int flags);
  Outcome<void> munmap(Mapping mapping);
  Outcome<std::string> load(Mapping mapping, std::uint64_t offset, std::size_t size);
  Outcome<void> store(Mapping mapping, std::uint64_t offset, std::string_view data);
  Outcome<void> msync(Mapping mapping, std::uint64_t offset, std::uint64_t length, int flags);

  Outcome<struct stat> stat(std::string_view path);
  Outcome<struct stat> lstat(std::string_view path);
  Outcome<struct stat> fstat(Fd fd);
  Outcome<struct statx> statx(std::string_view path, int flags, std::uint32_t mask);
  Outcome<void> access(std::string_view path, int mode) { return faccessat(path, mode, 0); }
  Outcome<void> faccessat(std::string_view path, int mode, int flags);
  Outcome<void> chmod(std::string_view path, std::uint32_t mode);
  Outcome<void> fchmod(Fd fd, std::uint32_t mode);
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
  Outcome<void> link(Fd from, std::string_view to);
  Outcome<void> symlink(std::string_view target, std::string_view path);
  Outcome<std::string> readlink(std::string_view path);
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

  Outcome<ExportedHandle> name_to_handle_at(std::string_view path, int flags = 0, std::size_t size = 128);
  Outcome<ExportedHandle> name_to_handle_at(Fd fd);
  /// EPERM in a user namespace.
  Outcome<Fd> open_by_handle_at(const ExportedHandle& handle, int flags);

  Outcome<std::vector<ListedEntry>> getdents(Fd fd, std::size_t size = 32768);
  Outcome<std::vector<std::string>> list(std::string_view path);

  Outcome<void> setxattr(std::string_view path, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> getxattr(std::string_view path, std::string_view name, std::size_t size = 65536);
  Outcome<std::size_t> getxattr_size(std::string_view path, std::string_view name);
  Outcome<std::vector<std::string>> listxattr(std::string_view path, std::size_t size = 65536);
  Outcome<std::size_t> listxattr_size(std::string_view path);
  Outcome<void> removexattr(std::string_view path, std::string_view name);
  Outcome<void> lsetxattr(std::string_view path, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> lgetxattr(std::string_view path, std::string_view name, std::size_t size = 65536);
  Outcome<std::vector<std::string>> llistxattr(std::string_view path, std::size_t size = 65536);
  Outcome<void> lremovexattr(std::string_view path, std::string_view name);
  Outcome<void> fsetxattr(Fd fd, std::string_view name, std::string_view value, int flags = 0);
  Outcome<std::string> fgetxattr(Fd fd, std::string_view name, std::size_t size = 65536);
  Outcome<std::vector<std::string>> flistxattr(Fd fd, std::size_t size = 65536);
  Outcome<void> fremovexattr(Fd fd, std::string_view name);

  /// A wait for a lock ends with the deadline: there is nobody here who could drop it.
  Outcome<void> flock(Fd fd, int operation);
  Outcome<void> setlk(Fd fd, const struct flock& lock);
  Outcome<void> setlkw(Fd fd, const struct flock& lock);
  Outcome<struct flock> getlk(Fd fd, const struct flock& lock);
  /// `timeout` in ns, of the machine's clock.
  Outcome<std::uint32_t> poll(Fd fd, std::uint32_t events, std::int64_t timeout);

  std::size_t open_descriptors() const noexcept;
  std::size_t open_mappings() const noexcept;

  // As in SimulatedMount.

  /// A signal with a handler comes to the process while a call of it waits: the request is interrupted. From the
  /// filesystem's threads. Nothing if no call waits.
  void signal();

  /// Drops every name that nobody uses, and with it the inodes, by a remount (fs/super.c reconfigure_super): the rest
  /// of the machine keeps its caches.
  void drop_caches();
  Outcome<void> remount(unsigned long flags);
  /// EBUSY while descriptors are open or files mapped.
  Outcome<void> unmount();
  void abort();

  /// What the conversation says that the kernel owes.
  std::map<std::uint64_t, std::uint64_t> lookup_counts() const;
  std::uint64_t open_handles() const;
  /// Calls that the deadline ended, one line each.
  const std::vector<std::string>& dead_ends() const noexcept;
  const std::vector<Finding>& findings() const noexcept;
  /// Everything that is wrong, for a test to print.
  std::string trouble() const;

 private:
  struct Parts;

  /// Makes one call, as process() says, and waits until the server has done what it leaves behind.
  template <class... Arguments>
  Result<std::int64_t> call(long number, Arguments... arguments);
  template <class... Arguments>
  Outcome<void> done(long number, Arguments... arguments);
  char* path(std::string_view path);
  /// Moves bytes between the caller's memory and what it shares with us (process_vm_readv, process_vm_writev).
  Outcome<void> move_memory(long number, Mapping mapping, std::uint64_t offset, std::byte* data, std::size_t size);
  char* path(Fd directory, std::string_view path);
  Outcome<ExportedHandle> get_handle(Fd directory, const char* path, int flags, std::size_t size);
  Outcome<std::string> get_value(long number, long where, std::string_view name, std::size_t size);
  Outcome<std::vector<std::string>> get_list(long number, long where, std::size_t size);

  std::unique_ptr<Parts> parts_;
};

}  // namespace fusereplay
