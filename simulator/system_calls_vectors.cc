// Reads and writes of several buffers, and with flags of their own (fs/read_write.c).
#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "simulator/call.h"

namespace fusereplay {
namespace {

constexpr int kNoAppend = 0x20;  // RWF_NOAPPEND, which the C library's headers lack

/// kiocb_set_rw_flags: those of open(2) that `flags` stand for, beside those of the file.
Result<int> flags_of_call(int file_flags, int flags) noexcept {
  if ((flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | kNoAppend)) != 0) return Errno(EOPNOTSUPP);
  if ((flags & RWF_APPEND) != 0 && (flags & kNoAppend) != 0) return Errno(EINVAL);
  int all = file_flags;
  if ((flags & RWF_DSYNC) != 0) all |= O_DSYNC;
  if ((flags & RWF_SYNC) != 0) all |= O_SYNC;
  if ((flags & RWF_APPEND) != 0) all |= O_APPEND;
  if ((flags & kNoAppend) != 0) all &= ~O_APPEND;
  return all;
}

}  // namespace

Outcome<std::size_t> SystemCalls::preadv(Fd fd, std::span<const std::span<std::byte>> into, std::uint64_t offset) {
  if (offset > INT64_MAX) return Errno(EINVAL);
  return preadv2(fd, into, static_cast<std::int64_t>(offset), 0);
}

Outcome<std::size_t> SystemCalls::preadv2(Fd fd, std::span<const std::span<std::byte>> into, std::int64_t offset,
                                          int flags) {
  return call([&]() -> Result<std::size_t> {
    if (offset < -1) return Errno(EINVAL);
    const Result<File> open = file(fd, offset < 0 ? Access::kRead : Access::kReadAt);
    if (!open) return open.error();
    if (into.size() > IOV_MAX) return Errno(EINVAL);
    if ((*open)->inode->is_directory()) return Errno(EISDIR);
    std::size_t size = 0;
    for (const std::span<std::byte> part : into) size += part.size();
    if (size == 0) return std::size_t{0};
    if (const Result<int> valid = flags_of_call(0, flags); !valid) return valid.error();
    std::uint64_t from = offset < 0 ? (*open)->position : static_cast<std::uint64_t>(offset);
    if ((*open)->streams()) from = 0;
    std::vector<std::byte> data(size);
    const Result<std::size_t> done = kernel_.filesystem.read(**open, from, data, process_);
    if (!done) return done;
    if (offset < 0) (*open)->position += *done;
    Bytes rest = Bytes(data).first(*done);
    for (const std::span<std::byte> part : into) {
      const std::size_t count = std::min(part.size(), rest.size());
      if (count != 0) std::memcpy(part.data(), rest.data(), count);
      rest = rest.subspan(count);
    }
    return done;
  });
}

Outcome<std::size_t> SystemCalls::pwritev(Fd fd, std::span<const std::string_view> data, std::uint64_t offset) {
  if (offset > INT64_MAX) return Errno(EINVAL);
  return pwritev2(fd, data, static_cast<std::int64_t>(offset), 0);
}

Outcome<std::size_t> SystemCalls::pwritev2(Fd fd, std::span<const std::string_view> data, std::int64_t offset,
                                           int flags) {
  return call([&]() -> Result<std::size_t> {
    if (offset < -1) return Errno(EINVAL);
    const Result<File> open = file(fd, offset < 0 ? Access::kWrite : Access::kWriteAt);
    if (!open) return open.error();
    if (data.size() > IOV_MAX) return Errno(EINVAL);
    std::string all;
    for (const std::string_view part : data) all += part;
    if (all.empty()) return std::size_t{0};
    const Result<int> how = flags_of_call((*open)->flags, flags);
    if (!how) return how.error();
    std::uint64_t at = offset < 0 ? (*open)->position : static_cast<std::uint64_t>(offset);
    if ((*open)->streams()) at = 0;
    const Bytes bytes = std::as_bytes(std::span(all.data(), all.size()));
    const Result<std::size_t> done = kernel_.filesystem.write(**open, at, bytes, process_, *how);
    if (done && offset < 0) (*open)->position = at + *done;
    return done;
  });
}

}  // namespace fusereplay
