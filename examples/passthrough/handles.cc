#include "examples/passthrough/handles.h"

#include <unistd.h>

namespace fusereplay::passthrough {

Result<void> OpenDirectory::seek(Cookie from) {
  if (raw(from) == position_) return {};
  if (::lseek(fd.get(), static_cast<off_t>(raw(from)), SEEK_SET) < 0) return Errno::last();
  position_ = raw(from);
  at_ = size_ = 0;
  return {};
}

Result<const dirent64*> OpenDirectory::next() {
  if (at_ == size_) {
    const ssize_t size = ::getdents64(fd.get(), ahead_.data(), ahead_.size());
    if (size < 0) return Errno::last();
    at_ = 0;
    size_ = static_cast<std::size_t>(size);
  }
  if (size_ == 0) return nullptr;
  return reinterpret_cast<const dirent64*>(ahead_.data() + at_);
}

void OpenDirectory::advance(const dirent64& entry) noexcept {
  position_ = static_cast<std::uint64_t>(entry.d_off);
  at_ += entry.d_reclen;
}

}  // namespace fusereplay::passthrough
