// Advisory locks of a replay: which overlapping lock request the server has to see first for each to end as recorded.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "replayer/slot.h"

namespace fusereplay {

/// SETLK or SETLKW, readable.
inline bool sets_lock(const Slot& slot) noexcept {
  return slot.readable && (slot.opcode == Opcode::kSetlk || slot.opcode == Opcode::kSetlkw);
}

/// What the live side holds, by what it answered. A guess at an order and no judgement: a filesystem that keeps locks
/// differently is compared as ever. One thread. Costs nothing while nobody locks.
class HeldLocks {
 public:
  /// The live side answered this request with success: SETLK, SETLKW, FLUSH and RELEASE change what is held.
  void apply(const Slot& slot);

  /// A SETLK that failed when it was recorded, and would now: it can be delivered without taking a lock.
  bool fails_as_recorded(const Slot& slot) const;
  /// The request among `open` that must be delivered before the lock request `slot` for that to end as recorded: who
  /// gives back what is in its way, or, where it failed, who took the lock before. Null where none is needed, or
  /// known. The recorded replies of lock requests in `open` must be known where they can be.
  Slot* first_before(const Slot& slot, const std::vector<Slot*>& open) const;

 private:
  struct Lock {
    std::uint64_t owner = 0;
    bool flock = false;
    std::uint32_t type = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
  };
  static Lock lock_of(const Slot& slot) noexcept;
  static bool meet(const Lock& a, const Lock& b) noexcept;
  static bool gives_back(const Slot& slot, const Lock& held) noexcept;
  static bool takes(const Slot& slot, const Lock& wanted) noexcept;
  const Lock* in_the_way(std::uint64_t node, const Lock& lock) const;
  Slot* first_before(const Slot& slot, const std::vector<Slot*>& open, int depth) const;

  std::unordered_map<std::uint64_t, std::vector<Lock>> held_;  // by recorded nodeid
};

}  // namespace fusereplay
