#include "simulator/simulated_process.h"

#include "simulator/kernel/kernel.h"

namespace fusereplay {

void SimulatedProcess::signal() {
  kernel::Task* const calling = task();
  if (calling != nullptr && calling->signal() == kernel::Signal::kNone) calling->set_signal(kernel::Signal::kHandled);
  settle();
}

void SimulatedProcess::kill() {
  if (kernel::Task* const calling = task()) {
    calling->set_signal(kernel::Signal::kFatal);
  } else {
    close_descriptors();
  }
  settle();
}

std::string SimulatedProcess::waits_for() const {
  const kernel::Task* const calling = task();
  if (calling == nullptr || calling->waits_for() == nullptr) return {};
  return calling->waits_for()->describe();
}

}  // namespace fusereplay
