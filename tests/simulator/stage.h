// Scripts of several processes in an order that the script forces, on a real mount and on a simulated one.
//
//   hold MKDIR              the server reads such requests and takes its time
//   1 mkdir /d 0755         a call of process 1, as script.h has it; "waits" where it is not over
//   2 mkdir /e 0755
//   let_go MKDIR            what is held is handled, in the order in which it was read
//   1                       what came of the call that waited
//   signal 2                SIGUSR1, which has a handler; kill 2: SIGKILL
//   notify inval_entry 1 a  the server says so
//   told                    what came of a notification that waited
//   free let_go MKDIR       the same, where what comes of it, and which requests it makes, is for the kernel to choose
//                           (docs/kernel-contract.md): only whether it is over is shown
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/event/event.h"
#include "tests/simulator/script.h"

namespace fusereplay::testing {

struct ConcurrentScript {
  std::string_view name;
  std::string_view tuning;
  std::string_view steps;
};
std::span<const ConcurrentScript> concurrent_scripts();

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
inline void PrintTo(const ConcurrentScript& script, std::ostream* out) {
  *out << script.name;
}

/// The requests of each step. Which of several callers that go on at once asks first is the scheduler's choice, so a
/// step's requests are sorted.
class StepLog final : public EventSink {
 public:
  void on_event(const Event& event) override;
  /// What came since the last time; FORGETs are left out, for they are read when the kernel gets to it.
  std::string take();
  std::uint64_t count() const;

 private:
  mutable std::mutex mutex_;  // guards all below
  std::vector<std::string> requests_;
  std::map<std::uint64_t, std::string> opcodes_;  // by unique: for INTERRUPT
  std::uint64_t count_ = 0;
};

/// The wire form of "inval_entry 1 a", "expire 1 a", "inval_inode 2 0 0", "delete 1 2 a", "store 2 0 data", "epoch",
/// "prune 2", "resend", "retrieve 2 0 100".
std::vector<std::byte> make_notification(const Call& step);

class Stage {
 public:
  virtual ~Stage() = default;
  /// What the step shows, and then its requests: "ok | MKDIR 1 d".
  std::string run(const Call& step);

 protected:
  explicit Stage(StepLog& log) : log_(log) {}
  virtual void hold(Opcode opcode) = 0;
  virtual void let_go(Opcode opcode) = 0;
  virtual void start(std::size_t process, const Call& call) = 0;
  virtual void signal(std::size_t process) = 0;
  virtual void kill(std::size_t process) = 0;
  virtual void notify(std::vector<std::byte> message) = 0;
  /// Lets everybody run until nobody can go on.
  virtual void settle() = 0;
  /// What came of the process's last call; nothing while it waits.
  virtual std::optional<std::string> result(std::size_t process) = 0;
  virtual std::optional<std::string> told() = 0;

 private:
  std::string perform(const Call& step);

  StepLog& log_;
};

}  // namespace fusereplay::testing
