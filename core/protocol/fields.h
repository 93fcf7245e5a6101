// The one description of every wire struct: each field's name, place, protobuf number and role.
// The codec, `show`, comparison, id binding, ledgers and generators all read these tables; none lists the fields
// again. Every byte of every struct is described, which is asserted here at compile time.
//
// Numbers are part of the trace format: never reuse or change one (docs/trace-contract.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/protocol/wire.h"

namespace fusereplay {

/// What a field means, so that code can treat it by meaning: bind ids, mask times, hide padding.
enum class FieldRole : std::uint8_t {
  kPlain,         // compared as it is
  kNodeId,        // names an inode for the time its lookup count is above zero
  kGeneration,    // together with the nodeid
  kFileHandle,    // chosen by the filesystem, valid from open to release
  kCookie,        // directory offset chosen by the filesystem
  kLockOwner,     // opaque, chosen by the kernel
  kIno,           // st_ino: shown to users, not a nodeid
  kUnique,        // names a request or a retrieval
  kKernelHandle,  // chosen by the kernel for a later notification
  kTime,          // seconds since the epoch
  kTimeNsec,      // its nanoseconds
  kTimeout,       // seconds a cache may keep something
  kTimeoutNsec,   // its nanoseconds
  kSize,          // bytes
  kOffset,        // bytes from the start of a file
  kMode,          // st_mode bits
  kFlags,         // a set of bits
  kUid,
  kGid,
  kPid,
  kUsage,    // a filesystem's totals: depend on everything that happened before
  kPadding,  // the kernel or the filesystem leaves it zero
};

enum class FieldType : std::uint8_t { kU16, kU32, kU64, kI32, kI64, kBytes };

/// One field of a wire struct. Nested structs are flattened: `attr.size`.
struct Field {
  // A constructor rather than aggregate initialisation: clang 14 refuses the latter in these tables.
  constexpr Field(std::string_view field_name, std::size_t field_offset, std::size_t field_width,
                  std::uint32_t field_number, FieldType field_type, FieldRole field_role)
      : name(field_name),
        offset(static_cast<std::uint16_t>(field_offset)),
        width(static_cast<std::uint16_t>(field_width)),
        number(static_cast<std::uint16_t>(field_number)),
        type(field_type),
        role(field_role) {}

  std::string_view name;  // the ABI's name
  std::uint16_t offset;   // bytes from the start of the struct
  std::uint16_t width;    // bytes
  std::uint16_t number;   // protobuf field number within the struct's message
  FieldType type;
  FieldRole role;
};

/// Numbers are also the protobuf field numbers of the struct's message within Record, plus kStructNumberBase.
enum class StructId : std::uint8_t {
  kNone = 0,
  kInHeader = 1,
  kOutHeader = 2,
  kEntryOut = 3,
  kForgetIn = 4,
  kForgetOne = 5,
  kBatchForgetIn = 6,
  kGetattrIn = 7,
  kAttrOut = 8,
  kStatxIn = 9,
  kStatxOut = 10,
  kMknodIn = 11,
  kMkdirIn = 12,
  kRenameIn = 13,
  kRename2In = 14,
  kLinkIn = 15,
  kSetattrIn = 16,
  kOpenIn = 17,
  kCreateIn = 18,
  kOpenOut = 19,
  kReleaseIn = 20,
  kFlushIn = 21,
  kReadIn = 22,
  kWriteIn = 23,
  kWriteOut = 24,
  kKstatfs = 25,
  kFsyncIn = 26,
  kSetxattrIn = 27,
  kSetxattrInCompat = 28,
  kGetxattrIn = 29,
  kGetxattrOut = 30,
  kLkIn = 31,
  kLkOut = 32,
  kAccessIn = 33,
  kInitIn = 34,
  kInitOut = 35,
  kCuseInitIn = 36,
  kCuseInitOut = 37,
  kInterruptIn = 38,
  kBmapIn = 39,
  kBmapOut = 40,
  kIoctlIn = 41,
  kIoctlIovec = 42,
  kIoctlOut = 43,
  kPollIn = 44,
  kPollOut = 45,
  kFallocateIn = 46,
  kLseekIn = 47,
  kLseekOut = 48,
  kCopyFileRangeIn = 49,
  kCopyFileRangeOut = 50,
  kSetupmappingIn = 51,
  kRemovemappingIn = 52,
  kRemovemappingOne = 53,
  kSyncfsIn = 54,
  kDirent = 55,
  kNotifyPollOut = 56,
  kNotifyInvalInodeOut = 57,
  kNotifyInvalEntryOut = 58,
  kNotifyDeleteOut = 59,
  kNotifyStoreOut = 60,
  kNotifyRetrieveOut = 61,
  kNotifyRetrieveIn = 62,
  kNotifyPruneOut = 63,
};
inline constexpr std::size_t kStructCount = 64;  // kNone included

namespace internal {
template <class Member>
constexpr FieldType field_type() {
  using T = std::remove_cv_t<Member>;
  if constexpr (std::is_array_v<T>)
    return FieldType::kBytes;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return FieldType::kU16;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return FieldType::kU32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return FieldType::kU64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return FieldType::kI32;
  else {
    static_assert(std::is_same_v<T, std::int64_t>, "a wire field has one of these types");
    return FieldType::kI64;
  }
}

/// True when the fields are in order, touch each other and end at `size`: every byte is described once.
constexpr bool describes_every_byte(std::span<const Field> fields, std::size_t size) {
  std::size_t next = 0;
  std::uint32_t last_number = 0;
  for (const Field& field : fields) {
    if (field.offset != next || field.number <= last_number) return false;
    next = field.offset + field.width;
    last_number = field.number;
  }
  return next == size;
}
}  // namespace internal

/// The fields of one wire struct; specialised for each below.
template <class Struct>
struct FieldTable;

// clang-format off
#define FUSEREPLAY_FIELD(Struct, member, number, role)                                                  \
  Field(#member, offsetof(wire::Struct, member), sizeof(std::declval<wire::Struct&>().member), number, \
        internal::field_type<decltype(std::declval<wire::Struct&>().member)>(), FieldRole::role)
#define FUSEREPLAY_FIELDS(Struct, ...)                                                       \
  template <>                                                                                 \
  struct FieldTable<wire::Struct> {                                                           \
    static constexpr StructId kId = StructId::k##Struct;                                      \
    static constexpr std::string_view kName = #Struct;                                        \
    static constexpr std::array kFields = {__VA_ARGS__};                                      \
  };                                                                                          \
  static_assert(internal::describes_every_byte(FieldTable<wire::Struct>::kFields, sizeof(wire::Struct)))

FUSEREPLAY_FIELDS(InHeader,
    FUSEREPLAY_FIELD(InHeader, len, 1, kSize),
    FUSEREPLAY_FIELD(InHeader, opcode, 2, kPlain),
    FUSEREPLAY_FIELD(InHeader, unique, 3, kUnique),
    FUSEREPLAY_FIELD(InHeader, nodeid, 4, kNodeId),
    FUSEREPLAY_FIELD(InHeader, uid, 5, kUid),
    FUSEREPLAY_FIELD(InHeader, gid, 6, kGid),
    FUSEREPLAY_FIELD(InHeader, pid, 7, kPid),
    FUSEREPLAY_FIELD(InHeader, total_extlen, 8, kPlain),
    FUSEREPLAY_FIELD(InHeader, padding, 9, kPadding));

FUSEREPLAY_FIELDS(OutHeader,
    FUSEREPLAY_FIELD(OutHeader, len, 1, kSize),
    FUSEREPLAY_FIELD(OutHeader, error, 2, kPlain),
    FUSEREPLAY_FIELD(OutHeader, unique, 3, kUnique));

FUSEREPLAY_FIELDS(EntryOut,
    FUSEREPLAY_FIELD(EntryOut, nodeid, 1, kNodeId),
    FUSEREPLAY_FIELD(EntryOut, generation, 2, kGeneration),
    FUSEREPLAY_FIELD(EntryOut, entry_valid, 3, kTimeout),
    FUSEREPLAY_FIELD(EntryOut, attr_valid, 4, kTimeout),
    FUSEREPLAY_FIELD(EntryOut, entry_valid_nsec, 5, kTimeoutNsec),
    FUSEREPLAY_FIELD(EntryOut, attr_valid_nsec, 6, kTimeoutNsec),
    FUSEREPLAY_FIELD(EntryOut, attr.ino, 7, kIno),
    FUSEREPLAY_FIELD(EntryOut, attr.size, 8, kSize),
    FUSEREPLAY_FIELD(EntryOut, attr.blocks, 9, kPlain),
    FUSEREPLAY_FIELD(EntryOut, attr.atime, 10, kTime),
    FUSEREPLAY_FIELD(EntryOut, attr.mtime, 11, kTime),
    FUSEREPLAY_FIELD(EntryOut, attr.ctime, 12, kTime),
    FUSEREPLAY_FIELD(EntryOut, attr.atimensec, 13, kTimeNsec),
    FUSEREPLAY_FIELD(EntryOut, attr.mtimensec, 14, kTimeNsec),
    FUSEREPLAY_FIELD(EntryOut, attr.ctimensec, 15, kTimeNsec),
    FUSEREPLAY_FIELD(EntryOut, attr.mode, 16, kMode),
    FUSEREPLAY_FIELD(EntryOut, attr.nlink, 17, kPlain),
    FUSEREPLAY_FIELD(EntryOut, attr.uid, 18, kUid),
    FUSEREPLAY_FIELD(EntryOut, attr.gid, 19, kGid),
    FUSEREPLAY_FIELD(EntryOut, attr.rdev, 20, kPlain),
    FUSEREPLAY_FIELD(EntryOut, attr.blksize, 21, kPlain),
    FUSEREPLAY_FIELD(EntryOut, attr.flags, 22, kFlags));

FUSEREPLAY_FIELDS(ForgetIn,
    FUSEREPLAY_FIELD(ForgetIn, nlookup, 1, kPlain));

FUSEREPLAY_FIELDS(ForgetOne,
    FUSEREPLAY_FIELD(ForgetOne, nodeid, 1, kNodeId),
    FUSEREPLAY_FIELD(ForgetOne, nlookup, 2, kPlain));

FUSEREPLAY_FIELDS(BatchForgetIn,
    FUSEREPLAY_FIELD(BatchForgetIn, count, 1, kPlain),
    FUSEREPLAY_FIELD(BatchForgetIn, dummy, 2, kPadding));

FUSEREPLAY_FIELDS(GetattrIn,
    FUSEREPLAY_FIELD(GetattrIn, getattr_flags, 1, kFlags),
    FUSEREPLAY_FIELD(GetattrIn, dummy, 2, kPadding),
    FUSEREPLAY_FIELD(GetattrIn, fh, 3, kFileHandle));

FUSEREPLAY_FIELDS(AttrOut,
    FUSEREPLAY_FIELD(AttrOut, attr_valid, 1, kTimeout),
    FUSEREPLAY_FIELD(AttrOut, attr_valid_nsec, 2, kTimeoutNsec),
    FUSEREPLAY_FIELD(AttrOut, dummy, 3, kPadding),
    FUSEREPLAY_FIELD(AttrOut, attr.ino, 4, kIno),
    FUSEREPLAY_FIELD(AttrOut, attr.size, 5, kSize),
    FUSEREPLAY_FIELD(AttrOut, attr.blocks, 6, kPlain),
    FUSEREPLAY_FIELD(AttrOut, attr.atime, 7, kTime),
    FUSEREPLAY_FIELD(AttrOut, attr.mtime, 8, kTime),
    FUSEREPLAY_FIELD(AttrOut, attr.ctime, 9, kTime),
    FUSEREPLAY_FIELD(AttrOut, attr.atimensec, 10, kTimeNsec),
    FUSEREPLAY_FIELD(AttrOut, attr.mtimensec, 11, kTimeNsec),
    FUSEREPLAY_FIELD(AttrOut, attr.ctimensec, 12, kTimeNsec),
    FUSEREPLAY_FIELD(AttrOut, attr.mode, 13, kMode),
    FUSEREPLAY_FIELD(AttrOut, attr.nlink, 14, kPlain),
    FUSEREPLAY_FIELD(AttrOut, attr.uid, 15, kUid),
    FUSEREPLAY_FIELD(AttrOut, attr.gid, 16, kGid),
    FUSEREPLAY_FIELD(AttrOut, attr.rdev, 17, kPlain),
    FUSEREPLAY_FIELD(AttrOut, attr.blksize, 18, kPlain),
    FUSEREPLAY_FIELD(AttrOut, attr.flags, 19, kFlags));

FUSEREPLAY_FIELDS(StatxIn,
    FUSEREPLAY_FIELD(StatxIn, getattr_flags, 1, kFlags),
    FUSEREPLAY_FIELD(StatxIn, reserved, 2, kPadding),
    FUSEREPLAY_FIELD(StatxIn, fh, 3, kFileHandle),
    FUSEREPLAY_FIELD(StatxIn, sx_flags, 4, kFlags),
    FUSEREPLAY_FIELD(StatxIn, sx_mask, 5, kFlags));

FUSEREPLAY_FIELDS(StatxOut,
    FUSEREPLAY_FIELD(StatxOut, attr_valid, 1, kTimeout),
    FUSEREPLAY_FIELD(StatxOut, attr_valid_nsec, 2, kTimeoutNsec),
    FUSEREPLAY_FIELD(StatxOut, flags, 3, kFlags),
    FUSEREPLAY_FIELD(StatxOut, spare, 4, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.mask, 5, kFlags),
    FUSEREPLAY_FIELD(StatxOut, stat.blksize, 6, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.attributes, 7, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.nlink, 8, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.uid, 9, kUid),
    FUSEREPLAY_FIELD(StatxOut, stat.gid, 10, kGid),
    FUSEREPLAY_FIELD(StatxOut, stat.mode, 11, kMode),
    FUSEREPLAY_FIELD(StatxOut, stat.spare0, 12, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.ino, 13, kIno),
    FUSEREPLAY_FIELD(StatxOut, stat.size, 14, kSize),
    FUSEREPLAY_FIELD(StatxOut, stat.blocks, 15, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.attributes_mask, 16, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.atime.tv_sec, 17, kTime),
    FUSEREPLAY_FIELD(StatxOut, stat.atime.tv_nsec, 18, kTimeNsec),
    FUSEREPLAY_FIELD(StatxOut, stat.atime.reserved, 19, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.btime.tv_sec, 20, kTime),
    FUSEREPLAY_FIELD(StatxOut, stat.btime.tv_nsec, 21, kTimeNsec),
    FUSEREPLAY_FIELD(StatxOut, stat.btime.reserved, 22, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.ctime.tv_sec, 23, kTime),
    FUSEREPLAY_FIELD(StatxOut, stat.ctime.tv_nsec, 24, kTimeNsec),
    FUSEREPLAY_FIELD(StatxOut, stat.ctime.reserved, 25, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.mtime.tv_sec, 26, kTime),
    FUSEREPLAY_FIELD(StatxOut, stat.mtime.tv_nsec, 27, kTimeNsec),
    FUSEREPLAY_FIELD(StatxOut, stat.mtime.reserved, 28, kPadding),
    FUSEREPLAY_FIELD(StatxOut, stat.rdev_major, 29, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.rdev_minor, 30, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.dev_major, 31, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.dev_minor, 32, kPlain),
    FUSEREPLAY_FIELD(StatxOut, stat.spare2, 33, kPadding));

FUSEREPLAY_FIELDS(MknodIn,
    FUSEREPLAY_FIELD(MknodIn, mode, 1, kMode),
    FUSEREPLAY_FIELD(MknodIn, rdev, 2, kPlain),
    FUSEREPLAY_FIELD(MknodIn, umask, 3, kMode),
    FUSEREPLAY_FIELD(MknodIn, padding, 4, kPadding));

FUSEREPLAY_FIELDS(MkdirIn,
    FUSEREPLAY_FIELD(MkdirIn, mode, 1, kMode),
    FUSEREPLAY_FIELD(MkdirIn, umask, 2, kMode));

FUSEREPLAY_FIELDS(RenameIn,
    FUSEREPLAY_FIELD(RenameIn, newdir, 1, kNodeId));

FUSEREPLAY_FIELDS(Rename2In,
    FUSEREPLAY_FIELD(Rename2In, newdir, 1, kNodeId),
    FUSEREPLAY_FIELD(Rename2In, flags, 2, kFlags),
    FUSEREPLAY_FIELD(Rename2In, padding, 3, kPadding));

FUSEREPLAY_FIELDS(LinkIn,
    FUSEREPLAY_FIELD(LinkIn, oldnodeid, 1, kNodeId));

FUSEREPLAY_FIELDS(SetattrIn,
    FUSEREPLAY_FIELD(SetattrIn, valid, 1, kFlags),
    FUSEREPLAY_FIELD(SetattrIn, padding, 2, kPadding),
    FUSEREPLAY_FIELD(SetattrIn, fh, 3, kFileHandle),
    FUSEREPLAY_FIELD(SetattrIn, size, 4, kSize),
    FUSEREPLAY_FIELD(SetattrIn, lock_owner, 5, kLockOwner),
    FUSEREPLAY_FIELD(SetattrIn, atime, 6, kTime),
    FUSEREPLAY_FIELD(SetattrIn, mtime, 7, kTime),
    FUSEREPLAY_FIELD(SetattrIn, ctime, 8, kTime),
    FUSEREPLAY_FIELD(SetattrIn, atimensec, 9, kTimeNsec),
    FUSEREPLAY_FIELD(SetattrIn, mtimensec, 10, kTimeNsec),
    FUSEREPLAY_FIELD(SetattrIn, ctimensec, 11, kTimeNsec),
    FUSEREPLAY_FIELD(SetattrIn, mode, 12, kMode),
    FUSEREPLAY_FIELD(SetattrIn, unused4, 13, kPadding),
    FUSEREPLAY_FIELD(SetattrIn, uid, 14, kUid),
    FUSEREPLAY_FIELD(SetattrIn, gid, 15, kGid),
    FUSEREPLAY_FIELD(SetattrIn, unused5, 16, kPadding));

FUSEREPLAY_FIELDS(OpenIn,
    FUSEREPLAY_FIELD(OpenIn, flags, 1, kFlags),
    FUSEREPLAY_FIELD(OpenIn, open_flags, 2, kFlags));

FUSEREPLAY_FIELDS(CreateIn,
    FUSEREPLAY_FIELD(CreateIn, flags, 1, kFlags),
    FUSEREPLAY_FIELD(CreateIn, mode, 2, kMode),
    FUSEREPLAY_FIELD(CreateIn, umask, 3, kMode),
    FUSEREPLAY_FIELD(CreateIn, open_flags, 4, kFlags));

FUSEREPLAY_FIELDS(OpenOut,
    FUSEREPLAY_FIELD(OpenOut, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(OpenOut, open_flags, 2, kFlags),
    FUSEREPLAY_FIELD(OpenOut, backing_id, 3, kPlain));

FUSEREPLAY_FIELDS(ReleaseIn,
    FUSEREPLAY_FIELD(ReleaseIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(ReleaseIn, flags, 2, kFlags),
    FUSEREPLAY_FIELD(ReleaseIn, release_flags, 3, kFlags),
    FUSEREPLAY_FIELD(ReleaseIn, lock_owner, 4, kLockOwner));

FUSEREPLAY_FIELDS(FlushIn,
    FUSEREPLAY_FIELD(FlushIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(FlushIn, unused, 2, kPadding),
    FUSEREPLAY_FIELD(FlushIn, padding, 3, kPadding),
    FUSEREPLAY_FIELD(FlushIn, lock_owner, 4, kLockOwner));

FUSEREPLAY_FIELDS(ReadIn,
    FUSEREPLAY_FIELD(ReadIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(ReadIn, offset, 2, kOffset),
    FUSEREPLAY_FIELD(ReadIn, size, 3, kSize),
    FUSEREPLAY_FIELD(ReadIn, read_flags, 4, kFlags),
    FUSEREPLAY_FIELD(ReadIn, lock_owner, 5, kLockOwner),
    FUSEREPLAY_FIELD(ReadIn, flags, 6, kFlags),
    FUSEREPLAY_FIELD(ReadIn, padding, 7, kPadding));

FUSEREPLAY_FIELDS(WriteIn,
    FUSEREPLAY_FIELD(WriteIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(WriteIn, offset, 2, kOffset),
    FUSEREPLAY_FIELD(WriteIn, size, 3, kSize),
    FUSEREPLAY_FIELD(WriteIn, write_flags, 4, kFlags),
    FUSEREPLAY_FIELD(WriteIn, lock_owner, 5, kLockOwner),
    FUSEREPLAY_FIELD(WriteIn, flags, 6, kFlags),
    FUSEREPLAY_FIELD(WriteIn, padding, 7, kPadding));

FUSEREPLAY_FIELDS(WriteOut,
    FUSEREPLAY_FIELD(WriteOut, size, 1, kSize),
    FUSEREPLAY_FIELD(WriteOut, padding, 2, kPadding));

FUSEREPLAY_FIELDS(Kstatfs,
    FUSEREPLAY_FIELD(Kstatfs, blocks, 1, kUsage),
    FUSEREPLAY_FIELD(Kstatfs, bfree, 2, kUsage),
    FUSEREPLAY_FIELD(Kstatfs, bavail, 3, kUsage),
    FUSEREPLAY_FIELD(Kstatfs, files, 4, kUsage),
    FUSEREPLAY_FIELD(Kstatfs, ffree, 5, kUsage),
    FUSEREPLAY_FIELD(Kstatfs, bsize, 6, kPlain),
    FUSEREPLAY_FIELD(Kstatfs, namelen, 7, kPlain),
    FUSEREPLAY_FIELD(Kstatfs, frsize, 8, kPlain),
    FUSEREPLAY_FIELD(Kstatfs, padding, 9, kPadding),
    FUSEREPLAY_FIELD(Kstatfs, spare, 10, kPadding));

FUSEREPLAY_FIELDS(FsyncIn,
    FUSEREPLAY_FIELD(FsyncIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(FsyncIn, fsync_flags, 2, kFlags),
    FUSEREPLAY_FIELD(FsyncIn, padding, 3, kPadding));

FUSEREPLAY_FIELDS(SetxattrIn,
    FUSEREPLAY_FIELD(SetxattrIn, size, 1, kSize),
    FUSEREPLAY_FIELD(SetxattrIn, flags, 2, kFlags),
    FUSEREPLAY_FIELD(SetxattrIn, setxattr_flags, 3, kFlags),
    FUSEREPLAY_FIELD(SetxattrIn, padding, 4, kPadding));

FUSEREPLAY_FIELDS(SetxattrInCompat,
    FUSEREPLAY_FIELD(SetxattrInCompat, size, 1, kSize),
    FUSEREPLAY_FIELD(SetxattrInCompat, flags, 2, kFlags));

FUSEREPLAY_FIELDS(GetxattrIn,
    FUSEREPLAY_FIELD(GetxattrIn, size, 1, kSize),
    FUSEREPLAY_FIELD(GetxattrIn, padding, 2, kPadding));

FUSEREPLAY_FIELDS(GetxattrOut,
    FUSEREPLAY_FIELD(GetxattrOut, size, 1, kSize),
    FUSEREPLAY_FIELD(GetxattrOut, padding, 2, kPadding));

FUSEREPLAY_FIELDS(LkIn,
    FUSEREPLAY_FIELD(LkIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(LkIn, owner, 2, kLockOwner),
    FUSEREPLAY_FIELD(LkIn, lk.start, 3, kOffset),
    FUSEREPLAY_FIELD(LkIn, lk.end, 4, kOffset),
    FUSEREPLAY_FIELD(LkIn, lk.type, 5, kPlain),
    FUSEREPLAY_FIELD(LkIn, lk.pid, 6, kPid),
    FUSEREPLAY_FIELD(LkIn, lk_flags, 7, kFlags),
    FUSEREPLAY_FIELD(LkIn, padding, 8, kPadding));

FUSEREPLAY_FIELDS(LkOut,
    FUSEREPLAY_FIELD(LkOut, lk.start, 1, kOffset),
    FUSEREPLAY_FIELD(LkOut, lk.end, 2, kOffset),
    FUSEREPLAY_FIELD(LkOut, lk.type, 3, kPlain),
    FUSEREPLAY_FIELD(LkOut, lk.pid, 4, kPid));

FUSEREPLAY_FIELDS(AccessIn,
    FUSEREPLAY_FIELD(AccessIn, mask, 1, kFlags),
    FUSEREPLAY_FIELD(AccessIn, padding, 2, kPadding));

FUSEREPLAY_FIELDS(InitIn,
    FUSEREPLAY_FIELD(InitIn, major, 1, kPlain),
    FUSEREPLAY_FIELD(InitIn, minor, 2, kPlain),
    FUSEREPLAY_FIELD(InitIn, max_readahead, 3, kPlain),
    FUSEREPLAY_FIELD(InitIn, flags, 4, kFlags),
    FUSEREPLAY_FIELD(InitIn, flags2, 5, kFlags),
    FUSEREPLAY_FIELD(InitIn, unused, 6, kPadding));

FUSEREPLAY_FIELDS(InitOut,
    FUSEREPLAY_FIELD(InitOut, major, 1, kPlain),
    FUSEREPLAY_FIELD(InitOut, minor, 2, kPlain),
    FUSEREPLAY_FIELD(InitOut, max_readahead, 3, kPlain),
    FUSEREPLAY_FIELD(InitOut, flags, 4, kFlags),
    FUSEREPLAY_FIELD(InitOut, max_background, 5, kPlain),
    FUSEREPLAY_FIELD(InitOut, congestion_threshold, 6, kPlain),
    FUSEREPLAY_FIELD(InitOut, max_write, 7, kPlain),
    FUSEREPLAY_FIELD(InitOut, time_gran, 8, kPlain),
    FUSEREPLAY_FIELD(InitOut, max_pages, 9, kPlain),
    FUSEREPLAY_FIELD(InitOut, map_alignment, 10, kPlain),
    FUSEREPLAY_FIELD(InitOut, flags2, 11, kFlags),
    FUSEREPLAY_FIELD(InitOut, max_stack_depth, 12, kPlain),
    FUSEREPLAY_FIELD(InitOut, request_timeout, 13, kPlain),
    FUSEREPLAY_FIELD(InitOut, unused, 14, kPadding));

FUSEREPLAY_FIELDS(CuseInitIn,
    FUSEREPLAY_FIELD(CuseInitIn, major, 1, kPlain),
    FUSEREPLAY_FIELD(CuseInitIn, minor, 2, kPlain),
    FUSEREPLAY_FIELD(CuseInitIn, unused, 3, kPadding),
    FUSEREPLAY_FIELD(CuseInitIn, flags, 4, kFlags));

FUSEREPLAY_FIELDS(CuseInitOut,
    FUSEREPLAY_FIELD(CuseInitOut, major, 1, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, minor, 2, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, unused, 3, kPadding),
    FUSEREPLAY_FIELD(CuseInitOut, flags, 4, kFlags),
    FUSEREPLAY_FIELD(CuseInitOut, max_read, 5, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, max_write, 6, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, dev_major, 7, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, dev_minor, 8, kPlain),
    FUSEREPLAY_FIELD(CuseInitOut, spare, 9, kPadding));

FUSEREPLAY_FIELDS(InterruptIn,
    FUSEREPLAY_FIELD(InterruptIn, unique, 1, kUnique));

FUSEREPLAY_FIELDS(BmapIn,
    FUSEREPLAY_FIELD(BmapIn, block, 1, kPlain),
    FUSEREPLAY_FIELD(BmapIn, blocksize, 2, kPlain),
    FUSEREPLAY_FIELD(BmapIn, padding, 3, kPadding));

FUSEREPLAY_FIELDS(BmapOut,
    FUSEREPLAY_FIELD(BmapOut, block, 1, kPlain));

FUSEREPLAY_FIELDS(IoctlIn,
    FUSEREPLAY_FIELD(IoctlIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(IoctlIn, flags, 2, kFlags),
    FUSEREPLAY_FIELD(IoctlIn, cmd, 3, kPlain),
    FUSEREPLAY_FIELD(IoctlIn, arg, 4, kPlain),
    FUSEREPLAY_FIELD(IoctlIn, in_size, 5, kSize),
    FUSEREPLAY_FIELD(IoctlIn, out_size, 6, kSize));

FUSEREPLAY_FIELDS(IoctlIovec,
    FUSEREPLAY_FIELD(IoctlIovec, base, 1, kPlain),
    FUSEREPLAY_FIELD(IoctlIovec, len, 2, kSize));

FUSEREPLAY_FIELDS(IoctlOut,
    FUSEREPLAY_FIELD(IoctlOut, result, 1, kPlain),
    FUSEREPLAY_FIELD(IoctlOut, flags, 2, kFlags),
    FUSEREPLAY_FIELD(IoctlOut, in_iovs, 3, kPlain),
    FUSEREPLAY_FIELD(IoctlOut, out_iovs, 4, kPlain));

FUSEREPLAY_FIELDS(PollIn,
    FUSEREPLAY_FIELD(PollIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(PollIn, kh, 2, kKernelHandle),
    FUSEREPLAY_FIELD(PollIn, flags, 3, kFlags),
    FUSEREPLAY_FIELD(PollIn, events, 4, kFlags));

FUSEREPLAY_FIELDS(PollOut,
    FUSEREPLAY_FIELD(PollOut, revents, 1, kFlags),
    FUSEREPLAY_FIELD(PollOut, padding, 2, kPadding));

FUSEREPLAY_FIELDS(FallocateIn,
    FUSEREPLAY_FIELD(FallocateIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(FallocateIn, offset, 2, kOffset),
    FUSEREPLAY_FIELD(FallocateIn, length, 3, kSize),
    FUSEREPLAY_FIELD(FallocateIn, mode, 4, kMode),
    FUSEREPLAY_FIELD(FallocateIn, padding, 5, kPadding));

FUSEREPLAY_FIELDS(LseekIn,
    FUSEREPLAY_FIELD(LseekIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(LseekIn, offset, 2, kOffset),
    FUSEREPLAY_FIELD(LseekIn, whence, 3, kPlain),
    FUSEREPLAY_FIELD(LseekIn, padding, 4, kPadding));

FUSEREPLAY_FIELDS(LseekOut,
    FUSEREPLAY_FIELD(LseekOut, offset, 1, kOffset));

FUSEREPLAY_FIELDS(CopyFileRangeIn,
    FUSEREPLAY_FIELD(CopyFileRangeIn, fh_in, 1, kFileHandle),
    FUSEREPLAY_FIELD(CopyFileRangeIn, off_in, 2, kOffset),
    FUSEREPLAY_FIELD(CopyFileRangeIn, nodeid_out, 3, kNodeId),
    FUSEREPLAY_FIELD(CopyFileRangeIn, fh_out, 4, kFileHandle),
    FUSEREPLAY_FIELD(CopyFileRangeIn, off_out, 5, kOffset),
    FUSEREPLAY_FIELD(CopyFileRangeIn, len, 6, kSize),
    FUSEREPLAY_FIELD(CopyFileRangeIn, flags, 7, kFlags));

FUSEREPLAY_FIELDS(CopyFileRangeOut,
    FUSEREPLAY_FIELD(CopyFileRangeOut, bytes_copied, 1, kSize));

FUSEREPLAY_FIELDS(SetupmappingIn,
    FUSEREPLAY_FIELD(SetupmappingIn, fh, 1, kFileHandle),
    FUSEREPLAY_FIELD(SetupmappingIn, foffset, 2, kOffset),
    FUSEREPLAY_FIELD(SetupmappingIn, len, 3, kSize),
    FUSEREPLAY_FIELD(SetupmappingIn, flags, 4, kFlags),
    FUSEREPLAY_FIELD(SetupmappingIn, moffset, 5, kOffset));

FUSEREPLAY_FIELDS(RemovemappingIn,
    FUSEREPLAY_FIELD(RemovemappingIn, count, 1, kPlain));

FUSEREPLAY_FIELDS(RemovemappingOne,
    FUSEREPLAY_FIELD(RemovemappingOne, moffset, 1, kOffset),
    FUSEREPLAY_FIELD(RemovemappingOne, len, 2, kSize));

FUSEREPLAY_FIELDS(SyncfsIn,
    FUSEREPLAY_FIELD(SyncfsIn, padding, 1, kPadding));

FUSEREPLAY_FIELDS(Dirent,
    FUSEREPLAY_FIELD(Dirent, ino, 1, kIno),
    FUSEREPLAY_FIELD(Dirent, off, 2, kCookie),
    FUSEREPLAY_FIELD(Dirent, namelen, 3, kPlain),
    FUSEREPLAY_FIELD(Dirent, type, 4, kPlain));

FUSEREPLAY_FIELDS(NotifyPollOut,
    FUSEREPLAY_FIELD(NotifyPollOut, kh, 1, kKernelHandle));

FUSEREPLAY_FIELDS(NotifyInvalInodeOut,
    FUSEREPLAY_FIELD(NotifyInvalInodeOut, ino, 1, kNodeId),
    FUSEREPLAY_FIELD(NotifyInvalInodeOut, off, 2, kOffset),
    FUSEREPLAY_FIELD(NotifyInvalInodeOut, len, 3, kSize));

FUSEREPLAY_FIELDS(NotifyInvalEntryOut,
    FUSEREPLAY_FIELD(NotifyInvalEntryOut, parent, 1, kNodeId),
    FUSEREPLAY_FIELD(NotifyInvalEntryOut, namelen, 2, kPlain),
    FUSEREPLAY_FIELD(NotifyInvalEntryOut, flags, 3, kFlags));

FUSEREPLAY_FIELDS(NotifyDeleteOut,
    FUSEREPLAY_FIELD(NotifyDeleteOut, parent, 1, kNodeId),
    FUSEREPLAY_FIELD(NotifyDeleteOut, child, 2, kNodeId),
    FUSEREPLAY_FIELD(NotifyDeleteOut, namelen, 3, kPlain),
    FUSEREPLAY_FIELD(NotifyDeleteOut, padding, 4, kPadding));

FUSEREPLAY_FIELDS(NotifyStoreOut,
    FUSEREPLAY_FIELD(NotifyStoreOut, nodeid, 1, kNodeId),
    FUSEREPLAY_FIELD(NotifyStoreOut, offset, 2, kOffset),
    FUSEREPLAY_FIELD(NotifyStoreOut, size, 3, kSize),
    FUSEREPLAY_FIELD(NotifyStoreOut, padding, 4, kPadding));

FUSEREPLAY_FIELDS(NotifyRetrieveOut,
    FUSEREPLAY_FIELD(NotifyRetrieveOut, notify_unique, 1, kUnique),
    FUSEREPLAY_FIELD(NotifyRetrieveOut, nodeid, 2, kNodeId),
    FUSEREPLAY_FIELD(NotifyRetrieveOut, offset, 3, kOffset),
    FUSEREPLAY_FIELD(NotifyRetrieveOut, size, 4, kSize),
    FUSEREPLAY_FIELD(NotifyRetrieveOut, padding, 5, kPadding));

FUSEREPLAY_FIELDS(NotifyRetrieveIn,
    FUSEREPLAY_FIELD(NotifyRetrieveIn, dummy1, 1, kPadding),
    FUSEREPLAY_FIELD(NotifyRetrieveIn, offset, 2, kOffset),
    FUSEREPLAY_FIELD(NotifyRetrieveIn, size, 3, kSize),
    FUSEREPLAY_FIELD(NotifyRetrieveIn, dummy2, 4, kPadding),
    FUSEREPLAY_FIELD(NotifyRetrieveIn, dummy3, 5, kPadding),
    FUSEREPLAY_FIELD(NotifyRetrieveIn, dummy4, 6, kPadding));

FUSEREPLAY_FIELDS(NotifyPruneOut,
    FUSEREPLAY_FIELD(NotifyPruneOut, count, 1, kPlain),
    FUSEREPLAY_FIELD(NotifyPruneOut, padding, 2, kPadding),
    FUSEREPLAY_FIELD(NotifyPruneOut, spare, 3, kPadding));

#undef FUSEREPLAY_FIELDS
#undef FUSEREPLAY_FIELD
// clang-format on

/// A wire struct at run time.
struct StructInfo {
  StructId id;
  std::string_view name;  // "EntryOut"
  std::size_t size;       // bytes
  std::span<const Field> fields;
};

namespace internal {
template <class... Structs>
constexpr std::array<StructInfo, kStructCount> struct_infos() {
  std::array<StructInfo, kStructCount> infos{};
  ((infos[static_cast<std::size_t>(FieldTable<Structs>::kId)] =
        StructInfo{FieldTable<Structs>::kId, FieldTable<Structs>::kName, sizeof(Structs),
                   FieldTable<Structs>::kFields}),
   ...);
  return infos;
}

inline constexpr std::array<StructInfo, kStructCount> kStructInfos =
    struct_infos<wire::InHeader, wire::OutHeader, wire::EntryOut, wire::ForgetIn, wire::ForgetOne, wire::BatchForgetIn,
                 wire::GetattrIn, wire::AttrOut, wire::StatxIn, wire::StatxOut, wire::MknodIn, wire::MkdirIn,
                 wire::RenameIn, wire::Rename2In, wire::LinkIn, wire::SetattrIn, wire::OpenIn, wire::CreateIn,
                 wire::OpenOut, wire::ReleaseIn, wire::FlushIn, wire::ReadIn, wire::WriteIn, wire::WriteOut,
                 wire::Kstatfs, wire::FsyncIn, wire::SetxattrIn, wire::SetxattrInCompat, wire::GetxattrIn,
                 wire::GetxattrOut, wire::LkIn, wire::LkOut, wire::AccessIn, wire::InitIn, wire::InitOut,
                 wire::CuseInitIn, wire::CuseInitOut, wire::InterruptIn, wire::BmapIn, wire::BmapOut, wire::IoctlIn,
                 wire::IoctlIovec, wire::IoctlOut, wire::PollIn, wire::PollOut, wire::FallocateIn, wire::LseekIn,
                 wire::LseekOut, wire::CopyFileRangeIn, wire::CopyFileRangeOut, wire::SetupmappingIn,
                 wire::RemovemappingIn, wire::RemovemappingOne, wire::SyncfsIn, wire::Dirent, wire::NotifyPollOut,
                 wire::NotifyInvalInodeOut, wire::NotifyInvalEntryOut, wire::NotifyDeleteOut, wire::NotifyStoreOut,
                 wire::NotifyRetrieveOut, wire::NotifyRetrieveIn, wire::NotifyPruneOut>();

constexpr bool every_struct_has_fields() {
  for (std::size_t i = 1; i < kStructCount; ++i) {
    if (kStructInfos[i].id != static_cast<StructId>(i)) return false;
  }
  return true;
}
static_assert(every_struct_has_fields());
}  // namespace internal

/// The struct with this id. kNone, and a number that is no StructId: size 0, no fields.
constexpr const StructInfo& struct_info(StructId id) noexcept {
  const auto index = static_cast<std::size_t>(id);
  return internal::kStructInfos[index < kStructCount ? index : 0];
}

/// The value of an integer field of the struct that starts at `base`, sign-extended to 64 bits. Not for kBytes: 0.
inline std::uint64_t read_field(const std::byte* base, const Field& field) noexcept {
  const auto load = [&](auto value) {
    std::memcpy(&value, base + field.offset, sizeof(value));
    return static_cast<std::uint64_t>(value);
  };
  switch (field.type) {
    case FieldType::kU16:
      return load(std::uint16_t{});
    case FieldType::kU32:
      return load(std::uint32_t{});
    case FieldType::kI32:
      return load(std::int32_t{});
    case FieldType::kU64:
    case FieldType::kI64:
      return load(std::uint64_t{});
    case FieldType::kBytes:
      break;
  }
  return 0;
}

/// Stores the low bits of `value`. Not for kBytes, which it leaves alone.
inline void write_field(std::byte* base, const Field& field, std::uint64_t value) noexcept {
  const auto store = [&](auto narrow) { std::memcpy(base + field.offset, &narrow, sizeof(narrow)); };
  switch (field.type) {
    case FieldType::kU16:
      return store(static_cast<std::uint16_t>(value));
    case FieldType::kU32:
    case FieldType::kI32:
      return store(static_cast<std::uint32_t>(value));
    case FieldType::kU64:
    case FieldType::kI64:
      return store(value);
    case FieldType::kBytes:
      break;
  }
}

}  // namespace fusereplay
