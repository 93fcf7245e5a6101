// A script of system calls, one a line or between semicolons, to be run on a real mount and on a simulated one.
//
//   open f /a rw,creat 0644      descriptors have names; numbers are decimal, modes octal
//   write f *10000               ten thousand bytes of a pattern; anything else is written as it stands
//   as 1000 1000                 who calls from now on: uid, gid
//   setxattr /a security.capability %cap   a value that the kernel takes for capabilities
//   groups 5 6                   and in which other groups
//   sleep 200                    milliseconds
//   mmap m f 0 8192 rw shared    mappings have names, too; protection: r, w, rw, none; shared or private
//   load m 100 10; store m 0 DATA; msync m 0 8192 sync; munmap m
//   ticks 1                      from now on each call begins at a new tick of the kernel's clock
//   times 9 mkdir /d# 0755       /d0 to /d8; @ is the next number
//   readv f 10,20 [OFFSET [FLAGS]]         buffers of these sizes
//   writev f DATA 10,20 [OFFSET [FLAGS]]
//   stat /a
//   mkdirat d x 0755          below what d has open; "cwd" stands for AT_FDCWD
//   handle h /a; open_handle f h rw        a file handle by name, and what it opens
//   spoil h generation        another one in the handle; also nodeid, root, type, short, none
//   remount ro                or rw, or mand
//   ioctl f getflags [DATA]   the name of a command, or io:N, iow:N:SIZE, ior:N:SIZE, iowr:N:SIZE of type 'f'; DATA as
//                             for write, =5 for an int, 0xHEX for bytes; @5 is the argument itself, @g the number of g
//
// A line begins with the call's name, as section 2 of the manual has it; "-" stands for an empty argument.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace fusereplay::testing {

struct IoctlArguments {
  std::uint32_t command = 0;
  std::string memory;      // what the argument points to
  bool by_number = false;  // else:
  std::uint64_t number = 0;
  std::string descriptor;  // whose number is meant
};

struct Call {
  std::string name;
  std::vector<std::string> arguments;

  /// Argument `index`; empty where there is none, or where it is "-".
  std::string text(std::size_t index) const;
  /// Decimal, or octal after a leading 0; `otherwise` where there is none.
  std::int64_t number(std::size_t index, std::int64_t otherwise = 0) const;
  /// The words of a comma list as bits of open(2), rename(2), fallocate(2), access(2), setxattr(2), lseek(2).
  int flags(std::size_t index) const;
  /// The words of a comma list as RWF_... of preadv2(2).
  int rwf(std::size_t index) const;
  /// A comma list of numbers.
  std::vector<std::uint64_t> list(std::size_t index) const;
  /// "setlk f w 0 10": the lock from its second word on, r, w or u.
  struct flock lock() const;
  /// From the second word on.
  IoctlArguments ioctl() const;
  /// "rw": PROT_READ | PROT_WRITE.
  int protection(std::size_t index) const;
  /// "shared", "private": MAP_SHARED, MAP_PRIVATE; "sync", "async", "invalidate": MS_...
  int memory_flags(std::size_t index) const;
  /// What a write writes.
  std::string data(std::size_t index) const;
};

std::vector<Call> parse_script(std::string_view script);

/// Requests after which every FORGET queued before them has been read (fs/fuse/dev.c fuse_dev_do_read lets one pass
/// after eight of them): who drops caches makes so many, or a name's next LOOKUP may come first.
inline constexpr unsigned kUntilForgotten = 10;

// How results are written down, so that two runs can be compared.
std::string describe(const struct ::stat& stat);
std::string describe(const struct ::statvfs& statvfs);
std::string describe(const struct ::statx& statx);
/// Process ids are left out.
std::string describe(const struct ::flock& lock);
/// Short data as it is, long data by its size and a hash.
std::string describe_data(std::string_view data);
std::string describe_ioctl(int result, const std::string& memory);
/// A file handle: what struct file_handle says.
struct ScriptHandle {
  int type = 0;
  std::string bytes;
};
std::string describe(const ScriptHandle& handle);
/// Changes what `how` names.
void spoil(ScriptHandle& handle, std::string_view how);
/// MS_... of a word of remount.
unsigned long remount_flags(std::string_view word);
struct DirectoryRecord {
  std::string name;
  std::uint64_t ino;
  std::uint64_t position;
  std::uint32_t type;
};
std::string describe(const std::vector<DirectoryRecord>& records);

/// Where a script runs.
class CallTarget {
 public:
  virtual ~CallTarget() = default;
  /// Makes the call; its result in one line: "ok", "= 5", "ENOENT", or what it shows.
  virtual std::string run(const Call& call) = 0;
};

/// System calls of this process, below a directory it has been locked into (chroot).
std::unique_ptr<CallTarget> make_real_target(const std::string& directory);
/// System calls of this process, locked in nowhere. Cannot drop caches.
std::unique_ptr<CallTarget> make_unprivileged_target();

}  // namespace fusereplay::testing
