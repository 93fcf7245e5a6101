// Which requests are not answered, and where their handlers are: what to ask of a mount that hangs.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/async/async.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"
#include "core/text/line_buffer.h"

namespace fusereplay {

/// One request without a reply.
struct OutstandingRequest {
  enum class State : std::uint8_t {
    kRunning,    // a thread is in its handler
    kSuspended,  // its handler waits; no thread is held
  };
  State state{};
  Opcode opcode{};
  std::uint64_t unique = 0;
  std::uint64_t nodeid = 0;
  std::uint32_t pid = 0;
  std::int64_t received = 0;        // ns since the epoch
  std::uint32_t thread = 0;         // kRunning: its kernel id
  internal::SourcePlace handler{};  // kSuspended: the co_await of the handler itself
  internal::SourcePlace wait{};     // kSuspended: the innermost one, the same or of a task that it awaits
};

/// "READ 44 of node 7 for pid 812, 12.3 s: suspended at fs.cc:31, in sync.cc:80". `now`: ns since the epoch.
std::string describe(const OutstandingRequest& request, std::int64_t now);
/// The same, async-signal-safe.
void describe(LineBuffer& line, const OutstandingRequest& request, std::int64_t now) noexcept;

/// What a process that crashes can still tell.
struct CrashedRequests {
  std::size_t count = 0;
  bool complete = false;  // else some are missing: more than there is room for, or not to be told apart now
};

namespace internal {

/// Read while it is being written, it may have the file of one place and the line of another.
class AtomicPlace {
 public:
  void store(SourcePlace place) noexcept {
    file_.store(place.file, std::memory_order_relaxed);
    line_.store(place.line, std::memory_order_relaxed);
  }
  SourcePlace load() const noexcept {
    return {file_.load(std::memory_order_relaxed), line_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<const char*> file_{""};
  std::atomic<unsigned> line_{0};
};

/// What a call keeps so that it can be told of. Its places are written by whoever runs the handler, read by anyone.
class SuspendedCall {
 public:
  SuspendedCall() noexcept = default;
  SuspendedCall(const SuspendedCall&) = delete;
  SuspendedCall& operator=(const SuspendedCall&) = delete;

  /// The handler is about to wait there.
  void handler_at(SourcePlace place) noexcept {
    handler_.store(place);
    wait_.store(place);
  }
  /// So is a task that it awaits.
  void wait_at(SourcePlace place) noexcept { wait_.store(place); }

 protected:
  ~SuspendedCall() = default;

 private:
  friend class Outstanding;
  /// Which request it is; while it is told of.
  virtual OutstandingRequest about() const noexcept = 0;

  AtomicPlace handler_;
  AtomicPlace wait_;
  SuspendedCall* next_ = nullptr;
  SuspendedCall* previous_ = nullptr;
};

/// Those of one server. Thread-safe. A request whose handler ends at once costs six stores.
class Outstanding {
 public:
  Outstanding();
  ~Outstanding();
  Outstanding(const Outstanding&) = delete;
  Outstanding& operator=(const Outstanding&) = delete;

  /// While it exists, the calling thread is in the handler of that request.
  class Running {
   public:
    /// `received` as in OutstandingRequest.
    Running(Outstanding& owner, const wire::InHeader& header, std::int64_t received) noexcept
        : slot_(owner.slot_of_this_thread()) {
      slot_.nodeid.store(header.nodeid, std::memory_order_relaxed);
      slot_.received.store(received, std::memory_order_relaxed);
      slot_.opcode.store(header.opcode, std::memory_order_relaxed);
      slot_.pid.store(header.pid, std::memory_order_relaxed);
      slot_.unique.store(header.unique, std::memory_order_release);
    }
    ~Running() { slot_.unique.store(0, std::memory_order_release); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    friend class Outstanding;
    /// Written by its thread; unique is set last and cleared first, and 0 while the thread is in no handler.
    struct Slot {
      std::atomic<std::uint64_t> unique{0};
      std::atomic<std::uint64_t> nodeid{0};
      std::atomic<std::int64_t> received{0};
      std::atomic<std::uint32_t> opcode{0};
      std::atomic<std::uint32_t> pid{0};
      std::uint32_t thread = 0;
      Slot* next = nullptr;
    };
    Slot& slot_;
  };

  /// `call` has suspended, and is told of until remove().
  void add(SuspendedCall& call) noexcept;
  void remove(SuspendedCall& call) noexcept;

  /// The oldest first.
  std::vector<OutstandingRequest> all() const;
  /// Into `space`, likewise. Async-signal-safe: for a thread that crashed anywhere, in here too.
  CrashedRequests all_in_crash(std::span<OutstandingRequest> space) const noexcept;

 private:
  struct Known {
    std::uint64_t owner;
    Running::Slot* slot;
  };
  Running::Slot& slot_of_this_thread() {
    if (known.owner != id_) [[unlikely]]
      find_slot();
    return *known.slot;
  }
  void find_slot();
  template <class Take>
  void each_suspended(Take take) const;
  template <class Take>
  void each_running(Take take) const;

  inline static constinit thread_local Known known{};  // of this thread, with the server it last ran a handler of
  const std::uint64_t id_;                             // unlike that of any server before
  mutable std::mutex mutex_;                           // guards all below; innermost
  SuspendedCall* first_ = nullptr;
  std::atomic<Running::Slot*> slots_{nullptr};  // one for each thread that ran a handler; read without the mutex too
};

}  // namespace internal
}  // namespace fusereplay
