// Servers that break one rule each: what the model of the kernel does about it, and what the kernel does.
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "rules/rule_set.h"
#include "tests/simulator/device_loop.h"
#include "tests/simulator/real_stage.h"
#include "tests/simulator/reply_rules.h"
#include "tests/simulator/request_log.h"
#include "tests/simulator/script.h"
#include "tests/simulator/simulated_stage.h"
#include "tests/simulator/simulated_target.h"
#include "tests/simulator/tuned.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

using How = decltype(Spoil::how);

constexpr std::string_view kHangs = "hangs";
/// How long a reply may take that is not to come at all.
constexpr std::chrono::milliseconds kPatience{100};

/// What a run shows.
struct Shown {
  std::vector<std::string> results;
  std::string written;
  std::string left;
  std::string reported;
  std::vector<std::string> requests;
  std::map<std::uint64_t, std::uint64_t> forgotten;
};

/// The calls, and what each of them should give.
struct Transcript {
  explicit Transcript(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::getline(lines, tuning);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t arrow = line.find(" -> ");
      script += line.substr(0, arrow) + "\n";
      if (arrow != std::string::npos) expected.push_back(line.substr(arrow + 4));
    }
  }
  bool hangs() const { return !expected.empty() && expected.back() == kHangs; }
  /// The first marks where spoiling begins; the last is behind the RELEASEs that the script leaves.
  std::string whole() const {
    return "access / exec\nstat /\nstat /.begins\n" + script + (hangs() ? "" : "close_all\nstat /.ends\ndrop_caches\n");
  }
  static constexpr std::size_t kBefore = 3;

  std::string tuning;
  std::string script;
  std::vector<std::string> expected;
};

std::unique_ptr<Server> memfs(const Tuning& tuning) {
  OperationsServer::Options options;
  options.log = [](std::string_view) {};
  MemfsOptions memfs;
  if (tuning.has("locks")) memfs.locks = MemfsOptions::Locks::kOwn;
  return std::make_unique<OperationsServer>(std::make_unique<Tuned>(std::make_unique<Memfs>(memfs), tuning),
                                            std::move(options));
}

std::string numbers(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    if (text.find(finding.rule) != std::string::npos) continue;
    text += (text.empty() ? "" : " ") + std::string(finding.rule);
  }
  return text;
}

void keep_the_script(const Transcript& transcript, Shown& shown) {
  std::size_t begins = 0;
  while (begins < shown.requests.size() && shown.requests[begins].find("'.begins'") == std::string::npos) ++begins;
  std::vector<std::string> requests;
  for (std::size_t i = begins + 1; i < shown.requests.size(); ++i) requests.push_back(shown.requests[i]);
  // What the end of the process does is not of the script.
  while (!requests.empty() && !transcript.hangs() && requests.back().find("'.ends'") == std::string::npos) {
    requests.pop_back();
  }
  shown.requests = std::move(requests);
  shown.results.erase(shown.results.begin(), shown.results.begin() + Transcript::kBefore);
  shown.results.resize(transcript.expected.size());
}

Shown run_simulated(const BrokenRule& broken, const Transcript& transcript) {
  const Tuning tuning(transcript.tuning);
  RequestLog log;
  auto owned = std::make_unique<SpoiltServer>(memfs(tuning), broken.spoil);
  SpoiltServer& server = *owned;
  Shown shown;
  SimulatedMount mount(std::unique_ptr<Server>(std::move(owned)), {.observers = {&log}});
  SimulatedTarget target(mount);
  for (const Call& call : parse_script(transcript.whole())) {
    const std::string result = target.run(call);
    shown.results.push_back(result == "EDEADLK" ? std::string(kHangs) : result);
  }
  EXPECT_EQ(mount.dead_ends().empty(), !transcript.hangs());
  static_cast<void>(target.run({.name = "close_all", .arguments = {}}));
  EXPECT_TRUE(mount.unmount());
  shown.written = server.written();
  shown.left = server.left();
  shown.reported = numbers(mount.findings());
  shown.requests = log.lines();
  shown.forgotten = log.forgotten();
  keep_the_script(transcript, shown);
  return shown;
}

Shown run_real(const BrokenRule& broken, const Transcript& transcript, const Shown* simulated) {
  const Tuning tuning(transcript.tuning);
  RequestLog log;
  RuleSet rules;
  DeviceLoop* device = nullptr;
  Spoil spoil = broken.spoil;
  if (transcript.hangs()) {
    // The caller still waits, and so may the server: when the connection is aborted, it hears ECONNABORTED, and not
    // what a reply says that comes now.
    spoil.how = [&device, how = spoil.how](SpoiltReply& reply) {
      const std::jthread patience([&] {
        std::this_thread::sleep_for(kPatience);
        device->abort();
      });
      return how(reply);
    };
  }
  SpoiltServer server(memfs(tuning), spoil);
  MountOptions options;
  options.options = {"allow_other"};
  DeviceLoop loop(server, {&rules, &log}, options);
  device = &loop;
  server.set_elsewhere([&](Bytes bytes) { return loop.send_elsewhere(bytes); });
  ChildProcess child({CALL_RUNNER, loop.path(), transcript.whole()}, "");
  const ChildResult result = child.wait(LiveMount::kChildTime);
  // After a bad INIT not even the runner gets in.
  const bool refused = result.output.find("Connection refused") != std::string::npos;
  EXPECT_TRUE(result.ok() || refused) << result;
  if (simulated != nullptr && !transcript.hangs()) log.wait_for_forgets(simulated->forgotten);
  loop.finish();
  rules.finish();
  Shown shown;
  if (refused) shown.results.assign(Transcript::kBefore + transcript.expected.size(), "ECONNREFUSED");
  std::istringstream lines(refused ? std::string() : result.output);
  for (std::string line; std::getline(lines, line);) {
    shown.results.push_back(transcript.hangs() && (line == "ECONNABORTED" || line == "ENOTCONN") ? std::string(kHangs)
                                                                                                 : line);
  }
  shown.written = server.written();
  shown.left = server.left();
  shown.reported = numbers(rules.findings());
  shown.requests = log.lines();
  shown.forgotten = log.forgotten();
  keep_the_script(transcript, shown);
  return shown;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// The expectation, its end filled in from the result where it fits.
std::string filled_in(const std::string& expected, const std::string& result) {
  if (!result.starts_with(expected)) return expected;
  const bool whole_words = expected.ends_with(':') || result[expected.size()] == ' ';
  return expected.size() == result.size() || whole_words ? result : expected;
}

void expect_as_told(const BrokenRule& broken, const Transcript& transcript, const Shown& shown) {
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < transcript.expected.size(); ++i) {
    expected.push_back(filled_in(transcript.expected[i], shown.results[i]));
  }
  EXPECT_EQ(joined(expected), joined(shown.results));
  EXPECT_EQ(broken.written, shown.written) << "what write(2) said";
  EXPECT_EQ(broken.left, shown.left) << "what is never given back";
}

class BrokenRules : public ::testing::TestWithParam<BrokenRule> {};

TEST_P(BrokenRules, TheModelDoesWhatTheKernelDoes) {
  if (GetParam().where == BrokenRule::Where::kRealOnly) GTEST_SKIP() << "not modelled: clones";
  const Transcript transcript(GetParam().calls);
  const Shown shown = run_simulated(GetParam(), transcript);
  if (GetParam().where == BrokenRule::Where::kDeadlock) {
    EXPECT_EQ(shown.written, "EDEADLK ok");
    return;
  }
  expect_as_told(GetParam(), transcript, shown);
  EXPECT_EQ(GetParam().reported, shown.reported);
}

class BrokenRulesLive : public LiveTest, public ::testing::WithParamInterface<BrokenRule> {};

TEST_P(BrokenRulesLive, TheKernelDoesIt) {
  const Transcript transcript(GetParam().calls);
  const bool both = GetParam().where == BrokenRule::Where::kBoth;
  const Shown simulated = both ? run_simulated(GetParam(), transcript) : Shown{};
  const Shown real = run_real(GetParam(), transcript, both ? &simulated : nullptr);
  expect_as_told(GetParam(), transcript, real);
  if (!transcript.hangs()) {
    EXPECT_EQ(GetParam().reported, real.reported);
  }
  if (!both) return;
  EXPECT_EQ(joined(simulated.results), joined(real.results)) << "first simulated, then real";
  EXPECT_EQ(joined(simulated.requests), joined(real.requests)) << "first simulated, then real";
  if (!transcript.hangs()) {
    EXPECT_EQ(simulated.forgotten, real.forgotten) << "first simulated, then real";
  }
}

/// R20: what an INTERRUPT is answered with. One process makes a directory, is signalled while it waits, and once more
/// while it makes the next.
struct InterruptReply {
  std::string_view name;
  How how;
  std::string written;
  std::string reported;
  std::string interrupts;  // which of the two MKDIRs were interrupted, and how often
};

void PrintTo(const InterruptReply& reply, std::ostream* out) {
  *out << reply.name;
}

How interrupt_error(int error) {
  return [error](SpoiltReply& reply) {
    reply.header([error](wire::OutHeader& header) { header.error = -error; });
    return reply.send();
  };
}

const std::vector<InterruptReply>& interrupt_replies() {
  static const std::vector<InterruptReply> all = {
      {"AskAgain", interrupt_error(EAGAIN), "ok", "", "MKDIR a 2, MKDIR b 1"},
      {"NoSuchOperation", interrupt_error(ENOSYS), "ok", "", "MKDIR a 1, MKDIR b 0"},
      {"AnyOtherError", interrupt_error(EINTR), "ok", "R20", "MKDIR a 1, MKDIR b 1"},
      {"Payload",
       [](SpoiltReply& reply) {
         reply.bytes.resize(reply.bytes.size() + 8);
         return reply.send();
       },
       "EINVAL", "R20", "MKDIR a 1, MKDIR b 1"},
  };
  return all;
}

std::string play(Stage& stage, StepLog& log) {
  static_cast<void>(stage.run(parse_script("1 stat /.begins").at(0)));  // and what entering the mount asks
  std::string shown;
  for (const char* const line : {"hold MKDIR", "1 mkdir /a 0755", "signal 1", "let_go MKDIR", "1", "hold MKDIR",
                                 "1 mkdir /b 0755", "signal 1", "let_go MKDIR", "1"}) {
    shown += std::string(line) + " -> " + stage.run(parse_script(line).at(0)) + "\n";
  }
  static_cast<void>(log.take());
  return shown;
}

std::string interrupts_in(const std::string& shown) {
  std::string counts;
  std::size_t at = 0;
  for (const char* const name : {"a", "b"}) {
    const std::size_t end = std::string_view(name) == "a" ? shown.rfind("hold MKDIR") : shown.size();
    int count = 0;
    for (at = shown.find("INTERRUPT", at); at < end; at = shown.find("INTERRUPT", at + 1)) ++count;
    at = end;
    counts += (counts.empty() ? "MKDIR " : ", MKDIR ") + std::string(name) + " " + std::to_string(count);
  }
  return counts;
}

class InterruptReplies : public LiveTest, public ::testing::WithParamInterface<InterruptReply> {};

TEST_P(InterruptReplies, RealAndSimulatedAgree) {
  const InterruptReply& param = GetParam();
  const Spoil spoil{.opcode = Opcode::kInterrupt, .name = "", .times = Spoil::Times::kOnce, .how = param.how};
  StepLog simulated_log;
  auto owned = std::make_unique<SpoiltServer>(memfs(Tuning("")), spoil);
  const SpoiltServer& simulated_server = *owned;
  SimulatedMount mount(std::unique_ptr<Server>(std::move(owned)), {.observers = {&simulated_log}});
  std::string simulated;
  {
    SimulatedStage stage(mount, simulated_log);
    simulated = play(stage, simulated_log);
  }
  EXPECT_EQ(simulated_server.written(), param.written);
  EXPECT_EQ(numbers(mount.findings()), param.reported);
  EXPECT_EQ(interrupts_in(simulated), param.interrupts) << simulated;

  StepLog real_log;
  SpoiltServer spoilt(memfs(Tuning("")), spoil);
  HoldingServer server(spoilt);
  LiveMount live(server, {.observers = {&real_log}});
  std::string real;
  {
    RealStage stage(live.path(), server, real_log, 1);
    real = play(stage, real_log);
  }
  EXPECT_EQ(live.unmount(), EndReason::kUnmounted);
  EXPECT_EQ(spoilt.written(), param.written);
  EXPECT_EQ(simulated, real) << "first simulated, then real";
}

INSTANTIATE_TEST_SUITE_P(R20, InterruptReplies, ::testing::ValuesIn(interrupt_replies()),
                         [](const auto& info) { return std::string(info.param.name); });

std::string name_of(const ::testing::TestParamInfo<BrokenRule>& info) {
  return std::string(info.param.rule) + std::string(info.param.name);
}

INSTANTIATE_TEST_SUITE_P(Replies, BrokenRules, ::testing::ValuesIn(broken_rules().begin(), broken_rules().end()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Replies, BrokenRulesLive, ::testing::ValuesIn(broken_rules().begin(), broken_rules().end()),
                         name_of);

}  // namespace
}  // namespace fusereplay::testing
