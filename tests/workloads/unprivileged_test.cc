// The exercisers on mounts of a user without privilege, through fusermount3: recorded in full, checked, and the trace
// checked again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

/// Becomes another user, for whom /dev/fuse is open. $0: the command's path, $1: the filesystem, $2: what runs in it.
const char* const kAsNobody = R"(
    mknod node c 10 229 && chmod 0666 node && mount --bind node /dev/fuse && chown 65534:65534 . mount source &&
    exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '
      "$0" record -o trace --check --threads 4 --run "$2" mount --fs "$1" && "$0" check trace && rm trace &&
      ! grep -q "$PWD/mount" /proc/self/mountinfo' "$0" "$1" "$2")";

class UnprivilegedExercise : public LiveTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    std::ifstream in("/proc/self/uid_map");
    const std::string users{std::istreambuf_iterator<char>(in), {}};
    if (::geteuid() != 0 || users.find("4294967295") == std::string::npos) {
      GTEST_SKIP() << "another user is needed, and root to become one";
    }
  }
  /// Runs `work` inside a mount.
  ChildResult as_nobody(const std::string& work) {
    const std::string directory = LiveEnvironment::make_directory("nobody");
    for (const char* name : {"/mount", "/source"}) EXPECT_EQ(::mkdir((directory + name).c_str(), 0755), 0);
    return ChildProcess({"unshare", "-m", "sh", "-c", kAsNobody, FUSEREPLAY_COMMAND, GetParam(), work}, directory)
        .wait(LiveMount::kChildTime);
  }
};
INSTANTIATE_TEST_SUITE_P(On, UnprivilegedExercise,
                         ::testing::Values("memfs:owner=65534,threads,locks", "memfs:owner=65534,writeback",
                                           "passthrough:threads,locks,./source", "passthrough:writeback,./source"),
                         [](const auto& filesystem) {
                           std::string name = filesystem.param;
                           std::erase_if(name, [](char letter) { return letter < 'a' || letter > 'z'; });
                           return name;
                         });

TEST_P(UnprivilegedExercise, LeavesNothingWrong) {
  const ChildResult result = as_nobody("mkdir file tree && " FILE_EXERCISER " file/f 1 1000 && " TREE_EXERCISER
                                       " tree 1 6 250 >/dev/null && echo as $(id -u)");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_THAT(result.output, HasSubstr("as 65534\n"));
}

}  // namespace
}  // namespace fusereplay::testing
