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

/// How much of a reply is compared; docs/replay.md says it field by field.
enum class CompareProfile : std::uint8_t {
  kExact,     // everything: against the implementation that was recorded
  kPortable,  // what a caller can rely on whatever the implementation: not what each may choose for itself
  kOutcome,   // whether a request succeeded, or with which errno it failed
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

  CompareProfile profile = CompareProfile::kExact;

  /// For the implementation that was recorded, with its time taken from Request::time(): everything is compared.
  static constexpr Tolerances exact() noexcept { return {}; }
  static constexpr Tolerances of(CompareProfile profile) noexcept {
    Tolerances tolerances;
    tolerances.profile = profile;
    return tolerances;
  }
  /// Another implementation answers: it may page listings and fill READDIRPLUS as it likes, and leave out what the
  /// kernel can do without.
  constexpr bool other_implementation() const noexcept { return profile != CompareProfile::kExact; }
};

}  // namespace fusereplay
