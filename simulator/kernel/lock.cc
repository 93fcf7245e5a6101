#include "simulator/kernel/lock.h"

#include <algorithm>

namespace fusereplay::kernel {

/// Waits in line, on the stack of who waits.
struct RwLock::Waiter final : WaitReason {
  Waiter(const RwLock& on, LockMode how, const char* what, std::uint64_t of) noexcept
      : lock(on), mode(how), name(what), nodeid(of) {}
  std::string describe() const override {
    return std::string(name) + (nodeid != 0 ? " of nodeid " + std::to_string(nodeid) : std::string()) + " for " +
           (pid != 0 ? "pid " + std::to_string(pid) : std::string("the server")) + " is held by " + lock.holders();
  }

  const RwLock& lock;
  const LockMode mode;
  const char* const name;
  const std::uint64_t nodeid;
  std::uint32_t pid = 0;
  Waiter* next = nullptr;
};

std::string RwLock::holders() const {
  const auto name = [](const Task& task) {
    return task.pid() != 0 ? "pid " + std::to_string(task.pid()) : std::string("the server");
  };
  if (writer_ != nullptr) return name(*writer_);
  std::string text;
  for (const Task* reader : readers_) text += (text.empty() ? "" : ", ") + name(*reader);
  return text;
}

bool RwLock::lock_slowly(Scheduler& scheduler, LockMode mode, const char* name, std::uint64_t nodeid) {
  Waiter waiter(*this, mode, name, nodeid);
  waiter.pid = scheduler.current().pid();
  Waiter** end = &first_waiter_;
  while (*end != nullptr) end = &(*end)->next;
  *end = &waiter;
  const bool came = scheduler.wait_until(
      [&] {
        for (const Waiter* before = first_waiter_; before != &waiter; before = before->next) {
          if (before->mode == LockMode::kExclusive || mode == LockMode::kExclusive) return false;
        }
        return fits(mode);
      },
      waiter);
  Waiter** at = &first_waiter_;
  while (*at != &waiter) at = &(*at)->next;
  *at = waiter.next;
  if (came) hold(scheduler.current(), mode);
  return came;
}

void RwLock::unlock(const Task& task, LockMode mode) noexcept {
  if (mode == LockMode::kExclusive) {
    writer_ = nullptr;
  } else {
    readers_.erase(std::find(readers_.begin(), readers_.end(), &task));
  }
}

}  // namespace fusereplay::kernel
