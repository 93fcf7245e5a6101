// Servers that break one rule each: what the model of the kernel does about it, and what the kernel does.
#include <gtest/gtest.h>

#include <sstream>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "rules/rule_set.h"
#include "tests/simulator/device_loop.h"
#include "tests/simulator/reply_rules.h"
#include "tests/simulator/request_log.h"
#include "tests/simulator/script.h"
#include "tests/simulator/simulated_target.h"
#include "tests/simulator/tuned.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kHangs = "hangs";

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
  return std::make_unique<OperationsServer>(std::make_unique<Tuned>(std::make_unique<Memfs>(), tuning),
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
    spoil.how = [&device, how = spoil.how](SpoiltReply& reply) {
      const std::int64_t result = how(reply);
      device->abort();  // the caller still waits: it hears ECONNABORTED, not what the reply said
      return result;
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
  if (simulated != nullptr) log.wait_for_forgets(simulated->forgotten);
  loop.finish();
  rules.finish();
  Shown shown;
  if (refused) shown.results.assign(Transcript::kBefore + transcript.expected.size(), "ECONNREFUSED");
  std::istringstream lines(refused ? std::string() : result.output);
  for (std::string line; std::getline(lines, line);) {
    shown.results.push_back(transcript.hangs() && line == "ECONNABORTED" ? std::string(kHangs) : line);
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
  if (GetParam().where == BrokenRule::Where::kRealOnly) GTEST_SKIP() << "the model has one device";
  const Transcript transcript(GetParam().calls);
  const Shown shown = run_simulated(GetParam(), transcript);
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

std::string name_of(const ::testing::TestParamInfo<BrokenRule>& info) {
  return std::string(info.param.rule) + std::string(info.param.name);
}

INSTANTIATE_TEST_SUITE_P(Replies, BrokenRules, ::testing::ValuesIn(broken_rules().begin(), broken_rules().end()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Replies, BrokenRulesLive, ::testing::ValuesIn(broken_rules().begin(), broken_rules().end()),
                         name_of);

}  // namespace
}  // namespace fusereplay::testing
