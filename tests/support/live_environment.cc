#include "tests/support/live_environment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/check.h"
#include "core/unique_fd.h"

namespace fusereplay::testing {
namespace {

LiveEnvironment* entered = nullptr;  // a process has one set of namespaces

const LiveEnvironment& environment() {
  FUSEREPLAY_CHECK(entered != nullptr, "link live tests with fusereplay_test(... LIVE)");
  return *entered;
}

/// "What: why", with errno for the why.
std::string trouble(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

void write_file(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

/// A user namespace where we are root, so that we may make a mount namespace.
bool become_root() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  return ::geteuid() == 0;
}

}  // namespace

LiveEnvironment::LiveEnvironment() {
  FUSEREPLAY_CHECK(entered == nullptr, "one live environment a process");
  entered = this;
  enter();
}

void LiveEnvironment::enter() {
  if (const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC)); !device.valid()) {
    obstacle_ = trouble("/dev/fuse");
    return;
  }
  if (::geteuid() != 0 && !become_root()) {
    obstacle_ = trouble("/dev/fuse is there, but neither are we root nor are there user namespaces");
    return;
  }
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    obstacle_ = trouble("/dev/fuse is there, but no private mount namespace");
    return;
  }
  std::string name = (std::filesystem::temp_directory_path() / "fusereplay-live-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || ::mount("live", name.c_str(), "tmpfs", 0, "mode=0755") != 0) {
    throw std::runtime_error(trouble(name));
  }
  directory_ = name;
}

LiveEnvironment::~LiveEnvironment() {
  entered = nullptr;
  if (directory_.empty()) return;
  if (::umount2(directory_.c_str(), MNT_DETACH) != 0 || ::rmdir(directory_.c_str()) != 0) std::perror("live directory");
}

const std::string& LiveEnvironment::obstacle() {
  return environment().obstacle_;
}

std::string LiveEnvironment::make_directory(const std::string& name) {
  FUSEREPLAY_CHECK(environment().obstacle_.empty(), "skip_without_fuse() first");
  std::string path = entered->directory_ + "/" + name + "-" + std::to_string(entered->made_++);
  if (::mkdir(path.c_str(), 0755) != 0) throw std::runtime_error(trouble(path));
  return path;
}

void skip_without_fuse() {
  if (LiveEnvironment::obstacle().empty()) return;
  std::fprintf(stderr, "SKIPPED: no usable /dev/fuse: %s\n", LiveEnvironment::obstacle().c_str());
  GTEST_SKIP() << "no usable /dev/fuse: " << LiveEnvironment::obstacle();
}

}  // namespace fusereplay::testing
