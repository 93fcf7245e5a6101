#include "core/event/buffer.h"

#include <cstdint>
#include <new>

namespace fusereplay {
namespace {

constexpr std::align_val_t kAlignment{16};

}  // namespace

struct BufferPool::State {
  State(std::size_t buffer_capacity, std::size_t idle_limit) : capacity(buffer_capacity), max_idle(idle_limit) {
    idle.reserve(idle_limit);
  }
  ~State() { clear(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void clear() noexcept {
    for (Buffer* buffer : idle) destroy(buffer);
    idle.clear();
  }
  static Buffer* create(std::size_t capacity, std::shared_ptr<void> pool) {
    constexpr std::size_t kHeader = (sizeof(Buffer) + 15) & ~std::size_t{15};
    auto* block = static_cast<std::byte*>(::operator new(kHeader + capacity, kAlignment));
    return new (block) Buffer(block + kHeader, capacity, std::move(pool));
  }
  static void destroy(Buffer* buffer) noexcept {
    buffer->~Buffer();
    ::operator delete(static_cast<void*>(buffer), kAlignment);
  }

  const std::size_t capacity;
  std::mutex mutex;           // guards what follows; a leaf: nothing is locked under it
  std::size_t max_idle;       // 0 once the pool is gone
  std::vector<Buffer*> idle;  // without a reference to this State, which would keep itself alive
};

Buffer::Buffer(std::byte* data, std::size_t capacity, std::shared_ptr<void> pool) noexcept
    : data_(data), capacity_(capacity), pool_(std::move(pool)) {}

void Buffer::drop() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const auto state = std::static_pointer_cast<BufferPool::State>(std::move(pool_));
  if (state) {
    const std::lock_guard lock(state->mutex);
    if (state->idle.size() < state->max_idle) {
      state->idle.push_back(this);
      return;
    }
  }
  BufferPool::State::destroy(this);
}

BufferRef BufferRef::allocate(std::size_t capacity) {
  return BufferPool::allocate_unpooled(capacity);
}

bool BufferRef::unique() const noexcept {
  return buffer_ != nullptr && buffer_->references_.load(std::memory_order_acquire) == 1;
}

BufferPool::BufferPool(std::size_t capacity, std::size_t max_idle)
    : state_(std::make_shared<State>(capacity, max_idle)) {}

BufferPool::~BufferPool() {
  const std::lock_guard lock(state_->mutex);
  state_->max_idle = 0;
  state_->clear();
}

BufferRef BufferPool::get() {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->idle.empty()) {
      Buffer* buffer = state_->idle.back();
      state_->idle.pop_back();
      buffer->references_.store(1, std::memory_order_relaxed);
      buffer->pool_ = state_;
      return BufferRef(buffer);
    }
  }
  return BufferRef(State::create(state_->capacity, state_));
}

BufferRef BufferPool::allocate_unpooled(std::size_t capacity) {
  return BufferRef(State::create(capacity, nullptr));
}

std::size_t BufferPool::capacity() const noexcept {
  return state_->capacity;
}

}  // namespace fusereplay
