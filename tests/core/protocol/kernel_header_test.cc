// The wire structs against <linux/fuse.h> of the system, which is older than 7.45: what it has must agree.
#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <boost/preprocessor/seq/for_each.hpp>
#include <boost/preprocessor/stringize.hpp>
#include <boost/preprocessor/tuple/elem.hpp>
#include <boost/preprocessor/variadic/to_seq.hpp>
#include <cstddef>
#include <string_view>

#include "core/protocol/flags.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

/// Where a member stands and how much it takes, in bytes.
struct Place {
  std::size_t offset;
  std::size_t size;
};

void expect_same(std::string_view name, Place ours, Place theirs) {
  EXPECT_EQ(ours.offset, theirs.offset) << name;
  EXPECT_EQ(ours.size, theirs.size) << name;
}

#define OURS(structs) wire::BOOST_PP_TUPLE_ELEM(0, structs)
#define THEIRS(structs) BOOST_PP_TUPLE_ELEM(1, structs)
#define SAME_MEMBER(r, structs, member)                                                            \
  expect_same(BOOST_PP_STRINGIZE(THEIRS(structs)) "." #member,                                     \
                                 {offsetof(OURS(structs), member), sizeof(OURS(structs)::member)}, \
                                 {offsetof(THEIRS(structs), member), sizeof(THEIRS(structs)::member)});
#define SAME_STRUCT(ours, theirs, ...)                                \
  expect_same(#theirs, {0, sizeof(wire::ours)}, {0, sizeof(theirs)}); \
  BOOST_PP_SEQ_FOR_EACH(SAME_MEMBER, (ours, theirs), BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)) static_assert(true)

TEST(KernelHeader, RequestStructsAreThoseOfTheSystemsHeader) {
  SAME_STRUCT(InHeader, fuse_in_header, len, opcode, unique, nodeid, uid, gid, pid, total_extlen, padding);
  SAME_STRUCT(OutHeader, fuse_out_header, len, error, unique);
  SAME_STRUCT(ForgetIn, fuse_forget_in, nlookup);
  SAME_STRUCT(ForgetOne, fuse_forget_one, nodeid, nlookup);
  SAME_STRUCT(BatchForgetIn, fuse_batch_forget_in, count, dummy);
  SAME_STRUCT(GetattrIn, fuse_getattr_in, getattr_flags, dummy, fh);
  SAME_STRUCT(MknodIn, fuse_mknod_in, mode, rdev, umask, padding);
  SAME_STRUCT(MkdirIn, fuse_mkdir_in, mode, umask);
  SAME_STRUCT(RenameIn, fuse_rename_in, newdir);
  SAME_STRUCT(Rename2In, fuse_rename2_in, newdir, flags, padding);
  SAME_STRUCT(LinkIn, fuse_link_in, oldnodeid);
  SAME_STRUCT(SetattrIn, fuse_setattr_in, valid, padding, fh, size, lock_owner, atime, mtime, ctime, atimensec,
              mtimensec, ctimensec, mode, unused4, uid, gid, unused5);
  SAME_STRUCT(OpenIn, fuse_open_in, flags, open_flags);
  SAME_STRUCT(CreateIn, fuse_create_in, flags, mode, umask, open_flags);
  SAME_STRUCT(ReleaseIn, fuse_release_in, fh, flags, release_flags, lock_owner);
  SAME_STRUCT(FlushIn, fuse_flush_in, fh, unused, padding, lock_owner);
  SAME_STRUCT(ReadIn, fuse_read_in, fh, offset, size, read_flags, lock_owner, flags, padding);
  SAME_STRUCT(WriteIn, fuse_write_in, fh, offset, size, write_flags, lock_owner, flags, padding);
  SAME_STRUCT(FsyncIn, fuse_fsync_in, fh, fsync_flags, padding);
  SAME_STRUCT(SetxattrIn, fuse_setxattr_in, size, flags, setxattr_flags, padding);
  SAME_STRUCT(GetxattrIn, fuse_getxattr_in, size, padding);
  SAME_STRUCT(FileLock, fuse_file_lock, start, end, type, pid);
  SAME_STRUCT(LkIn, fuse_lk_in, fh, owner, lk, lk_flags, padding);
  SAME_STRUCT(AccessIn, fuse_access_in, mask, padding);
  SAME_STRUCT(InitIn, fuse_init_in, major, minor, max_readahead, flags, flags2, unused);
  SAME_STRUCT(CuseInitIn, cuse_init_in, major, minor, unused, flags);
  SAME_STRUCT(InterruptIn, fuse_interrupt_in, unique);
  SAME_STRUCT(BmapIn, fuse_bmap_in, block, blocksize, padding);
  SAME_STRUCT(IoctlIn, fuse_ioctl_in, fh, flags, cmd, arg, in_size, out_size);
  SAME_STRUCT(IoctlIovec, fuse_ioctl_iovec, base, len);
  SAME_STRUCT(PollIn, fuse_poll_in, fh, kh, flags, events);
  SAME_STRUCT(FallocateIn, fuse_fallocate_in, fh, offset, length, mode, padding);
  SAME_STRUCT(LseekIn, fuse_lseek_in, fh, offset, whence, padding);
  SAME_STRUCT(CopyFileRangeIn, fuse_copy_file_range_in, fh_in, off_in, nodeid_out, fh_out, off_out, len, flags);
  SAME_STRUCT(SetupmappingIn, fuse_setupmapping_in, fh, foffset, len, flags, moffset);
  SAME_STRUCT(RemovemappingIn, fuse_removemapping_in, count);
  SAME_STRUCT(RemovemappingOne, fuse_removemapping_one, moffset, len);
  SAME_STRUCT(SyncfsIn, fuse_syncfs_in, padding);
}

TEST(KernelHeader, ReplyStructsAreThoseOfTheSystemsHeader) {
  SAME_STRUCT(CuseInitOut, cuse_init_out, major, minor, unused, flags, max_read, max_write, dev_major, dev_minor,
              spare);
  SAME_STRUCT(Attr, fuse_attr, ino, size, blocks, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode, nlink,
              uid, gid, rdev, blksize, flags);
  SAME_STRUCT(EntryOut, fuse_entry_out, nodeid, generation, entry_valid, attr_valid, entry_valid_nsec, attr_valid_nsec,
              attr);
  SAME_STRUCT(AttrOut, fuse_attr_out, attr_valid, attr_valid_nsec, dummy, attr);
  SAME_STRUCT(OpenOut, fuse_open_out, fh, open_flags);
  SAME_STRUCT(WriteOut, fuse_write_out, size, padding);
  SAME_STRUCT(Kstatfs, fuse_kstatfs, blocks, bfree, bavail, files, ffree, bsize, namelen, frsize, padding, spare);
  SAME_STRUCT(GetxattrOut, fuse_getxattr_out, size, padding);
  SAME_STRUCT(LkOut, fuse_lk_out, lk);
  SAME_STRUCT(InitOut, fuse_init_out, major, minor, max_readahead, flags, max_background, congestion_threshold,
              max_write, time_gran, max_pages, map_alignment, flags2);
  SAME_STRUCT(BmapOut, fuse_bmap_out, block);
  SAME_STRUCT(IoctlOut, fuse_ioctl_out, result, flags, in_iovs, out_iovs);
  SAME_STRUCT(PollOut, fuse_poll_out, revents, padding);
  SAME_STRUCT(LseekOut, fuse_lseek_out, offset);
}

TEST(KernelHeader, NotificationAndOtherStructsAreThoseOfTheSystemsHeader) {
  SAME_STRUCT(Dirent, fuse_dirent, ino, off, namelen, type);
  SAME_STRUCT(NotifyPollOut, fuse_notify_poll_wakeup_out, kh);
  SAME_STRUCT(NotifyInvalInodeOut, fuse_notify_inval_inode_out, ino, off, len);
  SAME_STRUCT(NotifyInvalEntryOut, fuse_notify_inval_entry_out, parent, namelen, flags);
  SAME_STRUCT(NotifyDeleteOut, fuse_notify_delete_out, parent, child, namelen, padding);
  SAME_STRUCT(NotifyStoreOut, fuse_notify_store_out, nodeid, offset, size, padding);
  SAME_STRUCT(NotifyRetrieveOut, fuse_notify_retrieve_out, notify_unique, nodeid, offset, size, padding);
  SAME_STRUCT(NotifyRetrieveIn, fuse_notify_retrieve_in, dummy1, offset, size, dummy2, dummy3, dummy4);
  SAME_STRUCT(SecctxHeader, fuse_secctx_header, size, nr_secctx);
  SAME_STRUCT(Secctx, fuse_secctx, size, padding);
  SAME_STRUCT(ExtHeader, fuse_ext_header, size, type);
}

TEST(KernelHeader, OpcodesAreThoseOfTheSystemsHeader) {
  EXPECT_EQ(static_cast<unsigned>(Opcode::kLookup), static_cast<unsigned>(FUSE_LOOKUP));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kForget), static_cast<unsigned>(FUSE_FORGET));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kGetattr), static_cast<unsigned>(FUSE_GETATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSetattr), static_cast<unsigned>(FUSE_SETATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kReadlink), static_cast<unsigned>(FUSE_READLINK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSymlink), static_cast<unsigned>(FUSE_SYMLINK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kMknod), static_cast<unsigned>(FUSE_MKNOD));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kMkdir), static_cast<unsigned>(FUSE_MKDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kUnlink), static_cast<unsigned>(FUSE_UNLINK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRmdir), static_cast<unsigned>(FUSE_RMDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRename), static_cast<unsigned>(FUSE_RENAME));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kLink), static_cast<unsigned>(FUSE_LINK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kOpen), static_cast<unsigned>(FUSE_OPEN));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRead), static_cast<unsigned>(FUSE_READ));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kWrite), static_cast<unsigned>(FUSE_WRITE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kStatfs), static_cast<unsigned>(FUSE_STATFS));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRelease), static_cast<unsigned>(FUSE_RELEASE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kFsync), static_cast<unsigned>(FUSE_FSYNC));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSetxattr), static_cast<unsigned>(FUSE_SETXATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kGetxattr), static_cast<unsigned>(FUSE_GETXATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kListxattr), static_cast<unsigned>(FUSE_LISTXATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRemovexattr), static_cast<unsigned>(FUSE_REMOVEXATTR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kFlush), static_cast<unsigned>(FUSE_FLUSH));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kInit), static_cast<unsigned>(FUSE_INIT));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kOpendir), static_cast<unsigned>(FUSE_OPENDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kReaddir), static_cast<unsigned>(FUSE_READDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kReleasedir), static_cast<unsigned>(FUSE_RELEASEDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kFsyncdir), static_cast<unsigned>(FUSE_FSYNCDIR));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kGetlk), static_cast<unsigned>(FUSE_GETLK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSetlk), static_cast<unsigned>(FUSE_SETLK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSetlkw), static_cast<unsigned>(FUSE_SETLKW));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kAccess), static_cast<unsigned>(FUSE_ACCESS));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kCreate), static_cast<unsigned>(FUSE_CREATE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kInterrupt), static_cast<unsigned>(FUSE_INTERRUPT));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kBmap), static_cast<unsigned>(FUSE_BMAP));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kDestroy), static_cast<unsigned>(FUSE_DESTROY));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kIoctl), static_cast<unsigned>(FUSE_IOCTL));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kPoll), static_cast<unsigned>(FUSE_POLL));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kNotifyReply), static_cast<unsigned>(FUSE_NOTIFY_REPLY));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kBatchForget), static_cast<unsigned>(FUSE_BATCH_FORGET));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kFallocate), static_cast<unsigned>(FUSE_FALLOCATE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kReaddirplus), static_cast<unsigned>(FUSE_READDIRPLUS));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRename2), static_cast<unsigned>(FUSE_RENAME2));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kLseek), static_cast<unsigned>(FUSE_LSEEK));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kCopyFileRange), static_cast<unsigned>(FUSE_COPY_FILE_RANGE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSetupmapping), static_cast<unsigned>(FUSE_SETUPMAPPING));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kRemovemapping), static_cast<unsigned>(FUSE_REMOVEMAPPING));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kSyncfs), static_cast<unsigned>(FUSE_SYNCFS));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kTmpfile), static_cast<unsigned>(FUSE_TMPFILE));
  EXPECT_EQ(static_cast<unsigned>(Opcode::kCuseInit), static_cast<unsigned>(CUSE_INIT));
}

TEST(KernelHeader, InitFlagsAreThoseOfTheSystemsHeader) {
  EXPECT_EQ(kInitAsyncRead, static_cast<std::uint32_t>(FUSE_ASYNC_READ));
  EXPECT_EQ(kInitPosixLocks, static_cast<std::uint32_t>(FUSE_POSIX_LOCKS));
  EXPECT_EQ(kInitFileOps, static_cast<std::uint32_t>(FUSE_FILE_OPS));
  EXPECT_EQ(kInitAtomicOTrunc, static_cast<std::uint32_t>(FUSE_ATOMIC_O_TRUNC));
  EXPECT_EQ(kInitExportSupport, static_cast<std::uint32_t>(FUSE_EXPORT_SUPPORT));
  EXPECT_EQ(kInitBigWrites, static_cast<std::uint32_t>(FUSE_BIG_WRITES));
  EXPECT_EQ(kInitDontMask, static_cast<std::uint32_t>(FUSE_DONT_MASK));
  EXPECT_EQ(kInitSpliceWrite, static_cast<std::uint32_t>(FUSE_SPLICE_WRITE));
  EXPECT_EQ(kInitSpliceMove, static_cast<std::uint32_t>(FUSE_SPLICE_MOVE));
  EXPECT_EQ(kInitSpliceRead, static_cast<std::uint32_t>(FUSE_SPLICE_READ));
  EXPECT_EQ(kInitFlockLocks, static_cast<std::uint32_t>(FUSE_FLOCK_LOCKS));
  EXPECT_EQ(kInitHasIoctlDir, static_cast<std::uint32_t>(FUSE_HAS_IOCTL_DIR));
  EXPECT_EQ(kInitAutoInvalData, static_cast<std::uint32_t>(FUSE_AUTO_INVAL_DATA));
  EXPECT_EQ(kInitDoReaddirplus, static_cast<std::uint32_t>(FUSE_DO_READDIRPLUS));
  EXPECT_EQ(kInitReaddirplusAuto, static_cast<std::uint32_t>(FUSE_READDIRPLUS_AUTO));
  EXPECT_EQ(kInitAsyncDio, static_cast<std::uint32_t>(FUSE_ASYNC_DIO));
  EXPECT_EQ(kInitWritebackCache, static_cast<std::uint32_t>(FUSE_WRITEBACK_CACHE));
  EXPECT_EQ(kInitNoOpenSupport, static_cast<std::uint32_t>(FUSE_NO_OPEN_SUPPORT));
  EXPECT_EQ(kInitParallelDirops, static_cast<std::uint32_t>(FUSE_PARALLEL_DIROPS));
  EXPECT_EQ(kInitHandleKillpriv, static_cast<std::uint32_t>(FUSE_HANDLE_KILLPRIV));
  EXPECT_EQ(kInitPosixAcl, static_cast<std::uint32_t>(FUSE_POSIX_ACL));
  EXPECT_EQ(kInitAbortError, static_cast<std::uint32_t>(FUSE_ABORT_ERROR));
  EXPECT_EQ(kInitMaxPages, static_cast<std::uint32_t>(FUSE_MAX_PAGES));
  EXPECT_EQ(kInitCacheSymlinks, static_cast<std::uint32_t>(FUSE_CACHE_SYMLINKS));
  EXPECT_EQ(kInitNoOpendirSupport, static_cast<std::uint32_t>(FUSE_NO_OPENDIR_SUPPORT));
  EXPECT_EQ(kInitExplicitInvalData, static_cast<std::uint32_t>(FUSE_EXPLICIT_INVAL_DATA));
  EXPECT_EQ(kInitMapAlignment, static_cast<std::uint32_t>(FUSE_MAP_ALIGNMENT));
  EXPECT_EQ(kInitSubmounts, static_cast<std::uint32_t>(FUSE_SUBMOUNTS));
  EXPECT_EQ(kInitHandleKillprivV2, static_cast<std::uint32_t>(FUSE_HANDLE_KILLPRIV_V2));
  EXPECT_EQ(kInitSetxattrExt, static_cast<std::uint32_t>(FUSE_SETXATTR_EXT));
  EXPECT_EQ(kInitInitExt, static_cast<std::uint32_t>(FUSE_INIT_EXT));
  EXPECT_EQ(kInitReserved, static_cast<std::uint32_t>(FUSE_INIT_RESERVED));
  EXPECT_EQ(kInitSecurityCtx, FUSE_SECURITY_CTX);
  EXPECT_EQ(kInitHasInodeDax, FUSE_HAS_INODE_DAX);
  EXPECT_EQ(kInitHasExpireOnly, FUSE_HAS_EXPIRE_ONLY);
}

}  // namespace
}  // namespace fusereplay
