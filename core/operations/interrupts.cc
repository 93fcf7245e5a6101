#include "core/operations/interrupts.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fusereplay {

namespace {

/// A timer, and who waits for it.
struct Alarm final : Work {
  void run() noexcept override { rang.set(); }
  AsyncEvent rang;
};

template <class Lock, class Waiting>
Async<Lock> lock_watched(Interrupts& interrupts, const Request& request, Waiting waiting) {
  const Interrupts::Watch watch(interrupts, request.unique(), waiting);
  Lock lock = co_await Awaiting(waiting);
  if (!lock) co_return Errno(EINTR);
  co_return std::move(lock);
}

}  // namespace

Interrupts::Watch::Watch(Interrupts& interrupts, std::uint64_t unique, AsyncEvent& wake)
    : interrupts_(interrupts), unique_(unique), wake_(&wake), waiting_(nullptr) {
  begin();
}

Interrupts::Watch::Watch(Interrupts& interrupts, std::uint64_t unique, Interruptible& waiting)
    : interrupts_(interrupts), unique_(unique), wake_(nullptr), waiting_(&waiting) {
  begin();
}

void Interrupts::Watch::begin() {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.watches_.emplace(unique_, this);
  const auto& early = interrupts_.early_;
  if (interrupts_.ended_ || std::find(early.begin(), early.end(), unique_) != early.end()) interrupt();
}

/// With the mutex locked.
void Interrupts::Watch::interrupt() {
  interrupted_ = true;
  if (wake_ != nullptr) wake_->set();
  if (waiting_ != nullptr) waiting_->interrupt();
}

Interrupts::Watch::~Watch() {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.watches_.erase(unique_);
}

bool Interrupts::Watch::interrupted() const {
  const std::lock_guard lock(interrupts_.mutex_);
  return interrupted_;
}

void Interrupts::interrupt(std::uint64_t unique) {
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(unique);
  if (watch == watches_.end()) {
    early_[next_early_++ % kEarly] = unique;
    return;
  }
  watch->second->interrupt();
}

void Interrupts::interrupt_all() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& [unique, watch] : watches_) watch->interrupt();
}

Async<AsyncMutex::Lock> Interrupts::lock_interruptible(const Request& request, AsyncMutex& mutex) {
  return lock_watched<AsyncMutex::Lock>(*this, request, mutex.lock());
}

Async<CheckedMutex::Lock> Interrupts::lock_interruptible(const Request& request, CheckedMutex& mutex) {
  return lock_watched<CheckedMutex::Lock>(*this, request, mutex.lock());
}

Async<AsyncSharedMutex::Lock> Interrupts::lock_interruptible(const Request& request, AsyncSharedMutex& mutex) {
  return lock_watched<AsyncSharedMutex::Lock>(*this, request, mutex.lock());
}

Async<AsyncSharedMutex::Lock> Interrupts::lock_shared_interruptible(const Request& request, AsyncSharedMutex& mutex) {
  return lock_watched<AsyncSharedMutex::Lock>(*this, request, mutex.lock_shared());
}

Async<void> Interrupts::wait_interruptible(const Request& request, AsyncEvent& event) {
  auto waiting = event.wait();
  const Watch watch(*this, request.unique(), waiting);
  co_await Awaiting(waiting);
  if (waiting.interrupted() && !event.is_set()) co_return Errno(EINTR);
  co_return {};
}

Async<void> Interrupts::sleep_interruptible(const Request& request, std::int64_t nanoseconds) {
  Executor* const executor = Executor::current();
  FUSEREPLAY_CHECK(executor != nullptr, "a task that waits runs on an executor");
  Alarm alarm;
  executor->post_at(executor->clock().monotonic() + nanoseconds, alarm);
  const auto slept = co_await as_result(wait_interruptible(request, alarm.rang));
  // One whose time has come is on its way here, whatever became of the wait.
  if (!slept && !executor->take_back(alarm)) co_await alarm.rang.wait();
  co_return slept;
}

}  // namespace fusereplay
