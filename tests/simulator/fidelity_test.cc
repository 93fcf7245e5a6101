// The model against the kernel: the same script of system calls on a real mount and on a simulated one of the same
// filesystem, memfs or passthrough, with the same results and the same requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"
#include "tests/simulator/request_log.h"
#include "tests/simulator/script_generator.h"
#include "tests/simulator/scripts.h"
#include "tests/simulator/simulated_target.h"
#include "tests/simulator/tuned.h"
#include "tests/support/live_environment.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

constexpr unsigned kRandomCalls = 400;

enum class Below : std::uint8_t { kMemfs, kPassthrough };

/// What a run shows.
struct Shown {
  std::vector<std::string> results;
  std::vector<std::string> requests;
  std::map<std::uint64_t, std::uint64_t> forgotten;
};

std::unique_ptr<Operations> make_filesystem(Below below, const Tuning& tuning) {
  std::unique_ptr<Operations> inner;
  if (below == Below::kMemfs) {
    inner = std::make_unique<Memfs>(MemfsOptions{});
  } else {
    PassthroughOptions options;
    options.source = LiveEnvironment::make_directory("source");
    auto made = Passthrough::make(options);
    if (!made) throw std::runtime_error(made.error());
    inner = std::move(*made);
  }
  return std::make_unique<Tuned>(std::move(inner), tuning);
}

/// Both sides begin with the root's attributes known and ACCESS tried (by chdir(2), on the real one), and with a name
/// that marks where the script starts. Another one at the end is asked for behind the last RELEASE. Where the kernel
/// keeps times, a change is one only if the clock has gone on since the last.
std::string with_prelude(const Script& script) {
  const std::string ticks = Tuning(script.tuning).has("want", "writeback") ? "1" : "0";
  return "ticks " + ticks + "\naccess / exec\nstat /\nstat /.begins\n" + std::string(script.calls) +
         "as 0 0\nclose_all\nstat /.ends\n";
}

/// Inode numbers are the source's: numbered in the order they are first shown.
void number_inodes(std::vector<std::string>& lines) {
  static constexpr std::string_view kInode = "ino=";
  std::map<std::string, std::string, std::less<>> numbers;
  for (std::string& line : lines) {
    std::size_t at = 0;
    while ((at = line.find(kInode, at)) != std::string::npos) {
      at += kInode.size();
      const std::size_t end = std::min(line.find_first_not_of("0123456789", at), line.size());
      const auto number = numbers.try_emplace(line.substr(at, end - at), "#" + std::to_string(numbers.size())).first;
      line.replace(at, end - at, number->second);
    }
  }
}

Shown without_prelude(Shown run) {
  run.results.erase(run.results.begin(), run.results.begin() + std::min<std::ptrdiff_t>(4, std::ssize(run.results)));
  std::size_t begins = 0;
  while (begins < run.requests.size() && run.requests[begins].find("'.begins'") == std::string::npos) ++begins;
  run.requests.erase(run.requests.begin(),
                     run.requests.begin() + static_cast<std::ptrdiff_t>(std::min(begins + 1, run.requests.size())));
  // What the end of the process does is not of the script.
  while (!run.requests.empty() && run.requests.back().find("'.ends'") == std::string::npos) run.requests.pop_back();
  number_inodes(run.results);
  return run;
}

Shown run_simulated(const Script& script, Below below) {
  const Tuning tuning(script.tuning);
  RequestLog log;
  Shown run;
  SimulatedMount mount(make_filesystem(below, tuning), {.mount = {.default_permissions = tuning.default_permissions,
                                                                  .allow_other = !tuning.has("private"),
                                                                  .read_only = tuning.has("read_only")},
                                                        .observers = {&log}});
  SimulatedTarget target(mount);
  for (const Call& call : parse_script(with_prelude(script))) run.results.push_back(target.run(call));
  EXPECT_EQ(mount.trouble(), "") << "on the simulated mount";
  run.requests = log.lines();
  run.forgotten = log.forgotten();
  return without_prelude(std::move(run));
}

Shown run_real(const Script& script, Below below, const Shown& expected) {
  const Tuning tuning(script.tuning);
  RequestLog log;
  Shown run;
  OperationsServer server(make_filesystem(below, tuning));
  LiveMountOptions options;
  options.observers = {&log};
  if (!tuning.has("private")) options.mount.options.push_back("allow_other");
  if (tuning.has("read_only")) options.mount.options.push_back("ro");
  if (tuning.default_permissions) options.mount.options.push_back("default_permissions");
  LiveMount mount(server, options);
  ChildProcess child({CALL_RUNNER, mount.path(), with_prelude(script)}, "");
  const ChildResult result = child.wait(LiveMount::kChildTime);
  EXPECT_TRUE(result.ok()) << result;
  log.wait_for_forgets(expected.forgotten);
  run.requests = log.lines();
  run.forgotten = log.forgotten();
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) run.results.push_back(line);
  return without_prelude(std::move(run));
}

std::string numbered(const Script& script, const std::vector<std::string>& results) {
  std::string text;
  const auto calls = parse_script(script.calls);
  for (std::size_t i = 0; i < std::max(calls.size(), results.size()); ++i) {
    if (i < calls.size()) {
      text += calls[i].name;
      for (const std::string& argument : calls[i].arguments) text += " " + argument;
    }
    text += "  -> " + (i < results.size() ? results[i] : "nothing") + "\n";
  }
  return text;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

bool alike(const Shown& one, const Shown& other) {
  return one.results == other.results && one.requests == other.requests && one.forgotten == other.forgotten;
}

/// A kernel under pressure writes dirty pages and drops names when it likes: what differs counts when it does so every
/// time.
constexpr int kTries = 3;

void compare(const Script& script, Below below) {
  const Shown simulated = run_simulated(script, below);
  Shown real = run_real(script, below, simulated);
  for (int tries = 1; tries < kTries && !alike(simulated, real); ++tries) {
    std::printf("once more: the real kernel did otherwise in %s\n", std::string(script.name).c_str());
    real = run_real(script, below, simulated);
  }
  EXPECT_EQ(numbered(script, simulated.results), numbered(script, real.results)) << "first simulated, then real";
  EXPECT_EQ(joined(simulated.requests), joined(real.requests)) << "first simulated, then real";
  EXPECT_EQ(simulated.forgotten, real.forgotten) << "first simulated, then real";
}

class OverMemfs : public LiveTest, public ::testing::WithParamInterface<Script> {};
class OverPassthrough : public LiveTest, public ::testing::WithParamInterface<Script> {};

TEST_P(OverMemfs, RealAndSimulatedAgree) {
  compare(GetParam(), Below::kMemfs);
}

TEST_P(OverPassthrough, RealAndSimulatedAgree) {
  compare(GetParam(), Below::kPassthrough);
}

class RandomFidelity : public LiveTest, public ::testing::WithParamInterface<std::pair<Below, Variant>> {};

TEST_P(RandomFidelity, RealAndSimulatedAgreeOnRandomCalls) {
  const bool many = std::getenv("FUSEREPLAY_LONG") != nullptr;
  const char* const only = std::getenv("FUSEREPLAY_SEED");
  const std::uint64_t first = only != nullptr ? std::stoull(only) : 1;
  const auto [below, variant] = GetParam();
  const bool plain = variant == Variant::kPlain;  // each call of the other waits for a tick
  const std::uint64_t count = only != nullptr ? 1 : many ? (plain ? 250 : 60) : (plain ? 10 : 1);
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("FUSEREPLAY_SEED=" + std::to_string(seed));
    const GeneratedScript made = generate_script(seed, kRandomCalls, variant);
    compare({.name = "random", .tuning = made.tuning, .calls = made.calls}, below);
  }
}

/// Those that do not ask for another filesystem; each `step`th of them, or all in the long form.
std::vector<Script> scripts_over(std::string_view other, std::size_t step) {
  std::vector<Script> scripts;
  std::size_t number = 0;
  if (std::getenv("FUSEREPLAY_LONG") != nullptr) step = 1;
  for (const Script& script : fidelity_scripts()) {
    if (!Tuning(script.tuning).has(other) && number++ % step == 0) scripts.push_back(script);
  }
  return scripts;
}

const auto kByName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Scripts, OverMemfs, ::testing::ValuesIn(scripts_over("passthrough", 1)), kByName);
INSTANTIATE_TEST_SUITE_P(Scripts, OverPassthrough, ::testing::ValuesIn(scripts_over("memfs", 3)), kByName);
INSTANTIATE_TEST_SUITE_P(Seeds, RandomFidelity,
                         ::testing::Values(std::pair(Below::kMemfs, Variant::kPlain),
                                           std::pair(Below::kPassthrough, Variant::kPlain),
                                           std::pair(Below::kMemfs, Variant::kWriteback),
                                           std::pair(Below::kPassthrough, Variant::kWriteback)),
                         [](const auto& info) {
                           return std::string(info.param.first == Below::kMemfs ? "Memfs" : "Passthrough") +
                                  (info.param.second == Variant::kPlain ? "" : "Writeback");
                         });

}  // namespace
}  // namespace fusereplay::testing
