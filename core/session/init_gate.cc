#include "core/session/init_gate.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/check.h"
#include "core/protocol/flags.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

constexpr std::size_t kPageSize = 4096;
constexpr std::size_t kDefaultMaxPages = 32;   // fs/fuse/fuse_i.h, where MAX_PAGES is not negotiated
constexpr std::size_t kUsualPagesLimit = 256;  // the kernel's own limit before it had a setting for it
constexpr std::size_t kMinMaxWrite = 4096;     // process_init_reply raises max_write to this
constexpr std::size_t kLargestXattr = 65536;   // XATTR_SIZE_MAX
constexpr std::size_t kLargestHead = 16384;    // header, structs, two names of 4 KiB, extensions

/// The start of `message` as a struct, zero where the message is shorter.
template <class Struct>
Struct struct_at(const Message& message, std::size_t offset) noexcept {
  std::array<std::byte, sizeof(wire::InHeader) + sizeof(wire::InitIn)> bytes{};
  const std::size_t head = std::min(message.head.size(), bytes.size());
  std::copy_n(message.head.begin(), head, bytes.begin());
  std::copy_n(message.tail.begin(), std::min(message.tail.size(), bytes.size() - head),
              bytes.begin() + static_cast<std::ptrdiff_t>(head));
  Struct value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(Struct));
  return value;
}

std::size_t max_pages_limit() {
  std::size_t limit = kUsualPagesLimit;
  std::ifstream setting("/proc/sys/fs/fuse/max_pages_limit");
  if (std::size_t value = 0; setting >> value) limit = value;
  return limit;
}

}  // namespace

InitGate::InitGate(Transport wanted) : wanted_(wanted), opened_(::eventfd(0, EFD_CLOEXEC)) {
  FUSEREPLAY_CHECK(opened_.valid(), "no descriptor left for the session");
}

void InitGate::asked(std::uint64_t unique, Bytes init) noexcept {
  const auto in = struct_at<wire::InitIn>(Message{.head = init, .tail = {}}, sizeof(wire::InHeader));
  const bool offered = (in.flags & kInitInitExt) != 0 && (in.flags2 & (kInitOverIoUring >> 32)) != 0;
  if (offered) transport_ = wanted_;
  unique_.store(unique);
}

bool InitGate::is_answer(const Message& message) const noexcept {
  if (state_.load(std::memory_order_relaxed) != State::kClosed) [[likely]]
    return false;
  if (message.size() < sizeof(wire::OutHeader)) return false;
  const std::uint64_t unique = unique_.load();
  return unique != 0 && struct_at<wire::OutHeader>(message, 0).unique == unique;
}

std::optional<InitGate::WholeAnswer> InitGate::learn(const Message& answer) noexcept {
  const auto header = struct_at<wire::OutHeader>(answer, 0);
  auto init = struct_at<wire::InitOut>(answer, sizeof(wire::OutHeader));
  agreeable_ = header.error == 0 && init.major == kProtocolMajor;
  const std::size_t max_write = std::max<std::size_t>(init.max_write, kMinMaxWrite);
  const std::size_t max_pages = (init.flags & kInitMaxPages) != 0
                                    ? std::clamp<std::size_t>(init.max_pages, 1, max_pages_limit())
                                    : kDefaultMaxPages;
  largest_message_ = kLargestHead + std::max({max_write, max_pages * kPageSize, kLargestXattr});

  WholeAnswer whole;
  if (transport_ == Transport::kDevice || !agreeable_ || answer.size() != whole.size()) {
    transport_ = Transport::kDevice;
    return std::nullopt;
  }
  init.flags |= kInitInitExt;
  init.flags2 |= kInitOverIoUring >> 32;
  std::memcpy(whole.data(), &header, sizeof(header));
  std::memcpy(whole.data() + sizeof(header), &init, sizeof(init));
  return whole;
}

void InitGate::open(std::int64_t write_result) noexcept {
  // A connection that ended meanwhile refuses nothing: there is nobody left to take the answer.
  const bool ended = write_result == -ENOENT || write_result == -ENODEV || write_result == -ECONNABORTED;
  state_ = agreeable_ && (write_result >= 0 || ended) ? State::kAccepted : State::kRefused;
  const std::uint64_t one = 1;
  FUSEREPLAY_CHECK(::write(opened_.get(), &one, sizeof(one)) == sizeof(one), "an eventfd takes its first value");
}

InitGate::State InitGate::await(int device) const {
  pollfd watched[] = {{.fd = opened_.get(), .events = POLLIN, .revents = 0},
                      {.fd = device, .events = 0, .revents = 0}};  // POLLERR comes unasked
  int ready = 0;
  do {
    ready = ::poll(watched, std::size(watched), -1);
  } while (ready < 0 && errno == EINTR);
  FUSEREPLAY_CHECK(ready > 0, "poll waits for ever");
  return state();
}

}  // namespace fusereplay
