// Processes whose calls are outstanding together.
//
//   SimulatedProcess& other = mount.spawn({.pid = 1001});
//   mount.hold(Opcode::kUnlink);
//   auto unlink = other.start([](SystemCalls& calls) { return calls.unlink("/a"); });
//   EXPECT_FALSE(unlink.done());                       // the server has its request, and takes its time
//   auto create = third.start([](SystemCalls& calls) { return calls.creat("/b", 0644); });
//   EXPECT_EQ(third.waits_for(), "i_rwsem of nodeid 1 for pid 1002 is held by pid 1001");
//   mount.let_go(Opcode::kUnlink);
//   EXPECT_TRUE(unlink.get());
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "simulator/system_calls.h"

namespace fusereplay {

/// What a started task gives back, once it is over.
template <class T>
class PendingCall {
 public:
  PendingCall(SystemCalls& process, std::shared_ptr<std::optional<T>> result)
      : process_(&process), result_(std::move(result)) {}

  /// Whether it is over. Looks only.
  bool done() const noexcept { return result_->has_value(); }
  /// Lets everybody run until it is over. If it never can be, its calls fail with EDEADLK: see
  /// SimulatedMount::dead_ends().
  T get();

 private:
  SystemCalls* process_;
  std::shared_ptr<std::optional<T>> result_;
};

/// A process beside the mount's own. Made by SimulatedMount::spawn(), which also owns it.
class SimulatedProcess : public SystemCalls {
 public:
  SimulatedProcess(kernel::Kernel& kernel, Process process) : SystemCalls(kernel, std::move(process)) {}

  /// Runs `body(*this)`, any number of calls, and everybody else, until it is over or waits for what only the test can
  /// bring; it goes on when it can. One at a time for a process.
  template <class Body>
  auto start(Body body) {
    using T = std::invoke_result_t<Body&, SystemCalls&>;
    auto result = std::make_shared<std::optional<T>>();
    begin(
        [this, result, body = std::move(body)]() mutable { result->emplace(body(static_cast<SystemCalls&>(*this))); });
    settle();
    return PendingCall<T>(*this, std::move(result));
  }

  /// A signal with a handler comes: the request it waits for is interrupted. Nothing if no call waits.
  void signal();
  /// SIGKILL: what the server has not read is taken back, and descriptors are closed once its calls are over.
  void kill();
  /// What its call waits for, as dead ends say it; empty where it does not wait.
  std::string waits_for() const;
};

template <class T>
T PendingCall<T>::get() {
  process_->finish();
  return std::move(**result_);
}

}  // namespace fusereplay
