// The fixture of tests on a SimulatedMount: every rule judges every test, and a test that fails shows the conversation.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/operations/operations.h"
#include "simulator/mount.h"
#include "testing/conversation_log.h"

namespace fusereplay::testing {

/// Derive from it, say what is mounted, and use mount():
///
///   class MyFsTest : public SimulatedMountTest {
///     std::unique_ptr<Operations> make_filesystem() override { return std::make_unique<MyFs>(); }
///   };
///   TEST_F(MyFsTest, ...) { EXPECT_THAT(mount().mkdir("/d", 0755), Succeeds()); ... }
///
/// At the end the test fails if trouble() is not empty; then the mount is unmounted.
class SimulatedMountTest : public ::testing::Test {
 protected:
  virtual std::unique_ptr<Operations> make_filesystem() = 0;
  /// How the mount is made; the log is added to its observers.
  virtual SimulatedMountSetup setup() { return {}; }

  /// Mounts when it is called first.
  SimulatedMount& mount();
  /// What the kernel asked since the last call; INIT is not among it.
  std::vector<AskedRequest> asked();
  /// The lookups that the kernel owes of the inode which it believes to be there; 0 where it knows none.
  std::uint64_t lookups_of(std::string_view path);
  /// What was said so far, as `fusereplay show` prints it.
  std::string conversation() const { return log_.text(); }

  /// Fails the test if anything is wrong by now. Called by TearDown().
  void expect_no_trouble();
  void TearDown() override;

 private:
  ConversationLog log_;
  std::unique_ptr<SimulatedMount> mount_;
};

}  // namespace fusereplay::testing
