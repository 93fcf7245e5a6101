#include "simulator/kernel/listing.h"

namespace fusereplay::kernel {

void Listing::reset() noexcept {
  complete_ = false;
  ++version_;
  bytes_ = 0;
  end_ = 0;
  records_.clear();
  places_.clear();
}

void Listing::add(const EmittedEntry& entry, std::uint64_t position) {
  if (complete_ || position != end_) return;
  const std::size_t size = (24 + entry.name.size() + 7) & ~std::size_t{7};  // struct fuse_dirent
  std::size_t at = bytes_;
  if (at % kPage + size > kPage) at = (at / kPage + 1) * kPage;
  if (at % kPage == 0) {
    pages_.insert(at / kPage);
  } else if (pages_.count(at / kPage) == 0) {
    return;
  }
  records_.push_back(entry);
  places_.push_back(at);
  bytes_ = at + size;
  end_ = entry.offset;
}

}  // namespace fusereplay::kernel
