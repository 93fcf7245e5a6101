#include "core/session/device_channel.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/check.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

iovec piece(Bytes bytes) noexcept {
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};  // writev only reads
}

/// Of a message too short to tell: a reply, which the kernel will refuse (rule R2).
wire::OutHeader header_of(const Message& message) noexcept {
  wire::OutHeader header{.len = 0, .error = 0, .unique = 1};
  if (message.head.size() >= sizeof(header)) std::memcpy(&header, message.head.data(), sizeof(header));
  return header;
}

}  // namespace

// Here and below the system call itself: the C library's is a point where a thread can be cancelled, which none of ours
// is, and 80 instructions of a request's 2,000.
std::int64_t write_message(int device, const Message& message) noexcept {
  const iovec pieces[] = {piece(message.head), piece(message.tail)};
  const long written = ::syscall(SYS_writev, device, pieces, message.tail.empty() ? 1 : 2);
  return written < 0 ? -errno : written;
}

Result<std::size_t> DeviceChannel::receive(Buffer& buffer) noexcept {
  for (;;) {
    const long size = ::syscall(SYS_read, device_.get(), buffer.data(), buffer.capacity());
    if (size >= 0) return static_cast<std::size_t>(size);
    switch (errno) {
      case ENODEV:
      case ECONNABORTED:
        return Errno::last();
      case EINTR:
      case EAGAIN:
      case ENOENT:  // the request was taken back while it was being copied (fs/fuse/dev.c fuse_dev_do_read)
        break;
      default:
        FUSEREPLAY_CHECK(false, describe(Errno::last()));
    }
  }
}

void DeviceChannel::announce(IncomingRequest& request) {
  request.received = realtime_now();
  if (!events_.observed()) return;
  Event event;
  event.kind = EventKind::kRequest;
  event.sequence = events_.take_number();
  event.begin = event.end = request.received;
  event.thread = current_thread();
  event.channel = index_;
  event.result = static_cast<std::int64_t>(request.bytes.size());
  event.message = Message{.head = request.bytes, .tail = {}, .owner = &request.buffer};
  events_.deliver(event);
}

std::int64_t DeviceChannel::send(const Message& message) {
  if (gate_.is_answer(message)) [[unlikely]]
    return answer_init(message);
  return pass_on(message);
}

std::int64_t DeviceChannel::answer_init(const Message& answer) {
  const auto instead = gate_.learn(answer);
  const std::int64_t result = pass_on(instead ? Message{.head = *instead, .tail = {}} : answer);
  gate_.open(result);
  return result;
}

std::int64_t DeviceChannel::pass_on(const Message& message) {
  return events_.observed() ? send_observed(message) : write_message(device_.get(), message);
}

std::int64_t DeviceChannel::send_observed(const Message& message) {
  const wire::OutHeader header = header_of(message);
  const bool notifies = header.unique == 0;
  // See ORDER in core/event/event.h. A number taken before a write that waits would hold up all that is numbered later,
  // and with it the threads whose replies the write may wait for.
  const bool numbered_first = !notifies || !may_wait(static_cast<NotifyCode>(header.error));
  Event event;
  event.kind = notifies ? EventKind::kNotification : EventKind::kReply;
  if (numbered_first) event.sequence = events_.take_number();
  event.begin = realtime_now();
  event.thread = current_thread();
  event.channel = index_;
  event.message = message;
  event.result = write_message(device_.get(), message);
  if (!numbered_first) event.sequence = events_.take_number();
  event.end = realtime_now();
  events_.deliver(event);
  return event.result;
}

}  // namespace fusereplay
