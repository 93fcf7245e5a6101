// Where read, ioctl and the xattr handlers leave their bytes: written once, into the reply.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/event/buffer.h"
#include "core/operations/types.h"
#include "core/result.h"

namespace fusereplay {

/// Where reply buffers come from: one pool for what fits a page, one for the rest. Thread-safe.
struct ReplyPools {
  BufferPool small;
  BufferPool large;
};

/// The data of one reply, at most capacity() bytes. Used by one handler at a time. Either written piecewise (space,
/// commit, append, from_fd), or shared as a whole: the last share() or share_file() replaces what was written.
class DataWriter {
 public:
  /// `capacity` in bytes; `pools` must outlive the writer.
  DataWriter(std::size_t capacity, ReplyPools& pools) noexcept : capacity_(capacity), pools_(pools) {}
  DataWriter(const DataWriter&) = delete;
  DataWriter& operator=(const DataWriter&) = delete;

  /// Bytes the request asked for: the kernel refuses more (rule R3).
  std::size_t capacity() const noexcept { return capacity_; }
  /// Bytes written or shared so far; not those of a shared file.
  std::size_t size() const noexcept { return data().size(); }

  /// Room for at most `wanted` bytes after what is committed; less where the capacity ends. Uninitialised.
  std::span<std::byte> space(std::size_t wanted);
  /// The first `count` bytes of the last space() belong to the reply.
  void commit(std::size_t count) noexcept;
  /// Copies as much of `bytes` as fits; returns how much that was.
  std::size_t append(Bytes bytes);
  /// Reads up to `size` bytes at `offset` of `fd`, which is not kept; stops at end of file. Returns how much was read.
  Result<std::size_t> from_fd(int fd, Offset offset, std::size_t size);
  /// Sends these bytes without a copy, at most capacity() of them. They lie in `owner`, whose reference keeps them
  /// alive and unchanged until the reply is sent and every observer is done.
  void share(Bytes bytes, BufferRef owner) noexcept;
  /// Sends what is there of `size` bytes at `offset` of `fd`, at most capacity() bytes: fewer where the file ends
  /// before. They are taken when the handler has ended: by splice(2), without a copy here, where nobody looks at them
  /// and they are many, else read; what fails then is the request's error. `owner` keeps `fd` open, and is dropped
  /// after the reply.
  void share_file(int fd, Offset offset, std::size_t size, std::shared_ptr<const void> owner) noexcept;
  void clear() noexcept;

  /// What the reply will carry, and what keeps it alive.
  Bytes data() const noexcept { return data_; }
  const BufferRef& owner() const noexcept { return buffer_; }

  /// What share_file() named and nobody has read; null: nothing.
  const FileRange* file() const noexcept { return file_ ? &*file_ : nullptr; }
  /// Reads it: then it is data().
  Result<void> read_file() noexcept;

 private:
  std::size_t capacity_;
  ReplyPools& pools_;
  BufferRef buffer_;
  Bytes data_;
  std::optional<FileRange> file_;
  std::shared_ptr<const void> file_owner_;  // keeps its fd open
};

/// The answer of getxattr: one value. The runtime answers a request for the length, and ERANGE (rule R13).
class XattrWriter {
 public:
  /// The attribute's value, copied. The last call counts.
  void set(Bytes value) { value_.assign(value.begin(), value.end()); }
  void set(std::string_view value) { set(std::as_bytes(std::span(value.data(), value.size()))); }
  Bytes value() const noexcept { return value_; }

 private:
  std::vector<std::byte> value_;
};

/// The answer of listxattr: names. The runtime answers a request for the length, and ERANGE (rule R13).
class XattrListWriter {
 public:
  /// `name` without its NUL.
  void add(std::string_view name);
  Bytes value() const noexcept { return names_; }

 private:
  std::vector<std::byte> names_;
};

}  // namespace fusereplay
