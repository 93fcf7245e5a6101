// The main job through the command: record, stat, show, check and replay of a live memfs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "tests/cli/command.h"
#include "tests/support/live_mount.h"
#include "tests/support/parse_json.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kWork =
    "mkdir d && echo hello >d/file && mv d/file d/f && ln d/f link && cat link && ls -l d && rm -r d";

class RecordLive : public LiveTest {
 protected:
  /// Records `work` and returns the trace's path.
  std::string record(const std::string& work, const std::vector<std::string>& more = {}) {
    const std::string trace = scratch_path("t.fusetrace");
    std::vector<std::string> arguments = {"record", "-o", trace, "--run", work, mountpoint_, "--fs", "memfs"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = run_fusereplay(arguments);
    EXPECT_EQ(result.exit_code, 0) << result;
    EXPECT_EQ(result.err, "") << result;
    return trace;
  }

  const std::string mountpoint_ = LiveEnvironment::make_directory("mnt");
};

TEST_F(RecordLive, IsCheckedAndReplayedWithoutDifference) {
  for (const std::string threads : {"1", "4"}) {
    const std::string trace = record(kWork, {"--check", "--threads", threads});
    const CommandResult check = run_fusereplay({"check", trace});
    EXPECT_EQ(check.exit_code, 0) << check;
    EXPECT_THAT(check.out, HasSubstr("0 findings"));
    const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--check"});
    EXPECT_EQ(replay.exit_code, 0) << replay;
    EXPECT_THAT(replay.out, HasSubstr("0 differences"));
  }
}

TEST_F(RecordLive, OverIoUringTheTraceIsLikeAnyOther) {
  const RingSwitch rings;
  if (!rings.obstacle().empty()) GTEST_SKIP() << rings.obstacle();
  const std::string trace = record(kWork, {"--check", "--io-uring"});
  EXPECT_THAT(run_fusereplay({"show", trace, "--opcode", "INIT"}).out, HasSubstr(" flags2=0x200 "));
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--check"});
  EXPECT_EQ(replay.exit_code, 0) << replay;
  EXPECT_THAT(replay.out, HasSubstr("0 differences"));
}

TEST_F(RecordLive, ACrashIsReportedAndItsTraceCanBeRepaired) {
  const std::string trace = scratch_path("crashed.fusetrace");
  const std::string script =
      "export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0; "
      "$crashing record -o $trace --mount-option auto_unmount $mount --fs crashing 2>$trace.err & "
      "until stat $mount/file >/dev/null 2>&1; do sleep 0.01; done; "
      "cat $mount/file 2>/dev/null; wait $!; echo status $?; "
      "while grep -q $mount /proc/self/mountinfo; do sleep 0.01; done; cat $trace.err; "
      "$fusereplay repair $trace $trace.whole >/dev/null && $fusereplay show $trace.whole | tail -n 1";
  const CommandResult result =
      run_script("crashing=" CRASHING_COMMAND " trace=" + trace + " mount=" + mountpoint_ + "; " + script);
  EXPECT_EQ(result.exit_code, 0) << result;
  EXPECT_THAT(result.out, HasSubstr("status 139\n"));
  EXPECT_THAT(result.out, HasSubstr("fusereplay: crashed by SIGSEGV at address 0x0 on thread "));
  EXPECT_THAT(result.out, ContainsRegex("fusereplay:   READ [0-9]+ of node 2 for pid .*, which crashed\n"));
  EXPECT_THAT(result.out, HasSubstr("put it together with: crashing_command repair '" + trace + "' NEW-TRACE\n"));
  EXPECT_THAT(result.out, HasSubstr("'" + mountpoint_ + "' is unmounted when this process is gone (auto_unmount)\n"));
  EXPECT_THAT(result.out, ContainsRegex("READ [^\n]*\n$")) << "the last that was captured is what crashed";
}

TEST_F(RecordLive, StatTellsOperationsAndFiles) {
  const std::string trace = record(kWork);
  const CommandResult stat = run_fusereplay({"stat", trace});
  EXPECT_EQ(stat.exit_code, 0) << stat;
  EXPECT_THAT(stat.out, AllOf(HasSubstr("\nMKDIR                    1        0"), HasSubstr("\nLINK "),
                              HasSubstr("0 kept raw, 0 missing"), HasSubstr("6 B written")));
  const std::string json = scratch_path("stat.json");
  EXPECT_EQ(run_fusereplay({"stat", trace, "--json", json}).exit_code, 0);
  const auto tree = parse_json(contents(json));
  EXPECT_EQ(tree.get<int>("operations.MKDIR.requests"), 1);
  EXPECT_EQ(tree.get<std::string>("event_log_hash"), hash_in(stat.out));
}

TEST_F(RecordLive, EveryReportOfOneTraceHasOneHash) {
  const std::string trace = scratch_path("t.fusetrace");
  const CommandResult recorded = run_fusereplay({"record", "-o", trace, "--run", kWork, mountpoint_, "--fs", "memfs"});
  const std::string hash = hash_in(recorded.out);
  EXPECT_EQ(hash.size(), 32U) << recorded;
  EXPECT_EQ(hash_in(run_fusereplay({"stat", trace}).out), hash);
  EXPECT_EQ(hash_in(run_fusereplay({"check", trace}).out), hash);
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs"});
  EXPECT_EQ(hash_in(run_fusereplay({"replay", trace, "--fs", "memfs"}).out), hash_in(replay.out));
}

TEST_F(RecordLive, ShowFiltersByOpcodeNodeAndUnique) {
  const std::string trace = record(kWork);
  const CommandResult mkdir = run_fusereplay({"show", trace, "--opcode", "mkdir"});
  EXPECT_EQ(mkdir.exit_code, 0) << mkdir;
  EXPECT_THAT(mkdir.out,
              AllOf(HasSubstr("-> MKDIR "), HasSubstr("\"d\""), HasSubstr("<- MKDIR "), Not(HasSubstr("LOOKUP"))));
  const CommandResult first = run_fusereplay({"show", trace, "--unique", "2"});
  EXPECT_THAT(first.out, AllOf(HasSubstr("-> INIT u=2"), HasSubstr("<- INIT u=2"), Not(HasSubstr("LOOKUP"))));
  EXPECT_EQ(run_fusereplay({"show", trace, "--nodeid", "999999"}).out, "");
  const CommandResult json = run_fusereplay({"show", trace, "--json", "--opcode", "MKDIR"});
  const auto tree = parse_json(json.out.substr(0, json.out.find('\n')));
  EXPECT_EQ(tree.get<std::string>("kind"), "request");
  EXPECT_EQ(tree.get_child("names").front().second.data(), "d");
}

TEST_F(RecordLive, RunsTheCommandInTheMountAndTellsItsStatus) {
  const std::string trace = scratch_path("t.fusetrace");
  const CommandResult result = run_fusereplay(
      {"record", "-o", trace, "--run", "touch here && test -e {}/here && exit 3", mountpoint_, "--fs", "memfs"});
  EXPECT_EQ(result.exit_code, 1) << result;
  EXPECT_THAT(result.out, HasSubstr("--run: exit status 3"));
  EXPECT_EQ(run_fusereplay({"check", trace}).exit_code, 0);
}

TEST_F(RecordLive, OverwritesOnlyWhenTold) {
  const std::string trace = record("true");
  const std::vector<std::string> again = {"record", "-o", trace, "--run", "true", mountpoint_, "--fs", "memfs"};
  EXPECT_EQ(run_fusereplay(again).exit_code, 2);
  std::vector<std::string> told = again;
  told.emplace_back("--overwrite");
  EXPECT_EQ(run_fusereplay(told).exit_code, 0);
}

/// Returns when the child has written `text`; fails the test when it ends without.
void await_output(const ChildProcess& child, const std::string& text) {
  siginfo_t ended{};
  while (child.output().find(text) == std::string::npos) {
    ::waitid(P_PID, static_cast<id_t>(child.pid()), &ended, WEXITED | WNOHANG | WNOWAIT);
    ASSERT_EQ(ended.si_pid, 0) << child.output();
    std::this_thread::yield();
  }
}

TEST_F(RecordLive, AnInterruptUnmountsFinishesTheTraceAndChecks) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string trace = scratch_path("t.fusetrace");
    ChildProcess child({FUSEREPLAY_COMMAND, "record", "--check", "-o", trace, mountpoint_, "--fs", "memfs"}, "");
    await_output(child, "mounted");
    EXPECT_EQ(run_script("echo text >" + mountpoint_ + "/file").exit_code, 0);
    child.signal(signal);
    const ChildResult result = child.wait(std::chrono::seconds(60));
    EXPECT_EQ(result.exit_code, 0) << result;
    EXPECT_THAT(result.output, HasSubstr("0 findings"));
    EXPECT_NE(run_script("mountpoint -q " + mountpoint_).exit_code, 0);
    EXPECT_EQ(run_fusereplay({"check", trace}).exit_code, 0);
  }
}

TEST_F(RecordLive, ATornTraceIsReadAsFarAsItGoes) {
  const std::string trace = record(kWork);
  const std::string torn = scratch_path("torn.fusetrace");
  const std::string whole = contents(trace);
  write_file(torn, whole.substr(0, whole.size() - 10));
  for (const std::string verb : {"check", "stat", "show"}) {
    const CommandResult result = run_fusereplay({verb, torn});
    EXPECT_EQ(result.exit_code, 4) << result;
    EXPECT_THAT(result.error_line(), AllOf(HasSubstr(torn), HasSubstr("cut off")));
  }
}

TEST_F(RecordLive, KeepsHashesOrSizesOfDataAndReplaysThem) {
  const std::string work = "seq 9999 >numbers && cp numbers copy && cmp numbers copy && mv copy last";
  for (const std::string payload : {"hash", "none"}) {
    const std::string trace = scratch_path(payload);
    const CommandResult recorded = run_fusereplay(
        {"record", "-o", trace, "--payload", payload, "--run", work, mountpoint_, "--fs", "memfs", "--check"});
    EXPECT_EQ(recorded.exit_code, 0) << recorded;
    EXPECT_THAT(contents(trace), Not(HasSubstr("\n4711\n4712\n")));
    const CommandResult stat = run_fusereplay({"stat", trace});
    EXPECT_THAT(stat.out, AllOf(HasSubstr("file data kept: " + payload), HasSubstr("47.7 KiB written")));
    EXPECT_EQ(hash_in(stat.out), hash_in(recorded.out));
    const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--check"});
    EXPECT_EQ(replay.exit_code, 0) << replay;
    EXPECT_EQ(replay.out.find("compared by size") != std::string::npos, payload == "none") << replay;
  }
}

// What reaches the mount by splice(2) where the trace does not keep it is read where it does.
TEST_F(RecordLive, DataOfFilesIsInTheTraceOnlyWhereItIsKept) {
  const std::string source = scratch_path("source");
  const std::string fs = "passthrough:" + source;
  EXPECT_EQ(run_script("mkdir " + source + " && seq 99999 >" + source + "/numbers").exit_code, 0);
  const std::string work = "cmp numbers " + source + "/numbers";
  for (const std::string payload : {"full", "none"}) {
    const std::string trace = scratch_path(payload);
    const CommandResult recorded = run_fusereplay(
        {"record", "-o", trace, "--payload", payload, "--run", work, mountpoint_, "--fs", fs, "--check"});
    EXPECT_EQ(recorded.exit_code, 0) << recorded;
    const bool kept = payload == "full";
    const CommandResult shown = run_fusereplay({"show", trace, "--opcode", "READ", "--data"});
    EXPECT_EQ(shown.out.find("\\n99999\\n") != std::string::npos, kept);
    EXPECT_EQ(shown.out.find("131072 bytes not kept") != std::string::npos, !kept) << shown.out.substr(0, 1000);
    EXPECT_THAT(run_fusereplay({"stat", trace}).out, HasSubstr("575.1 KiB read"));
    EXPECT_EQ(hash_in(run_fusereplay({"check", trace}).out), hash_in(recorded.out));
    const CommandResult replay = run_fusereplay({"replay", trace, "--fs", fs, "--check", "--compare=portable"});
    EXPECT_EQ(replay.exit_code, 0) << replay;
    EXPECT_EQ(replay.out.find("compared by size") == std::string::npos, kept) << replay;
  }
}

// Reads and writes that the kernel makes by itself: files are right, no rule is broken, and every report says that
// these were not seen.
constexpr const char* kPastWork = R"sh(
set -e
echo one >f
exec 3<f
exec 4>>f
echo two >&4
test "$(cat <&3)" = "$(printf 'one\ntwo')"
exec 3<&- 4>&-
cmp f $SOURCE/f
seq 99999 >numbers
cmp numbers $SOURCE/numbers
cp numbers copy
truncate -s 1000 copy
test $(stat -c %s copy) = 1000
mv copy g
chmod 4777 g
setpriv --reuid 65534 --clear-groups sh -c 'echo x >>g'
test $(stat -c %a:%s g) = 777:1002
test $(stat -c %s $SOURCE/g) = 1002
)sh";

TEST_F(RecordLive, WhatGoesPastTheFilesystemIsSaidToBeUnseen) {
  if (contents("/proc/self/uid_map").find("4294967295") == std::string::npos) {
    GTEST_SKIP() << "backing files take CAP_SYS_ADMIN in the first user namespace";
  }
  const std::string source = scratch_path("source");
  EXPECT_EQ(run_script("mkdir -m 755 " + source).exit_code, 0);
  const std::string trace = scratch_path("past.fusetrace");
  const CommandResult recorded =
      run_fusereplay({"record", "-o", trace, "--check", "--mount-option", "allow_other", "--run",
                      "SOURCE=" + source + kPastWork, mountpoint_, "--fs", "passthrough:passthrough," + source});
  EXPECT_EQ(recorded.exit_code, 0) << recorded;
  if (recorded.err.find("goes on without PASSTHROUGH") != std::string::npos) GTEST_SKIP() << recorded.err;
  EXPECT_THAT(recorded.out, HasSubstr(" opens went past the filesystem (passthrough): what they read and wrote is not"
                                      " seen\n"));
  EXPECT_THAT(recorded.out, HasSubstr("0 findings"));
  EXPECT_THAT(run_fusereplay({"check", trace}).out, AllOf(HasSubstr("0 findings"), HasSubstr("went past")));
  EXPECT_THAT(run_fusereplay({"stat", trace}).out,
              AllOf(ContainsRegex("unseen     [0-9]+ opens went past"), HasSubstr("0 B read, 0 B written")));
  EXPECT_THAT(run_fusereplay({"show", trace, "--opcode", "OPEN"}).out,
              HasSubstr("(its reads and writes go past the filesystem: not seen)"));
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--check"});
  EXPECT_EQ(replay.exit_code, 0) << replay;
  EXPECT_THAT(replay.out, HasSubstr(" opens went past the filesystem (passthrough): what they read and wrote is not "
                                    "seen, and was not replayed; "));
}

TEST_F(RecordLive, ShowGivesAPartOfTheTrace) {
  const std::string trace = record(kWork);
  const CommandResult all = run_fusereplay({"show", trace});
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.out.size(); at = all.out.find('\n', at) + 1) {
    lines.push_back(all.out.substr(at, all.out.find('\n', at) + 1 - at));
  }
  ASSERT_GT(lines.size(), 20U);
  EXPECT_EQ(run_fusereplay({"show", trace, "--seq", "8..9"}).out, lines[7] + lines[8]);
  EXPECT_EQ(run_fusereplay({"show", trace, "--seq", "12"}).out, lines[11]);
  EXPECT_EQ(run_fusereplay({"show", trace, "--seq", std::to_string(lines.size()) + ".."}).out, lines.back());
  const CommandResult init = run_fusereplay({"show", trace, "--request", "2"});
  EXPECT_THAT(init.out, AllOf(HasSubstr("-> INIT"), HasSubstr("<- INIT")));
  EXPECT_EQ(run_fusereplay({"show", trace, "--at", "0"}).out, all.out);
  EXPECT_EQ(run_fusereplay({"show", trace, "--at", "1000"}).out, "");
  for (const std::string bad : {"x", "5..4", "-1", "1...2"}) {
    EXPECT_EQ(run_fusereplay({"show", trace, "--seq=" + bad}).exit_code, 2) << bad;
  }
}

TEST_F(RecordLive, KilledIsRepairedWithWhatItsRingsHold) {
  const std::string trace = scratch_path("t.fusetrace");
  const std::string new_trace = scratch_path("new.fusetrace");
  ChildProcess child({FUSEREPLAY_COMMAND, "record", "-o", trace, mountpoint_, "--fs", "memfs"}, "");
  await_output(child, "mounted");
  EXPECT_EQ(run_script("cd " + mountpoint_ + " && seq 99999 >a && mkdir d && mv a d/b && sync && rm d/b").exit_code, 0);
  child.signal(SIGKILL);
  EXPECT_EQ(child.wait(std::chrono::seconds(60)).signal, SIGKILL);
  static_cast<void>(run_script("umount -l '" + mountpoint_ + "'"));
  const CommandResult check = run_fusereplay({"check", trace});
  EXPECT_EQ(check.exit_code, 4) << check;
  EXPECT_THAT(check.error_line(), HasSubstr("repair " + trace + " NEW-TRACE"));
  const CommandResult repaired = run_fusereplay({"repair", trace, new_trace});
  EXPECT_EQ(repaired.exit_code, 0) << repaired;
  EXPECT_THAT(run_fusereplay({"show", new_trace, "--opcode", "UNLINK"}).out, HasSubstr("\"b\""))
      << "done before the kill, so captured";
  EXPECT_EQ(run_fusereplay({"check", new_trace}).exit_code, 0);
  EXPECT_EQ(run_fusereplay({"replay", new_trace, "--fs", "memfs"}).exit_code, 0);

  ASSERT_EQ(run_script("mv " + trace + " " + new_trace + ".old").exit_code, 0);
  const std::vector<std::string> again = {"record", "-o", trace, "--run", "true", mountpoint_, "--fs", "memfs"};
  const CommandResult refused = run_fusereplay(again);
  EXPECT_EQ(refused.exit_code, 2) << refused;
  EXPECT_THAT(refused.error_line(), HasSubstr("a recording was killed"));
  EXPECT_NE(run_script("test -e " + trace).exit_code, 0);
}

TEST_F(RecordLive, AFullDiskStopsTheCaptureAndNotTheMount) {
  const std::string disk = LiveEnvironment::make_directory("disk");
  ASSERT_EQ(run_script("mount -t tmpfs -o size=1m none " + disk).exit_code, 0);
  const std::string trace = disk + "/t.fusetrace";
  const std::string work =
      "for i in 1 2 3 4; do head -c 1000000 /dev/urandom >{}/f$i; done && sync && ls {} | wc -l && cmp {}/f1 {}/f1";
  const CommandResult result =
      run_fusereplay({"record", "-o", trace, "--run", work, mountpoint_, "--fs", "memfs", "--check"});
  EXPECT_EQ(result.exit_code, 4) << result;
  EXPECT_THAT(result.out, HasSubstr("--run: exit status 0"));
  EXPECT_THAT(result.err, HasSubstr("No space left on device"));
  const CommandResult check = run_fusereplay({"check", trace});
  EXPECT_EQ(check.exit_code, 4) << "the whole blocks are there: " << check;
  EXPECT_EQ(run_script("umount " + disk).exit_code, 0);
}

TEST_F(RecordLive, AWriteErrorStopsTheCaptureAndNotTheMount) {
  const std::string trace = scratch_path("t.fusetrace");
  const std::string work = "ulimit -f unlimited; head -c 3000000 /dev/urandom >{}/f && sync && cmp {}/f {}/f";
  const CommandResult result = run_script("ulimit -S -f 1000; exec " FUSEREPLAY_COMMAND " record -o " + trace +
                                          " --run '" + work + "' " + mountpoint_ + " --fs memfs");
  EXPECT_EQ(result.exit_code, 4) << result;
  EXPECT_THAT(result.out, HasSubstr("--run: exit status 0"));
  EXPECT_THAT(result.err, HasSubstr("File too large"));
  EXPECT_EQ(run_fusereplay({"check", trace}).exit_code, 4);
}

TEST_F(RecordLive, JsonReportsAreOneObject) {
  const std::string trace = record(kWork);
  const CommandResult check = run_fusereplay({"check", trace, "--json", "-"});
  EXPECT_EQ(parse_json(check.out).get_child("traces").front().second.get<int>("total"), 0);
  const CommandResult replay = run_fusereplay({"replay", trace, "--fs", "memfs", "--json", "-"});
  EXPECT_EQ(parse_json(replay.out).get<int>("counts.divergences"), 0);
}

}  // namespace
}  // namespace fusereplay::testing
