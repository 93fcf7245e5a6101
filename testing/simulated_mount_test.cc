#include "testing/simulated_mount_test.h"

namespace fusereplay::testing {

std::uint64_t SimulatedMountTest::lookups_of(std::string_view path) {
  for (const CachedEntry& entry : mount().dentries()) {
    if (entry.path != path) continue;
    const auto counts = mount().lookup_counts();
    const auto found = counts.find(entry.nodeid);
    return found == counts.end() ? 0 : found->second;
  }
  return 0;
}

}  // namespace fusereplay::testing
