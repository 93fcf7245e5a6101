// The requests of the FUSE protocol, to 7.45, and the notification codes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fusereplay {

inline constexpr std::uint32_t kProtocolMajor = 7;
inline constexpr std::uint32_t kProtocolMinor = 45;
/// The nodeid of the mount's root directory (rule R5: its lookup count is infinite).
inline constexpr std::uint64_t kRootNodeId = 1;
/// Bit 0 of `unique` marks an INTERRUPT (rule K3), bit 63 a request sent again after RESEND.
inline constexpr std::uint64_t kUniqueInterruptBit = 1;
inline constexpr std::uint64_t kUniqueResendBit = std::uint64_t{1} << 63;
/// The kernel refuses a device read into less than this (fs/fuse/dev.c fuse_dev_do_read).
inline constexpr std::size_t kMinReadBuffer = 8192;

/// in_header.opcode.
enum class Opcode : std::uint32_t {
  kLookup = 1,
  kForget = 2,
  kGetattr = 3,
  kSetattr = 4,
  kReadlink = 5,
  kSymlink = 6,
  kMknod = 8,
  kMkdir = 9,
  kUnlink = 10,
  kRmdir = 11,
  kRename = 12,
  kLink = 13,
  kOpen = 14,
  kRead = 15,
  kWrite = 16,
  kStatfs = 17,
  kRelease = 18,
  kFsync = 20,
  kSetxattr = 21,
  kGetxattr = 22,
  kListxattr = 23,
  kRemovexattr = 24,
  kFlush = 25,
  kInit = 26,
  kOpendir = 27,
  kReaddir = 28,
  kReleasedir = 29,
  kFsyncdir = 30,
  kGetlk = 31,
  kSetlk = 32,
  kSetlkw = 33,
  kAccess = 34,
  kCreate = 35,
  kInterrupt = 36,
  kBmap = 37,
  kDestroy = 38,
  kIoctl = 39,
  kPoll = 40,
  kNotifyReply = 41,
  kBatchForget = 42,
  kFallocate = 43,
  kReaddirplus = 44,
  kRename2 = 45,
  kLseek = 46,
  kCopyFileRange = 47,
  kSetupmapping = 48,
  kRemovemapping = 49,
  kSyncfs = 50,
  kTmpfile = 51,
  kStatx = 52,
  kCopyFileRange64 = 53,
  kCuseInit = 4096,
};

/// out_header.error of a message with unique 0.
enum class NotifyCode : std::int32_t {
  kPoll = 1,
  kInvalInode = 2,
  kInvalEntry = 3,
  kStore = 4,
  kRetrieve = 5,
  kDelete = 6,
  kResend = 7,
  kIncEpoch = 8,
  kPrune = 9,
};

/// "LOOKUP"; empty for a number that is no opcode of 7.45.
std::string_view opcode_name(Opcode opcode) noexcept;
/// "NOTIFY_INVAL_ENTRY"; empty for a number that is no code of 7.45.
std::string_view notify_name(NotifyCode code) noexcept;
/// Every opcode, in numeric order.
std::span<const Opcode> all_opcodes() noexcept;
/// Every notification code, in numeric order.
std::span<const NotifyCode> all_notify_codes() noexcept;

/// FORGET, BATCH_FORGET and NOTIFY_REPLY get no reply; a reply to one is refused with ENOENT (rule R1). A reply to an
/// INTERRUPT is optional (rule R20).
constexpr bool expects_reply(Opcode opcode) noexcept {
  return opcode != Opcode::kForget && opcode != Opcode::kBatchForget && opcode != Opcode::kNotifyReply &&
         opcode != Opcode::kInterrupt;
}

/// The kernel may wait for requests to be answered before it takes this notification (reference section 4).
constexpr bool may_wait(NotifyCode code) noexcept {
  return code != NotifyCode::kPoll && code != NotifyCode::kRetrieve && code != NotifyCode::kResend &&
         code != NotifyCode::kIncEpoch;
}

/// True for the requests whose reply starts with an entry.
bool answers_with_entry(Opcode opcode) noexcept;
/// True for CREATE and TMPFILE, whose reply also opens.
bool creates_open(Opcode opcode) noexcept;

/// How many of a request's names are those of directory entries (not a symlink's target, nor an attribute's name); they
/// come first.
std::size_t entry_name_count(Opcode opcode) noexcept;

}  // namespace fusereplay
