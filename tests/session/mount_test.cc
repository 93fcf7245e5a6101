#include "core/session/mount.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class MountLive : public LiveTest {
 protected:
  static MountError error(const std::string& mountpoint, const MountOptions& options = {}) {
    auto made = Mount::create(mountpoint, options);
    if (made) return MountError{MountErrorKind::kFailed, "it mounted"};
    EXPECT_THAT(made.error().message, Not(HasSubstr("\n")));
    return made.error();
  }
  static std::unique_ptr<Mount> mount(const std::string& mountpoint, const MountOptions& options = {}) {
    auto made = Mount::create(mountpoint, options);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  /// The mount table, one line a mount.
  static std::string table() {
    std::stringstream text;
    text << std::ifstream("/proc/thread-self/mountinfo").rdbuf();
    return text.str();
  }
};

TEST_F(MountLive, AMissingMountPointIsToBeCreated) {
  const MountError missing = error(LiveEnvironment::make_directory("empty") + "/none");
  EXPECT_EQ(missing.kind, MountErrorKind::kNoMountpoint);
  EXPECT_THAT(missing.message, ContainsRegex("mount point '.*/none' does not exist: create the directory first"));
}

TEST_F(MountLive, AFileIsNoMountPoint) {
  const std::string file = LiveEnvironment::make_directory("file") + "/f";
  std::ofstream(file) << "text";
  EXPECT_EQ(error(file).kind, MountErrorKind::kNotADirectory);
  EXPECT_THAT(error(file).message, HasSubstr("is not a directory: give the path of a directory"));
  EXPECT_EQ(error(file + "/below").kind, MountErrorKind::kNotADirectory);
}

TEST_F(MountLive, AnUnknownOptionIsNamed) {
  const MountError bad =
      error(LiveEnvironment::make_directory("bad"), {.fsname = "f", .subtype = "", .options = {"nonsense"}});
  EXPECT_EQ(bad.kind, MountErrorKind::kBadOption);
  EXPECT_THAT(bad.message, HasSubstr("nonsense"));
}

TEST_F(MountLive, WhatTheKernelRefusesIsReportedOnOneLine) {
  const MountError refused = error(LiveEnvironment::make_directory("bad"),
                                   {.fsname = "f", .subtype = "", .options = {"max_read=8192,context=nonsense"}});
  EXPECT_EQ(refused.kind, MountErrorKind::kFailed);
  EXPECT_THAT(refused.message, ContainsRegex("cannot mount on '.*': .+: check the mount options"));
}

TEST_F(MountLive, ADeadMountIsToldFromALiveOne) {
  const auto dead = mount(LiveEnvironment::make_directory("dead"));
  ASSERT_TRUE(dead->control()->abort());
  const MountError second = error(dead->mountpoint());
  EXPECT_EQ(second.kind, MountErrorKind::kDeadMount);
  EXPECT_THAT(second.message, ContainsRegex("run fusermount3 -u '.*/dead"));
}

TEST_F(MountLive, ANamelessDeviceIsToBeLoaded) {
  // In this process alone, and for this test alone: an empty tmpfs over /dev.
  ASSERT_EQ(::mount("none", "/dev", "tmpfs", 0, nullptr), 0);
  const MountError missing = error(LiveEnvironment::make_directory("device"));
  ASSERT_EQ(::umount2("/dev", MNT_DETACH), 0);
  EXPECT_EQ(missing.kind, MountErrorKind::kNoDevice);
  EXPECT_THAT(missing.message, HasSubstr("/dev/fuse cannot be opened: No such file or directory: load the driver"));
}

TEST_F(MountLive, NamesAndOptionsReachTheMountTable) {
  const auto mounted = mount(LiveEnvironment::make_directory("named"),
                             {.fsname = "a,b", .subtype = "memfs", .options = {"max_read=8192", "allow_other,nosuid"}});
  EXPECT_THAT(table(), ContainsRegex(mounted->mountpoint() + " [a-z,]*nosuid[a-z,]* .*- fuse.memfs a,b .*allow_other"));
  EXPECT_THAT(table(), HasSubstr("max_read=8192"));
}

TEST_F(MountLive, ByDefaultTheSourceIsFusereplay) {
  const auto mounted = mount(LiveEnvironment::make_directory("default"));
  EXPECT_THAT(table(), ContainsRegex(mounted->mountpoint() + " .* - fuse fusereplay "));
}

TEST_F(MountLive, UnmountsWhenDestroyed) {
  const std::string mountpoint = LiveEnvironment::make_directory("raii");
  mount(mountpoint);
  EXPECT_THAT(table(), Not(HasSubstr(mountpoint)));
}

TEST_F(MountLive, UnmountingTwiceIsUnmountingOnce) {
  const auto mounted = mount(LiveEnvironment::make_directory("twice"));
  EXPECT_TRUE(mounted->attached());
  EXPECT_TRUE(mounted->unmount());
  EXPECT_FALSE(mounted->attached());
  EXPECT_TRUE(mounted->unmount());
}

TEST_F(MountLive, AnAbortedMountIsTakenAwayToo) {
  const auto mounted = mount(LiveEnvironment::make_directory("aborted"));
  ASSERT_TRUE(mounted->control()->abort());
  EXPECT_TRUE(mounted->unmount());
  EXPECT_FALSE(mounted->attached());
}

TEST_F(MountLive, ALaterMountAtTheSamePlaceIsLeftAlone) {
  const std::string mountpoint = LiveEnvironment::make_directory("later");
  const auto first = mount(mountpoint);
  ASSERT_EQ(::umount2(mountpoint.c_str(), 0), 0);
  const auto second = mount(mountpoint);
  EXPECT_FALSE(first->attached());
  EXPECT_TRUE(first->unmount());
  EXPECT_TRUE(second->attached());
}

TEST_F(MountLive, ASymbolicLinkIsResolved) {
  const std::string directory = LiveEnvironment::make_directory("target");
  const std::string link = LiveEnvironment::make_directory("link") + "/to";
  ASSERT_EQ(::symlink(directory.c_str(), link.c_str()), 0);
  const auto mounted = mount(link);
  EXPECT_EQ(mounted->mountpoint(), directory);
  EXPECT_TRUE(mounted->attached());
}

TEST_F(MountLive, DevicesDoNotReachOtherPrograms) {
  const auto mounted = mount(LiveEnvironment::make_directory("cloexec"));
  EXPECT_EQ(::fcntl(mounted->device(), F_GETFD), FD_CLOEXEC);
  const auto clone = mounted->clone_device();
  ASSERT_TRUE(clone);
  EXPECT_EQ(::fcntl(clone->get(), F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace fusereplay::testing
