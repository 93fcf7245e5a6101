#include "examples/memfs/file_data.h"

#include <algorithm>
#include <cstring>

namespace fusereplay::memfs {

std::size_t FileData::read(Offset offset, std::span<std::byte> out) const {
  if (offset >= size_) return 0;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
  auto page = pages_.lower_bound(offset / kPageSize);
  for (std::size_t done = 0; done < length;) {
    const std::uint64_t index = (offset + done) / kPageSize;
    const std::size_t start = (offset + done) % kPageSize;
    const std::size_t count = std::min(kPageSize - start, length - done);
    if (page != pages_.end() && page->first == index) {
      std::memcpy(out.data() + done, page->second.bytes.data() + start, count);
      ++page;
    } else {
      std::memset(out.data() + done, 0, count);
    }
    done += count;
  }
  return length;
}

std::size_t FileData::write(Offset offset, Bytes data) {
  if (offset >= kMaxSize) return 0;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), kMaxSize - offset));
  auto page = pages_.lower_bound(offset / kPageSize);
  std::size_t done = 0;
  while (done < length) {
    const std::uint64_t index = (offset + done) / kPageSize;
    const std::size_t start = (offset + done) % kPageSize;
    const std::size_t count = std::min(kPageSize - start, length - done);
    if (page == pages_.end() || page->first != index) {
      if (!supply_.take(1)) break;
      page = pages_.try_emplace(page, index);
    }
    std::memcpy(page->second.bytes.data() + start, data.data() + done, count);
    ++page;
    done += count;
  }
  if (done > 0) size_ = std::max(size_, offset + done);
  return done;
}

void FileData::resize(std::uint64_t size) {
  if (size < size_) punch(size, kMaxSize + 1);
  size_ = size;
}

Result<void> FileData::allocate(Offset begin, Offset end) {
  const std::uint64_t first = begin / kPageSize;
  const std::uint64_t last = (end + kPageSize - 1) / kPageSize;
  const auto present = static_cast<std::uint64_t>(std::distance(pages_.lower_bound(first), pages_.lower_bound(last)));
  if (!supply_.take(last - first - present)) return Errno(ENOSPC);
  auto page = pages_.lower_bound(first);
  for (std::uint64_t index = first; index < last; ++index) {
    if (page == pages_.end() || page->first != index) page = pages_.try_emplace(page, index);
    ++page;
  }
  return {};
}

void FileData::punch(Offset begin, Offset end) {
  const std::uint64_t first = (begin + kPageSize - 1) / kPageSize;
  const std::uint64_t last = end / kPageSize;
  if (first >= last) {
    clear(begin, end);
    return;
  }
  clear(begin, first * kPageSize);
  clear(last * kPageSize, end);
  const auto from = pages_.lower_bound(first);
  const auto to = pages_.lower_bound(last);
  supply_.give_back(static_cast<std::uint64_t>(std::distance(from, to)));
  pages_.erase(from, to);
}

void FileData::clear(Offset begin, Offset end) {
  for (auto page = pages_.lower_bound(begin / kPageSize); page != pages_.end(); ++page) {
    const Offset start = page->first * kPageSize;
    if (start >= end) return;
    const Offset from = std::max(begin, start);
    const Offset to = std::min<Offset>(end, start + kPageSize);
    std::memset(page->second.bytes.data() + (from - start), 0, to - from);
  }
}

Result<Offset> FileData::next_data(Offset offset) const {
  if (offset >= size_) return Errno(ENXIO);
  const auto page = pages_.lower_bound(offset / kPageSize);
  if (page == pages_.end() || page->first * kPageSize >= size_) return Errno(ENXIO);
  return std::max<Offset>(offset, page->first * kPageSize);
}

Result<Offset> FileData::next_hole(Offset offset) const {
  if (offset >= size_) return Errno(ENXIO);
  std::uint64_t index = offset / kPageSize;
  auto page = pages_.lower_bound(index);
  while (page != pages_.end() && page->first == index) {
    ++page;
    ++index;
  }
  return std::min<Offset>(size_, std::max<Offset>(offset, index * kPageSize));
}

}  // namespace fusereplay::memfs
