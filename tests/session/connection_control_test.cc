#include "core/session/connection_control.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "core/session/mount.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

class ConnectionControlLive : public LiveTest {
 protected:
  std::unique_ptr<Mount> mount(const std::string& mountpoint) {
    auto made = Mount::create(mountpoint, {});
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
};

TEST_F(ConnectionControlLive, FindsTheConnectionOfAMountPointWithOddCharacters) {
  const std::string mountpoint = LiveEnvironment::make_directory("a b\tc\\d");
  EXPECT_EQ(find_connection(mountpoint), std::nullopt);
  const auto mounted = mount(mountpoint);
  EXPECT_EQ(find_connection(mountpoint), mounted->connection());
  EXPECT_TRUE(is_mounted(mountpoint, mounted->connection()));
  EXPECT_FALSE(is_mounted(mountpoint, ConnectionId{mounted->connection().value + 1}));
}

TEST_F(ConnectionControlLive, FindsTheTopmostOfTwoMounts) {
  const std::string mountpoint = LiveEnvironment::make_directory("stacked");
  const auto below = mount(mountpoint);
  // Mount::create would ask the lower filesystem, which nobody serves.
  const std::string data = "rootmode=40000,user_id=0,group_id=0,fd=";
  const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::mount("over", mountpoint.c_str(), "fuse", 0, (data + std::to_string(device.get())).c_str()), 0);
  EXPECT_NE(find_connection(mountpoint), below->connection());
  EXPECT_TRUE(below->attached());
  ASSERT_EQ(::umount2(mountpoint.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(find_connection(mountpoint), below->connection());
}

TEST_F(ConnectionControlLive, CountsWhatWaits) {
  const auto mounted = mount(LiveEnvironment::make_directory("waiting"));
  ASSERT_TRUE(mounted->control());
  EXPECT_EQ(mounted->control()->waiting().value(), 1U) << "the INIT that nobody has read";
}

TEST_F(ConnectionControlLive, AbortLeavesTheMountAndEndsTheConnection) {
  const auto mounted = mount(LiveEnvironment::make_directory("aborted"));
  ASSERT_TRUE(mounted->control()->abort());
  EXPECT_TRUE(mounted->control()->exists());
  EXPECT_TRUE(mounted->attached());
  char buffer[8192];
  EXPECT_EQ(::read(mounted->device(), buffer, sizeof(buffer)), -1);
  EXPECT_EQ(errno, ENODEV);
}

TEST_F(ConnectionControlLive, AfterTheEndNeverReachesTheConnectionThatGotTheNumber) {
  const std::string mountpoint = LiveEnvironment::make_directory("reused");
  const auto first = mount(mountpoint);
  ASSERT_EQ(::umount2(mountpoint.c_str(), 0), 0);
  const auto second = mount(mountpoint);
  EXPECT_FALSE(first->control()->exists());
  EXPECT_EQ(first->control()->waiting().value(), 0U);
  EXPECT_TRUE(first->control()->abort());
  EXPECT_EQ(second->control()->waiting().value(), 1U) << "still connected";
}

TEST_F(ConnectionControlLive, ANumberWithoutConnectionIsAnError) {
  EXPECT_EQ(ConnectionControl::open(ConnectionId{4'000'000}).error(), Errno(ENOENT));
}

}  // namespace
}  // namespace fusereplay::testing
