// ioctl(2), and the flags of files that are asked for by it (fs/fuse/ioctl.c).
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {
namespace {

constexpr std::uint32_t kDirMinor = 18;     // from which on the server knows ioctls of directories
constexpr std::int32_t kLastErrno = 4095;   // MAX_ERRNO: what a caller takes for one
constexpr std::uint32_t kVerityMinor = 40;  // from which on fs-verity's carry more than their number says

/// fuse_setup_measure_verity: the digest lies behind the struct, as long as the caller has room.
Result<std::size_t> carried_size(std::uint32_t command, std::span<const std::byte> memory, std::uint32_t minor) {
  if (command != FS_IOC_MEASURE_VERITY || minor < kVerityMinor) return std::size_t{_IOC_SIZE(command)};
  fsverity_digest digest;
  if (memory.size() < sizeof(digest)) return Errno(EFAULT);
  std::memcpy(&digest, memory.data(), sizeof(digest));
  return sizeof(digest) + digest.digest_size;
}

}  // namespace

// fuse_do_ioctl, restricted: sizes and direction are those of the command's number, and the server may not ask for
// more (FUSE_IOCTL_RETRY).
Result<std::int32_t> Filesystem::ioctl(const OpenFile& file, std::uint32_t command, std::uint64_t argument,
                                       std::span<std::byte> memory, const Process& task) {
  const bool directory = file.inode->is_directory();
  if (directory && connection_.minor < kDirMinor) return Errno(ENOTTY);
  if (!allows(task)) return Errno(EACCES);
  if (file.inode->bad) return Errno(EIO);
  const Result<std::size_t> carried = carried_size(command, memory, profile_.minor);
  if (!carried) return carried.error();
  const std::size_t in_size = (_IOC_DIR(command) & _IOC_WRITE) != 0 ? *carried : 0;
  const std::size_t out_size = (_IOC_DIR(command) & _IOC_READ) != 0 ? *carried : 0;
  if ((std::max(in_size, out_size) + kPageSize - 1) / kPageSize > connection_.max_pages) return Errno(ENOMEM);
  if (in_size > memory.size()) return Errno(EFAULT);
  wire::IoctlIn in{};
  in.fh = file.handle;
  in.flags = directory ? kIoctlDir : 0;
  in.cmd = command;
  in.arg = argument;
  in.in_size = static_cast<std::uint32_t>(in_size);
  in.out_size = static_cast<std::uint32_t>(out_size);
  const auto request = make(Opcode::kIoctl, file.inode->nodeid, task);
  request->add(in).bytes(memory.first(in_size));
  const Result<void> answer = call(*request);
  if (!answer) return answer.error() == Errno(ENOSYS) ? Errno(ENOTTY) : answer.error();
  const auto out = request->out<wire::IoctlOut>();
  if ((out.flags & kIoctlRetry) != 0 || request->data().size() > out_size) return Errno(EIO);
  if (request->data().size() > memory.size()) return Errno(EFAULT);
  if (!request->data().empty()) std::memcpy(memory.data(), request->data().data(), request->data().size());
  if (out.result == -ENOSYS) return Errno(ENOTTY);
  if (out.result < 0 && out.result >= -kLastErrno) return Errno(-out.result);
  return out.result;
}

// fuse_priv_ioctl: what comes back has exactly the size asked for.
Result<void> Filesystem::private_ioctl(Inode& inode, std::uint64_t handle, std::uint32_t command,
                                       std::span<std::byte> memory, const Process& task) {
  wire::IoctlIn in{};
  in.fh = handle;
  in.flags = inode.is_directory() ? kIoctlDir : 0;
  in.cmd = command;
  if ((_IOC_DIR(command) & _IOC_READ) != 0) in.out_size = static_cast<std::uint32_t>(memory.size());
  if ((_IOC_DIR(command) & _IOC_WRITE) != 0) in.in_size = static_cast<std::uint32_t>(memory.size());
  const auto request = make(Opcode::kIoctl, inode.nodeid, task);
  request->add(in).bytes(memory.first(in.in_size));
  const Result<void> answer = call(*request);
  if (!answer) return answer.error() == Errno(ENOSYS) ? Errno(ENOTTY) : answer.error();
  const auto out = request->out<wire::IoctlOut>();
  if (out.result == -ENOSYS) return Errno(ENOTTY);
  if (out.result < 0) return Errno(-out.result);
  if ((out.flags & kIoctlRetry) != 0) return Errno(EIO);
  if (in.out_size != 0) std::memcpy(memory.data(), request->data().data(), memory.size());
  return {};
}

// fuse_priv_ioctl_prepare, fuse_priv_ioctl_cleanup: on a handle of the kernel's own, whatever the caller has open.
Result<void> Filesystem::ioctl_on_own_handle(Inode& inode, std::uint32_t command, std::span<std::byte> memory,
                                             const Process& task) {
  if (!allows(task)) return Errno(EACCES);
  if (inode.bad) return Errno(EIO);
  if (!inode.is_regular() && !inode.is_directory()) return Errno(ENOTTY);
  const Result<Granted> granted = ask_open(inode, O_RDONLY, task);
  if (!granted) return granted.error();
  const Result<void> done = private_ioctl(inode, granted->handle, command, memory, task);
  wire::ReleaseIn in{};
  in.fh = granted->handle;
  send_release(InodeRef(&inode), in);
  return done;
}

namespace {

constexpr struct {
  std::uint32_t flag;
  std::uint32_t xflag;
} kFlagPairs[] = {{FS_SYNC_FL, FS_XFLAG_SYNC},
                  {FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
                  {FS_APPEND_FL, FS_XFLAG_APPEND},
                  {FS_NODUMP_FL, FS_XFLAG_NODUMP},
                  {FS_NOATIME_FL, FS_XFLAG_NOATIME},
                  {FS_DAX_FL, FS_XFLAG_DAX},
                  {FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT}};
// FS_COMMON_FL, FS_XFLAG_COMMON: those that both forms have.
constexpr std::uint32_t common(FileAttributes::Form form) noexcept {
  std::uint32_t all = 0;
  for (const auto& pair : kFlagPairs) all |= form == FileAttributes::Form::kFlags ? pair.flag : pair.xflag;
  return all;
}

}  // namespace

// fileattr_fill_flags.
FileAttributes FileAttributes::of_flags(std::uint32_t flags) noexcept {
  FileAttributes attributes;
  attributes.form = Form::kFlags;
  attributes.flags = flags;
  for (const auto& pair : kFlagPairs) {
    if ((flags & pair.flag) != 0) attributes.xflags |= pair.xflag;
  }
  return attributes;
}

// fileattr_fill_xflags.
FileAttributes FileAttributes::of_extended(std::span<const std::byte> extended) noexcept {
  fsxattr in{};
  static_assert(sizeof(in) == kExtendedSize);
  std::memcpy(&in, extended.data(), sizeof(in));
  FileAttributes attributes;
  attributes.xflags = in.fsx_xflags;
  attributes.extent_size = in.fsx_extsize;
  attributes.extents = in.fsx_nextents;
  attributes.project = in.fsx_projid;
  attributes.cow_extent_size = in.fsx_cowextsize;
  for (const auto& pair : kFlagPairs) {
    if ((in.fsx_xflags & pair.xflag) != 0) attributes.flags |= pair.flag;
  }
  return attributes;
}

void FileAttributes::put_extended(std::span<std::byte> into) const noexcept {
  fsxattr out{};
  out.fsx_xflags = xflags;
  out.fsx_extsize = extent_size;
  out.fsx_nextents = extents;
  out.fsx_projid = project;
  out.fsx_cowextsize = cow_extent_size;
  std::memcpy(into.data(), &out, sizeof(out));
}

// fuse_fileattr_get.
Result<FileAttributes> Filesystem::file_attributes(Inode& inode, FileAttributes::Form form, const Process& task) {
  if (form == FileAttributes::Form::kFlags) {
    std::uint32_t flags = 0;
    const Result<void> asked =
        ioctl_on_own_handle(inode, FS_IOC_GETFLAGS, std::as_writable_bytes(std::span(&flags, 1)), task);
    if (!asked) return asked.error();
    return FileAttributes::of_flags(flags);
  }
  std::array<std::byte, FileAttributes::kExtendedSize> extended{};
  const Result<void> asked = ioctl_on_own_handle(inode, FS_IOC_FSGETXATTR, extended, task);
  if (!asked) return asked.error();
  return FileAttributes::of_extended(extended);
}

namespace {

// fileattr_set_prepare.
Result<void> may_become(const Inode& inode, const FileAttributes& old, FileAttributes& wanted, const Process& task) {
  if (((wanted.flags ^ old.flags) & (FS_APPEND_FL | FS_IMMUTABLE_FL)) != 0 && !task.capable()) return Errno(EPERM);
  if (old.project != wanted.project && wanted.project == UINT32_MAX) return Errno(EINVAL);
  if ((wanted.xflags & FS_XFLAG_EXTSIZE) != 0 && !inode.is_regular()) return Errno(EINVAL);
  if ((wanted.xflags & FS_XFLAG_EXTSZINHERIT) != 0 && !inode.is_directory()) return Errno(EINVAL);
  if (wanted.extent_size == 0) {
    wanted.xflags &= ~static_cast<std::uint32_t>(FS_XFLAG_EXTSIZE | FS_XFLAG_EXTSZINHERIT);
  }
  if (wanted.cow_extent_size == 0) wanted.xflags &= ~static_cast<std::uint32_t>(FS_XFLAG_COWEXTSIZE);
  return {};
}

}  // namespace

// vfs_fileattr_set, fuse_fileattr_set: what is there is asked for first, in the extended form whatever the caller uses.
Result<void> Filesystem::set_file_attributes(Inode& inode, FileAttributes wanted, const Process& task) {
  if (!task.capable() && task.uid != inode.uid) return Errno(EPERM);
  const InodeLock held = lock(inode, LockMode::kExclusive);
  const Result<FileAttributes> old = file_attributes(inode, FileAttributes::Form::kExtended, task);
  if (!old) return old.error();
  const bool by_flags = wanted.form == FileAttributes::Form::kFlags;
  if (by_flags) {
    wanted.xflags |= old->xflags & ~common(FileAttributes::Form::kExtended);
    wanted.extent_size = old->extent_size;
    wanted.extents = old->extents;
    wanted.project = old->project;
    wanted.cow_extent_size = old->cow_extent_size;
  } else {
    wanted.flags |= old->flags & ~common(FileAttributes::Form::kFlags);
  }
  if (const Result<void> may = may_become(inode, *old, wanted, task); !may) return may;
  if (by_flags) {
    return ioctl_on_own_handle(inode, FS_IOC_SETFLAGS, std::as_writable_bytes(std::span(&wanted.flags, 1)), task);
  }
  std::array<std::byte, FileAttributes::kExtendedSize> extended{};
  wanted.put_extended(extended);
  return ioctl_on_own_handle(inode, FS_IOC_FSSETXATTR, extended, task);
}

}  // namespace fusereplay::kernel
