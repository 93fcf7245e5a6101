// Files in the memory of the process that makes a RealMount's calls.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstring>

#include "testing/real_mount_parts.h"

namespace fusereplay {
namespace {

constexpr std::uint64_t kPage = 4096;

}  // namespace

std::size_t RealMount::open_mappings() const noexcept {
  return parts_->mappings.size();
}

Outcome<Mapping> RealMount::mmap(Fd fd, std::uint64_t offset, std::uint64_t length, int protection, int flags) {
  const auto address = call(SYS_mmap, 0, length, protection, flags, static_cast<int>(fd), offset);
  if (!address) return address.error();
  auto& mappings = parts_->mappings;
  const std::int32_t number = mappings.empty() ? 0 : mappings.rbegin()->first + 1;
  mappings[number] = {.address = static_cast<std::uint64_t>(*address), .length = (length + kPage - 1) / kPage * kPage};
  return Mapping{number};
}

Outcome<void> RealMount::munmap(Mapping mapping) {
  const auto found = parts_->mappings.find(static_cast<std::int32_t>(mapping));
  if (found == parts_->mappings.end()) return Errno(EINVAL);
  const Parts::Memory memory = found->second;
  parts_->mappings.erase(found);
  return done(SYS_munmap, memory.address, memory.length);
}

Outcome<void> RealMount::move_memory(long number, Mapping mapping, std::uint64_t offset, std::byte* data,
                                     std::size_t size) {
  const auto found = parts_->mappings.find(static_cast<std::int32_t>(mapping));
  if (found == parts_->mappings.end()) return Errno(EFAULT);
  const Parts::Memory memory = found->second;
  if (offset > memory.length || size > memory.length - offset) return Errno(EFAULT);
  if (size == 0) return {};
  auto* const ours = parts_->caller.make<iovec>();
  auto* const theirs = parts_->caller.make<iovec>();
  *ours = {.iov_base = data, .iov_len = size};
  *theirs = {.iov_base = reinterpret_cast<void*>(memory.address + offset), .iov_len = size};
  const auto moved = call(number, parts_->caller.pid(), ours, 1, theirs, 1, 0);
  if (!moved) return moved.error();
  if (static_cast<std::size_t>(*moved) < size) return Errno(EFAULT);
  return {};
}

Outcome<std::string> RealMount::load(Mapping mapping, std::uint64_t offset, std::size_t size) {
  std::byte* const data = parts_->caller.allocate(size);
  const auto loaded = move_memory(SYS_process_vm_readv, mapping, offset, data, size);
  if (!loaded) return loaded.error();
  return std::string(reinterpret_cast<const char*>(data), size);
}

Outcome<void> RealMount::store(Mapping mapping, std::uint64_t offset, std::string_view data) {
  auto* const bytes = reinterpret_cast<std::byte*>(parts_->caller.text(data));
  return move_memory(SYS_process_vm_writev, mapping, offset, bytes, data.size());
}

Outcome<void> RealMount::msync(Mapping mapping, std::uint64_t offset, std::uint64_t length, int flags) {
  const auto found = parts_->mappings.find(static_cast<std::int32_t>(mapping));
  if (found == parts_->mappings.end()) return Errno(ENOMEM);
  const Parts::Memory memory = found->second;
  if (offset > memory.length || length > memory.length - offset) return Errno(ENOMEM);  // no mapping of ours
  return done(SYS_msync, memory.address + offset, length, flags);
}

}  // namespace fusereplay
