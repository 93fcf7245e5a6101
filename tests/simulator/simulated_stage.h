#pragma once

#include "simulator/mount.h"
#include "tests/simulator/stage.h"

namespace fusereplay::testing {

/// See stage.h. The mount's own time goes on by a millisecond with each call.
class SimulatedStage final : public Stage {
 public:
  static constexpr std::uint32_t kProcesses = 3;

  SimulatedStage(SimulatedMount& mount, StepLog& log);
  ~SimulatedStage() override;

 protected:
  void hold(Opcode opcode) override;
  void let_go(Opcode opcode) override;
  void start(std::size_t process, const Call& call) override;
  void signal(std::size_t process) override;
  void kill(std::size_t process) override;
  void notify(std::vector<std::byte> message) override;
  void settle() override {}
  std::optional<std::string> result(std::size_t process) override;
  std::optional<std::string> told() override;

 private:
  struct Actor;

  SimulatedMount& mount_;
  std::vector<std::unique_ptr<Actor>> actors_;
};

}  // namespace fusereplay::testing
