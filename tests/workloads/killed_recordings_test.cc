// Recordings of a live mount that are killed at any moment, from before INIT until after the work: nothing is left
// running or mounted, no whole block is lost, and what the rings held comes back.
// FUSEREPLAY_LONG=1 kills 500 times. FUSEREPLAY_SEED=N begins at seed N.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "cli/run_child.h"
#include "core/session/mount.h"
#include "recorder/ring_drain.h"
#include "tests/cli/command.h"
#include "tests/support/live_mount.h"
#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"

namespace fusereplay::testing {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr unsigned kThreads = 4;

bool is_long() {
  return std::getenv("FUSEREPLAY_LONG") != nullptr;
}

/// What was seen over all kills.
struct Tally {
  unsigned before_trace = 0;  // killed before there was a trace
  unsigned before_init = 0;   // ... before INIT was answered
  unsigned during_work = 0;
  unsigned after = 0;  // the recording had ended before it was killed
  unsigned mounted = 0;
  std::uint64_t events = 0;
  std::uint64_t from_rings = 0;
  unsigned with_gaps = 0;
  std::uint64_t in_hand = 0;  // events whose thread was killed before it had handed them over
};

/// The connection of the mount at `mountpoint` in the mount namespace of `process`.
std::optional<ConnectionControl> connection_of(pid_t process, const std::string& mountpoint) {
  std::ifstream mounts("/proc/" + std::to_string(process) + "/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" " + mountpoint + " ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string skipped;
    unsigned major = 0;
    unsigned minor = 0;
    char colon = 0;
    words >> skipped >> skipped >> major >> colon >> minor;
    if (auto control = ConnectionControl::open(ConnectionId{minor})) return std::move(*control);
  }
  return std::nullopt;
}

/// Waits for the end of `process`, but no longer than `patience`.
void await(pid_t process, nanoseconds patience) {
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  ASSERT_TRUE(handle.valid());
  pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
  const timespec time{.tv_sec = static_cast<time_t>(patience.count() / 1'000'000'000),
                      .tv_nsec = patience.count() % 1'000'000'000};
  ::ppoll(&ended, 1, &time, nullptr);
}

/// A trace of the events before the first number that is missing.
void write_up_to_gap(std::vector<test::OwnedEvent> events, const std::string& path) {
  std::size_t kept = 0;
  while (kept < events.size() && events[kept].event.sequence == kept + 1) ++kept;
  events.resize(kept);
  auto writer = TraceWriter::open(path, describe_host());
  ASSERT_TRUE(writer) << writer.error().message;
  test::feed(events, **writer);
  EXPECT_TRUE((*writer)->close());
}

class KilledLive : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    // Whatever a killed recording leaves behind becomes our child.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }
  void TearDown() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  /// A recording in a mount namespace of its own.
  ChildProcess start(const std::string& trace) const {
    return ChildProcess({"unshare", "--mount", "--propagation", "private", FUSEREPLAY_COMMAND, "record", "-o", trace,
                         "--threads", std::to_string(kThreads), "--run", kWork, mountpoint_, "--fs", "memfs:threads"},
                        "");
  }

  void kill_one(std::uint64_t seed);
  void look_at(const std::string& trace, const std::string& repaired);

  /// Returns when nothing that the recording started runs any more, and its connection is gone.
  static void await_nothing_left(const std::optional<ConnectionControl>& control) {
    const Watchdog watchdog(std::chrono::seconds(60), [&] {
      if (control) static_cast<void>(control->abort());
    });
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    EXPECT_EQ(errno, ECHILD);
    while (control && control->exists()) ::sched_yield();
  }

  static constexpr const char* kWork = "mkdir {}/d {}/e && seq 9999 >{}/e/numbers && '" FUSEREPLAY_STORM
                                       "' {}/d 100 && cp {}/e/numbers {}/d && "
                                       "rm -r {}/d";
  const std::string mountpoint_ = LiveEnvironment::make_directory("mnt");
  Tally tally_;
  nanoseconds whole_{0};  // what a recording takes that is not killed
};

void KilledLive::look_at(const std::string& trace, const std::string& repaired) {
  const auto torn = test::read_trace(trace);
  RingDrain rings(ring_directory(trace));
  std::map<std::uint64_t, std::string> in_rings;
  Event event;
  for (std::uint64_t last = 0; rings.next(last, event); last = event.sequence) {
    const Bytes head = event.message.head;
    in_rings.emplace(event.sequence, std::string(reinterpret_cast<const char*>(head.data()), head.size()));
  }
  EXPECT_EQ(rings.lost(), 0U);

  const CommandResult repair = run_fusereplay({"repair", trace, repaired});
  const auto whole = test::read_trace(repaired);
  ASSERT_EQ(whole.outcome, ReadOutcome::kEnd) << repair;
  EXPECT_EQ(repair.exit_code, whole.missing == 0 ? 0 : 4) << repair;
  EXPECT_TRUE(test::is_beginning(torn.events, whole.events)) << "no whole block was lost";
  for (const auto& owned : whole.events) {
    const auto found = in_rings.find(owned.event.sequence);
    if (found == in_rings.end()) continue;
    EXPECT_EQ(found->second, std::string(reinterpret_cast<const char*>(owned.bytes.data()), owned.bytes.size()));
    in_rings.erase(found);
  }
  EXPECT_TRUE(in_rings.empty()) << in_rings.size() << " events of the rings are lost, the first "
                                << in_rings.begin()->first;
  EXPECT_LE(whole.missing, kThreads) << "a thread has one event in hand at most";
  tally_.events += whole.events.size();
  tally_.from_rings += whole.events.size() - torn.events.size();
  tally_.in_hand += whole.missing;
  if (whole.missing != 0) ++tally_.with_gaps;

  const CommandResult check = run_fusereplay({"check", repaired});
  EXPECT_EQ(check.exit_code, whole.missing == 0 ? 0 : 4) << check;
  EXPECT_THAT(check.out, HasSubstr(" 0 findings"));
  // What its thread did not hand over may be missed by what comes behind it: an OPEN's reply by a WRITE.
  if (whole.missing != 0) write_up_to_gap(whole.events, repaired + ".prefix");
  const std::string replayable = whole.missing == 0 ? repaired : repaired + ".prefix";
  const CommandResult replay = run_fusereplay({"replay", replayable, "--fs", "memfs:threads"});
  EXPECT_EQ(replay.exit_code, 0) << replay;
  EXPECT_THAT(replay.out, HasSubstr(" 0 differences"));
}

void KilledLive::kill_one(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const test::TemporaryDirectory directory;
  const std::string trace = directory / "t.fusetrace";
  // Every fourth one while it starts: that is short.
  const auto span = static_cast<std::uint64_t>(whole_.count());
  const nanoseconds moment(random() % (random() % 4 == 0 ? span / 10 : span + span / 20));
  const auto begin = steady_clock::now();
  ChildProcess recorder = start(trace);
  await(recorder.pid(), moment);
  const auto control = connection_of(recorder.pid(), mountpoint_);
  if (control) ++tally_.mounted;
  recorder.signal(SIGKILL);
  const ChildResult ended = recorder.wait(std::chrono::seconds(60));
  ASSERT_TRUE(ended.signal == SIGKILL || ended.exit_code == 0) << ended;
  await_nothing_left(control);

  std::error_code error;
  if (ended.exit_code == 0) {
    ++tally_.after;
    whole_ = steady_clock::now() - begin;
    EXPECT_EQ(run_fusereplay({"check", trace}).exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(ring_directory(trace), error));
    return;
  }
  if (!std::filesystem::exists(trace, error)) {
    ++tally_.before_trace;
    return;
  }
  const CommandResult check = run_fusereplay({"check", trace});
  if (check.exit_code == 0) {  // its end was written, the process had not ended
    ++tally_.after;
    return;
  }
  EXPECT_EQ(check.exit_code, 4) << "whole blocks are read, and the end is missing: " << check;
  EXPECT_THAT(check.error_line(), HasSubstr("cut off"));
  EXPECT_THAT(check.out, HasSubstr(" 0 findings"));
  const std::uint64_t events = tally_.events;
  look_at(trace, directory / "new.fusetrace");
  ++(tally_.events - events < 4 ? tally_.before_init : tally_.during_work);
}

TEST_F(KilledLive, ACommandThatWaitsForInitDoesNotKeepTheConnection) {
  const pid_t recorder = ::fork();
  ASSERT_GE(recorder, 0);
  if (recorder == 0) {
    const auto mount = Mount::create(mountpoint_, {});  // nobody reads INIT
    if (mount) static_cast<void>(run_child("true", mountpoint_, [] { return false; }));
    ::_exit(1);
  }
  const std::string children = "/proc/" + std::to_string(recorder) + "/task/" + std::to_string(recorder) + "/children";
  while (contents(children).empty()) ::sched_yield();
  const auto control = connection_of(recorder, mountpoint_);
  ASSERT_TRUE(control);
  ::kill(recorder, SIGKILL);
  // The mount is in our namespace, so the connection stays until it is unmounted; aborted if nobody has the device.
  EXPECT_EQ(run_script("umount -l '" + mountpoint_ + "'").exit_code, 0);
  await_nothing_left(control);
}

TEST_F(KilledLive, LeavesNothingBehindAndLosesNothingThatWasCaptured) {
  {
    const test::TemporaryDirectory directory;
    const auto begin = steady_clock::now();
    const ChildResult result = start(directory / "t.fusetrace").wait(std::chrono::seconds(60));
    ASSERT_EQ(result.exit_code, 0) << result;
    whole_ = steady_clock::now() - begin;
  }
  const char* const first = std::getenv("FUSEREPLAY_SEED");
  const std::uint64_t begin = first == nullptr ? 1 : std::strtoull(first, nullptr, 10);
  const std::uint64_t kills = is_long() ? 500 : 5;
  // On a busy machine a few moments may all fall before or behind the work: then it goes on until one does not.
  const std::uint64_t most = kills + 100;
  for (std::uint64_t seed = begin; seed < begin + (tally_.during_work == 0 ? most : kills); ++seed) {
    kill_one(seed);
    if (HasFailure()) FAIL() << "FUSEREPLAY_SEED=" << seed;
  }
  std::printf(
      "%u killed before there was a trace, %u before INIT was answered, %u in the work, %u had ended; %u while "
      "mounted; %llu events, %llu of them from rings; %llu in hand in %u traces\n",
      tally_.before_trace, tally_.before_init, tally_.during_work, tally_.after, tally_.mounted,
      static_cast<unsigned long long>(tally_.events), static_cast<unsigned long long>(tally_.from_rings),
      static_cast<unsigned long long>(tally_.in_hand), tally_.with_gaps);
  EXPECT_GT(tally_.during_work, 0U);
  if (!is_long()) return;
  EXPECT_GT(tally_.before_trace, 0U);
  EXPECT_GT(tally_.from_rings, 0U);
}

}  // namespace
}  // namespace fusereplay::testing
