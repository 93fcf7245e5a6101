// Traces of any length: checked, replayed and summed up in memory that does not grow with them, and any request found.
// FUSEREPLAY_LONG=1 makes one of 10,000,000 requests, ten times as long as the other; FUSEREPLAY_REQUESTS=N of 10 N.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/event/conversation.h"
#include "tests/cli/command.h"
#include "tests/replayer/stage.h"
#include "traces/writer.h"

namespace fusereplay::testing {
namespace {

/// What one process in a loop does to a filesystem: in the end, all is as it was.
void one_round(test::Caller& caller, std::uint64_t round) {
  const std::string name = "file" + std::to_string(round % 1000);
  caller.named(Opcode::kLookup, 1, name);
  const test::Reply created = caller.create(1, name);
  const std::uint64_t node = created.nodeid();
  caller.write(node, created.created_handle(), 0, std::string(200, static_cast<char>('a' + round % 26)));
  caller.getattr(node);
  caller.read(Opcode::kRead, node, created.created_handle(), 0, 4096);
  caller.release(Opcode::kRelease, node, created.created_handle());
  caller.named(Opcode::kLookup, 1, name);
  caller.getattr(node);
  caller.named(Opcode::kUnlink, 1, name);
  caller.forget(node, 2);
}
constexpr std::uint64_t kRequestsARound = 10;

/// A trace of at least so many requests, recorded on memfs.
std::string trace_of(std::uint64_t requests) {
  const std::string path = scratch_path("t.fusetrace");
  auto writer = TraceWriter::open(path, describe_host());
  EXPECT_TRUE(writer);
  test::Stage stage;
  test::Mount mount(stage.server);
  Conversation conversation;
  for (std::uint64_t round = 0; round * kRequestsARound < requests;) {
    test::Caller caller(mount, 1);
    if (round == 0) caller.init();
    for (int i = 0; i < 100; ++i) one_round(caller, round++);
    for (const test::StoredEvent& stored : caller.events()) {
      Event event = stored.event;
      event.message.head = stored.bytes;
      conversation.follow(event);
      (*writer)->on_event(event);
    }
  }
  EXPECT_TRUE((*writer)->close());
  stage.server.disconnect();
  return path;
}

struct Ended {
  int status = -1;
  long most_kilobytes = 0;
  double seconds = 0;
};

/// The command, its output thrown away.
Ended run(std::vector<std::string> arguments) {
  std::string program = FUSEREPLAY_COMMAND;
  std::vector<char*> argv = {program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  Ended result;
  rusage usage{};
  EXPECT_EQ(::wait4(child, &result.status, 0, &usage), child);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.most_kilobytes = usage.ru_maxrss;
  return result;
}

TEST(LongTrace, IsReadInMemoryThatDoesNotGrowWithIt) {
  const bool is_long = std::getenv("FUSEREPLAY_LONG") != nullptr || std::getenv("FUSEREPLAY_REQUESTS") != nullptr;
  const char* const wanted = std::getenv("FUSEREPLAY_REQUESTS");
  const std::uint64_t requests = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : is_long ? 1'000'000 : 10'000;
  const std::string small = trace_of(requests);
  const std::string large = trace_of(requests * 10);
  const std::vector<std::vector<std::string>> verbs = {
      {"check"}, {"stat"}, {"replay", "--fs", "memfs", "--check"}, {"show", "--seq", "15000..15010"}};
  for (std::vector<std::string> arguments : verbs) {
    arguments.insert(arguments.begin() + 1, small);
    const Ended before = run(arguments);
    arguments[1] = large;
    const Ended after = run(arguments);
    EXPECT_EQ(before.status, 0) << arguments[0];
    EXPECT_EQ(after.status, 0) << arguments[0];
    if (is_long) {
      std::printf("%s: %.1f s, %ld KiB; ten times as long: %.1f s, %ld KiB\n", arguments[0].c_str(), before.seconds,
                  before.most_kilobytes, after.seconds, after.most_kilobytes);
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(after.most_kilobytes, before.most_kilobytes + 4096) << arguments[0];
#endif
  }
  for (const std::uint64_t request : {requests * 19 - 99, requests * 7, std::uint64_t{3}}) {
    const std::string number = std::to_string(request);
    const Ended found = run({"show", large, "--request", number});
    EXPECT_EQ(found.status, 0);
    if (is_long) std::printf("request %s: %.3f s\n", number.c_str(), found.seconds);
    EXPECT_NE(run_fusereplay({"show", large, "--seq", number}).out.find(number), std::string::npos);
  }
}

}  // namespace
}  // namespace fusereplay::testing
