#include "recorder/recorder.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>

#include "core/check.h"
#include "core/event/conversation.h"
#include "core/unique_fd.h"
#include "recorder/ring.h"
#include "recorder/ring_file.h"

namespace fusereplay {
namespace {

using Clock = std::chrono::steady_clock;

/// Events that are passed on before the clock is looked at.
constexpr int kBatch = 256;
/// How long the writer thread sleeps when no event is there: short while events keep coming, so that rings stay small.
constexpr std::chrono::milliseconds kBusyPause{1};
constexpr std::chrono::milliseconds kSilentPause{5};
constexpr std::chrono::milliseconds kSilentAfter{20};

/// A ring and who has it.
struct SharedRing {
  SharedRing(std::size_t bytes, std::size_t max_referenced) : ring(bytes, max_referenced) {}
  SharedRing(RingFile file, std::size_t max_referenced) : ring(std::move(file), max_referenced), in_file(true) {}
  Ring ring;
  const bool in_file = false;
  std::atomic<bool> owned{true};  // by a living thread; once it is false and all is passed on, another may take it over
  std::atomic<bool> closed{false};  // its recorder has finished
  std::atomic<std::uint64_t> waits{0};
};

/// The rings of this thread; gives them back when the thread ends.
struct ThreadRings {
  struct Slot {
    std::uint64_t recorder;
    std::shared_ptr<SharedRing> ring;
  };
  std::vector<Slot> slots;
  ~ThreadRings() {
    for (const Slot& slot : slots) slot.ring->owned.store(false, std::memory_order_release);
  }
};
thread_local ThreadRings t_rings;

/// The ring used last: plain, so that the hot path needs no initialisation guard.
struct LastRing {
  std::uint64_t recorder;
  SharedRing* ring;
};
constinit thread_local LastRing t_last{0, nullptr};

std::uint64_t next_recorder_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

class Recorder::Impl {
 public:
  Impl(std::unique_ptr<TraceWriter> writer, std::vector<EventSink*> sinks, const RecorderOptions& options)
      : options_(options),
        id_(next_recorder_id()),
        writer_(std::move(writer)),
        sinks_(std::move(sinks)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    FUSEREPLAY_CHECK(wake_.valid(), "a file descriptor for the recorder");
    thread_ = std::thread([this] { run(); });
  }
  ~Impl() { finish(); }

  void push(const Event& event) {
    SharedRing* const shared = t_last.recorder == id_ ? t_last.ring : find_ring();
    switch (shared->ring.push(event)) {
      case Ring::Pushed::kDone:
        return;
      case Ring::Pushed::kFilling:
        wake_writer();
        return;
      case Ring::Pushed::kFull:
        wait_and_push(*shared, event);
        return;
    }
  }

  bool wants_file_data() const noexcept {
    return (writer_ != nullptr && writer_->wants_file_data()) ||
           std::any_of(sinks_.begin(), sinks_.end(), [](const EventSink* sink) { return sink->wants_file_data(); });
  }

  const RecorderReport& finish() {
    if (!thread_.joinable()) return report_;
    finishing_.store(true, std::memory_order_release);
    asleep_.store(true, std::memory_order_relaxed);
    wake_writer();
    thread_.join();
    const std::scoped_lock lock(rings_mutex_);
    report_.rings = all_rings_.size();
    for (const auto& ring : all_rings_) {
      report_.waits += ring->waits.load(std::memory_order_relaxed);
      if (!ring->in_file && !options_.rings.empty()) ++report_.rings_in_memory;
      ring->closed.store(true, std::memory_order_relaxed);
    }
    if (writer_ != nullptr) {
      if (const auto closed = writer_->close(); !closed) report_.error = closed.error();
      report_.trace = writer_->counts();
    }
    if (!options_.rings.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(options_.rings, ignored);
    }
    return report_;
  }

 private:
  SharedRing* find_ring();
  std::shared_ptr<SharedRing> make_ring() const;
  void wait_and_push(SharedRing& shared, const Event& event);
  void wake_writer() noexcept;
  void run();
  bool drain();
  void pass_on(Ring& ring);
  Ring* ring_with_next();
  bool step_over_gap();
  void release_rings() noexcept;
  bool rings_filling() const noexcept;
  void refresh_rings();
  void sleep(std::chrono::milliseconds pause);

  const RecorderOptions options_;
  const std::uint64_t id_;
  const std::unique_ptr<TraceWriter> writer_;  // writer thread; after its end, finish()
  const std::vector<EventSink*> sinks_;
  UniqueFd wake_;                    // readable: the writer thread should look
  std::atomic<bool> asleep_{false};  // the writer thread polls wake_
  std::atomic<bool> finishing_{false};

  std::mutex rings_mutex_;  // guards all_rings_; a leaf
  std::vector<std::shared_ptr<SharedRing>> all_rings_;
  std::atomic<std::size_t> ring_count_{0};

  // The writer thread's own.
  std::vector<std::shared_ptr<SharedRing>> rings_;
  std::size_t current_ = 0;
  Conversation conversation_;
  std::uint64_t next_ = 1;
  RecorderReport report_;  // after the thread's end, finish()'s
  std::thread thread_;
};

SharedRing* Recorder::Impl::find_ring() {
  auto& slots = t_rings.slots;
  std::erase_if(slots, [](const auto& slot) { return slot.ring->closed.load(std::memory_order_relaxed); });
  auto slot = std::find_if(slots.begin(), slots.end(), [this](const auto& s) { return s.recorder == id_; });
  if (slot == slots.end()) {
    const std::scoped_lock lock(rings_mutex_);
    std::shared_ptr<SharedRing> found;
    // Only a drained one: then every number up to its last has been passed on, so what this thread has is higher.
    // Behind an event that waits for ours, ours would never be passed on.
    for (const auto& ring : all_rings_) {
      if (!ring->owned.load(std::memory_order_acquire) && ring->ring.drained()) found = ring;
    }
    if (found == nullptr) {
      found = make_ring();
      all_rings_.push_back(found);
      ring_count_.store(all_rings_.size(), std::memory_order_release);
    }
    found->owned.store(true, std::memory_order_relaxed);
    slot = slots.insert(slots.end(), {id_, std::move(found)});
  }
  t_last = {id_, slot->ring.get()};
  return t_last.ring;
}

/// Called with rings_mutex_ held.
std::shared_ptr<SharedRing> Recorder::Impl::make_ring() const {
  if (!options_.rings.empty()) {
    auto file = RingFile::create(options_.rings / std::to_string(all_rings_.size()), options_.ring_bytes);
    if (file) return std::make_shared<SharedRing>(std::move(*file), options_.max_referenced_bytes);
  }
  return std::make_shared<SharedRing>(options_.ring_bytes, options_.max_referenced_bytes);
}

void Recorder::Impl::wait_and_push(SharedRing& shared, const Event& event) {
  shared.waits.fetch_add(1, std::memory_order_relaxed);
  do {
    wake_writer();
    shared.ring.wait_for_room();
  } while (shared.ring.push(event) == Ring::Pushed::kFull);
}

void Recorder::Impl::wake_writer() noexcept {
  // A wake-up that is missed costs one short pause of the writer thread, no event.
  if (!asleep_.load(std::memory_order_relaxed) || !asleep_.exchange(false, std::memory_order_relaxed)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void Recorder::Impl::sleep(std::chrono::milliseconds pause) {
  asleep_.store(true, std::memory_order_relaxed);
  pollfd waiting{.fd = wake_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(pause.count())) > 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
  }
  asleep_.store(false, std::memory_order_relaxed);
}

void Recorder::Impl::run() {
  ::pthread_setname_np(::pthread_self(), "recorder");
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  Clock::time_point last_event = Clock::now();
  for (;;) {
    // Read before draining: whatever was pushed before finish() is seen by the drain that follows.
    const bool finishing = finishing_.load(std::memory_order_acquire);
    const bool progress = drain();
    const Clock::time_point now = Clock::now();
    if (writer_ != nullptr) {
      // A ring must not wait for the interval of a block: its thread would.
      if (rings_filling()) writer_->flush();
      writer_->flush_if_due(now);
      release_rings();
    }
    if (progress) {
      last_event = now;
      continue;
    }
    if (finishing) {
      if (!step_over_gap()) return;
      continue;
    }
    sleep(now - last_event > kSilentAfter ? kSilentPause : kBusyPause);
  }
}

bool Recorder::Impl::drain() {
  int passed = 0;
  while (passed < kBatch) {
    Ring* const ring = ring_with_next();
    if (ring == nullptr) break;
    pass_on(*ring);
    ++passed;
  }
  return passed != 0;
}

Ring* Recorder::Impl::ring_with_next() {
  if (current_ < rings_.size() && rings_[current_]->ring.peek_sequence() == next_) return &rings_[current_]->ring;
  refresh_rings();
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    const std::uint64_t sequence = rings_[i]->ring.peek_sequence();
    FUSEREPLAY_CHECK(sequence == 0 || sequence >= next_, "a sequence number is taken once");
    if (sequence != next_) continue;
    current_ = i;
    return &rings_[i]->ring;
  }
  return nullptr;
}

void Recorder::Impl::refresh_rings() {
  if (rings_.size() == ring_count_.load(std::memory_order_acquire)) return;
  const std::scoped_lock lock(rings_mutex_);
  rings_ = all_rings_;
}

void Recorder::Impl::pass_on(Ring& ring) {
  Event event = *ring.peek();
  conversation_.follow(event);
  if (writer_ != nullptr) writer_->on_event(event);
  for (EventSink* const sink : sinks_) sink->on_event(event);
  ring.pop();
  ++report_.events;
  ++next_;
}

/// Once all that was taken from the rings is in the file.
void Recorder::Impl::release_rings() noexcept {
  if (writer_ != nullptr && writer_->waiting() != 0) return;
  for (const auto& shared : rings_) shared->ring.release();
}

bool Recorder::Impl::rings_filling() const noexcept {
  return std::any_of(rings_.begin(), rings_.end(), [](const auto& shared) {
    return shared->in_file && shared->ring.unreleased() > shared->ring.capacity() / 4;
  });
}

bool Recorder::Impl::step_over_gap() {
  std::uint64_t lowest = 0;
  for (const auto& shared : rings_) {
    const std::uint64_t sequence = shared->ring.peek_sequence();
    if (sequence != 0 && (lowest == 0 || sequence < lowest)) lowest = sequence;
  }
  if (lowest == 0) return false;
  report_.missing += lowest - next_;
  next_ = lowest;
  return true;
}

Recorder::Recorder(std::unique_ptr<TraceWriter> writer, std::vector<EventSink*> sinks, const RecorderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(writer), std::move(sinks), options)) {}
Recorder::~Recorder() = default;
void Recorder::on_event(const Event& event) {
  impl_->push(event);
}
bool Recorder::wants_file_data() const noexcept {
  return impl_->wants_file_data();
}
const RecorderReport& Recorder::finish() {
  return impl_->finish();
}

}  // namespace fusereplay
