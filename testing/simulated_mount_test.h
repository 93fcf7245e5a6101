// The fixture of tests on a SimulatedMount alone: see testing/mount_test.h for what it has.
#pragma once

#include <cstdint>
#include <string_view>

#include "simulator/mount.h"
#include "testing/mount_test.h"

namespace fusereplay::testing {

/// Derive from it, say what is mounted, and use mount():
///
///   class MyFsTest : public SimulatedMountTest {
///     std::unique_ptr<Operations> make_filesystem() override { return std::make_unique<MyFs>(); }
///   };
///   TEST_F(MyFsTest, ...) { EXPECT_THAT(mount().mkdir("/d", 0755), Succeeds()); ... }
class SimulatedMountTest : public MountTest<SimulatedMount> {
 protected:
  /// The lookups that the kernel owes of the inode which it believes to be there; 0 where it knows none.
  std::uint64_t lookups_of(std::string_view path);
};

}  // namespace fusereplay::testing
