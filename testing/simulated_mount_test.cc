#include "testing/simulated_mount_test.h"

#include <cstdio>

namespace fusereplay::testing {

SimulatedMount& SimulatedMountTest::mount() {
  if (mount_ == nullptr) {
    SimulatedMountSetup how = setup();
    how.observers.push_back(&log_);
    mount_ = std::make_unique<SimulatedMount>(make_filesystem(), std::move(how));
    static_cast<void>(log_.take_asked());
  }
  return *mount_;
}

std::vector<AskedRequest> SimulatedMountTest::asked() {
  return log_.take_asked();
}

std::uint64_t SimulatedMountTest::lookups_of(std::string_view path) {
  for (const CachedEntry& entry : mount().dentries()) {
    if (entry.path != path) continue;
    const auto counts = mount().lookup_counts();
    const auto found = counts.find(entry.nodeid);
    return found == counts.end() ? 0 : found->second;
  }
  return 0;
}

void SimulatedMountTest::expect_no_trouble() {
  if (mount_ == nullptr) return;
  const std::string trouble = mount_->trouble();
  if (!trouble.empty()) ADD_FAILURE() << trouble;
}

void SimulatedMountTest::TearDown() {
  expect_no_trouble();
  mount_.reset();
  if (HasFailure()) std::printf("The conversation:\n%s", log_.text().c_str());
}

}  // namespace fusereplay::testing
