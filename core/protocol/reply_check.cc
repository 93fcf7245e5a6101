#include "core/protocol/reply_check.h"

#include <linux/fs.h>

#include <cerrno>

namespace fusereplay {
namespace {

// fs/fuse/dir.c fuse_readlink_folio: one page less the NUL the kernel adds.
constexpr std::size_t kMaxReadlink = 4095;
// fs/fuse/ioctl.c fuse_do_ioctl: out data may hold iovecs, so there is always at least a page for it.
constexpr std::size_t kMinIoctlOut = 4096;
// fs/fuse/cuse.c CUSE_INIT_INFO_MAX.
constexpr std::size_t kMaxCuseInfo = 4096;
// Errors at or below this are the kernel's own (ERESTARTSYS and its kin).
constexpr std::int32_t kFirstInternalError = -512;

std::string_view header_fault(const wire::OutHeader& header, const Message& reply) noexcept {
  if (header.len != reply.size()) return "header.len is not the number of bytes written";
  if (header.error > 0) return "a positive error";
  if (header.error <= kFirstInternalError) return "an error at or below -512";
  return {};
}

ReplyVerdict refused_at_header(std::string_view reason) noexcept {
  return {.write_result = -EINVAL, .effect = ReplyEffect::kOutstanding, .rule = "R2", .reason = reason};
}

ReplyVerdict no_such_request(std::string_view reason) noexcept {
  return {.write_result = -ENOENT, .effect = ReplyEffect::kUnknown, .rule = "R1", .reason = reason};
}

ReplyVerdict completed_with_eio(std::string_view reason) noexcept {
  return {.write_result = -EINVAL, .effect = ReplyEffect::kCompletedWithEio, .rule = "R3", .reason = reason};
}

ReplyVerdict accepted(const Message& reply, ReplyEffect effect) noexcept {
  return {.write_result = static_cast<std::int64_t>(reply.size()), .effect = effect, .rule = {}, .reason = {}};
}

ReplyVerdict judge_notification(const Message& message) noexcept {
  if (NotificationView::parse(message)) return accepted(message, ReplyEffect::kUnknown);
  return {.write_result = -EINVAL,
          .effect = ReplyEffect::kUnknown,
          .rule = "R16",
          .reason = "a notification with an unknown code or the wrong size"};
}

std::size_t least_reply_tail(const RequestView& request) noexcept {
  if (request.opcode() != Opcode::kIoctl) return 0;
  const auto ioctl = request.fixed<wire::IoctlIn>();
  return is_kernels_own(ioctl) ? ioctl.out_size : 0;
}

/// fs/fuse/dev.c fuse_copy_out_args: every argument but a last one of variable size must be there in full.
ReplyVerdict judge_payload(const RequestView& request, const MessageLayout& layout, const Message& reply) noexcept {
  const std::size_t size = reply.size() - sizeof(wire::OutHeader);
  const std::size_t fixed = layout.fixed_size();
  const std::size_t variable = layout.tail == Tail::kNone ? 0 : max_reply_tail(request);
  if (size > fixed + variable) return completed_with_eio("payload longer than the request allows");
  const std::size_t least = layout.truncatable ? 0 : fixed + least_reply_tail(request);
  if (size < least) return completed_with_eio("payload shorter than the request allows");
  return accepted(reply, ReplyEffect::kAccepted);
}

}  // namespace

ReplyVerdict reply_check(const RequestView* request, const Message& reply) noexcept {
  if (reply.head.size() < sizeof(wire::OutHeader)) return refused_at_header("shorter than a header");
  wire::OutHeader header;
  std::memcpy(&header, reply.head.data(), sizeof(header));
  if (header.unique == 0 && header.len == reply.size()) return judge_notification(reply);
  if (const std::string_view fault = header_fault(header, reply); !fault.empty()) return refused_at_header(fault);

  const bool to_interrupt = (header.unique & kUniqueInterruptBit) != 0;
  if (request == nullptr) return no_such_request("no request with this unique is outstanding on this fd");
  const std::uint64_t same_request = to_interrupt ? ~kUniqueInterruptBit : ~std::uint64_t{0};
  if ((request->unique() & same_request) != (header.unique & same_request)) {
    return no_such_request("the unique of another request");
  }
  if (to_interrupt) {
    if (reply.size() == sizeof(wire::OutHeader)) return accepted(reply, ReplyEffect::kOutstanding);
    return {.write_result = -EINVAL,
            .effect = ReplyEffect::kOutstanding,
            .rule = "R20",
            .reason = "a payload in the reply to an INTERRUPT"};
  }
  const MessageLayout* const layout = reply_layout(request->opcode(), asks_size(*request));
  if (layout == nullptr) return no_such_request("a reply to a request that takes none");
  if (header.error != 0) {
    if (reply.size() == sizeof(wire::OutHeader)) return accepted(reply, ReplyEffect::kAccepted);
    return completed_with_eio("a payload in an error reply");
  }
  return judge_payload(*request, *layout, reply);
}

bool has_sound_header(const wire::OutHeader& header, const Message& reply) noexcept {
  return header_fault(header, reply).empty();
}

bool is_kernels_own(const wire::IoctlIn& ioctl) noexcept {
  if (ioctl.arg != 0) return false;  // a caller's memory
  switch (ioctl.cmd) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
      return true;
    default:
      return false;
  }
}

std::size_t max_reply_tail(const RequestView& request) noexcept {
  switch (request.opcode()) {
    case Opcode::kRead:
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      return request.fixed<wire::ReadIn>().size;
    case Opcode::kGetxattr:
    case Opcode::kListxattr:
      return request.fixed<wire::GetxattrIn>().size;
    case Opcode::kReadlink:
      return kMaxReadlink;
    case Opcode::kIoctl: {
      const auto ioctl = request.fixed<wire::IoctlIn>();
      return is_kernels_own(ioctl) ? ioctl.out_size : std::max<std::size_t>(ioctl.out_size, kMinIoctlOut);
    }
    case Opcode::kCuseInit:
      return kMaxCuseInfo;
    default:
      return 0;
  }
}

}  // namespace fusereplay
