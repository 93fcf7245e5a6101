#include "core/server/outstanding.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/text/readable.h"

namespace fusereplay {

namespace {

/// internal::place_text(), async-signal-safe.
void append_place(LineBuffer& line, const internal::SourcePlace& place) noexcept {
  std::string_view file = place.file;
  while (file.starts_with("../")) file.remove_prefix(3);
  line << file << ":" << std::uint32_t{place.line};
}

bool is_known(const internal::SourcePlace& place) noexcept {
  return place.line != 0;
}

}  // namespace

void describe(LineBuffer& line, const OutstandingRequest& request, std::int64_t now) noexcept {
  line << opcode_name(request.opcode) << " " << request.unique << " of node " << request.nodeid << " for pid "
       << request.pid << ", ";
  append_duration(line, std::max<std::int64_t>(now - request.received, 0));
  if (request.state == OutstandingRequest::State::kRunning) {
    line << ": running on thread " << request.thread;
    return;
  }
  line << ": suspended";
  if (is_known(request.handler)) append_place(line << " at ", request.handler);
  if (is_known(request.wait) &&
      (request.wait.line != request.handler.line || request.wait.file != request.handler.file)) {
    append_place(line << (is_known(request.handler) ? ", in " : " in "), request.wait);
  }
}

std::string describe(const OutstandingRequest& request, std::int64_t now) {
  LineBuffer line;
  describe(line, request, now);
  return std::string(line.text());
}

namespace internal {

namespace {
std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}
}  // namespace

Outstanding::Outstanding() : id_(next_id()) {}

Outstanding::~Outstanding() {
  for (Running::Slot* slot = slots_.load(); slot != nullptr;) delete std::exchange(slot, slot->next);
}

void Outstanding::find_slot() {
  const auto thread = static_cast<std::uint32_t>(::gettid());
  const std::lock_guard lock(mutex_);
  Running::Slot* ours = slots_.load();
  while (ours != nullptr && ours->thread != thread) ours = ours->next;
  if (ours == nullptr) {
    ours = new Running::Slot;
    ours->thread = thread;
    ours->next = slots_.load();
    slots_.store(ours);
  }
  known = {id_, ours};
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

/// With mutex_ held.
template <class Take>
void Outstanding::each_suspended(Take take) const {
  for (const SuspendedCall* call = first_; call != nullptr; call = call->next_) {
    OutstandingRequest request = call->about();
    request.handler = call->handler_.load();
    request.wait = call->wait_.load();
    take(request);
  }
}

template <class Take>
void Outstanding::each_running(Take take) const {
  for (const Running::Slot* slot = slots_.load(); slot != nullptr; slot = slot->next) {
    const std::uint64_t unique = slot->unique.load(std::memory_order_acquire);
    if (unique == 0) continue;
    take(OutstandingRequest{.state = OutstandingRequest::State::kRunning,
                            .opcode = static_cast<Opcode>(slot->opcode.load(std::memory_order_relaxed)),
                            .unique = unique,
                            .nodeid = slot->nodeid.load(std::memory_order_relaxed),
                            .pid = slot->pid.load(std::memory_order_relaxed),
                            .received = slot->received.load(std::memory_order_relaxed),
                            .thread = slot->thread});
  }
}

namespace {
bool is_older(const OutstandingRequest& a, const OutstandingRequest& b) noexcept {
  return a.received != b.received ? a.received < b.received : a.unique < b.unique;
}
}  // namespace

std::vector<OutstandingRequest> Outstanding::all() const {
  std::vector<OutstandingRequest> requests;
  const auto take = [&](const OutstandingRequest& request) { requests.push_back(request); };
  const std::lock_guard lock(mutex_);
  each_suspended(take);
  each_running(take);
  std::sort(requests.begin(), requests.end(), is_older);
  return requests;
}

CrashedRequests Outstanding::all_in_crash(std::span<OutstandingRequest> space) const noexcept {
  CrashedRequests told{.count = 0, .complete = true};
  const auto take = [&](const OutstandingRequest& request) {
    if (told.count == space.size()) {
      told.complete = false;
      return;
    }
    std::size_t place = told.count++;
    for (; place > 0 && is_older(request, space[place - 1]); --place) space[place] = space[place - 1];
    space[place] = request;
  };
  each_running(take);
  // Whoever crashed may hold it; others do so for a moment.
  constexpr unsigned kPatience = 1000;
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 1'000'000};
  bool locked = mutex_.try_lock();
  for (unsigned i = 0; !locked && i < kPatience; ++i) {
    ::nanosleep(&kMoment, nullptr);
    locked = mutex_.try_lock();
  }
  if (locked) {
    each_suspended(take);
    mutex_.unlock();
  }
  told.complete &= locked;
  return told;
}

}  // namespace internal
}  // namespace fusereplay
