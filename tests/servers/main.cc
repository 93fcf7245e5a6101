// main() of the suite. With FUSEREPLAY_UNPRIVILEGED=1 a test that root runs goes on as an ordinary user, without
// /dev/fuse.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/servers/served.h"
#include "tests/traces/temporary_directory.h"

namespace {

constexpr uid_t kNobody = 65534;

bool unprivileged() {
  return std::getenv("FUSEREPLAY_UNPRIVILEGED") != nullptr;
}

/// Where this process may do so. Nothing is left of the mount when it ends.
void hide_fuse_device() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("/dev/null", "/dev/fuse", nullptr, MS_BIND, nullptr) != 0) {
    std::fprintf(stderr, "/dev/fuse cannot be hidden here: it stays as it is\n");
  }
}

bool become_nobody() {
  hide_fuse_device();
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    std::perror("becoming nobody");
    return false;
  }
  return ::prctl(PR_SET_DUMPABLE, 1) == 0;  // or /proc/self belongs to root
}

bool fuse_is_out_of_reach() {
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return true;
  struct ::stat stat {};
  ::fstat(device, &stat);
  ::close(device);
  return stat.st_rdev != makedev(10, 229);
}

int run_as_nobody() {
  if (!become_nobody()) return 1;
  if (::geteuid() == 0 || !fuse_is_out_of_reach()) {
    std::fprintf(stderr, "privilege is left, or /dev/fuse\n");
    return 1;
  }
  return RUN_ALL_TESTS();
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  if (!unprivileged() || ::geteuid() != 0) return RUN_ALL_TESTS();
  // Nobody may not look where the programs were built, nor write where ctest wants its report.
  const fusereplay::test::TemporaryDirectory copies;
  fusereplay::testing::use_copies_of_programs((copies / "").parent_path().string());
  ::testing::GTEST_FLAG(output) = "";
  // Nor remove the copies.
  const pid_t child = ::fork();
  if (child == 0) {
    const int result = run_as_nobody();
    std::fflush(nullptr);
    ::_exit(result);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0 ? 0 : 1;
}
