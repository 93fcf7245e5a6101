#include "core/session/session.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "core/alternate_stack.h"
#include "core/check.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"
#include "core/session/device_channel.h"
#include "core/session/event_source.h"
#include "core/session/init_gate.h"
#include "core/session/read_buffers.h"
#include "core/session/ring_queue.h"

namespace fusereplay {
namespace {

constexpr unsigned kMaxThreads = 64;

/// Blocks every signal in the calling thread, but those that report a fault of this very thread; restored at the end.
/// A thread started meanwhile inherits the mask.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
      ::sigdelset(&blocked, fault);
    }
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

wire::InHeader header_of(const Buffer& buffer, std::size_t size) {
  wire::InHeader header{};
  FUSEREPLAY_CHECK(size >= sizeof(header), "the device gives whole messages");
  std::memcpy(&header, buffer.data(), sizeof(header));
  FUSEREPLAY_CHECK(header.len == size, "the device gives one message at a time");
  return header;
}

}  // namespace

std::string_view describe(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::kUnmounted:
      return "unmounted";
    case EndReason::kAborted:
      return "aborted";
    case EndReason::kInitRefused:
      return "INIT refused";
  }
  return "";
}

class Session::Impl {
 public:
  Impl(Server& server, SessionOptions options)
      : server_(server), options_(std::move(options)), events_(options_.observers), gate_(options_.transport) {
    FUSEREPLAY_CHECK(options_.threads >= 1 && options_.threads <= kMaxThreads, "1 to 64 device threads");
  }

  ~Impl() {
    if (mount_ == nullptr || finished_) return;
    static_cast<void>(unmount());
    if (connected()) static_cast<void>(abort());
    wait();
  }

  tl::expected<void, MountError> start() {
    FUSEREPLAY_CHECK(mount_ == nullptr, "a session is started once");
    if (options_.transport == Transport::kRing) {
      if (std::string why = ring_obstacle(); !why.empty()) {
        return tl::unexpected(MountError{MountErrorKind::kFailed, std::move(why)});
      }
    }
    auto mount = Mount::create(options_.mountpoint, options_.mount);
    if (!mount) return tl::unexpected(std::move(mount.error()));
    if (auto opened = open_channels(**mount); !opened) {
      channels_.clear();
      return tl::unexpected(MountError{MountErrorKind::kFailed,
                                       "cannot open a device for each of " + std::to_string(options_.threads) +
                                           " threads: " + describe(opened.error()) + ": use fewer or raise ulimit -n"});
    }
    mount_ = std::move(*mount);
    events_.mark(Mark::kMounted);
    const BlockedSignals inherited;
    for (const auto& channel : channels_) {
      threads_.emplace_back([this, &channel = *channel] { run(channel); });
    }
    if (options_.transport == Transport::kRing) start_queues();
    return {};
  }

  EndReason wait() {
    FUSEREPLAY_CHECK(mount_ != nullptr, "wait() after start()");
    std::call_once(finish_, [this] { finish(); });
    return reason_;
  }

  bool wait_until_ready() {
    FUSEREPLAY_CHECK(mount_ != nullptr, "wait_until_ready() after start()");
    return gate_.await(mount_->device()) == InitGate::State::kAccepted;
  }

  Result<void> unmount() { return mount_->unmount(); }

  Result<void> abort() {
    const auto& control = mount_->control();
    if (!control) return control.error();
    aborted_ = true;
    return control->abort();
  }

  const Mount& mount() const noexcept { return *mount_; }

 private:
  Result<void> open_channels(const Mount& mount) {
    UniqueFd first(::fcntl(mount.device(), F_DUPFD_CLOEXEC, 3));
    if (!first.valid()) return Errno::last();
    channels_.push_back(std::make_unique<DeviceChannel>(std::move(first), 0, events_, gate_));
    for (std::uint32_t index = 1; index < options_.threads; ++index) {
      auto clone = mount.clone_device();
      if (!clone) return clone.error();
      channels_.push_back(std::make_unique<DeviceChannel>(std::move(*clone), index, events_, gate_));
    }
    return {};
  }

  /// One device thread, from INIT to the end of the connection.
  void run(DeviceChannel& channel) {
    ::pthread_setname_np(::pthread_self(), ("device-" + std::to_string(channel.index())).c_str());
    const AlternateStack stack;
    if (channel.index() == 0 && !pass_init_on(channel)) return;
    if (gate_.await(channel.device()) == InitGate::State::kAccepted) serve(channel);
  }

  void start_queues() {
    const std::uint16_t queues = ring_queues();
    for (std::uint16_t cpu = 0; cpu < queues; ++cpu) {
      queue_threads_.emplace_back([this, cpu] { run_queue(cpu); });
    }
  }

  /// One queue's thread, likewise.
  void run_queue(std::uint16_t cpu) {
    ::pthread_setname_np(::pthread_self(), ("ring-" + std::to_string(cpu)).c_str());
    const AlternateStack stack;
    DeviceChannel& device = *channels_[0];
    if (gate_.await(device.device()) != InitGate::State::kAccepted || gate_.transport() != Transport::kRing) return;
    RingQueue::Setup setup;
    setup.cpu = cpu;
    setup.channel = options_.threads + cpu;
    setup.payload = gate_.largest_message();
    RingQueue* queue = nullptr;
    {
      const std::lock_guard lock(queues_mutex_);
      if (ended_) return;
      queues_.push_back(std::make_unique<RingQueue>(device.device(), setup, events_, device));
      queue = queues_.back().get();
    }
    const auto handle = [this, queue](IncomingRequest request) { server_.handle(std::move(request), *queue); };
    if (const Result<void> served = queue->serve(handle); !served) static_cast<void>(abort());
  }

  void stop_queues() {
    {
      const std::lock_guard lock(queues_mutex_);
      ended_ = true;
      for (const auto& queue : queues_) queue->stop();
    }
    for (std::thread& thread : queue_threads_) thread.join();
  }

  bool pass_init_on(DeviceChannel& channel) {
    BufferRef buffer = BufferRef::allocate(kMinReadBuffer);
    const auto size = receive(channel, *buffer);
    if (!size) return false;
    const wire::InHeader header = header_of(*buffer, *size);
    FUSEREPLAY_CHECK(static_cast<Opcode>(header.opcode) == Opcode::kInit, "INIT comes first");
    const Bytes bytes(buffer->data(), *size);
    gate_.asked(header.unique, bytes);
    hand_over(channel, IncomingRequest{.buffer = std::move(buffer), .bytes = bytes, .received = 0});
    return true;
  }

  /// A small message is copied out of the buffer it was read into; a larger one takes the buffer with it.
  void serve(DeviceChannel& channel) {
    ReadBuffers buffers(gate_.largest_message());
    BufferRef buffer = buffers.large();
    while (const auto size = receive(channel, *buffer)) {
      header_of(*buffer, *size);
      if (*size <= ReadBuffers::kSmallMessage) {
        const BufferRef& copy = buffers.small();
        std::memcpy(copy->data(), buffer->data(), *size);
        hand_over(channel, IncomingRequest{.buffer = copy, .bytes = Bytes(copy->data(), *size), .received = 0});
      } else {
        BufferRef kept = std::exchange(buffer, buffers.large());
        const Bytes bytes(kept->data(), *size);
        hand_over(channel, IncomingRequest{.buffer = std::move(kept), .bytes = bytes, .received = 0});
      }
    }
  }

  void hand_over(DeviceChannel& channel, IncomingRequest request) {
    events_.announce(request, channel.index());
    server_.handle(std::move(request), channel);
  }

  /// Result<size_t>, and a note of how the connection ended.
  Result<std::size_t> receive(DeviceChannel& channel, Buffer& buffer) {
    auto size = channel.receive(buffer);
    if (!size && size.error() == Errno(ECONNABORTED)) aborted_ = true;
    return size;
  }

  /// Whether the kernel could still send anything: a connection that ended makes its devices poll as in error.
  bool connected() const {
    pollfd device{.fd = mount_->device(), .events = 0, .revents = 0};
    return ::poll(&device, 1, 0) == 0;
  }

  void finish() {
    for (std::thread& thread : threads_) thread.join();
    stop_queues();
    // Without ABORT_ERROR both ends read as ENODEV, but only an abort leaves the mount behind.
    if (gate_.state() == InitGate::State::kRefused) {
      reason_ = EndReason::kInitRefused;
    } else if (aborted_ || mount_->attached()) {
      reason_ = EndReason::kAborted;
    }
    // Tried again, and reported, when the mount is destroyed.
    if (!mount_->handed_over()) static_cast<void>(mount_->unmount());
    server_.disconnect();
    events_.mark(reason_ == EndReason::kAborted ? Mark::kAborted : Mark::kUnmounted);
    finished_ = true;
  }

  Server& server_;
  const SessionOptions options_;
  EventSource events_;
  InitGate gate_;
  std::unique_ptr<Mount> mount_;
  std::vector<std::unique_ptr<DeviceChannel>> channels_;
  std::vector<std::thread> threads_;
  std::mutex queues_mutex_;  // guards queues_ and ended_; over RingQueue's
  std::vector<std::unique_ptr<RingQueue>> queues_;
  bool ended_ = false;
  std::vector<std::thread> queue_threads_;
  std::atomic<bool> aborted_{false};
  std::once_flag finish_;
  std::atomic<bool> finished_{false};
  EndReason reason_ = EndReason::kUnmounted;  // written once, inside finish_
};

Session::Session(Server& server, SessionOptions options) : impl_(std::make_unique<Impl>(server, std::move(options))) {}
Session::~Session() = default;
tl::expected<void, MountError> Session::start() {
  return impl_->start();
}
bool Session::wait_until_ready() {
  return impl_->wait_until_ready();
}
EndReason Session::wait() {
  return impl_->wait();
}
Result<void> Session::unmount() {
  return impl_->unmount();
}
Result<void> Session::abort() {
  return impl_->abort();
}
const Mount& Session::mount() const noexcept {
  return impl_->mount();
}

}  // namespace fusereplay
