#include "replayer/causes.h"

#include <algorithm>

namespace fusereplay {
namespace {

// Beyond so many causes the report is of no use to anyone; comparing each with each would only take time.
constexpr std::size_t kMostCauses = 1000;

}  // namespace

std::uint64_t name_key(std::uint64_t recorded_parent, std::string_view name) noexcept {
  // FNV-1a, which two names of one directory make equal once in 2^64.
  std::uint64_t key = 0xcbf29ce484222325U ^ (recorded_parent * 0x9e3779b97f4a7c15U);
  for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return key;
}

bool Causes::find(const Involved& involved, Placed& placed) const {
  const auto found = [&](std::uint32_t cause) {
    placed = {cause, DivergenceLink::kSameObject};
    return true;
  };
  for (const std::uint64_t node : involved.nodes) {
    if (const Node* left = nodes_.find(node)) return found(left->cause);
  }
  for (const std::uint64_t name : involved.names) {
    if (const std::uint32_t* left = names_.find(name)) return found(*left);
  }
  for (const std::uint64_t parent : involved.parents) {
    if (const Node* left = nodes_.find(parent); left != nullptr && left->lost) return found(left->cause);
  }
  if (involved.totals && any()) return found(0);
  const auto same = std::find(kinds_.begin(), kinds_.end(), involved.kind);
  if (same == kinds_.end()) return false;
  placed = {static_cast<std::uint32_t>(same - kinds_.begin()), DivergenceLink::kSameField};
  return true;
}

void Causes::leave(const Involved& involved, std::uint32_t cause) {
  for (const std::uint64_t node : involved.changed) {
    if (nodes_.find(node) == nullptr) nodes_[node] = {cause, false};
  }
  for (const std::uint64_t node : involved.lost) nodes_[node] = {cause, true};
  for (const std::uint64_t name : involved.names) {
    if (names_.find(name) == nullptr) names_[name] = cause;
  }
}

Causes::Placed Causes::place(const Involved& involved) {
  Placed placed;
  if (!find(involved, placed)) {
    placed = {static_cast<std::uint32_t>(std::min(kinds_.size(), kMostCauses - 1)), DivergenceLink::kCause};
    if (kinds_.size() < kMostCauses) {
      kinds_.push_back(involved.kind);
    } else {
      placed.link = DivergenceLink::kSameField;
    }
  }
  leave(involved, placed.cause);
  return placed;
}

void Causes::named(std::uint64_t old_name, std::uint64_t node, std::uint64_t new_name) {
  if (const std::uint32_t* cause = names_.find(old_name)) {
    names_[new_name] = std::uint32_t{*cause};
  } else if (const Node* left = nodes_.find(node)) {
    names_[new_name] = left->cause;
  }
}

}  // namespace fusereplay
