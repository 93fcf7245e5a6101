// The fixture of tests on a mount, simulated or real: every rule judges every test, and a test that fails shows the
// conversation.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/operations/operations.h"
#include "testing/conversation_log.h"

namespace fusereplay::testing {

/// Derive from it, say what is mounted, and write tests that run on both:
///
///   template <class Mount>
///   class MyFsTest : public MountTest<Mount> {
///     std::unique_ptr<Operations> make_filesystem() override { return std::make_unique<MyFs>(); }
///   };
///   TYPED_TEST_SUITE(MyFsTest, EveryMount, MountName);  // testing/every_mount.h
///   TYPED_TEST(MyFsTest, ...) {
///     auto& mount = this->mount();
///     EXPECT_THAT(mount.mkdir("/d", 0755), Succeeds());
///   }
///
/// Where nothing can be mounted for real, tests on a RealMount are skipped, and say so. At the end a test fails if
/// trouble() is not empty; then the mount is unmounted.
template <class Mount>
class MountTest : public ::testing::Test {
 protected:
  virtual std::unique_ptr<Operations> make_filesystem() = 0;
  /// How the mount is made; the log is added to its observers.
  virtual typename Mount::Setup setup() { return {}; }

  void SetUp() override {
    if constexpr (requires { Mount::obstacle(); }) {
      const std::string obstacle = Mount::obstacle();
      if (obstacle.empty()) return;
      std::fprintf(stderr, "SKIPPED: nothing can be mounted for real: %s\n", obstacle.c_str());
      GTEST_SKIP() << "nothing can be mounted for real: " << obstacle;
    }
  }

  /// Mounts when it is called first.
  Mount& mount() {
    if (mount_ == nullptr) {
      typename Mount::Setup how = setup();
      how.observers.push_back(&log_);
      mount_ = std::make_unique<Mount>(make_filesystem(), std::move(how));
      static_cast<void>(log_.take_asked());
    }
    return *mount_;
  }
  /// What the kernel asked since the last call; INIT is not among it.
  std::vector<AskedRequest> asked() { return log_.take_asked(); }
  /// What was said so far, as `fusereplay show` prints it.
  std::string conversation() const { return log_.text(); }

  /// Fails the test if anything is wrong by now. Called by TearDown().
  void expect_no_trouble() {
    if (mount_ == nullptr) return;
    const std::string trouble = mount_->trouble();
    if (!trouble.empty()) ADD_FAILURE() << trouble;
  }
  void TearDown() override {
    expect_no_trouble();
    mount_.reset();
    if (HasFailure()) std::printf("The conversation:\n%s", log_.text().c_str());
  }

 private:
  ConversationLog log_;  // a RealMount tells it on another thread, and rests while the test looks
  std::unique_ptr<Mount> mount_;
};

}  // namespace fusereplay::testing
