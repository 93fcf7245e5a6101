// A queue in one array: nothing is allocated before its first use, nor while it does not grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace fusereplay::kernel {

/// First in, first out. T is small and trivially copied.
template <class T>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == items_.size(); }
  std::size_t size() const noexcept { return items_.size() - head_; }
  auto begin() const noexcept { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const noexcept { return items_.end(); }
  /// Of one that is not empty.
  const T& front() const noexcept { return items_[head_]; }
  const T& operator[](std::size_t index) const noexcept { return items_[head_ + index]; }

  void push_back(const T& item) {
    if (items_.size() == items_.capacity()) drop_gone();
    items_.push_back(item);
  }
  void push_front(const T& item) {
    if (head_ != 0) {
      items_[--head_] = item;
    } else {
      items_.insert(items_.begin(), item);
    }
  }
  /// At most size() of the oldest.
  void pop_front(std::size_t count = 1) noexcept {
    head_ += count;
    if (empty()) clear();
  }
  /// Every one that is equal to `item`.
  void erase(const T& item) noexcept {
    drop_gone();
    std::erase(items_, item);
  }
  void clear() noexcept {
    items_.clear();
    head_ = 0;
  }

 private:
  void drop_gone() noexcept {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(std::exchange(head_, 0)));
  }

  std::vector<T> items_;
  std::size_t head_ = 0;  // those before it are gone
};

}  // namespace fusereplay::kernel
