// ioctl(2): what the VFS answers itself, and what it passes on (fs/ioctl.c).
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "simulator/call.h"

namespace fusereplay {
namespace {

using kernel::FileAttributes;
using kernel::OpenFile;

/// Where the caller's memory lies, as a request tells it: a server can do nothing with it.
constexpr std::uint64_t kMemoryAddress = 0x7f0000000000;
constexpr std::uint32_t kGetUuid = 0x80111500;        // FS_IOC_GETFSUUID
constexpr std::uint32_t kGetSysfsPath = 0x80811501;   // FS_IOC_GETFSSYSFSPATH
constexpr std::uint32_t kSuperblockIoctlsMinor = 40;  // from which on the VFS answers those two: Linux 6.9

template <class T>
Result<T> take(std::span<const std::byte> memory) {
  T value;
  if (memory.size() < sizeof(value)) return Errno(EFAULT);
  std::memcpy(&value, memory.data(), sizeof(value));
  return value;
}

template <class T>
Result<int> put(std::span<std::byte> memory, const T& value) {
  if (memory.size() < sizeof(value)) return Errno(EFAULT);
  std::memcpy(memory.data(), &value, sizeof(value));
  return 0;
}

// ioctl_fionbio, ioctl_fioasync.
Result<int> set_flag(OpenFile& file, std::uint32_t command, std::span<const std::byte> memory) {
  const Result<int> on = take<int>(memory);
  if (!on) return on.error();
  if (command == FIOASYNC) {  // FUSE has no fasync
    if (*on != 0) return Errno(ENOTTY);
    return 0;
  }
  file.flags = *on != 0 ? file.flags | O_NONBLOCK : file.flags & ~O_NONBLOCK;
  return 0;
}

// generic_file_rw_checks, and there is no remap_file_range.
Result<int> clone(const OpenFile& from, const OpenFile& to) {
  if (from.inode->is_directory() || to.inode->is_directory()) return Errno(EISDIR);
  if (!from.inode->is_regular() || !to.inode->is_regular()) return Errno(EINVAL);
  if (!from.reads() || !to.writes() || (to.flags & O_APPEND) != 0) return Errno(EBADF);
  return Errno(EOPNOTSUPP);
}

// ioctl_fibmap, fuse_bmap: without a block device every block is 0.
Result<int> map_block(std::span<std::byte> memory, const Process& task) {
  if (!task.capable()) return Errno(EPERM);
  const Result<int> block = take<int>(memory);
  if (!block) return block.error();
  if (*block < 0) return Errno(EINVAL);
  return put(memory, 0);
}

/// struct space_resv, which no header of the kernel's interface has.
struct SpaceToReserve {
  std::int16_t type;
  std::int16_t whence;
  std::int64_t start;
  std::int64_t length;
  std::int32_t unused[6];
};
constexpr std::uint32_t kReserve = _IOW('X', 40, SpaceToReserve);      // FS_IOC_RESVSP
constexpr std::uint32_t kUnreserve = _IOW('X', 41, SpaceToReserve);    // FS_IOC_UNRESVSP
constexpr std::uint32_t kReserve64 = _IOW('X', 42, SpaceToReserve);    // FS_IOC_RESVSP64
constexpr std::uint32_t kUnreserve64 = _IOW('X', 43, SpaceToReserve);  // FS_IOC_UNRESVSP64
constexpr std::uint32_t kZeroRange = _IOW('X', 57, SpaceToReserve);    // FS_IOC_ZERO_RANGE

bool is_allocation(std::uint32_t command) noexcept {
  return command == kReserve || command == kReserve64 || command == kUnreserve || command == kUnreserve64 ||
         command == kZeroRange;
}

}  // namespace

Outcome<int> SystemCalls::ioctl(Fd fd, std::uint32_t command, std::uint64_t argument) {
  return do_ioctl(fd, command, argument, {});
}

Outcome<int> SystemCalls::ioctl(Fd fd, std::uint32_t command, std::span<std::byte> memory) {
  return do_ioctl(fd, command, kMemoryAddress, memory);
}

// do_vfs_ioctl, then the filesystem.
Outcome<int> SystemCalls::do_ioctl(Fd fd, std::uint32_t command, std::uint64_t argument, std::span<std::byte> memory) {
  if (is_allocation(command)) {
    const Result<File> open = file(fd);
    if (open && (*open)->inode->is_regular()) return allocate(fd, **open, command, memory);
  }
  return call([&]() -> Result<int> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    OpenFile& opened = **open;
    const bool regular = opened.inode->is_regular();
    switch (command) {
      case FIOCLEX:
      case FIONCLEX:
        return 0;  // nothing is ever executed here
      case FIONBIO:
      case FIOASYNC:
        return set_flag(opened, command, memory);
      case FIOQSIZE:
        return put(memory, static_cast<std::int64_t>(opened.inode->blocks * 512));
      case FIFREEZE:
        return Errno(process_.capable() ? EOPNOTSUPP : EPERM);
      case FITHAW:
        return Errno(process_.capable() ? EINVAL : EPERM);  // nothing is frozen
      case FS_IOC_FIEMAP:
        return Errno(EOPNOTSUPP);
      case FIGETBSZ:
        return put(memory, static_cast<int>(kernel::kPageSize));
      case FICLONE:
      case FICLONERANGE: {
        std::int64_t source = static_cast<std::int32_t>(argument);
        if (command == FICLONERANGE) {
          const Result<file_clone_range> range = take<file_clone_range>(memory);
          if (!range) return range.error();
          source = range->src_fd;
        }
        const Result<File> from = file(Fd{static_cast<std::int32_t>(source)});
        if (!from) return from.error();
        return clone(**from, opened);
      }
      case FIBMAP:
        if (regular) return map_block(memory, process_);
        break;
      case FIONREAD:
        if (regular) return put(memory, static_cast<int>(opened.inode->size - opened.position));
        break;
      case kGetUuid:
      case kGetSysfsPath:
        if (kernel_.filesystem.profile().minor >= kSuperblockIoctlsMinor) return Errno(ENOTTY);
        break;
      case FS_IOC_GETFLAGS:
      case FS_IOC_SETFLAGS:
      case FS_IOC_FSGETXATTR:
      case FS_IOC_FSSETXATTR:
        return file_attributes(opened, command, memory);
      default:
        break;
    }
    return kernel_.filesystem.ioctl(opened, command, argument, memory, process_);
  });
}

// fs/file_attr.c ioctl_getflags, ioctl_setflags, ioctl_fsgetxattr, ioctl_fssetxattr.
Result<int> SystemCalls::file_attributes(const OpenFile& file, std::uint32_t command, std::span<std::byte> memory) {
  kernel::Inode& inode = *file.inode;
  kernel::Filesystem& filesystem = kernel_.filesystem;
  const bool by_flags = command == FS_IOC_GETFLAGS || command == FS_IOC_SETFLAGS;
  if (command == FS_IOC_GETFLAGS || command == FS_IOC_FSGETXATTR) {
    const auto form = by_flags ? FileAttributes::Form::kFlags : FileAttributes::Form::kExtended;
    const Result<FileAttributes> found = filesystem.file_attributes(inode, form, process_);
    if (!found) return found.error();
    if (by_flags) return put(memory, found->flags);
    std::array<std::byte, FileAttributes::kExtendedSize> extended{};
    found->put_extended(extended);
    return put(memory, extended);
  }
  const std::size_t size = by_flags ? sizeof(std::uint32_t) : FileAttributes::kExtendedSize;
  if (memory.size() < size) return Errno(EFAULT);
  if (const Result<void> may = filesystem.want_write(); !may) return may.error();
  const FileAttributes wanted =
      by_flags ? FileAttributes::of_flags(*take<std::uint32_t>(memory)) : FileAttributes::of_extended(memory);
  const Result<void> set = filesystem.set_file_attributes(inode, wanted, process_);
  if (!set) return set.error();
  return 0;
}

// ioctl_preallocate: XFS's old calls are fallocate(2) by another name.
Outcome<int> SystemCalls::allocate(Fd fd, const OpenFile& file, std::uint32_t command,
                                   std::span<const std::byte> memory) {
  const Result<SpaceToReserve> range = take<SpaceToReserve>(memory);
  if (!range) return range.error();
  std::int64_t start = range->start;
  if (range->whence == SEEK_CUR) {
    start += static_cast<std::int64_t>(file.position);
  } else if (range->whence == SEEK_END) {
    start += static_cast<std::int64_t>(file.inode->size);
  } else if (range->whence != SEEK_SET) {
    return Errno(EINVAL);
  }
  int mode = FALLOC_FL_KEEP_SIZE;
  if (command == kUnreserve || command == kUnreserve64) mode |= FALLOC_FL_PUNCH_HOLE;
  if (command == kZeroRange) mode |= FALLOC_FL_ZERO_RANGE;
  const Outcome<void> done =
      fallocate(fd, mode, static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(range->length));
  if (!done) return done.error();
  return 0;
}

}  // namespace fusereplay
