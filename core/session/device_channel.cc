#include "core/session/device_channel.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/event/unseen_data.h"

namespace fusereplay {
namespace {

// include/uapi/linux/fuse.h, 7.40 and later.
struct BackingMap {
  std::int32_t fd;
  std::uint32_t flags;
  std::uint64_t padding;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, std::uint32_t);

/// Below this, reading into a buffer and writing from it is no slower (docs/performance.md).
constexpr std::size_t kWorthSplicing = 32768;

iovec piece(Bytes bytes) noexcept {
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};  // writev only reads
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

std::int64_t DeviceChannel::send(const Message& message) {
  if (gate_.is_answer(message)) [[unlikely]]
    return answer_init(message);
  return pass_on(message);
}

std::optional<std::int64_t> DeviceChannel::send_file(std::uint64_t unique, const FileRange& file) {
  if (file.size < kWorthSplicing || file.size > kMaxUnseenData || events_.wants_file_data()) return std::nullopt;
  // Where another thread replies on this very device, reading is faster than waiting for it.
  const std::unique_lock lock(pipe_mutex_, std::try_to_lock);
  if (!lock) return std::nullopt;
  const Result<std::size_t> size = pipe_.fill(unique, file);
  if (!size) return std::nullopt;
  const auto length = static_cast<std::uint32_t>(sizeof(wire::OutHeader) + *size);
  const wire::OutHeader header{.len = length, .error = 0, .unique = unique};
  const Message shown{.head = std::as_bytes(std::span(&header, 1)), .tail = unseen_data(*size)};
  return events_.pass_on(shown, index_, [&] { return pipe_.flush(device_.get()); });
}

Result<std::vector<std::uint32_t>> groups_of_task(std::uint32_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kGroups = "Groups:";
    if (!line.starts_with(kGroups)) continue;
    std::istringstream numbers(line.substr(kGroups.size()));
    return std::vector(std::istream_iterator<std::uint32_t>(numbers), std::istream_iterator<std::uint32_t>());
  }
  return Errno(ESRCH);
}

Result<std::int32_t> DeviceChannel::open_backing(int fd) {
  BackingMap map{.fd = fd, .flags = 0, .padding = 0};
  const int id = ::ioctl(device_.get(), kBackingOpen, &map);
  if (id < 0) return Errno::last();
  return id;
}

void DeviceChannel::close_backing(std::int32_t id) noexcept {
  auto number = static_cast<std::uint32_t>(id);
  ::ioctl(device_.get(), kBackingClose, &number);
}

std::int64_t DeviceChannel::answer_init(const Message& answer) {
  const auto instead = gate_.learn(answer);
  const std::int64_t result = pass_on(instead ? Message{.head = *instead, .tail = {}} : answer);
  gate_.open(result);
  return result;
}

std::int64_t DeviceChannel::pass_on(const Message& message) {
  return events_.pass_on(message, index_, [&] { return write_message(device_.get(), message); });
}

}  // namespace fusereplay
