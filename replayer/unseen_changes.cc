#include "replayer/unseen_changes.h"

namespace fusereplay {

bool UnseenChanges::explain(std::uint64_t node, const Field& field) const noexcept {
  const Extent extent = of(node);
  if (extent == Extent::kNone) return false;
  if (field.role == FieldRole::kTime || field.role == FieldRole::kTimeNsec) return true;
  return extent == Extent::kContent && (field.role == FieldRole::kSize || field.name.ends_with("blocks"));
}

}  // namespace fusereplay
