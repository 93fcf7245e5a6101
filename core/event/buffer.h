// Message buffers: owned, pooled, refcounted, shared between the server, the channel and the observers.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace fusereplay {

class BufferPool;

/// A block of bytes, 16-byte aligned, of fixed capacity. Written only while one BufferRef holds it; read by all.
class Buffer {
 public:
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  friend class BufferRef;
  friend class BufferPool;
  Buffer(std::byte* data, std::size_t capacity, std::shared_ptr<void> pool) noexcept;
  void drop() noexcept;

  std::byte* data_;
  std::size_t capacity_;
  std::atomic<std::uint32_t> references_{1};
  std::shared_ptr<void> pool_;  // where it returns to; null: freed
};

/// A counted reference to a Buffer; null when default-constructed. References may be taken and dropped on any thread.
class BufferRef {
 public:
  BufferRef() noexcept = default;
  BufferRef(const BufferRef& other) noexcept : buffer_(other.buffer_) {
    if (buffer_ != nullptr) buffer_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() {
    if (buffer_ != nullptr) buffer_->drop();
  }

  /// A buffer of its own, not pooled. Throws std::bad_alloc.
  static BufferRef allocate(std::size_t capacity);

  explicit operator bool() const noexcept { return buffer_ != nullptr; }
  Buffer& operator*() const noexcept { return *buffer_; }
  Buffer* operator->() const noexcept { return buffer_; }
  /// True when no other reference exists, so that the holder may write.
  bool unique() const noexcept;

 private:
  friend class BufferPool;
  explicit BufferRef(Buffer* adopted) noexcept : buffer_(adopted) {}
  Buffer* buffer_ = nullptr;
};

/// Hands out buffers of one capacity and takes them back when their last reference goes, keeping at most `max_idle`.
/// Thread-safe. Buffers may outlive the pool.
class BufferPool {
 public:
  /// `capacity` in bytes.
  BufferPool(std::size_t capacity, std::size_t max_idle);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A buffer held by one reference; contents are unspecified. Throws std::bad_alloc.
  BufferRef get();
  std::size_t capacity() const noexcept;

 private:
  friend class Buffer;
  friend class BufferRef;
  struct State;
  static BufferRef allocate_unpooled(std::size_t capacity);
  std::shared_ptr<State> state_;
};

}  // namespace fusereplay
