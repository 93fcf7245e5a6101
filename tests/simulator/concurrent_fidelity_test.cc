// The model against the kernel, with two and three processes in an order that the script forces, signals and
// notifications.
#include <gtest/gtest.h>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "tests/simulator/real_stage.h"
#include "tests/simulator/simulated_stage.h"
#include "tests/simulator/tuned.h"
#include "tests/support/live_environment.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kPrelude = "1 access / exec\n1 stat /\n1 stat /.begins\n";

std::unique_ptr<Operations> make_filesystem(const Tuning& tuning) {
  MemfsOptions options;
  if (tuning.has("locks")) options.locks = MemfsOptions::Locks::kOwn;
  return std::make_unique<Tuned>(std::make_unique<Memfs>(options), tuning);
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
  return shown;
}

std::string play_simulated(const ConcurrentScript& script) {
  StepLog log;
  SimulatedMount mount(make_filesystem(Tuning(script.tuning)), {.observers = {&log}});
  std::string shown;
  {
    SimulatedStage stage(mount, log);
    shown = play(stage, log, script.steps);
  }
  EXPECT_EQ(mount.trouble(), "") << "on the simulated mount";
  return shown;
}

std::string play_real(const ConcurrentScript& script) {
  StepLog log;
  OperationsServer inner(make_filesystem(Tuning(script.tuning)));
  HoldingServer server(inner);
  LiveMountOptions options;
  options.observers = {&log};
  options.mount.options = {"allow_other"};
  LiveMount mount(server, options);
  std::string shown;
  {
    RealStage stage(mount.path(), server, log, SimulatedStage::kProcesses);
    shown = play(stage, log, script.steps);
  }
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  return shown;
}

class ConcurrentFidelity : public LiveTest, public ::testing::WithParamInterface<ConcurrentScript> {};

TEST_P(ConcurrentFidelity, RealAndSimulatedAgree) {
  EXPECT_EQ(play_simulated(GetParam()), play_real(GetParam())) << "first simulated, then real";
}

INSTANTIATE_TEST_SUITE_P(Scripts, ConcurrentFidelity, ::testing::ValuesIn(concurrent_scripts()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace fusereplay::testing
