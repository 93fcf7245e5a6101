#include "replayer/listings.h"

namespace fusereplay {
void Listing::add_recorded(DirentKind kind, Bytes page) {
  DirentReader reader(kind, page);
  while (const auto record = reader.next()) {
    Sides& sides = entries_[std::string(record->name)];
    sides.recorded = true;
    sides.recorded_type = record->dirent.type;
  }
}

void Listing::add_live(DirentKind kind, Bytes page) {
  live_ended_ = page.empty();
  DirentReader reader(kind, page);
  while (const auto record = reader.next()) {
    live_offset_ = record->dirent.off;
    Sides& sides = entries_[std::string(record->name)];
    sides.live = true;
    sides.live_type = record->dirent.type;
  }
}

Listing::Mismatch Listing::compare() const {
  for (const auto& [name, sides] : entries_) {
    if (is_dot_name(name) || touched_.count(name) != 0) continue;
    const bool types = sides.recorded_type == sides.live_type || sides.recorded_type == 0 || sides.live_type == 0;
    if (sides.recorded && sides.live && types) continue;
    return {name, sides.recorded, sides.live, sides.recorded_type, sides.live_type};
  }
  return {};
}

Listing& Listings::at(std::uint64_t node, std::uint64_t handle, std::uint64_t recorded_offset) {
  Listing& listing = listings_[{node, handle}];
  if (recorded_offset == 0) listing = Listing();
  return listing;
}

Listing* Listings::find(std::uint64_t node, std::uint64_t handle) {
  const auto found = listings_.find({node, handle});
  return found != listings_.end() ? &found->second : nullptr;
}

void Listings::close(std::uint64_t node, std::uint64_t handle) {
  listings_.erase({node, handle});
}

void Listings::touch(std::uint64_t node, std::string_view name) {
  for (auto listing = listings_.lower_bound({node, 0}); listing != listings_.end() && listing->first.first == node;
       ++listing) {
    listing->second.touch(name);
  }
}

}  // namespace fusereplay
