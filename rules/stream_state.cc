#include "rules/stream_state.h"

#include <algorithm>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

constexpr std::uint32_t kMinMaxWrite = 4096;
constexpr std::uint32_t kDefaultMaxPages = 32;
// The first protocol whose kernels may take names of PATH_MAX - 1 bytes.
constexpr std::uint32_t kLongNamesMinor = 42;
constexpr std::uint32_t kMaxStackDepth = 2;  // FILESYSTEM_MAX_STACK_DEPTH

std::uint64_t flags_of(std::uint32_t low, std::uint32_t high) noexcept {
  return low | ((low & kInitInitExt) != 0 ? std::uint64_t{high} << 32 : 0);
}

}  // namespace

bool settles_passthrough(const wire::InitOut& out) noexcept {
  const std::uint64_t flags = flags_of(out.flags, out.flags2);
  return (flags & kInitPassthrough) != 0 && (flags & kInitWritebackCache) == 0 && out.max_stack_depth >= 1 &&
         out.max_stack_depth <= kMaxStackDepth;
}

void StreamState::on_request(const RequestStep& step) noexcept {
  if (step.context.opcode != Opcode::kInit || !step.context.known) return;
  const std::uint64_t sequence = last_sequence_;
  *this = StreamState();
  last_sequence_ = sequence;
  whole_ = true;
  init_seen_ = true;
  const auto in = step.context.view.fixed<wire::InitIn>();
  kernel_minor_ = in.minor;
  offered_ = flags_of(in.flags, in.flags2);
}

void StreamState::on_reply(const ReplyStep& step) noexcept {
  if (step.context == nullptr || step.context->opcode != Opcode::kInit || !step.taken()) return;
  init_answered_ = true;
  if (step.body != nullptr) learn(step.body->fixed<wire::InitOut>());
}

void StreamState::learn(const wire::InitOut& out) noexcept {
  granted_ = offered_ & flags_of(out.flags, out.flags2);
  if (!settles_passthrough(out)) granted_ &= ~std::uint64_t{kInitPassthrough};
  max_write_ = out.minor < 5 ? kMinMaxWrite : std::max(kMinMaxWrite, out.max_write);
  max_pages_ = (granted_ & kInitMaxPages) != 0 ? std::max<std::uint32_t>(out.max_pages, 1) : kDefaultMaxPages;
  max_name_ = kernel_minor_ >= kLongNamesMinor && (granted_ & kInitMaxPages) != 0 ? 4095 : 1024;
}

void StreamState::on_mark(Mark mark) noexcept {
  switch (mark) {
    case Mark::kNone:
    case Mark::kMounted:
      break;
    case Mark::kUnmounted:
      up_ = false;
      unmounted_ = true;
      break;
    case Mark::kAborted:
    case Mark::kServerDied:
      up_ = false;
      broken_off_ = true;
      break;
  }
}

void StreamState::on_notification(const Event& event) noexcept {
  const auto header = read_out_header(event.message);
  if (header && header->error == static_cast<std::int32_t>(NotifyCode::kResend) && event.result >= 0) resends_ = true;
}

}  // namespace fusereplay
