// What follows the header of each message: which structs, how many names, which tail. One row an opcode.
//
// Views, builders, the trace codec, comparison and generators are driven by these rows and by the field tables
// (core/protocol/fields.h); a new opcode is one row here and one handler.
#pragma once

#include <array>
#include <cstdint>

#include "core/protocol/fields.h"
#include "core/protocol/opcode.h"

namespace fusereplay {

/// What stands between the last name (or struct) and the extensions.
enum class Tail : std::uint8_t {
  kNone,
  kBytes,           // anything: file data, xattr values, symlink targets
  kDirents,         // wire::Dirent records (core/protocol/dirent.h)
  kDirentsPlus,     // wire::EntryOut + wire::Dirent records
  kForgets,         // wire::ForgetOne, BatchForgetIn.count of them
  kRemovemappings,  // wire::RemovemappingOne, RemovemappingIn.count of them
  kNodeIds,         // u64, NotifyPruneOut.count of them
};

/// Body of one message, in order: structs, names (each ended by a NUL), tail, extensions.
struct MessageLayout {
  std::array<StructId, 2> structs = {StructId::kNone, StructId::kNone};
  std::uint8_t names = 0;
  Tail tail = Tail::kNone;
  bool extensions = false;   // in_header.total_extlen may be above 0
  bool truncatable = false;  // INIT: the struct may be cut short by an older peer; missing bytes read as zero
  // What follows from the above, computed once.
  std::uint16_t structs_size = static_cast<std::uint16_t>(struct_info(structs[0]).size + struct_info(structs[1]).size);
  bool structs_only = names == 0 && tail == Tail::kNone && !truncatable;

  /// Bytes of the structs together.
  constexpr std::size_t fixed_size() const noexcept { return structs_size; }
};

/// What the INIT exchange settled that changes layouts. The default is what every kernel since 5.12 settles with a
/// server that asks for all of it, as ours does. The shorter structs of minors below 12 are not modelled: a message
/// with one fails to parse.
struct Negotiated {
  std::uint32_t minor = kProtocolMinor;
  bool setxattr_ext = true;
};

namespace internal {
/// By opcode, CUSE_INIT aside; null for a number that is no opcode.
// NOLINTNEXTLINE(readability-identifier-naming): a constant, though not one that the header can compute
extern const std::array<const MessageLayout*, static_cast<std::size_t>(Opcode::kCopyFileRange64) + 1> kRequestLayouts;
const MessageLayout* rare_request_layout(Opcode opcode, const Negotiated& negotiated) noexcept;
/// Likewise; null also for what is never answered.
// NOLINTNEXTLINE(readability-identifier-naming)
extern const std::array<const MessageLayout*, static_cast<std::size_t>(Opcode::kCopyFileRange64) + 1> kReplyLayouts;
const MessageLayout* rare_reply_layout(Opcode opcode, bool asks_size) noexcept;
}  // namespace internal

/// The request's body; nullptr for an opcode not in 7.45.
inline const MessageLayout* request_layout(Opcode opcode, const Negotiated& negotiated = {}) noexcept {
  const auto number = static_cast<std::size_t>(opcode);
  if (number < internal::kRequestLayouts.size() && opcode != Opcode::kSetxattr) [[likely]]
    return internal::kRequestLayouts[number];
  return internal::rare_request_layout(opcode, negotiated);
}

/// The body of a successful reply; nullptr for an opcode not in 7.45 or one that is never answered. The optional reply
/// to INTERRUPT has an empty body. `asks_size`: for GETXATTR and LISTXATTR whether GetxattrIn.size was 0, so that the
/// answer is a length.
inline const MessageLayout* reply_layout(Opcode opcode, bool asks_size) noexcept {
  const auto number = static_cast<std::size_t>(opcode);
  if (number < internal::kReplyLayouts.size() && !asks_size) [[likely]]
    return internal::kReplyLayouts[number];
  return internal::rare_reply_layout(opcode, asks_size);
}

/// The body of a notification; nullptr for a code not in 7.45. INVAL_ENTRY and DELETE carry one name.
const MessageLayout* notify_layout(NotifyCode code) noexcept;

/// True where the kernel accepts a successful reply shorter than asked for (args.out_argvar): READ, READDIR,
/// READDIRPLUS, READLINK, GETXATTR and LISTXATTR with a size, IOCTL, INIT, CUSE_INIT (fs/fuse/dev.c
/// fuse_copy_out_args).
bool reply_may_be_short(Opcode opcode, bool asks_size) noexcept;

}  // namespace fusereplay
