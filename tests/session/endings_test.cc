// Every way in which a program that serves comes to its end, and what each leaves behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/session/connection_control.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

/// The sanitizers' reports of crashes would stand before ours.
const int kWithoutSanitizersHandlers = [] {
  const char* const given = std::getenv("ASAN_OPTIONS");
  const std::string ours = ":handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0";
  return ::setenv("ASAN_OPTIONS", ((given != nullptr ? given : "") + ours).c_str(), 1);
}();

/// Waits until `reached`, looking again whenever the mount table changes.
void wait_for_mounts(const std::function<bool()>& reached) {
  const UniqueFd table(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  while (!reached()) {
    pollfd changes{.fd = table.get(), .events = POLLPRI, .revents = 0};
    ASSERT_EQ(::poll(&changes, 1, 60'000), 1) << "nothing was mounted or unmounted in a minute";
  }
}

/// SERVING_PROGRAM in the foreground, its mount in use: a name looked up, a file opened and closed.
class Serving {
 public:
  explicit Serving(const std::string& options = "", const std::string& place = "",
                   const std::vector<std::string>& wrapper = {})
      : mountpoint_(LiveEnvironment::make_directory("mount")),
        child_(command(wrapper, options, place.empty() ? mountpoint_ : place), ""),
        watchdog_(std::chrono::seconds(100), [this] { child_.signal(SIGKILL); }) {}

  const std::string& mountpoint() const { return mountpoint_; }
  ChildProcess& child() { return child_; }
  /// Mounted and used.
  void use() {
    wait_for_mounts([&] { return find_connection(mountpoint_).has_value(); });
    const ChildResult used = run({"cat", mountpoint_ + "/f1"});
    EXPECT_EQ(used.output, "text\n") << used;
  }
  static ChildResult run(std::vector<std::string> command) {
    return ChildProcess(std::move(command), "").wait(LiveMount::kChildTime);
  }
  /// What the program wrote, and how it ended.
  ChildResult end() { return child_.wait(LiveMount::kChildTime); }

 private:
  static std::vector<std::string> command(std::vector<std::string> words, const std::string& options,
                                          const std::string& place) {
    words.emplace_back(SERVING_PROGRAM);
    if (!options.empty()) words.insert(words.end(), {"-o", options});
    words.push_back(place);
    return words;
  }

  const std::string mountpoint_;
  ChildProcess child_;
  Watchdog watchdog_;
};

/// What the program says of itself in the end. The kernel sends no FORGET at an unmount, and drops a RELEASE that is
/// unread (reference R6): both are the filesystem's to drop in destroy().
std::string destroyed(int status) {
  return "destroyed 1 times, holding 1 lookups, [01] handles; 1 threads; status " + std::to_string(status);
}

struct Ending {
  const char* name;
  std::function<void(Serving&)> end;
  int status;
  const char* line;  // before what the program says of itself
};

class EndingLive : public ::testing::TestWithParam<Ending> {
 protected:
  void SetUp() override { skip_without_fuse(); }
};

std::function<void(Serving&)> by_signal(int number) {
  return [=](Serving& serving) { serving.child().signal(number); };
}
std::function<void(Serving&)> by_command(std::vector<std::string> command) {
  return [=](Serving& serving) {
    std::vector<std::string> words = command;
    words.push_back(serving.mountpoint());
    const ChildResult result = Serving::run(words);
    EXPECT_TRUE(result.ok()) << result;
  };
}
void by_abort(Serving& serving) {
  ASSERT_TRUE(ConnectionControl::open(*find_connection(serving.mountpoint()))->abort());
}

TEST_P(EndingLive, IsTold) {
  Serving serving;
  serving.use();
  GetParam().end(serving);
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, GetParam().status) << ended;
  EXPECT_THAT(ended.output, MatchesRegex(GetParam().line + destroyed(GetParam().status) + "\n"));
  EXPECT_EQ(find_connection(serving.mountpoint()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, EndingLive,
                         ::testing::Values(Ending{"Sigint", by_signal(SIGINT), 0, ""},
                                           Ending{"Sigterm", by_signal(SIGTERM), 0, ""},
                                           Ending{"Sighup", by_signal(SIGHUP), 0, ""},
                                           Ending{"Umount", by_command({"umount"}), 0, ""},
                                           Ending{"LazyUmount", by_command({"umount", "-l"}), 0, ""},
                                           Ending{"Fusermount", by_command({"fusermount3", "-u"}), 0, ""},
                                           Ending{"Abort", by_abort, 3, "tally: aborted\n"}),
                         [](const auto& info) { return std::string(info.param.name); });

class EndingsLive : public LiveTest {};

TEST_F(EndingsLive, ALazyUnmountOfABusyMountEndsWithItsLastUser) {
  Serving serving;
  serving.use();
  std::optional<ChildProcess> user(
      ChildProcess({"sh", "-c", "exec 3< '" + serving.mountpoint() + "/f1'; echo open; exec sleep 1000"}, ""));
  while (user->output().empty()) ::sched_yield();
  EXPECT_TRUE(Serving::run({"umount", "-l", serving.mountpoint()}).ok());
  EXPECT_EQ(serving.child().output(), "") << "it serves on";
  user.reset();
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, HasSubstr("destroyed 1 times"));
}

TEST_F(EndingsLive, AnAbortDropsTheHandlesOfWhoIsStillThere) {
  Serving serving;
  serving.use();
  const ChildProcess user({"sh", "-c", "exec 3< '" + serving.mountpoint() + "/f1'; echo open; exec sleep 1000"}, "");
  while (user.output().empty()) ::sched_yield();
  by_abort(serving);
  EXPECT_THAT(serving.end().output, HasSubstr("destroyed 1 times, holding 1 lookups, 1 handles; 1 threads; status 3"));
}

TEST_F(EndingsLive, WhatIsRefusedInInitIsSaidOnceAndLeavesNoMount) {
  Serving serving("refuse");
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.output,
            "fusereplay: no mount: the filesystem requires SUBMOUNTS, which this runtime does not serve\n"
            "destroyed 1 times, holding 0 lookups, 0 handles; 1 threads; status 3\n");
  EXPECT_EQ(find_connection(serving.mountpoint()), std::nullopt);
}

TEST_F(EndingsLive, ABadMountOptionIsBadUsage) {
  Serving serving("allow_root");
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.output, StartsWith("tally: bad mount option: option 'allow_root': nobody would check it"));
}

TEST_F(EndingsLive, AServerThatIsKilledLeavesADeadMount) {
  Serving serving;
  serving.use();
  serving.child().signal(SIGKILL);
  EXPECT_EQ(serving.end().signal, SIGKILL);
  EXPECT_TRUE(find_connection(serving.mountpoint()));
  EXPECT_EQ(::umount2(serving.mountpoint().c_str(), MNT_DETACH), 0);
}

TEST_F(EndingsLive, WithAutoUnmountAServerThatIsKilledLeavesNothing) {
  Serving serving("auto_unmount");
  serving.use();
  serving.child().signal(SIGKILL);
  EXPECT_EQ(serving.end().signal, SIGKILL);
  wait_for_mounts([&] { return !find_connection(serving.mountpoint()); });
}

TEST_F(EndingsLive, WithAutoUnmountACleanEndIsNoDifferent) {
  Serving serving("auto_unmount");
  serving.use();
  serving.child().signal(SIGTERM);
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, 0) << ended;
  EXPECT_THAT(ended.output, EndsWith("; 1 threads; status 0\n"));
  EXPECT_EQ(find_connection(serving.mountpoint()), std::nullopt);
}

/// A mount of ours whose device a program is given.
class HandedOver {
 public:
  explicit HandedOver(const std::vector<std::string>& wrapper = {})
      : mountpoint_(LiveEnvironment::make_directory("handed")), device_(::open("/dev/fuse", O_RDWR)) {
    const std::string data = "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    EXPECT_EQ(::mount("handed", mountpoint_.c_str(), "fuse.tally", 0, data.c_str()), 0);
    program_.emplace("", "/dev/fd/" + std::to_string(device_.get()), wrapper);
    device_.reset();
  }
  ~HandedOver() { ::umount2(mountpoint_.c_str(), MNT_DETACH); }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

  const std::string& mountpoint() const { return mountpoint_; }
  Serving& program() { return *program_; }
  bool mounted() const { return find_connection(mountpoint_).has_value(); }
  void use() {
    const ChildResult used = Serving::run({"cat", mountpoint_ + "/f1"});
    EXPECT_EQ(used.output, "text\n") << used;
  }

 private:
  const std::string mountpoint_;
  UniqueFd device_;
  std::optional<Serving> program_;
};

TEST_F(EndingsLive, ADeviceThatWasHandedOverIsServedUntilItsMountIsGone) {
  HandedOver handed;
  handed.use();
  EXPECT_EQ(::umount(handed.mountpoint().c_str()), 0);
  const ChildResult ended = handed.program().end();
  EXPECT_EQ(ended.exit_code, 0) << ended;
  EXPECT_THAT(ended.output, MatchesRegex(destroyed(0) + "\n"));
}

TEST_F(EndingsLive, ADeviceThatWasHandedOverIsLetGoBySignal) {
  HandedOver handed;
  handed.use();
  handed.program().child().signal(SIGTERM);
  const ChildResult ended = handed.program().end();
  EXPECT_EQ(ended.exit_code, 0) << ended;
  EXPECT_THAT(ended.output, MatchesRegex(destroyed(0) + "\n"));
  EXPECT_FALSE(handed.mounted());
}

TEST_F(EndingsLive, ADeviceWhoseMountIsOutOfReachIsLetGoByAbort) {
  HandedOver handed({"unshare", "-m"});
  handed.use();
  handed.program().child().signal(SIGTERM);
  const ChildResult ended = handed.program().end();
  EXPECT_EQ(ended.exit_code, 0) << ended;
  EXPECT_THAT(ended.output, MatchesRegex(destroyed(0) + "\n"));
  EXPECT_TRUE(handed.mounted()) << "dead, and ours to unmount";
}

TEST_F(EndingsLive, WhoMayNeitherUnmountNorAbortIsEndedByTheSecondSignal) {
  if (::geteuid() != 0) GTEST_SKIP() << "root is needed to become another user";
  HandedOver handed({"unshare", "-m", "sh", "-c",
                     R"(cd "$0" && mknod node c 10 229 && chmod 0666 node && mount --bind node /dev/fuse &&
                        exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@")",
                     LiveEnvironment::make_directory("node")});
  handed.use();
  ChildProcess& program = handed.program().child();
  program.signal(SIGTERM);
  while (program.output().find("cannot unmount") == std::string::npos) ::sched_yield();
  program.signal(SIGTERM);
  const ChildResult ended = handed.program().end();
  EXPECT_EQ(ended.signal, SIGTERM) << ended;
  EXPECT_THAT(ended.output, HasSubstr("cannot abort the connection"));
}

TEST_F(EndingsLive, WhatIsNoMountedDeviceIsNotServed) {
  const UniqueFd null(::open("/dev/null", O_RDWR));
  const ChildResult no_device = Serving("", "/dev/fd/" + std::to_string(null.get())).end();
  EXPECT_EQ(no_device.exit_code, 3);
  EXPECT_THAT(no_device.output, HasSubstr("is no open FUSE device"));
  const UniqueFd unmounted(::open("/dev/fuse", O_RDWR));
  const ChildResult no_mount = Serving("", "/dev/fd/" + std::to_string(unmounted.get())).end();
  EXPECT_EQ(no_mount.exit_code, 3);
  EXPECT_THAT(no_mount.output, HasSubstr("is a FUSE device without a mount"));
}

struct Crash {
  const char* how;
  int signal;
};

class CrashLive : public ::testing::TestWithParam<Crash> {
 protected:
  void SetUp() override { skip_without_fuse(); }
};

TEST_P(CrashLive, TellsTheRequestAndDiesByItsSignal) {
  Serving serving(std::string("auto_unmount,crash=") + GetParam().how);
  wait_for_mounts([&] { return find_connection(serving.mountpoint()).has_value(); });
  const ChildResult used = Serving::run({"cat", serving.mountpoint() + "/f1"});
  EXPECT_FALSE(used.ok());
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.signal, GetParam().signal) << ended;
  EXPECT_THAT(ended.output, ContainsRegex(std::string("^fusereplay: crashed by SIG") + ::sigabbrev_np(ended.signal) +
                                          "( at address 0x[0-9a-f]+)? on thread [0-9]+ \\((device-[01]|fusereplay-pool)"
                                          "\\)\nfusereplay: 1 request outstanding\n"
                                          "fusereplay:   READ [0-9]+ of node 2 for pid [0-9]+, [0-9.]+ [a-z]+: running "
                                          "on thread [0-9]+, which crashed\n"
                                          "fusereplay: '.*' is unmounted when this process is gone \\(auto_unmount\\)"
                                          "\n$"));
  wait_for_mounts([&] { return !find_connection(serving.mountpoint()); });
}

INSTANTIATE_TEST_SUITE_P(All, CrashLive,
                         ::testing::Values(Crash{"segv", SIGSEGV}, Crash{"bus", SIGBUS}, Crash{"fpe", SIGFPE},
                                           Crash{"ill", SIGILL}, Crash{"abrt", SIGABRT}, Crash{"overflow", SIGSEGV}),
                         [](const auto& info) { return std::string(info.param.how); });

TEST_F(EndingsLive, ACrashSaysHowToFreeTheMount) {
  Serving serving("crash=segv");
  wait_for_mounts([&] { return find_connection(serving.mountpoint()).has_value(); });
  EXPECT_FALSE(Serving::run({"cat", serving.mountpoint() + "/f1"}).ok());
  EXPECT_THAT(serving.end().output, EndsWith("stays mounted, without a server; free it with: fusermount3 -u '" +
                                             serving.mountpoint() + "'\n"));
  EXPECT_TRUE(Serving::run({"fusermount3", "-u", serving.mountpoint()}).ok());
}

TEST_F(EndingsLive, AHandlerOfTheProgramItselfStays) {
  Serving serving("handler,auto_unmount,crash=segv");
  wait_for_mounts([&] { return find_connection(serving.mountpoint()).has_value(); });
  EXPECT_FALSE(Serving::run({"cat", serving.mountpoint() + "/f1"}).ok());
  const ChildResult ended = serving.end();
  EXPECT_EQ(ended.exit_code, 9) << ended;
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_THAT(ended.output, StartsWith("fusereplay: SIGSEGV has a handler already, which stays"));
#endif
  EXPECT_THAT(ended.output, EndsWith("own handler\n"));
}

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Runs `script` by sh with the program as $0, an empty mount point as $1, and a file that does not exist as $2.
ChildResult by_sh(const std::string& script, std::vector<std::string> wrapper = {}) {
  const std::string directory = LiveEnvironment::make_directory("background");
  EXPECT_EQ(::mkdir((directory + "/mount").c_str(), 0755), 0);
  wrapper.insert(wrapper.end(), {"sh", "-c", script, SERVING_PROGRAM, directory + "/mount", directory + "/log"});
  ChildProcess child(std::move(wrapper), directory);
  ChildResult result = child.wait(LiveMount::kChildTime);
  result.output += text_of(directory + "/log");
  return result;
}

TEST_F(EndingsLive, InTheBackgroundTheCallerGoesOnWhenTheMountServes) {
  const ChildResult result = by_sh(
      R"($0 -b --log log mount && cat mount/f1 && fusermount3 -u mount &&
         while ! grep -q destroyed log; do sleep 0.01; done)");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_THAT(result.output, MatchesRegex("text\n" + destroyed(0) + "; in /\n")) << "nothing of it in our stdout";
}

TEST_F(EndingsLive, InTheBackgroundTheCallerWaitsForTheAnswerToInit) {
  const ChildResult result = by_sh(
      R"(mkfifo gate; export FUSEREPLAY_GATE=$PWD/gate
         ($0 -b -o wait "$1" >/dev/null 2>&1; echo "caller $?" > told) &
         until grep -q "$1" /proc/self/mountinfo; do sleep 0.01; done
         test -e told && echo "told too early"
         : > gate; wait; cat told "$1/f1"; umount "$1")");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.output, "caller 0\ntext\n");
}

TEST_F(EndingsLive, InTheBackgroundAFailureReachesTheCaller) {
  const ChildResult refused = by_sh(R"($0 -b -o refuse "$1")");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.output, StartsWith("fusereplay: no mount: the filesystem requires SUBMOUNTS"));
  const ChildResult missing = by_sh(R"($0 -b "$1/none")");
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.output, HasSubstr("does not exist: create the directory first"));
  const ChildResult no_log = by_sh(R"($0 -b --log "$1/none/log" "$1")");
  EXPECT_EQ(no_log.exit_code, 3);
  EXPECT_THAT(no_log.output, HasSubstr("cannot log to"));
}

TEST_F(EndingsLive, InTheBackgroundADeathBeforeItServesReachesTheCallerAsItIs) {
  const ChildResult result = by_sh(R"($0 -b -o die "$1"; echo "status $?"; umount "$1")");
  EXPECT_THAT(result.output, HasSubstr("status 137\n"));
}

/// As another user, where /dev/fuse is open to everyone.
const char* const kAsNobody =
    R"(mknod node c 10 229 && chmod 0666 node && mount --bind node /dev/fuse && chown 65534:65534 . mount &&
       exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$3" "$0" "$1" "$2")";

ChildResult as_nobody(const std::string& script) {
  const std::string directory = LiveEnvironment::make_directory("nobody");
  EXPECT_EQ(::mkdir((directory + "/mount").c_str(), 0755), 0);
  return ChildProcess({"unshare", "-m", "sh", "-c", kAsNobody, SERVING_PROGRAM, directory + "/mount",
                       directory + "/log", script},
                      directory)
      .wait(LiveMount::kChildTime);
}

class UnprivilegedLive : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (::geteuid() != 0 || text_of("/proc/self/uid_map").find("4294967295") == std::string::npos) {
      GTEST_SKIP() << "another user is needed, and root to become one";
    }
  }
};

TEST_F(UnprivilegedLive, MountsServesAndUnmountsThroughFusermount) {
  const ChildResult result = as_nobody(
      R"($0 -b "$1" && cat "$1/f1" && grep -c "$1 .*nosuid,nodev.* fuse.tally tally .*user_id=65534" /proc/self/mountinfo &&
         fusermount3 -u "$1" && ! grep -q "$1" /proc/self/mountinfo)");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.output, "text\n1\n");
}

TEST_F(UnprivilegedLive, EndsBySignal) {
  const ChildResult result = as_nobody(
      R"($0 "$1" & until cat "$1/f1" 2>/dev/null; do sleep 0.01; done
         kill -TERM $!; wait $!; echo "status $?"; ! grep -q "$1" /proc/self/mountinfo)");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_THAT(result.output, MatchesRegex("text\n" + destroyed(0) + "\nstatus 0\n"));
}

TEST_F(UnprivilegedLive, WithAutoUnmountLeavesNothingWhenKilled) {
  const ChildResult result = as_nobody(
      R"($0 -o auto_unmount "$1" & until cat "$1/f1" 2>/dev/null; do sleep 0.01; done
         kill -KILL $!; wait $!; while grep -q "$1" /proc/self/mountinfo; do sleep 0.01; done; echo gone)");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_THAT(result.output, EndsWith("gone\n"));
}

TEST_F(UnprivilegedLive, WhatFusermountRefusesIsSaidOnOneLine) {
  const ChildResult others = as_nobody(R"($0 -o allow_other "$1")");
  EXPECT_EQ(others.exit_code, 3);
  EXPECT_THAT(others.output, HasSubstr("fusermount3: option allow_other only allowed if 'user_allow_other' is set"));
  const ChildResult devices = as_nobody(R"($0 -o dev "$1")");
  EXPECT_THAT(devices.output, HasSubstr("option 'dev': only root may give it"));
  const ChildResult not_ours = as_nobody(R"($0 /sys)");
  EXPECT_THAT(not_ours.output, StartsWith("tally: cannot mount on '/sys': fusermount3: "));
}

TEST_F(EndingsLive, InAUserNamespaceNoPrivilegeIsNeeded) {
  const ChildResult result =
      by_sh(R"($0 -b "$1" && cat "$1/f1" && umount "$1" && ! grep -q "$1" /proc/self/mountinfo)", {"unshare", "-Urm"});
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.output, "text\n");
}

TEST_F(EndingsLive, OthersMayEnterWhereThatWasAskedFor) {
  const std::string as_other =
      "setpriv --reuid=65534 --regid=65534 --clear-groups cat \"$1/f1\" 2>/dev/null || echo no; umount \"$1\"";
  EXPECT_EQ(by_sh("$0 -b \"$1\"; " + as_other).output, "no\n");
  EXPECT_EQ(by_sh("$0 -b -o allow_other \"$1\"; " + as_other).output, "text\n");
}

}  // namespace
}  // namespace fusereplay::testing
