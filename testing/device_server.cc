#include "testing/device_server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/protocol/view.h"
#include "core/session/device_channel.h"
#include "core/session/event_source.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kReadBuffer = (std::size_t{1} << 20) + 8192;  // takes a WRITE of a mebibyte

}  // namespace

DeviceServer::DeviceServer(UniqueFd device, Server& server, std::vector<EventSink*> observers)
    : server_(server),
      observers_(std::move(observers)),
      device_(std::make_shared<UniqueFd>(std::move(device))),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  ::fcntl(device_->get(), F_SETFL, O_NONBLOCK);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DeviceServer::~DeviceServer() {
  if (!thread_.joinable()) return;
  abort();
  join();
}

std::shared_ptr<UniqueFd> DeviceServer::device() const {
  const std::lock_guard lock(mutex_);
  return device_;
}

bool DeviceServer::readable() const noexcept {
  const auto device = this->device();
  if (device == nullptr) return false;
  pollfd waiting{.fd = device->get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

void DeviceServer::abort() {
  aborted_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(::write(stop_.get(), &one, sizeof(one)));
}

void DeviceServer::join() {
  if (thread_.joinable()) thread_.join();
}

void DeviceServer::emit(Event& event) {
  event.sequence = ++sequence_;
  conversation_.follow(event);
  for (EventSink* observer : observers_) observer->on_event(event);
}

void DeviceServer::mark(Mark mark) {
  Event event;
  event.kind = EventKind::kMark;
  event.mark = mark;
  event.begin = event.end = realtime_now();
  const std::lock_guard lock(mutex_);
  emit(event);
}

void DeviceServer::run() {
  ::pthread_setname_np(::pthread_self(), "fuse device");
  mark(Mark::kMounted);
  std::vector<std::byte> buffer(kReadBuffer);
  auto device = this->device();
  while (!aborted_) {
    std::array<pollfd, 2> waiting{
        {{.fd = device->get(), .events = POLLIN, .revents = 0}, {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    const auto size = ::read(device->get(), buffer.data(), buffer.size());
    if (size > 0) {
      take(Bytes(buffer).first(static_cast<std::size_t>(size)));
    } else if (errno != EAGAIN && errno != EINTR && errno != ENOENT) {
      break;  // ENODEV: unmounted
    }
  }
  device.reset();
  {
    const std::lock_guard lock(mutex_);
    device_.reset();
  }
  server_.disconnect();
  mark(aborted_ ? Mark::kAborted : Mark::kUnmounted);
}

void DeviceServer::take(Bytes message) {
  const auto header = read_in_header(message);
  if (answers_statfs_ && header && header->opcode == static_cast<std::uint32_t>(Opcode::kStatfs)) {
    struct {
      wire::OutHeader header;
      wire::Kstatfs body;
    } reply{};
    reply.header = {.len = sizeof(reply), .error = 0, .unique = header->unique};
    write_message(device()->get(), {.head = std::as_bytes(std::span(&reply, 1)), .tail = {}});
    return;
  }
  static_cast<void>(handed_over_.load());
  IncomingRequest request;
  request.buffer = BufferRef::allocate(message.size());
  std::memcpy(request.buffer->data(), message.data(), message.size());
  request.bytes = Bytes(request.buffer->data(), message.size());
  request.received = realtime_now();
  Event event;
  event.kind = EventKind::kRequest;
  event.begin = event.end = request.received;
  event.result = static_cast<std::int64_t>(message.size());
  event.message = {.head = request.bytes, .tail = {}, .owner = &request.buffer};
  {
    const std::lock_guard lock(mutex_);
    emit(event);
  }
  server_.handle(std::move(request), *this);
  ++messages_;
}

// A reply is numbered before it is written: nothing it lets go of may come between, so the lock is held meanwhile. A
// notification that may wait for requests to be answered is numbered when it has been taken.
Result<std::vector<std::uint32_t>> DeviceServer::groups_of(std::uint32_t pid) const {
  return groups_of_task(pid);
}

std::int64_t DeviceServer::send(const Message& message) {
  const auto header = read_out_header(message);
  const bool notifies = header && header->unique == 0;
  const bool waits = notifies && may_wait(static_cast<NotifyCode>(header->error));
  const auto device = this->device();
  std::unique_lock lock(mutex_, std::defer_lock);
  Event event;
  event.kind = notifies ? EventKind::kNotification : EventKind::kReply;
  event.message = message;
  event.begin = realtime_now();
  if (!waits) lock.lock();
  event.result = device == nullptr ? -ENOENT : write_message(device->get(), message);
  event.end = realtime_now();
  if (waits) lock.lock();
  emit(event);
  return event.result;
}

}  // namespace fusereplay::testing
