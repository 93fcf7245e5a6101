// A hash map for ids: open addressing, one array, nothing allocated while its size stays below its high-water mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fusereplay {

/// A pair of ids as a key: (nodeid, fh).
struct IdPair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  bool operator==(const IdPair&) const noexcept = default;
};

/// Maps ids (u64 or IdPair) to small values. Pointers to values are valid until the next insert or erase.
/// Not even const methods may run on two threads at once. Keys may be chosen by a hostile trace: the hash is salted
/// with the address the table was made at, and order is never shown.
template <class Key, class Value>
class FlatMap {
 public:
  FlatMap() : slots_(kInitialSlots), salt_(reinterpret_cast<std::uintptr_t>(this)) {}

  std::size_t size() const noexcept { return size_; }

  Value* find(const Key& key) noexcept {
    Slot& slot = slots_[slot_of(key)];
    return slot.used ? &slot.value : nullptr;
  }
  const Value* find(const Key& key) const noexcept { return const_cast<FlatMap*>(this)->find(key); }

  /// The value of `key`, made if there was none.
  Value& operator[](const Key& key) {
    std::size_t index = slot_of(key);
    if (!slots_[index].used) {
      if ((size_ + 1) * 2 > slots_.size()) {
        grow();
        index = slot_of(key);
      }
      slots_[index] = Slot{key, Value{}, true};
      ++size_;
    }
    return slots_[index].value;
  }

  void erase(const Key& key) noexcept {
    std::size_t hole = slot_of(key);
    if (!slots_[hole].used) return;
    --size_;
    // Closes the hole: a slot moves into it unless its home lies after the hole, so that no tombstone is needed.
    for (std::size_t next = (hole + 1) & mask(); slots_[next].used; next = (next + 1) & mask()) {
      const std::size_t home = hash(slots_[next].key) & mask();
      if (((next - home) & mask()) >= ((next - hole) & mask())) {
        slots_[hole] = std::move(slots_[next]);
        hole = next;
      }
    }
    slots_[hole] = Slot{};
  }

  void clear() noexcept {
    if (size_ == 0) return;
    for (Slot& slot : slots_) slot = Slot{};
    size_ = 0;
  }

  /// Calls visit(key, value) for each, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.used) visit(slot.key, slot.value);
    }
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };
  static constexpr std::size_t kInitialSlots = 16;

  std::size_t mask() const noexcept { return slots_.size() - 1; }

  // What was asked for last is often asked for again: by the reply to a request, by the next request of one file.
  std::size_t slot_of(const Key& key) const noexcept {
    if (slots_[last_].used && slots_[last_].key == key) return last_;
    std::size_t index = hash(key) & mask();
    while (slots_[index].used && !(slots_[index].key == key)) index = (index + 1) & mask();
    return last_ = index;
  }

  std::size_t hash(std::uint64_t key) const noexcept {
    std::uint64_t mixed = (key ^ salt_) * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 32)) * 0xff51afd7ed558ccdU;
    return static_cast<std::size_t>(mixed ^ (mixed >> 29));
  }
  std::size_t hash(const IdPair& key) const noexcept { return hash(key.first ^ hash(key.second)); }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.used) slots_[slot_of(slot.key)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  mutable std::size_t last_ = 0;  // some slot
  std::uint64_t salt_;
};

}  // namespace fusereplay
