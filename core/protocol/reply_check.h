// The kernel's verdict on the form of a reply: what write(2) on the device returns, and what becomes of the request.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/protocol/view.h"

namespace fusereplay {

/// What a reply does to the request it names (reference 3.1).
enum class ReplyEffect : std::uint8_t {
  kAccepted,          // completed as the reply says
  kCompletedWithEio,  // completed, but the caller gets EIO: the payload has the wrong size
  kOutstanding,       // the caller still waits: refused at the header, or the reply to an INTERRUPT
  kUnknown,           // no such request, or a notification: nothing happens
};

struct ReplyVerdict {
  std::int64_t write_result;  // bytes, or a negative errno
  ReplyEffect effect;
  std::string_view rule;    // "R2"; empty when accepted
  std::string_view reason;  // one clause; empty when accepted
};

/// Judges a reply as fs/fuse/dev.c fuse_dev_do_write and fuse_copy_out_args do. `request` is the outstanding request
/// with the reply's unique on this device fd, or null when there is none. A reply to an INTERRUPT (bit 0 of unique) is
/// judged by rule R20: `request` is its target or the INTERRUPT itself, and the target stays outstanding. A
/// notification (unique 0) is judged by its form alone. No allocation; about 10 ns for an accepted reply.
ReplyVerdict reply_check(const RequestView* request, const Message& reply) noexcept;

/// False: refused before the kernel looks for the request (rule R2), so that nothing has ended. `header` is the
/// reply's.
bool has_sound_header(const wire::OutHeader& header, const Message& reply) noexcept;

/// Whether the kernel makes this ioctl itself, for the flags of a file (fs/fuse/ioctl.c fuse_priv_ioctl, Linux 5.13):
/// the reply must then have all of `out_size`, where another may have less.
bool is_kernels_own(const wire::IoctlIn& ioctl) noexcept;

/// The longest tail the request allows its reply, in bytes: what args.out_args[last].size is in the kernel.
/// 0 for requests whose reply has no variable part.
std::size_t max_reply_tail(const RequestView& request) noexcept;

}  // namespace fusereplay
