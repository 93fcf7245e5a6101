#include "replayer/held_locks.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

constexpr int kDeepest = 8;  // requests that each need another one first

/// Nothing where the reply is not known.
std::optional<std::int32_t> recorded_error(const Slot& slot) noexcept {
  if (!slot.has_reply) return std::nullopt;
  wire::OutHeader header;
  std::memcpy(&header, slot.reply.message.head.data(), sizeof(header));
  return header.error;
}

bool waits(const Slot& slot) noexcept {
  return slot.state == SlotState::kWaiting && !slot.withheld;
}

}  // namespace

HeldLocks::Lock HeldLocks::lock_of(const Slot& slot) noexcept {
  const auto in = slot.fixed<wire::LkIn>();
  const bool flock = (in.lk_flags & kLkFlock) != 0;
  return {.owner = in.owner,
          .flock = flock,
          .type = in.lk.type,
          .start = flock ? 0 : in.lk.start,
          .end = flock ? UINT64_MAX : in.lk.end};
}

bool HeldLocks::meet(const Lock& a, const Lock& b) noexcept {
  return a.flock == b.flock && a.owner != b.owner && a.start <= b.end && b.start <= a.end &&
         (a.type == F_WRLCK || b.type == F_WRLCK);
}

const HeldLocks::Lock* HeldLocks::in_the_way(std::uint64_t node, const Lock& lock) const {
  const auto found = held_.find(node);
  if (found == held_.end()) return nullptr;
  for (const Lock& held : found->second) {
    if (meet(held, lock)) return &held;
  }
  return nullptr;
}

void HeldLocks::apply(const Slot& slot) {
  if (!sets_lock(slot) && (held_.empty() || !slot.readable)) return;
  const auto drop = [&](std::uint64_t owner, bool flock) {
    const auto found = held_.find(slot.nodeid);
    if (found == held_.end()) return;
    auto& locks = found->second;
    locks.erase(std::remove_if(locks.begin(), locks.end(),
                               [&](const Lock& lock) { return lock.owner == owner && lock.flock == flock; }),
                locks.end());
    if (locks.empty()) held_.erase(found);
  };
  if (slot.opcode == Opcode::kFlush) {
    drop(slot.fixed<wire::FlushIn>().lock_owner, false);
  } else if (slot.opcode == Opcode::kRelease) {
    const auto in = slot.fixed<wire::ReleaseIn>();
    if ((in.release_flags & kReleaseFlockUnlock) != 0) drop(in.lock_owner, true);
  } else if (sets_lock(slot)) {
    const Lock lock = lock_of(slot);
    std::vector<Lock> kept;
    for (const Lock& held : std::exchange(held_[slot.nodeid], {})) {
      const bool cut =
          held.owner == lock.owner && held.flock == lock.flock && held.start <= lock.end && lock.start <= held.end;
      if (!cut) kept.push_back(held);
      if (cut && held.start < lock.start)
        kept.push_back({held.owner, held.flock, held.type, held.start, lock.start - 1});
      if (cut && held.end > lock.end) kept.push_back({held.owner, held.flock, held.type, lock.end + 1, held.end});
    }
    if (lock.type != F_UNLCK) kept.push_back(lock);
    if (kept.empty()) {
      held_.erase(slot.nodeid);
    } else {
      held_[slot.nodeid] = std::move(kept);
    }
  }
}

bool HeldLocks::fails_as_recorded(const Slot& slot) const {
  if (held_.empty() || !sets_lock(slot) || recorded_error(slot) != -EAGAIN) return false;
  return in_the_way(slot.nodeid, lock_of(slot)) != nullptr;
}

bool HeldLocks::gives_back(const Slot& slot, const Lock& held) noexcept {
  if (slot.opcode == Opcode::kFlush) return !held.flock && slot.fixed<wire::FlushIn>().lock_owner == held.owner;
  if (slot.opcode == Opcode::kRelease) {
    const auto in = slot.fixed<wire::ReleaseIn>();
    return held.flock && (in.release_flags & kReleaseFlockUnlock) != 0 && in.lock_owner == held.owner;
  }
  if (!sets_lock(slot)) return false;
  const Lock lock = lock_of(slot);
  return lock.flock == held.flock && lock.owner == held.owner && lock.type != F_WRLCK && lock.type != held.type &&
         lock.start <= held.end && held.start <= lock.end;
}

bool HeldLocks::takes(const Slot& slot, const Lock& wanted) noexcept {
  if (!sets_lock(slot)) return false;
  const Lock lock = lock_of(slot);
  return lock.type != F_UNLCK && meet(lock, wanted);
}

Slot* HeldLocks::first_before(const Slot& slot, const std::vector<Slot*>& open) const {
  return first_before(slot, open, 0);
}

Slot* HeldLocks::first_before(const Slot& slot, const std::vector<Slot*>& open, int depth) const {
  const auto error = recorded_error(slot);
  if (!sets_lock(slot) || !error || depth == kDeepest) return nullptr;
  const Lock lock = lock_of(slot);
  if (lock.type == F_UNLCK) return nullptr;
  const Lock* const held = in_the_way(slot.nodeid, lock);
  if (held != nullptr ? *error != 0 : *error != -EAGAIN) return nullptr;
  // Of several the one that was answered first: most likely it was served first.
  Slot* chosen = nullptr;
  for (Slot* other : open) {
    if (other == &slot || other->nodeid != slot.nodeid || !other->readable || !waits(*other)) continue;
    if (recorded_error(*other) != 0) continue;
    if (chosen != nullptr && chosen->reply.sequence < other->reply.sequence) continue;
    if (held != nullptr ? gives_back(*other, *held) : takes(*other, lock)) chosen = other;
  }
  if (chosen == nullptr || held != nullptr) return chosen;
  Slot* const before = first_before(*chosen, open, depth + 1);
  return before != nullptr ? before : chosen;
}

}  // namespace fusereplay
