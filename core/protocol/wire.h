// The wire structs of protocol 7.45 as the kernel lays them out: host byte order, 8-byte aligned messages.
// They are the in-memory form of every message here: encoding fills one, decoding copies one out of a checked view.
// Sizes are asserted; every byte is described by the table in core/protocol/fields.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fusereplay::wire {

/// Every request starts with this.
struct InHeader {
  std::uint32_t len;
  std::uint32_t opcode;
  std::uint64_t unique;
  std::uint64_t nodeid;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t pid;
  std::uint16_t total_extlen;  // units of 8 bytes, counted inside len
  std::uint16_t padding;
};
static_assert(sizeof(InHeader) == 40 && std::is_trivially_copyable_v<InHeader>);

/// Every reply and notification starts with this. error: 0 or a negative errno; with unique 0 a NotifyCode.
struct OutHeader {
  std::uint32_t len;
  std::int32_t error;
  std::uint64_t unique;
};
static_assert(sizeof(OutHeader) == 16 && std::is_trivially_copyable_v<OutHeader>);

struct Attr {
  std::uint64_t ino;
  std::uint64_t size;
  std::uint64_t blocks;  // of 512 bytes
  std::uint64_t atime;
  std::uint64_t mtime;
  std::uint64_t ctime;
  std::uint32_t atimensec;
  std::uint32_t mtimensec;
  std::uint32_t ctimensec;
  std::uint32_t mode;
  std::uint32_t nlink;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t rdev;
  std::uint32_t blksize;
  std::uint32_t flags;  // kAttrSubmount, kAttrDax
};
static_assert(sizeof(Attr) == 88 && std::is_trivially_copyable_v<Attr>);

struct EntryOut {
  std::uint64_t nodeid;  // 0: no such entry, cached as negative for entry_valid
  std::uint64_t generation;
  std::uint64_t entry_valid;  // seconds
  std::uint64_t attr_valid;   // seconds
  std::uint32_t entry_valid_nsec;
  std::uint32_t attr_valid_nsec;
  Attr attr;
};
static_assert(sizeof(EntryOut) == 128 && std::is_trivially_copyable_v<EntryOut>);

struct ForgetIn {
  std::uint64_t nlookup;
};
static_assert(sizeof(ForgetIn) == 8 && std::is_trivially_copyable_v<ForgetIn>);

/// One element of a BATCH_FORGET.
struct ForgetOne {
  std::uint64_t nodeid;
  std::uint64_t nlookup;
};
static_assert(sizeof(ForgetOne) == 16 && std::is_trivially_copyable_v<ForgetOne>);

struct BatchForgetIn {
  std::uint32_t count;
  std::uint32_t dummy;
};
static_assert(sizeof(BatchForgetIn) == 8 && std::is_trivially_copyable_v<BatchForgetIn>);

struct GetattrIn {
  std::uint32_t getattr_flags;  // kGetattrFh
  std::uint32_t dummy;
  std::uint64_t fh;
};
static_assert(sizeof(GetattrIn) == 16 && std::is_trivially_copyable_v<GetattrIn>);

struct AttrOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_nsec;
  std::uint32_t dummy;
  Attr attr;
};
static_assert(sizeof(AttrOut) == 104 && std::is_trivially_copyable_v<AttrOut>);

struct SxTime {
  std::int64_t tv_sec;
  std::uint32_t tv_nsec;
  std::int32_t reserved;
};
static_assert(sizeof(SxTime) == 16 && std::is_trivially_copyable_v<SxTime>);

struct Statx {
  std::uint32_t mask;
  std::uint32_t blksize;
  std::uint64_t attributes;
  std::uint32_t nlink;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mode;
  std::uint16_t spare0;
  std::uint64_t ino;
  std::uint64_t size;
  std::uint64_t blocks;
  std::uint64_t attributes_mask;
  SxTime atime;
  SxTime btime;
  SxTime ctime;
  SxTime mtime;
  std::uint32_t rdev_major;
  std::uint32_t rdev_minor;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint64_t spare2[14];
};
static_assert(sizeof(Statx) == 256 && std::is_trivially_copyable_v<Statx>);

struct StatxIn {
  std::uint32_t getattr_flags;
  std::uint32_t reserved;
  std::uint64_t fh;
  std::uint32_t sx_flags;
  std::uint32_t sx_mask;
};
static_assert(sizeof(StatxIn) == 24 && std::is_trivially_copyable_v<StatxIn>);

struct StatxOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_nsec;
  std::uint32_t flags;
  std::uint64_t spare[2];
  Statx stat;
};
static_assert(sizeof(StatxOut) == 288 && std::is_trivially_copyable_v<StatxOut>);

struct MknodIn {
  std::uint32_t mode;
  std::uint32_t rdev;
  std::uint32_t umask;
  std::uint32_t padding;
};
static_assert(sizeof(MknodIn) == 16 && std::is_trivially_copyable_v<MknodIn>);

struct MkdirIn {
  std::uint32_t mode;
  std::uint32_t umask;
};
static_assert(sizeof(MkdirIn) == 8 && std::is_trivially_copyable_v<MkdirIn>);

struct RenameIn {
  std::uint64_t newdir;
};
static_assert(sizeof(RenameIn) == 8 && std::is_trivially_copyable_v<RenameIn>);

struct Rename2In {
  std::uint64_t newdir;
  std::uint32_t flags;
  std::uint32_t padding;
};
static_assert(sizeof(Rename2In) == 16 && std::is_trivially_copyable_v<Rename2In>);

struct LinkIn {
  std::uint64_t oldnodeid;
};
static_assert(sizeof(LinkIn) == 8 && std::is_trivially_copyable_v<LinkIn>);

struct SetattrIn {
  std::uint32_t valid;  // kSetattr... bits
  std::uint32_t padding;
  std::uint64_t fh;
  std::uint64_t size;
  std::uint64_t lock_owner;
  std::uint64_t atime;
  std::uint64_t mtime;
  std::uint64_t ctime;
  std::uint32_t atimensec;
  std::uint32_t mtimensec;
  std::uint32_t ctimensec;
  std::uint32_t mode;
  std::uint32_t unused4;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t unused5;
};
static_assert(sizeof(SetattrIn) == 88 && std::is_trivially_copyable_v<SetattrIn>);

struct OpenIn {
  std::uint32_t flags;
  std::uint32_t open_flags;  // kOpenKillSuidgid
};
static_assert(sizeof(OpenIn) == 8 && std::is_trivially_copyable_v<OpenIn>);

struct CreateIn {
  std::uint32_t flags;
  std::uint32_t mode;
  std::uint32_t umask;
  std::uint32_t open_flags;
};
static_assert(sizeof(CreateIn) == 16 && std::is_trivially_copyable_v<CreateIn>);

struct OpenOut {
  std::uint64_t fh;
  std::uint32_t open_flags;  // kFopen... bits
  std::int32_t backing_id;
};
static_assert(sizeof(OpenOut) == 16 && std::is_trivially_copyable_v<OpenOut>);

struct ReleaseIn {
  std::uint64_t fh;
  std::uint32_t flags;
  std::uint32_t release_flags;  // kReleaseFlush, kReleaseFlockUnlock
  std::uint64_t lock_owner;
};
static_assert(sizeof(ReleaseIn) == 24 && std::is_trivially_copyable_v<ReleaseIn>);

struct FlushIn {
  std::uint64_t fh;
  std::uint32_t unused;
  std::uint32_t padding;
  std::uint64_t lock_owner;
};
static_assert(sizeof(FlushIn) == 24 && std::is_trivially_copyable_v<FlushIn>);

/// READ, READDIR and READDIRPLUS; offset is the cookie for the latter two.
struct ReadIn {
  std::uint64_t fh;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t read_flags;
  std::uint64_t lock_owner;
  std::uint32_t flags;
  std::uint32_t padding;
};
static_assert(sizeof(ReadIn) == 40 && std::is_trivially_copyable_v<ReadIn>);

struct WriteIn {
  std::uint64_t fh;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t write_flags;  // kWrite... bits
  std::uint64_t lock_owner;
  std::uint32_t flags;
  std::uint32_t padding;
};
static_assert(sizeof(WriteIn) == 40 && std::is_trivially_copyable_v<WriteIn>);

/// WRITE and COPY_FILE_RANGE.
struct WriteOut {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(WriteOut) == 8 && std::is_trivially_copyable_v<WriteOut>);

/// The reply to STATFS.
struct Kstatfs {
  std::uint64_t blocks;
  std::uint64_t bfree;
  std::uint64_t bavail;
  std::uint64_t files;
  std::uint64_t ffree;
  std::uint32_t bsize;
  std::uint32_t namelen;
  std::uint32_t frsize;
  std::uint32_t padding;
  std::uint32_t spare[6];
};
static_assert(sizeof(Kstatfs) == 80 && std::is_trivially_copyable_v<Kstatfs>);

struct FsyncIn {
  std::uint64_t fh;
  std::uint32_t fsync_flags;  // kFsyncDatasync
  std::uint32_t padding;
};
static_assert(sizeof(FsyncIn) == 16 && std::is_trivially_copyable_v<FsyncIn>);

/// With SETXATTR_EXT.
struct SetxattrIn {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t setxattr_flags;
  std::uint32_t padding;
};
static_assert(sizeof(SetxattrIn) == 16 && std::is_trivially_copyable_v<SetxattrIn>);

/// Without SETXATTR_EXT.
struct SetxattrInCompat {
  std::uint32_t size;
  std::uint32_t flags;
};
static_assert(sizeof(SetxattrInCompat) == 8 && std::is_trivially_copyable_v<SetxattrInCompat>);

/// GETXATTR and LISTXATTR.
struct GetxattrIn {
  std::uint32_t size;  // 0 asks for the length
  std::uint32_t padding;
};
static_assert(sizeof(GetxattrIn) == 8 && std::is_trivially_copyable_v<GetxattrIn>);

struct GetxattrOut {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(GetxattrOut) == 8 && std::is_trivially_copyable_v<GetxattrOut>);

struct FileLock {
  std::uint64_t start;
  std::uint64_t end;
  std::uint32_t type;
  std::uint32_t pid;
};
static_assert(sizeof(FileLock) == 24 && std::is_trivially_copyable_v<FileLock>);

struct LkIn {
  std::uint64_t fh;
  std::uint64_t owner;
  FileLock lk;
  std::uint32_t lk_flags;  // kLkFlock
  std::uint32_t padding;
};
static_assert(sizeof(LkIn) == 48 && std::is_trivially_copyable_v<LkIn>);

struct LkOut {
  FileLock lk;
};
static_assert(sizeof(LkOut) == 24 && std::is_trivially_copyable_v<LkOut>);

struct AccessIn {
  std::uint32_t mask;
  std::uint32_t padding;
};
static_assert(sizeof(AccessIn) == 8 && std::is_trivially_copyable_v<AccessIn>);

struct InitIn {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t max_readahead;
  std::uint32_t flags;
  std::uint32_t flags2;
  std::uint32_t unused[11];
};
static_assert(sizeof(InitIn) == 64 && std::is_trivially_copyable_v<InitIn>);

struct InitOut {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t max_readahead;
  std::uint32_t flags;
  std::uint16_t max_background;
  std::uint16_t congestion_threshold;
  std::uint32_t max_write;
  std::uint32_t time_gran;
  std::uint16_t max_pages;
  std::uint16_t map_alignment;
  std::uint32_t flags2;
  std::uint32_t max_stack_depth;
  std::uint16_t request_timeout;  // seconds
  std::uint16_t unused[11];
};
static_assert(sizeof(InitOut) == 64 && std::is_trivially_copyable_v<InitOut>);

struct CuseInitIn {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t unused;
  std::uint32_t flags;
};
static_assert(sizeof(CuseInitIn) == 16 && std::is_trivially_copyable_v<CuseInitIn>);

struct CuseInitOut {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t unused;
  std::uint32_t flags;
  std::uint32_t max_read;
  std::uint32_t max_write;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint32_t spare[10];
};
static_assert(sizeof(CuseInitOut) == 72 && std::is_trivially_copyable_v<CuseInitOut>);

struct InterruptIn {
  std::uint64_t unique;
};
static_assert(sizeof(InterruptIn) == 8 && std::is_trivially_copyable_v<InterruptIn>);

struct BmapIn {
  std::uint64_t block;
  std::uint32_t blocksize;
  std::uint32_t padding;
};
static_assert(sizeof(BmapIn) == 16 && std::is_trivially_copyable_v<BmapIn>);

struct BmapOut {
  std::uint64_t block;
};
static_assert(sizeof(BmapOut) == 8 && std::is_trivially_copyable_v<BmapOut>);

struct IoctlIn {
  std::uint64_t fh;
  std::uint32_t flags;
  std::uint32_t cmd;
  std::uint64_t arg;
  std::uint32_t in_size;
  std::uint32_t out_size;
};
static_assert(sizeof(IoctlIn) == 32 && std::is_trivially_copyable_v<IoctlIn>);

struct IoctlIovec {
  std::uint64_t base;
  std::uint64_t len;
};
static_assert(sizeof(IoctlIovec) == 16 && std::is_trivially_copyable_v<IoctlIovec>);

struct IoctlOut {
  std::int32_t result;
  std::uint32_t flags;
  std::uint32_t in_iovs;
  std::uint32_t out_iovs;
};
static_assert(sizeof(IoctlOut) == 16 && std::is_trivially_copyable_v<IoctlOut>);

struct PollIn {
  std::uint64_t fh;
  std::uint64_t kh;
  std::uint32_t flags;  // kPollScheduleNotify
  std::uint32_t events;
};
static_assert(sizeof(PollIn) == 24 && std::is_trivially_copyable_v<PollIn>);

struct PollOut {
  std::uint32_t revents;
  std::uint32_t padding;
};
static_assert(sizeof(PollOut) == 8 && std::is_trivially_copyable_v<PollOut>);

struct FallocateIn {
  std::uint64_t fh;
  std::uint64_t offset;
  std::uint64_t length;
  std::uint32_t mode;
  std::uint32_t padding;
};
static_assert(sizeof(FallocateIn) == 32 && std::is_trivially_copyable_v<FallocateIn>);

struct LseekIn {
  std::uint64_t fh;
  std::uint64_t offset;
  std::uint32_t whence;
  std::uint32_t padding;
};
static_assert(sizeof(LseekIn) == 24 && std::is_trivially_copyable_v<LseekIn>);

struct LseekOut {
  std::uint64_t offset;
};
static_assert(sizeof(LseekOut) == 8 && std::is_trivially_copyable_v<LseekOut>);

struct CopyFileRangeIn {
  std::uint64_t fh_in;
  std::uint64_t off_in;
  std::uint64_t nodeid_out;
  std::uint64_t fh_out;
  std::uint64_t off_out;
  std::uint64_t len;
  std::uint64_t flags;
};
static_assert(sizeof(CopyFileRangeIn) == 56 && std::is_trivially_copyable_v<CopyFileRangeIn>);

/// COPY_FILE_RANGE_64.
struct CopyFileRangeOut {
  std::uint64_t bytes_copied;
};
static_assert(sizeof(CopyFileRangeOut) == 8 && std::is_trivially_copyable_v<CopyFileRangeOut>);

struct SetupmappingIn {
  std::uint64_t fh;
  std::uint64_t foffset;
  std::uint64_t len;
  std::uint64_t flags;
  std::uint64_t moffset;
};
static_assert(sizeof(SetupmappingIn) == 40 && std::is_trivially_copyable_v<SetupmappingIn>);

struct RemovemappingIn {
  std::uint32_t count;
};
static_assert(sizeof(RemovemappingIn) == 4 && std::is_trivially_copyable_v<RemovemappingIn>);

struct RemovemappingOne {
  std::uint64_t moffset;
  std::uint64_t len;
};
static_assert(sizeof(RemovemappingOne) == 16 && std::is_trivially_copyable_v<RemovemappingOne>);

struct SyncfsIn {
  std::uint64_t padding;
};
static_assert(sizeof(SyncfsIn) == 8 && std::is_trivially_copyable_v<SyncfsIn>);

/// Followed by namelen bytes of name, no NUL, padded with zeros to 8 bytes.
struct Dirent {
  std::uint64_t ino;
  std::uint64_t off;  // the cookie of the entry after this one
  std::uint32_t namelen;
  std::uint32_t type;  // DT_...
};
static_assert(sizeof(Dirent) == 24 && std::is_trivially_copyable_v<Dirent>);

struct NotifyPollOut {
  std::uint64_t kh;
};
static_assert(sizeof(NotifyPollOut) == 8 && std::is_trivially_copyable_v<NotifyPollOut>);

struct NotifyInvalInodeOut {
  std::uint64_t ino;  // a nodeid
  std::int64_t off;   // negative: attributes only
  std::int64_t len;
};
static_assert(sizeof(NotifyInvalInodeOut) == 24 && std::is_trivially_copyable_v<NotifyInvalInodeOut>);

/// Followed by the name and a NUL.
struct NotifyInvalEntryOut {
  std::uint64_t parent;
  std::uint32_t namelen;
  std::uint32_t flags;  // kExpireOnly
};
static_assert(sizeof(NotifyInvalEntryOut) == 16 && std::is_trivially_copyable_v<NotifyInvalEntryOut>);

/// Followed by the name and a NUL.
struct NotifyDeleteOut {
  std::uint64_t parent;
  std::uint64_t child;
  std::uint32_t namelen;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyDeleteOut) == 24 && std::is_trivially_copyable_v<NotifyDeleteOut>);

/// Followed by size bytes.
struct NotifyStoreOut {
  std::uint64_t nodeid;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyStoreOut) == 24 && std::is_trivially_copyable_v<NotifyStoreOut>);

struct NotifyRetrieveOut {
  std::uint64_t notify_unique;
  std::uint64_t nodeid;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyRetrieveOut) == 32 && std::is_trivially_copyable_v<NotifyRetrieveOut>);

/// The body of NOTIFY_REPLY, followed by the data.
struct NotifyRetrieveIn {
  std::uint64_t dummy1;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t dummy2;
  std::uint64_t dummy3;
  std::uint64_t dummy4;
};
static_assert(sizeof(NotifyRetrieveIn) == 40 && std::is_trivially_copyable_v<NotifyRetrieveIn>);

/// Followed by count nodeids of 64 bits.
struct NotifyPruneOut {
  std::uint32_t count;
  std::uint32_t padding;
  std::uint64_t spare;
};
static_assert(sizeof(NotifyPruneOut) == 16 && std::is_trivially_copyable_v<NotifyPruneOut>);

/// Extension: security contexts.
struct SecctxHeader {
  std::uint32_t size;  // bytes, this header included
  std::uint32_t nr_secctx;
};
static_assert(sizeof(SecctxHeader) == 8 && std::is_trivially_copyable_v<SecctxHeader>);

/// Followed by the xattr name, a NUL and size bytes of context, padded to 8.
struct Secctx {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(Secctx) == 8 && std::is_trivially_copyable_v<Secctx>);

/// Extension: every other kind.
struct ExtHeader {
  std::uint32_t size;  // bytes, this header included
  std::uint32_t type;
};
static_assert(sizeof(ExtHeader) == 8 && std::is_trivially_copyable_v<ExtHeader>);

/// Body of the kExtGroups extension: followed by nr_groups gids of 32 bits.
struct SuppGroups {
  std::uint32_t nr_groups;
};
static_assert(sizeof(SuppGroups) == 4 && std::is_trivially_copyable_v<SuppGroups>);

}  // namespace fusereplay::wire
