// A hash map from integers, without allocation in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fusereplay {

/// Mixes all bits of `value` into all bits of the result.
constexpr std::uint64_t mix_id(std::uint64_t value) noexcept {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdU;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33);
}

/// Two numbers as one key.
struct IdKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  constexpr bool operator==(const IdKey&) const noexcept = default;
};
constexpr std::uint64_t mix_id(const IdKey& key) noexcept {
  return mix_id(mix_id(key.first) + key.second);
}

/// Open addressing, linear probing, no tombstones. Pointers to values hold until the next insert or erase. There is no
/// iteration: nothing may depend on the order of slots.
template <class Key, class Value>
class IdMap {
 public:
  IdMap() : slots_(kInitialSlots) {}

  std::size_t size() const noexcept { return size_; }

  Value* find(const Key& key) noexcept {
    Slot& slot = slots_[slot_of(key)];
    return slot.used ? &slot.value : nullptr;
  }
  const Value* find(const Key& key) const noexcept { return const_cast<IdMap*>(this)->find(key); }

  /// The value of `key`, default-constructed if it is new.
  Value& operator[](const Key& key) {
    std::size_t index = slot_of(key);
    if (!slots_[index].used) {
      if ((size_ + 1) * 2 > slots_.size()) {
        grow();
        index = slot_of(key);
      }
      slots_[index].used = true;
      slots_[index].key = key;
      slots_[index].value = Value{};
      ++size_;
    }
    return slots_[index].value;
  }

  void erase(const Key& key) noexcept {
    std::size_t hole = slot_of(key);
    if (!slots_[hole].used) return;
    --size_;
    // Close the hole: a slot may move into it unless its home lies after the hole.
    for (std::size_t next = (hole + 1) & mask(); slots_[next].used; next = (next + 1) & mask()) {
      const std::size_t home = mix_id(slots_[next].key) & mask();
      if (((next - home) & mask()) >= ((next - hole) & mask())) {
        slots_[hole] = std::move(slots_[next]);
        hole = next;
      }
    }
    slots_[hole].used = false;
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };
  static constexpr std::size_t kInitialSlots = 64;

  std::size_t mask() const noexcept { return slots_.size() - 1; }
  std::size_t slot_of(const Key& key) const noexcept {
    std::size_t slot = mix_id(key) & mask();
    while (slots_[slot].used && !(slots_[slot].key == key)) slot = (slot + 1) & mask();
    return slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.used) slots_[slot_of(slot.key)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace fusereplay
