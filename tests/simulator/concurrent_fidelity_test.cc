// The model against the kernel, with two and three processes in an order that the script forces, signals and
// notifications.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"
#include "tests/simulator/concurrent_pairs.h"
#include "tests/simulator/real_stage.h"
#include "tests/simulator/simulated_stage.h"
#include "tests/simulator/tuned.h"
#include "tests/support/live_environment.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kPrelude = "1 access / exec\n1 stat /\n1 stat /.begins\n";

enum class Below : std::uint8_t { kMemfs, kPassthrough };

std::unique_ptr<Operations> make_filesystem(Below below, const Tuning& tuning) {
  if (below == Below::kMemfs) {
    MemfsOptions options;
    if (tuning.has("locks")) options.locks = MemfsOptions::Locks::kOwn;
    return std::make_unique<Tuned>(std::make_unique<Memfs>(options), tuning);
  }
  PassthroughOptions options;
  options.source = LiveEnvironment::make_directory("source");
  auto made = Passthrough::make(options);
  if (!made) throw std::runtime_error(made.error());
  return std::make_unique<Tuned>(std::move(*made), tuning);
}

/// Inode numbers are the source's: numbered in the order they are first shown.
std::string with_numbered_inodes(std::string shown) {
  static constexpr std::string_view kInode = "ino=";
  std::map<std::string, std::string> numbers;
  for (std::size_t at = 0; (at = shown.find(kInode, at)) != std::string::npos;) {
    at += kInode.size();
    const std::size_t end = std::min(shown.find_first_not_of("0123456789", at), shown.size());
    const auto number = numbers.try_emplace(shown.substr(at, end - at), "#" + std::to_string(numbers.size())).first;
    shown.replace(at, end - at, number->second);
  }
  return shown;
}

/// A line for each step.
std::string play(Stage& stage, StepLog& log, std::string_view steps) {
  for (const Call& step : parse_script(kPrelude)) stage.run(step);
  static_cast<void>(log.take());
  std::string shown;
  for (const Call& step : parse_script(steps)) {
    shown += step.name;
    for (const std::string& argument : step.arguments) shown += " " + argument;
    shown += " -> " + stage.run(step) + "\n";
  }
  return with_numbered_inodes(std::move(shown));
}

std::string play_simulated(Below below, std::string_view tuning, std::string_view steps) {
  StepLog log;
  SimulatedMount mount(make_filesystem(below, Tuning(tuning)), {.observers = {&log}});
  std::string shown;
  {
    SimulatedStage stage(mount, log);
    shown = play(stage, log, steps);
  }
  EXPECT_EQ(mount.trouble(), "") << "on the simulated mount";
  return shown;
}

std::string play_real(Below below, std::string_view tuning, std::string_view steps) {
  StepLog log;
  OperationsServer inner(make_filesystem(below, Tuning(tuning)));
  HoldingServer server(inner);
  LiveMountOptions options;
  options.observers = {&log};
  options.mount.options = {"allow_other"};
  LiveMount mount(server, options);
  std::string shown;
  {
    RealStage stage(mount.path(), server, log, SimulatedStage::kProcesses);
    shown = play(stage, log, steps);
  }
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  return shown;
}

void compare(Below below, std::string_view tuning, std::string_view steps) {
  EXPECT_EQ(play_simulated(below, tuning, steps), play_real(below, tuning, steps)) << "first simulated, then real";
}

class OverMemfs : public LiveTest, public ::testing::WithParamInterface<ConcurrentScript> {};
class OverPassthrough : public LiveTest, public ::testing::WithParamInterface<ConcurrentScript> {};

TEST_P(OverMemfs, RealAndSimulatedAgree) {
  compare(Below::kMemfs, GetParam().tuning, GetParam().steps);
}

TEST_P(OverPassthrough, RealAndSimulatedAgree) {
  compare(Below::kPassthrough, GetParam().tuning, GetParam().steps);
}

/// Without those about locks that memfs itself keeps.
std::vector<ConcurrentScript> scripts_over_passthrough() {
  std::vector<ConcurrentScript> scripts;
  for (const ConcurrentScript& script : concurrent_scripts()) {
    if (!Tuning(script.tuning).has("locks")) scripts.push_back(script);
  }
  return scripts;
}

const auto kByName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Scripts, OverMemfs, ::testing::ValuesIn(concurrent_scripts()), kByName);
INSTANTIATE_TEST_SUITE_P(Scripts, OverPassthrough, ::testing::ValuesIn(scripts_over_passthrough()), kByName);

/// All pairs in the long form (FUSEREPLAY_LONG), else a few of them.
class ConcurrentPairs : public LiveTest {
 protected:
  static void run(const std::vector<PairScript>& pairs) {
    const std::size_t step = std::getenv("FUSEREPLAY_LONG") != nullptr ? 1 : 29;
    for (std::size_t i = 0; i < pairs.size(); i += step) {
      SCOPED_TRACE(pairs[i].name);
      compare(Below::kMemfs, "[locks]", pairs[i].steps);
    }
  }
};

TEST_F(ConcurrentPairs, OfOneDirectory) {
  run(directory_pairs());
}

TEST_F(ConcurrentPairs, OfOneFile) {
  run(file_pairs());
}

}  // namespace
}  // namespace fusereplay::testing
