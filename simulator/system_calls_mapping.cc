// Files in memory (mm/mmap.c, mm/msync.c).
#include <sys/mman.h>

#include "simulator/call.h"
#include "simulator/kernel/mapping.h"

namespace fusereplay {
namespace {

constexpr std::uint64_t kPage = kernel::kPageSize;
constexpr std::uint64_t kAddressSpace = (std::uint64_t{1} << 47) - kPage;  // TASK_SIZE

}  // namespace

// ksys_mmap_pgoff, do_mmap.
Outcome<Mapping> SystemCalls::mmap(Fd fd, std::uint64_t offset, std::uint64_t length, int protection, int flags) {
  return call([&]() -> Result<Mapping> {
    if (offset % kPage != 0) return Errno(EINVAL);
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (length == 0) return Errno(EINVAL);
    if (length > kAddressSpace) return Errno(ENOMEM);
    kernel::OpenFile& mapped = **open;
    if (offset > INT64_MAX || length > INT64_MAX - offset) return Errno(EOVERFLOW);
    const int type = flags & MAP_TYPE;
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return Errno(EINVAL);
    if (type != MAP_PRIVATE && (protection & PROT_WRITE) != 0 && !mapped.writes()) return Errno(EACCES);
    if (!mapped.reads()) return Errno(EACCES);
    if (!mapped.inode->is_regular()) return Errno(ENODEV);
    auto made = kernel_.filesystem.mmap(*open, offset, length, protection, flags);
    if (!made) return made.error();
    const std::int32_t number = mappings_.empty() ? 0 : mappings_.rbegin()->first + 1;
    mappings_.emplace(number, std::move(*made));
    return Mapping{number};
  });
}

Outcome<void> SystemCalls::munmap(Mapping mapping) {
  return call([&]() -> Result<void> {
    const auto found = mappings_.find(static_cast<std::int32_t>(mapping));
    if (found == mappings_.end()) return Errno(EINVAL);
    const auto ended = std::move(found->second);
    mappings_.erase(found);
    kernel_.filesystem.munmap(*ended, process_);
    return {};
  });
}

Result<kernel::Mapping*> SystemCalls::mapping(Mapping mapping, std::uint64_t offset, std::uint64_t size) const {
  const auto found = mappings_.find(static_cast<std::int32_t>(mapping));
  if (found == mappings_.end()) return Errno(EFAULT);
  kernel::Mapping& memory = *found->second;
  if (offset > memory.length || size > memory.length - offset) return Errno(EFAULT);
  return &memory;
}

Outcome<std::string> SystemCalls::load(Mapping mapping, std::uint64_t offset, std::size_t size) {
  return call([&]() -> Result<std::string> {
    const Result<kernel::Mapping*> memory = this->mapping(mapping, offset, size);
    if (!memory) return memory.error();
    std::string data(size, '\0');
    const auto into = std::as_writable_bytes(std::span(data.data(), data.size()));
    if (const Result<void> loaded = kernel_.filesystem.load(**memory, offset, into, process_); !loaded) {
      return loaded.error();
    }
    return data;
  });
}

Outcome<void> SystemCalls::store(Mapping mapping, std::uint64_t offset, std::string_view data) {
  return call([&]() -> Result<void> {
    const Result<kernel::Mapping*> memory = this->mapping(mapping, offset, data.size());
    if (!memory) return memory.error();
    return kernel_.filesystem.store(**memory, offset, std::as_bytes(std::span(data.data(), data.size())), process_);
  });
}

Outcome<void> SystemCalls::msync(Mapping mapping, std::uint64_t offset, std::uint64_t length, int flags) {
  return call([&]() -> Result<void> {
    constexpr int kKnown = MS_ASYNC | MS_INVALIDATE | MS_SYNC;
    if ((flags & ~kKnown) != 0 || offset % kPage != 0) return Errno(EINVAL);
    if ((flags & MS_ASYNC) != 0 && (flags & MS_SYNC) != 0) return Errno(EINVAL);
    const std::uint64_t end = offset + (length + kPage - 1) / kPage * kPage;
    const Result<kernel::Mapping*> memory = this->mapping(mapping, offset, end - offset);
    if (!memory) return Errno(ENOMEM);
    return kernel_.filesystem.msync(**memory, offset, end, flags, process_);
  });
}

// exit_mm.
void SystemCalls::end_mappings() {
  while (!mappings_.empty()) {
    const auto ended = std::move(mappings_.begin()->second);
    mappings_.erase(mappings_.begin());
    kernel_.filesystem.munmap(*ended, process_);
  }
}

}  // namespace fusereplay
