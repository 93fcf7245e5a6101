#include "core/session/mount_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <string>
#include <utility>
#include <vector>

namespace fusereplay::internal {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

MountPlan plan(std::vector<std::string> options, std::string subtype = "") {
  auto made = plan_mount({.fsname = "name", .subtype = std::move(subtype), .options = std::move(options)});
  EXPECT_TRUE(made) << made.error();
  return made.value_or(MountPlan{});
}
std::string refused(const std::string& option) {
  const auto made = plan_mount({.fsname = "name", .subtype = "", .options = {option}});
  return made ? "accepted" : made.error();
}

TEST(MountOptions, WithoutAnySetIdBitsAndDevicesDoNotCount) {
  const MountPlan none = plan({});
  EXPECT_EQ(none.flags, MS_NOSUID | MS_NODEV);
  EXPECT_EQ(none.kernel_text(), "");
  EXPECT_EQ(none.helper_text(), "fsname=name");
  EXPECT_EQ(none.type(), "fuse");
}

TEST(MountOptions, FlagsGoToTheKernelAsFlagsAndToTheHelperByName) {
  const MountPlan some = plan({"ro,noexec,suid", "noatime"}, "memfs");
  EXPECT_EQ(some.flags, MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOATIME);
  EXPECT_EQ(some.helper_text(), "ro,noexec,suid,noatime,fsname=name,subtype=memfs");
  EXPECT_EQ(some.type(), "fuse.memfs");
}

TEST(MountOptions, OfTwoThatContradictTheLastCounts) {
  EXPECT_EQ(plan({"ro,rw"}).flags & MS_RDONLY, 0U);
  EXPECT_EQ(plan({"rw,ro"}).flags & MS_RDONLY, MS_RDONLY);
}

TEST(MountOptions, TheKernelsOwnArePassedOn) {
  const MountPlan some = plan({"allow_other,default_permissions,allow_other", "max_read=65536"});
  EXPECT_EQ(some.kernel_text(), "allow_other,default_permissions,max_read=65536");
  EXPECT_FALSE(some.auto_unmount);
  EXPECT_TRUE(plan({"auto_unmount"}).auto_unmount);
  EXPECT_EQ(plan({"auto_unmount"}).helper_text(), "fsname=name");
}

TEST(MountOptions, NamesMayHoldCommas) {
  const MountPlan some = plan({R"(fsname=a\,b,subtype=s)"});
  EXPECT_EQ(some.fsname, "a,b");
  EXPECT_EQ(some.helper_text(), R"(fsname=a\,b,subtype=s)");
  EXPECT_EQ(plan({R"(context="u:r:t:s0:c1,c2",ro)"}).kernel_text(), R"(context="u:r:t:s0:c1,c2")");
}

TEST(MountOptions, WhatIsForFstabIsNotOurs) {
  const MountPlan none = plan({"defaults,nofail,user,_netdev,noauto,x-systemd.automount,comment=c,x-a=b"});
  EXPECT_EQ(none.helper_text(), "fsname=name");
}

TEST(MountOptions, WhatCannotBeServedIsRefusedWithTheReason) {
  const std::pair<const char*, const char*> rows[] = {
      {"nonsense", "option 'nonsense': no such mount option"},
      {"non=sense", "option 'non=sense': no such mount option"},
      {"ro=1", "option 'ro=1': no such mount option"},
      {"max_read", "option 'max_read': give it a value"},
      {"max_read=many", "option 'max_read=many': give a number of bytes"},
      {"allow_root", "option 'allow_root': nobody would check it"},
      {"debug", "option 'debug': see the conversation with fusereplay record"},
      {"blksize=512", "option 'blksize=512': filesystems on block devices"},
      {"nonempty", "option 'nonempty': of libfuse 2"},
      {"fd=3", "option 'fd=3': the mount itself gives it"},
      {"max_write=4096", "option 'max_write=4096': the filesystem settles it in init()"},
      {"attr_timeout=1", "option 'attr_timeout=1': the filesystem says so with each answer"},
  };
  for (const auto& [option, reason] : rows) EXPECT_THAT(refused(option), StartsWith(reason));
  EXPECT_THAT(refused("ro,nonsense,rw"), HasSubstr("'nonsense'"));
}

}  // namespace
}  // namespace fusereplay::internal
