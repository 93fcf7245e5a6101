#include "core/session/splice_pipe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <new>

#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

constexpr std::size_t kPage = 4096;

/// A pipe holds a piece of a page in each of its places, and the header takes one.
constexpr std::size_t places_for(const FileRange& file) noexcept {
  return 1 + (file.offset % kPage + file.size + kPage - 1) / kPage;
}

}  // namespace

SplicePipe::~SplicePipe() {
  if (header_ != nullptr) ::munmap(header_, kPage);
}

Result<void> SplicePipe::open() noexcept {
  if (header_ == nullptr) {
    void* const page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return Errno::last();
    header_ = new (page) wire::OutHeader{};
  }
  if (out_.valid()) return {};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Errno::last();
  out_.reset(ends[0]);
  in_.reset(ends[1]);
  const int size = ::fcntl(in_.get(), F_GETPIPE_SZ);
  places_ = size < 0 ? 0 : static_cast<std::size_t>(size) / kPage;
  return {};
}

Result<void> SplicePipe::grow(std::size_t places) noexcept {
  if (places <= places_) return {};
  if (places >= refused_ || places > INT_MAX / kPage) return Errno(EPERM);
  const int size = ::fcntl(in_.get(), F_SETPIPE_SZ, static_cast<int>(places * kPage));
  if (size < 0) {
    refused_ = places;
    return Errno::last();
  }
  places_ = static_cast<std::size_t>(size) / kPage;
  return {};
}

Result<std::size_t> SplicePipe::fill(std::uint64_t unique, const FileRange& file) noexcept {
  if (const auto opened = open(); !opened) return opened.error();
  if (const auto grown = grow(places_for(file)); !grown) return grown.error();
  const iovec header{.iov_base = header_, .iov_len = sizeof(wire::OutHeader)};
  if (::vmsplice(in_.get(), &header, 1, 0) != static_cast<ssize_t>(header.iov_len)) return Errno::last();
  std::size_t size = 0;
  auto offset = static_cast<loff_t>(file.offset);
  while (size < file.size) {
    // Without waiting for room in the pipe, which nobody would make: a file may come in smaller pieces than pages.
    const ssize_t moved = ::splice(file.fd, &offset, in_.get(), nullptr, file.size - size, SPLICE_F_NONBLOCK);
    if (moved < 0) {
      const Errno why = Errno::last();
      drop();
      return why;
    }
    if (moved == 0) break;
    size += static_cast<std::size_t>(moved);
  }
  contents_ = header.iov_len + size;
  *header_ = {.len = static_cast<std::uint32_t>(contents_), .error = 0, .unique = unique};
  return size;
}

std::int64_t SplicePipe::flush(int device) noexcept {
  // Not SPLICE_F_MOVE: it would take pages out of the file's own cache (mm/filemap.c and fs/splice.c
  // page_cache_pipe_buf_try_steal), which whoever reads that file next has to fill again.
  const ssize_t moved = ::splice(out_.get(), nullptr, device, nullptr, contents_, 0);
  const std::int64_t result = moved < 0 ? -errno : moved;
  if (result != static_cast<std::int64_t>(contents_)) drop();
  return result;
}

void SplicePipe::drop() noexcept {
  out_.reset();
  in_.reset();
}

}  // namespace fusereplay
