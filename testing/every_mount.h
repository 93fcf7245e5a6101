// The mounts there are, for tests that run on each of them. Link fusereplay::testing_real.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "simulator/mount.h"
#include "testing/mount_test.h"
#include "testing/real_mount.h"

namespace fusereplay::testing {

/// For TYPED_TEST_SUITE: the mounts there are, and their names in a test's.
using EveryMount = ::testing::Types<SimulatedMount, RealMount>;
struct MountName {
  template <class Mount>
  static std::string GetName(int) {  // NOLINT(readability-identifier-naming): GoogleTest looks for this name
    return std::is_same_v<Mount, RealMount> ? "Real" : "Simulated";
  }
};

}  // namespace fusereplay::testing
