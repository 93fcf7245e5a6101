#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "core/check.h"
#include "core/operations/data_writer.h"
#include "core/operations/directory_writer.h"
#include "core/operations/encode.h"

namespace fusereplay {

std::span<std::byte> DataWriter::space(std::size_t wanted) {
  file_.reset();
  if (!buffer_) {
    buffer_ = capacity_ <= pools_.small.capacity()   ? pools_.small.get()
              : capacity_ <= pools_.large.capacity() ? pools_.large.get()
                                                     : BufferRef::allocate(capacity_);
    data_ = Bytes(buffer_->data(), 0);
  }
  std::byte* end = const_cast<std::byte*>(data_.data()) + data_.size();  // the buffer is ours: not shared yet
  return {end, std::min(wanted, capacity_ - data_.size())};
}

void DataWriter::commit(std::size_t count) noexcept {
  FUSEREPLAY_CHECK(count <= capacity_ - data_.size(), "commit() no more than space() gave");
  data_ = Bytes(data_.data(), data_.size() + count);
}

std::size_t DataWriter::append(Bytes bytes) {
  if (bytes.empty()) return 0;
  const std::span<std::byte> room = space(bytes.size());
  if (!room.empty()) std::memcpy(room.data(), bytes.data(), room.size());
  commit(room.size());
  return room.size();
}

Result<std::size_t> DataWriter::from_fd(int fd, Offset offset, std::size_t size) {
  std::size_t total = 0;
  while (total < size) {
    const std::span<std::byte> room = space(size - total);
    if (room.empty()) break;
    const ssize_t count = ::pread(fd, room.data(), room.size(), static_cast<off_t>(offset + total));
    if (count < 0) {
      if (errno == EINTR) continue;
      return Errno::last();
    }
    if (count == 0) break;
    commit(static_cast<std::size_t>(count));
    total += static_cast<std::size_t>(count);
  }
  return total;
}

void DataWriter::share(Bytes bytes, BufferRef owner) noexcept {
  clear();
  buffer_ = std::move(owner);
  data_ = bytes.first(std::min(bytes.size(), capacity_));
}

void DataWriter::share_file(int fd, Offset offset, std::size_t size, std::shared_ptr<const void> owner) noexcept {
  clear();
  file_ = FileRange{.fd = fd, .offset = offset, .size = std::min(size, capacity_)};
  file_owner_ = std::move(owner);
}

Result<void> DataWriter::read_file() noexcept {
  if (!file_) return {};
  const FileRange file = *std::exchange(file_, std::nullopt);
  try {
    if (const auto read = from_fd(file.fd, file.offset, file.size); !read) return read.error();
  } catch (const std::bad_alloc&) {
    return Errno(ENOMEM);
  }
  return {};
}

void DataWriter::clear() noexcept {
  buffer_ = BufferRef();
  data_ = {};
  file_.reset();
  file_owner_.reset();
}

void XattrListWriter::add(std::string_view name) {
  const Bytes bytes = std::as_bytes(std::span(name.data(), name.size()));
  names_.insert(names_.end(), bytes.begin(), bytes.end());
  names_.push_back(std::byte{0});
}

bool DirectoryWriter::add(std::string_view name, Cookie next, std::uint64_t ino, std::uint32_t type) {
  wire::EntryOut entry{};
  entry.attr.ino = ino;
  entry.attr.mode = type << 12;
  return writer_.add(entry, {.ino = ino, .off = raw(next), .namelen = 0, .type = type}, name);
}

bool DirectoryWriter::add(std::string_view name, Cookie next, const Entry& entry) {
  const std::uint32_t type = entry.attributes.mode >> 12 & 017;
  const wire::Dirent dirent{.ino = entry.attributes.ino, .off = raw(next), .namelen = 0, .type = type};
  const bool counts = plus() && !is_dot_name(name);
  const bool added = writer_.add(internal::to_wire(entry), dirent, name);
  if ((!added || !counts) && raw(entry.node) != 0) uncounted_.push_back(entry.node);
  return added;
}

}  // namespace fusereplay
