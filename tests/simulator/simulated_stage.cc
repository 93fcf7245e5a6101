// Several processes on a SimulatedMount.
#include "tests/simulator/simulated_stage.h"

#include "tests/simulator/simulated_target.h"

namespace fusereplay::testing {

struct SimulatedStage::Actor {
  explicit Actor(SimulatedProcess& process) : process(process), target(process) {}
  SimulatedProcess& process;
  SimulatedTarget target;
  std::optional<PendingCall<std::string>> pending;
  std::string result;
};

SimulatedStage::SimulatedStage(SimulatedMount& mount, StepLog& log) : Stage(log), mount_(mount) {
  for (std::uint32_t i = 0; i <= kProcesses; ++i) {
    actors_.push_back(std::make_unique<Actor>(mount_.spawn({.pid = 1000 + i})));
  }
}
SimulatedStage::~SimulatedStage() = default;

void SimulatedStage::hold(Opcode opcode) {
  mount_.hold(opcode);
}
void SimulatedStage::let_go(Opcode opcode) {
  mount_.let_go(opcode);
}

void SimulatedStage::start(std::size_t process, const Call& call) {
  mount_.advance_time(1'000'000);
  Actor& actor = *actors_.at(process);
  actor.pending = actor.process.start([&actor, call](SystemCalls&) { return actor.target.run(call); });
}

void SimulatedStage::signal(std::size_t process) {
  actors_.at(process)->process.signal();
}
void SimulatedStage::kill(std::size_t process) {
  actors_.at(process)->process.kill();
}

// Process 0 is a thread of the server that owes no reply.
void SimulatedStage::notify(std::vector<std::byte> message) {
  Actor& server = *actors_[0];
  server.pending = server.process.start([this, message = std::move(message)](SystemCalls&) {
    const Outcome<void> told = mount_.notify(message);
    return told ? std::string("ok") : to_string(told.error());
  });
}

std::optional<std::string> SimulatedStage::result(std::size_t process) {
  Actor& actor = *actors_.at(process);
  if (!actor.pending) return actor.result;
  if (!actor.pending->done()) return std::nullopt;
  actor.result = actor.pending->get();
  actor.pending.reset();
  return actor.result;
}

std::optional<std::string> SimulatedStage::told() {
  return result(0);
}

}  // namespace fusereplay::testing
