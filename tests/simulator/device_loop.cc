#include "tests/simulator/device_loop.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "core/session/device_channel.h"
#include "core/session/event_source.h"
#include "tests/support/live_environment.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kReadBuffer = (std::size_t{1} << 20) + 8192;

std::unique_ptr<Mount> make_mount(const MountOptions& options) {
  auto mount = Mount::create(LiveEnvironment::make_directory("mount"), options);
  if (!mount) throw std::runtime_error(mount.error().message);
  return std::move(*mount);
}

}  // namespace

DeviceLoop::DeviceLoop(Server& server, std::vector<EventSink*> observers, const MountOptions& options)
    : server_(server),
      observers_(std::move(observers)),
      mount_(make_mount(options)),
      watchdog_(std::chrono::seconds(120), [this] { abort(); }),
      thread_([this] { run(); }) {}

DeviceLoop::~DeviceLoop() {
  finish();
}

void DeviceLoop::abort() {
  aborted_ = true;
  if (const auto& control = mount_->control(); control) static_cast<void>(control->abort());
}

void DeviceLoop::finish() {
  if (!thread_.joinable()) return;
  if (const auto unmounted = mount_->unmount(); !unmounted) {
    ADD_FAILURE() << "cannot unmount: " << describe(unmounted.error());
    abort();
  }
  thread_.join();
}

std::int64_t DeviceLoop::send_elsewhere(Bytes bytes) {
  if (!clone_.valid()) clone_ = mount_->clone_device().value();
  return write_and_tell(clone_.get(), 1, {.head = bytes, .tail = {}});
}

void DeviceLoop::emit(Event& event) {
  event.sequence = ++sequence_;
  conversation_.follow(event);
  for (EventSink* observer : observers_) observer->on_event(event);
}

void DeviceLoop::run() {
  ::pthread_setname_np(::pthread_self(), "device loop");
  Event mounted;
  mounted.kind = EventKind::kMark;
  mounted.mark = Mark::kMounted;
  mounted.begin = mounted.end = realtime_now();
  emit(mounted);
  std::vector<std::byte> buffer(kReadBuffer);
  ssize_t size = 0;
  while ((size = ::read(mount_->device(), buffer.data(), buffer.size())) > 0 || errno == EINTR || errno == ENOENT) {
    if (size <= 0) continue;
    IncomingRequest request;
    request.buffer = BufferRef::allocate(static_cast<std::size_t>(size));
    std::memcpy(request.buffer->data(), buffer.data(), static_cast<std::size_t>(size));
    request.bytes = Bytes(request.buffer->data(), static_cast<std::size_t>(size));
    request.received = realtime_now();
    Event event;
    event.kind = EventKind::kRequest;
    event.begin = event.end = request.received;
    event.result = size;
    event.message = {.head = request.bytes, .tail = {}};
    emit(event);
    server_.handle(std::move(request), *this);
  }
  Event ended;
  ended.kind = EventKind::kMark;
  ended.mark = aborted_ ? Mark::kAborted : Mark::kUnmounted;
  ended.begin = ended.end = realtime_now();
  server_.disconnect();
  emit(ended);
}

std::int64_t DeviceLoop::send(const Message& message) {
  return write_and_tell(mount_->device(), 0, message);
}

std::int64_t DeviceLoop::write_and_tell(int device, std::uint32_t channel, const Message& message) {
  Event event;
  event.channel = channel;
  const auto header = read_out_header(message);
  event.kind = header && header->unique == 0 ? EventKind::kNotification : EventKind::kReply;
  event.begin = realtime_now();
  event.message = message;
  event.result = write_message(device, message);
  event.end = realtime_now();
  emit(event);
  return event.result;
}

}  // namespace fusereplay::testing
