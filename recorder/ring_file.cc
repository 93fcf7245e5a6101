#include "recorder/ring_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>

#include "core/unique_fd.h"

namespace fusereplay {

std::filesystem::path ring_directory(const std::filesystem::path& trace) {
  std::filesystem::path directory = trace;
  directory += ".rings";
  return directory;
}

Result<RingFile> RingFile::create(const std::filesystem::path& path, std::size_t space_bytes) {
  const std::size_t bytes = kRingSpaceOffset + space_bytes;
  // Asking for more than the process may have would be answered with a signal that ends it.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) return Errno(EFBIG);
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return Errno::last();
  const auto give_up = [&](Errno error) -> Result<RingFile> {
    ::unlink(path.c_str());
    return error;
  };
  if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) != 0) return give_up(Errno::last());
  void* const mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapping == MAP_FAILED) return give_up(Errno::last());
  auto* const header = new (mapping) RingFileHeader{};
  header->magic = RingFileHeader::kMagic;
  header->version = RingFileHeader::kVersion;
  header->space_bytes = space_bytes;
  return RingFile(mapping, bytes);
}

RingFile::RingFile(RingFile&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)), mapped_(other.mapped_) {}

RingFile::~RingFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_);
}

}  // namespace fusereplay
