#include "core/server/outstanding.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "core/text/readable.h"

namespace fusereplay {

using internal::place_text;

namespace {

bool is_known(const internal::SourcePlace& place) noexcept {
  return place.line != 0;
}

}  // namespace

std::string describe(const OutstandingRequest& request, std::int64_t now) {
  std::string text = std::string(opcode_name(request.opcode)) + " " + std::to_string(request.unique) + " of node " +
                     std::to_string(request.nodeid) + " for pid " + std::to_string(request.pid) + ", " +
                     duration_text(std::max<std::int64_t>(now - request.received, 0)) + ": ";
  if (request.state == OutstandingRequest::State::kRunning) {
    return text + "running on thread " + std::to_string(request.thread);
  }
  text += "suspended";
  if (is_known(request.handler)) text += " at " + place_text(request.handler);
  if (is_known(request.wait) &&
      (request.wait.line != request.handler.line || request.wait.file != request.handler.file)) {
    text += (is_known(request.handler) ? ", in " : " in ") + place_text(request.wait);
  }
  return text;
}

namespace internal {

namespace {
std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}
}  // namespace

Outstanding::Outstanding() : id_(next_id()) {}

void Outstanding::find_slot() {
  const auto thread = static_cast<std::uint32_t>(::gettid());
  const std::lock_guard lock(mutex_);
  const auto ours =
      std::find_if(slots_.begin(), slots_.end(), [&](const Running::Slot& slot) { return slot.thread == thread; });
  known = {id_, ours != slots_.end() ? &*ours : &slots_.emplace_back()};
  known.slot->thread = thread;
}

void Outstanding::add(SuspendedCall& call) noexcept {
  const std::lock_guard lock(mutex_);
  call.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &call;
  first_ = &call;
}

void Outstanding::remove(SuspendedCall& call) noexcept {
  const std::lock_guard lock(mutex_);
  if (call.next_ != nullptr) call.next_->previous_ = call.previous_;
  (call.previous_ != nullptr ? call.previous_->next_ : first_) = call.next_;
}

std::vector<OutstandingRequest> Outstanding::all() const {
  std::vector<OutstandingRequest> requests;
  const std::lock_guard lock(mutex_);
  for (const SuspendedCall* call = first_; call != nullptr; call = call->next_) {
    OutstandingRequest& request = requests.emplace_back(call->about());
    request.handler = call->handler_.load();
    request.wait = call->wait_.load();
  }
  for (const Running::Slot& slot : slots_) {
    const std::uint64_t unique = slot.unique.load(std::memory_order_acquire);
    if (unique == 0) continue;
    requests.push_back({.state = OutstandingRequest::State::kRunning,
                        .opcode = static_cast<Opcode>(slot.opcode.load(std::memory_order_relaxed)),
                        .unique = unique,
                        .nodeid = slot.nodeid.load(std::memory_order_relaxed),
                        .pid = slot.pid.load(std::memory_order_relaxed),
                        .received = slot.received.load(std::memory_order_relaxed),
                        .thread = slot.thread});
  }
  std::sort(requests.begin(), requests.end(), [](const OutstandingRequest& a, const OutstandingRequest& b) {
    return a.received != b.received ? a.received < b.received : a.unique < b.unique;
  });
  return requests;
}

}  // namespace internal
}  // namespace fusereplay
