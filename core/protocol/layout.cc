#include "core/protocol/layout.h"

namespace fusereplay {
namespace {

using S = StructId;

struct Row {
  Opcode opcode;
  MessageLayout request;
  MessageLayout reply = {};
};

constexpr MessageLayout kEmpty = {};
constexpr MessageLayout kOneName = {.names = 1};
constexpr MessageLayout kEntry = {.structs = {S::kEntryOut}};
constexpr MessageLayout kAttr = {.structs = {S::kAttrOut}};
constexpr MessageLayout kOpened = {.structs = {S::kOpenOut}};
constexpr MessageLayout kData = {.tail = Tail::kBytes};

// Reference section 6, in its order of columns: what follows in_header, what follows out_header on success.
constexpr Row kRows[] = {
    {Opcode::kLookup, kOneName, kEntry},
    {Opcode::kForget, {.structs = {S::kForgetIn}}},
    {Opcode::kGetattr, {.structs = {S::kGetattrIn}}, kAttr},
    {Opcode::kSetattr, {.structs = {S::kSetattrIn}}, kAttr},
    {Opcode::kReadlink, kEmpty, kData},
    {Opcode::kSymlink, {.names = 2, .extensions = true}, kEntry},
    {Opcode::kMknod, {.structs = {S::kMknodIn}, .names = 1, .extensions = true}, kEntry},
    {Opcode::kMkdir, {.structs = {S::kMkdirIn}, .names = 1, .extensions = true}, kEntry},
    {Opcode::kUnlink, kOneName, kEmpty},
    {Opcode::kRmdir, kOneName, kEmpty},
    {Opcode::kRename, {.structs = {S::kRenameIn}, .names = 2}, kEmpty},
    {Opcode::kLink, {.structs = {S::kLinkIn}, .names = 1}, kEntry},
    {Opcode::kOpen, {.structs = {S::kOpenIn}}, kOpened},
    {Opcode::kRead, {.structs = {S::kReadIn}}, kData},
    {Opcode::kWrite, {.structs = {S::kWriteIn}, .tail = Tail::kBytes}, {.structs = {S::kWriteOut}}},
    {Opcode::kStatfs, kEmpty, {.structs = {S::kKstatfs}}},
    {Opcode::kRelease, {.structs = {S::kReleaseIn}}, kEmpty},
    {Opcode::kFsync, {.structs = {S::kFsyncIn}}, kEmpty},
    {Opcode::kSetxattr, {.structs = {S::kSetxattrIn}, .names = 1, .tail = Tail::kBytes}, kEmpty},
    {Opcode::kGetxattr, {.structs = {S::kGetxattrIn}, .names = 1}, kData},
    {Opcode::kListxattr, {.structs = {S::kGetxattrIn}}, kData},
    {Opcode::kRemovexattr, kOneName, kEmpty},
    {Opcode::kFlush, {.structs = {S::kFlushIn}}, kEmpty},
    {Opcode::kInit, {.structs = {S::kInitIn}, .truncatable = true}, {.structs = {S::kInitOut}, .truncatable = true}},
    {Opcode::kOpendir, {.structs = {S::kOpenIn}}, kOpened},
    {Opcode::kReaddir, {.structs = {S::kReadIn}}, {.tail = Tail::kDirents}},
    {Opcode::kReleasedir, {.structs = {S::kReleaseIn}}, kEmpty},
    {Opcode::kFsyncdir, {.structs = {S::kFsyncIn}}, kEmpty},
    {Opcode::kGetlk, {.structs = {S::kLkIn}}, {.structs = {S::kLkOut}}},
    {Opcode::kSetlk, {.structs = {S::kLkIn}}, kEmpty},
    {Opcode::kSetlkw, {.structs = {S::kLkIn}}, kEmpty},
    {Opcode::kAccess, {.structs = {S::kAccessIn}}, kEmpty},
    {Opcode::kCreate,
     {.structs = {S::kCreateIn}, .names = 1, .extensions = true},
     {.structs = {S::kEntryOut, S::kOpenOut}}},
    {Opcode::kInterrupt, {.structs = {S::kInterruptIn}}, kEmpty},
    {Opcode::kBmap, {.structs = {S::kBmapIn}}, {.structs = {S::kBmapOut}}},
    {Opcode::kDestroy, kEmpty, kEmpty},
    {Opcode::kIoctl,
     {.structs = {S::kIoctlIn}, .tail = Tail::kBytes},
     {.structs = {S::kIoctlOut}, .tail = Tail::kBytes}},
    {Opcode::kPoll, {.structs = {S::kPollIn}}, {.structs = {S::kPollOut}}},
    {Opcode::kNotifyReply, {.structs = {S::kNotifyRetrieveIn}, .tail = Tail::kBytes}},
    {Opcode::kBatchForget, {.structs = {S::kBatchForgetIn}, .tail = Tail::kForgets}},
    {Opcode::kFallocate, {.structs = {S::kFallocateIn}}, kEmpty},
    {Opcode::kReaddirplus, {.structs = {S::kReadIn}}, {.tail = Tail::kDirentsPlus}},
    {Opcode::kRename2, {.structs = {S::kRename2In}, .names = 2}, kEmpty},
    {Opcode::kLseek, {.structs = {S::kLseekIn}}, {.structs = {S::kLseekOut}}},
    {Opcode::kCopyFileRange, {.structs = {S::kCopyFileRangeIn}}, {.structs = {S::kWriteOut}}},
    {Opcode::kSetupmapping, {.structs = {S::kSetupmappingIn}}, kEmpty},
    {Opcode::kRemovemapping, {.structs = {S::kRemovemappingIn}, .tail = Tail::kRemovemappings}, kEmpty},
    {Opcode::kSyncfs, {.structs = {S::kSyncfsIn}}, kEmpty},
    {Opcode::kTmpfile,
     {.structs = {S::kCreateIn}, .names = 1, .extensions = true},
     {.structs = {S::kEntryOut, S::kOpenOut}}},
    {Opcode::kStatx, {.structs = {S::kStatxIn}}, {.structs = {S::kStatxOut}}},
    {Opcode::kCopyFileRange64, {.structs = {S::kCopyFileRangeIn}}, {.structs = {S::kCopyFileRangeOut}}},
    {Opcode::kCuseInit, {.structs = {S::kCuseInitIn}}, {.structs = {S::kCuseInitOut}, .tail = Tail::kBytes}},
};

// Without SETXATTR_EXT.
constexpr MessageLayout kSetxattrCompat = {.structs = {S::kSetxattrInCompat}, .names = 1, .tail = Tail::kBytes};
// GETXATTR and LISTXATTR with size 0.
constexpr MessageLayout kXattrLength = {.structs = {S::kGetxattrOut}};

constexpr MessageLayout kNotifications[] = {
    kEmpty,  // no code is 0
    {.structs = {S::kNotifyPollOut}},
    {.structs = {S::kNotifyInvalInodeOut}},
    {.structs = {S::kNotifyInvalEntryOut}, .names = 1},
    {.structs = {S::kNotifyStoreOut}, .tail = Tail::kBytes},
    {.structs = {S::kNotifyRetrieveOut}},
    {.structs = {S::kNotifyDeleteOut}, .names = 1},
    kEmpty,  // RESEND
    kEmpty,  // INC_EPOCH
    {.structs = {S::kNotifyPruneOut}, .tail = Tail::kNodeIds},
};

constexpr std::size_t kDenseOpcodes = static_cast<std::size_t>(Opcode::kCopyFileRange64) + 1;
constexpr std::uint8_t kNoRow = 0xff;

constexpr std::array<std::uint8_t, kDenseOpcodes> row_by_opcode() {
  std::array<std::uint8_t, kDenseOpcodes> index{};
  for (std::uint8_t& row : index) row = kNoRow;
  for (std::size_t row = 0; row < std::size(kRows); ++row) {
    const auto opcode = static_cast<std::size_t>(kRows[row].opcode);
    if (opcode < kDenseOpcodes) index[opcode] = static_cast<std::uint8_t>(row);
  }
  return index;
}
constexpr auto kRowByOpcode = row_by_opcode();
static_assert(kRows[std::size(kRows) - 1].opcode == Opcode::kCuseInit, "the one opcode outside the dense range");

constexpr const Row* find_row(Opcode opcode) noexcept {
  const auto number = static_cast<std::size_t>(opcode);
  if (number < kDenseOpcodes) {
    const std::uint8_t row = kRowByOpcode[number];
    return row == kNoRow ? nullptr : &kRows[row];
  }
  return opcode == Opcode::kCuseInit ? &kRows[std::size(kRows) - 1] : nullptr;
}

constexpr bool is_xattr_read(Opcode opcode) noexcept {
  return opcode == Opcode::kGetxattr || opcode == Opcode::kListxattr;
}

constexpr std::array<const MessageLayout*, kDenseOpcodes> request_layouts() {
  std::array<const MessageLayout*, kDenseOpcodes> layouts{};
  for (std::size_t opcode = 0; opcode < kDenseOpcodes; ++opcode) {
    if (kRowByOpcode[opcode] != kNoRow) layouts[opcode] = &kRows[kRowByOpcode[opcode]].request;
  }
  return layouts;
}

constexpr const MessageLayout* plain_reply_layout(Opcode opcode) noexcept {
  const Row* row = find_row(opcode);
  if (row == nullptr || (!expects_reply(opcode) && opcode != Opcode::kInterrupt)) return nullptr;
  return &row->reply;
}

constexpr std::array<const MessageLayout*, kDenseOpcodes> reply_layouts() {
  std::array<const MessageLayout*, kDenseOpcodes> layouts{};
  for (std::size_t opcode = 0; opcode < kDenseOpcodes; ++opcode) {
    layouts[opcode] = plain_reply_layout(static_cast<Opcode>(opcode));
  }
  return layouts;
}

}  // namespace

namespace internal {

constinit const std::array<const MessageLayout*, kDenseOpcodes> kRequestLayouts = request_layouts();
constinit const std::array<const MessageLayout*, kDenseOpcodes> kReplyLayouts = reply_layouts();

const MessageLayout* rare_request_layout(Opcode opcode, const Negotiated& negotiated) noexcept {
  if (opcode == Opcode::kSetxattr && !negotiated.setxattr_ext) return &kSetxattrCompat;
  const Row* row = find_row(opcode);
  return row == nullptr ? nullptr : &row->request;
}

const MessageLayout* rare_reply_layout(Opcode opcode, bool asks_size) noexcept {
  return asks_size && is_xattr_read(opcode) ? &kXattrLength : plain_reply_layout(opcode);
}

}  // namespace internal

const MessageLayout* notify_layout(NotifyCode code) noexcept {
  const auto number = static_cast<std::int32_t>(code);
  if (number < 1 || number >= static_cast<std::int32_t>(std::size(kNotifications))) return nullptr;
  return &kNotifications[number];
}

bool reply_may_be_short(Opcode opcode, bool asks_size) noexcept {
  const MessageLayout* layout = reply_layout(opcode, asks_size);
  return layout != nullptr && (layout->tail != Tail::kNone || layout->truncatable);
}

}  // namespace fusereplay
