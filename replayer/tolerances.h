// Which differences between a recorded and a live reply are declared to be none.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/protocol/fields.h"

namespace fusereplay {

/// A set of field roles.
class FieldRoles {
 public:
  constexpr FieldRoles() noexcept = default;
  constexpr FieldRoles(std::initializer_list<FieldRole> roles) noexcept {
    for (const FieldRole role : roles) bits_ |= bit(role);
  }
  constexpr bool has(FieldRole role) const noexcept { return (bits_ & bit(role)) != 0; }
  constexpr FieldRoles& add(FieldRole role) noexcept {
    bits_ |= bit(role);
    return *this;
  }

 private:
  static constexpr std::uint32_t bit(FieldRole role) noexcept { return 1U << static_cast<unsigned>(role); }
  std::uint32_t bits_ = 0;
};

enum class ConcurrentFields : std::uint8_t {
  kCompared,   // as all others
  kTolerated,  // see Tolerances::concurrent
};

/// What a replay overlooks, and counts (ReplayCounts). Padding is never compared: neither side reads it.
struct Tolerances {
  /// Fields of these roles are never compared. A role that binds ids (nodeid, generation, handle, cookie, inode number)
  /// still binds.
  FieldRoles ignored;

  /// A recording of several device threads does not say in which order overlapping requests took effect, and a
  /// filesystem need not take one snapshot of two inodes. Tolerated with kTolerated, where no order of the overlapping
  /// requests explains the reply:
  /// - sizes, blocks, times, owners, modes and link counts of a node that an overlapping request changed;
  /// - totals (FieldRole::kUsage) where any request that can change them overlapped, a FORGET that its thread may not
  ///   have finished included.
  /// Without overlap nothing is tolerated.
  ConcurrentFields concurrent = ConcurrentFields::kTolerated;

  /// For the implementation that was recorded, with its time taken from Request::time(): everything is compared.
  static constexpr Tolerances exact() noexcept { return {}; }
  /// For another implementation, or one that asks its own clock: times, totals and inode numbers are its own affair.
  static constexpr Tolerances other_implementation() noexcept {
    Tolerances tolerances;
    tolerances.ignored = {FieldRole::kTime, FieldRole::kTimeNsec, FieldRole::kUsage, FieldRole::kIno};
    return tolerances;
  }
};

}  // namespace fusereplay
