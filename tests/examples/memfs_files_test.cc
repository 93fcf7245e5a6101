// memfs: open files, their data and attributes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/examples/memfs_user.h"

namespace fusereplay::testing {
namespace {

constexpr std::uint64_t kPage = memfs::kPageSize;

class MemfsFiles : public MemfsFixture<> {
 protected:
  /// A new file that is open.
  void make(std::string_view name, std::uint32_t flags = O_RDWR) {
    const Created made = user_.create(kRoot, name, flags).value();
    node_ = made.entry.node;
    handle_ = made.opened.handle;
  }
  std::uint32_t write(Offset offset, std::string_view content, std::uint32_t flags = 0) {
    return user_.client.write(node_, handle_, offset, bytes(content), flags).get().value();
  }
  std::string read(Offset offset = 0, std::uint32_t size = 65536) { return user_.read(node_, handle_, offset, size); }
  Result<void> fallocate(Offset offset, std::uint64_t length, std::uint32_t mode) {
    return user_.client.fallocate(node_, handle_, offset, length, mode).get();
  }
  Attributes stat() { return user_.stat(node_); }

  NodeId node_{};
  FileHandle handle_{};
};

TEST_F(MemfsFiles, ReadsBackWhatWasWritten) {
  make("a");
  EXPECT_EQ(write(0, "hello world"), 11U);
  EXPECT_EQ(write(6, "there"), 5U);
  EXPECT_EQ(read(), "hello there");
  EXPECT_EQ(read(6, 3), "the");
  EXPECT_EQ(read(11), "");
  EXPECT_EQ(read(1000), "");
}

TEST_F(MemfsFiles, HolesReadAsZerosAndTakeNoSpace) {
  make("a");
  write(10 * kPage, "x");
  EXPECT_EQ(stat().size, 10 * kPage + 1);
  EXPECT_EQ(stat().blocks, kPage / 512);
  EXPECT_EQ(read(10 * kPage - 2), std::string("\0\0x", 3));
}

TEST_F(MemfsFiles, FindsDataAndHoles) {
  make("a");
  write(2 * kPage, "x");
  EXPECT_EQ(user_.client.lseek(node_, handle_, 0, SEEK_DATA).get().value(), 2 * kPage);
  EXPECT_EQ(user_.client.lseek(node_, handle_, 2 * kPage, SEEK_HOLE).get().value(), 2 * kPage + 1);
  EXPECT_EQ(error_of(user_.client.lseek(node_, handle_, 3 * kPage, SEEK_DATA).get()), ENXIO);
  EXPECT_EQ(error_of(user_.client.lseek(node_, handle_, 0, SEEK_END).get()), EINVAL);
}

TEST_F(MemfsFiles, TruncatesBothWays) {
  make("a");
  write(0, "hello");
  EXPECT_EQ(user_.client.setattr(node_, {.valid = kSetattrSize, .size = 2}).get()->attributes.size, 2U);
  EXPECT_EQ(user_.client.setattr(node_, {.valid = kSetattrSize, .size = 5}).get()->attributes.size, 5U);
  EXPECT_EQ(read(), std::string("he\0\0\0", 5)) << "what was cut off does not come back";
  EXPECT_EQ(error_of(user_.client.setattr(node_, {.valid = kSetattrSize, .size = UINT64_MAX}).get()), EFBIG);
  EXPECT_EQ(error_of(user_.client.setattr(kRoot, {.valid = kSetattrSize, .size = 0}).get()), EISDIR);
  const NodeId fifo = user_.mknod(kRoot, "fifo", S_IFIFO | 0600)->node;
  EXPECT_EQ(error_of(user_.client.setattr(fifo, {.valid = kSetattrSize, .size = 0}).get()), EINVAL);
}

TEST_F(MemfsFiles, OpenCanTruncate) {
  const NodeId a = file("a", "content");
  user_.open(a, O_RDWR | O_TRUNC).value();
  EXPECT_EQ(user_.stat(a).size, 0U);
}

TEST_F(MemfsFiles, OnlyRegularFilesAreOpened) {
  EXPECT_EQ(error_of(user_.open(kRoot)), EISDIR);
  EXPECT_EQ(error_of(user_.open(user_.mknod(kRoot, "fifo", S_IFIFO | 0600)->node)), EINVAL);
  EXPECT_EQ(error_of(user_.opendir(file("a"))), ENOTDIR);
  EXPECT_EQ(error_of(user_.open(NodeId{999})), ESTALE);
}

TEST_F(MemfsFiles, AnUnknownHandleIsRefused) {
  const NodeId a = file("a");
  const FileHandle none{12345};
  EXPECT_EQ(error_of(user_.client.read(a, none, 0, 10).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.write(a, none, 0, bytes("x")).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.flush(a, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fsync(a, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fsyncdir(kRoot, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.readdir(kRoot, none, Cookie{}).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.lseek(a, none, 0, SEEK_DATA).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fallocate(a, none, 0, 1, 0).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.release(a, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.releasedir(kRoot, none).get()), EBADF);
}

TEST_F(MemfsFiles, AHandleIsOfOneKind) {
  make("a");
  const FileHandle directory = user_.opendir(kRoot)->handle;
  EXPECT_EQ(error_of(user_.client.read(kRoot, directory, 0, 10).get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.write(kRoot, directory, 0, bytes("x")).get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.fallocate(kRoot, directory, 0, 1, 0).get()), ENODEV);
  EXPECT_EQ(error_of(user_.client.lseek(kRoot, directory, 0, SEEK_DATA).get()), EINVAL);
  EXPECT_EQ(error_of(user_.client.readdir(node_, handle_, Cookie{}).get()), ENOTDIR);
}

TEST_F(MemfsFiles, FlushAndFsyncHaveNothingToDo) {
  make("a");
  EXPECT_TRUE(user_.client.flush(node_, handle_).get());
  EXPECT_TRUE(user_.client.fsync(node_, handle_).get());
  EXPECT_TRUE(user_.client.fsyncdir(kRoot, user_.opendir(kRoot)->handle).get());
  EXPECT_TRUE(user_.client.syncfs().get());
}

TEST_F(MemfsFiles, AnUnlinkedFileLivesWhileItIsOpen) {
  make("a");
  write(0, "kept");
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  user_.forget(node_);
  EXPECT_EQ(read(), "kept");
  write(4, " on");
  EXPECT_EQ(read(), "kept on");
  EXPECT_EQ(memfs_.usage().inodes, 2U);
  EXPECT_TRUE(user_.release(node_, handle_));
  EXPECT_EQ(memfs_.usage(), (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0}));
}

TEST_F(MemfsFiles, AnUnlinkedFileLivesWhileItIsCounted) {
  const NodeId a = file("a", "kept");
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  EXPECT_EQ(user_.stat(a).nlink, 0U);
  EXPECT_TRUE(user_.client.setattr(a, {.valid = kSetattrMode, .mode = 0600}).get());
  user_.forget(a);
  EXPECT_EQ(error_of(user_.client.getattr(a).get()), ESTALE);
}

TEST_F(MemfsFiles, AFileLivesOnWithoutBeingCounted) {
  const NodeId a = file("a", "kept");
  user_.forget(a);
  EXPECT_EQ(user_.lookup(kRoot, "a")->node, a);
  EXPECT_EQ(user_.stat(a).size, 4U);
}

TEST_F(MemfsFiles, AppendingGoesToTheEnd) {
  make("a", O_RDWR | O_APPEND);
  write(0, "one");
  write(0, "two");
  EXPECT_EQ(read(), "onetwo");
}

TEST_F(MemfsFiles, FallocateAllocates) {
  make("a");
  EXPECT_TRUE(fallocate(0, 3 * kPage, FALLOC_FL_KEEP_SIZE));
  EXPECT_EQ(stat().size, 0U);
  EXPECT_EQ(stat().blocks, 3 * kPage / 512);
  EXPECT_TRUE(fallocate(0, 2 * kPage, 0));
  EXPECT_EQ(stat().size, 2 * kPage);
  EXPECT_EQ(error_of(fallocate(0, 0, 0)), EINVAL);
  EXPECT_EQ(error_of(fallocate(INT64_MAX, 1, 0)), EFBIG);
  EXPECT_EQ(error_of(fallocate(0, 1, FALLOC_FL_COLLAPSE_RANGE)), EOPNOTSUPP);
}

TEST_F(MemfsFiles, FallocatePunchesAndZeroes) {
  make("a");
  write(0, std::string(3 * kPage, 'x'));
  EXPECT_TRUE(fallocate(kPage - 1, kPage + 2, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE));
  EXPECT_EQ(stat().blocks, 2 * kPage / 512);
  const std::string punched = read();
  EXPECT_EQ(punched[kPage - 2], 'x');
  EXPECT_EQ(punched.substr(kPage - 1, kPage + 2), std::string(kPage + 2, '\0'));
  EXPECT_EQ(punched[2 * kPage + 1], 'x');
  EXPECT_EQ(error_of(fallocate(0, 1, FALLOC_FL_PUNCH_HOLE)), EOPNOTSUPP);

  EXPECT_TRUE(fallocate(0, 4 * kPage, FALLOC_FL_ZERO_RANGE));
  EXPECT_EQ(stat().size, 4 * kPage);
  EXPECT_EQ(stat().blocks, 4 * kPage / 512);
  EXPECT_EQ(read(), std::string(4 * kPage, '\0'));
}

TEST_F(MemfsFiles, CopiesRanges) {
  const NodeId source = file("source", "0123456789");
  const FileHandle from = user_.open(source)->handle;
  make("target");
  CopyRange range{.node_in = source,
                  .handle_in = from,
                  .offset_in = 2,
                  .node_out = node_,
                  .handle_out = handle_,
                  .offset_out = 1,
                  .length = 4};
  EXPECT_EQ(user_.client.copy_file_range(range).get().value(), 4U);
  EXPECT_EQ(read(), std::string("\0002345", 5));
  range.length = 100;
  EXPECT_EQ(user_.client.copy_file_range_32(range).get().value(), 8U) << "up to the source's end";
  range.offset_in = 10;
  EXPECT_EQ(user_.client.copy_file_range(range).get().value(), 0U);
  range.flags = 1;
  EXPECT_EQ(error_of(user_.client.copy_file_range(range).get()), EINVAL);
  range.flags = 0;
  range.handle_in = FileHandle{999};
  EXPECT_EQ(error_of(user_.client.copy_file_range(range).get()), EBADF);
}

TEST_F(MemfsFiles, CopiesWithinAFileButNotOntoItself) {
  make("a");
  write(0, "0123456789");
  CopyRange range{.node_in = node_,
                  .handle_in = handle_,
                  .offset_in = 0,
                  .node_out = node_,
                  .handle_out = handle_,
                  .offset_out = 10,
                  .length = 5};
  EXPECT_EQ(user_.client.copy_file_range(range).get().value(), 5U);
  EXPECT_EQ(read(), "012345678901234");
  range.offset_out = 4;
  EXPECT_EQ(error_of(user_.client.copy_file_range(range).get()), EINVAL);
}

TEST_F(MemfsFiles, TimesAreTheRequests) {
  make("a");
  set_time(1);
  write(0, "x");
  EXPECT_EQ(stat().mtime, later(1));
  EXPECT_EQ(stat().ctime, later(1));
  EXPECT_EQ(stat().atime, later(0));
  set_time(2);
  read();
  EXPECT_EQ(stat().atime, later(0)) << "reading leaves no trace";
  user_.client.setattr(node_, {.valid = kSetattrMode, .mode = 0600}).get().value();
  EXPECT_EQ(stat().ctime, later(2));
  EXPECT_EQ(stat().mtime, later(1));
  set_time(3);
  user_.client.setattr(node_, {.valid = kSetattrSize, .size = 0}).get().value();
  EXPECT_EQ(stat().mtime, later(3));
  set_time(4);
  EXPECT_TRUE(fallocate(0, 1, 0));
  EXPECT_EQ(stat().mtime, later(4));
}

TEST_F(MemfsFiles, TimesCanBeSet) {
  make("a");
  set_time(5);
  SetAttributes changes{.valid = kSetattrAtime | kSetattrMtime, .atime = {-100, 7}, .mtime = {1, 999'999'999}};
  EXPECT_TRUE(user_.client.setattr(node_, changes).get());
  EXPECT_EQ(stat().atime, (Timestamp{-100, 7}));
  EXPECT_EQ(stat().mtime, (Timestamp{1, 999'999'999}));
  EXPECT_EQ(stat().ctime, later(5));
  changes.valid = kSetattrAtime | kSetattrAtimeNow | kSetattrMtime | kSetattrMtimeNow | kSetattrCtime;
  changes.ctime = {3, 4};
  EXPECT_TRUE(user_.client.setattr(node_, changes).get());
  EXPECT_EQ(stat().atime, later(5));
  EXPECT_EQ(stat().mtime, later(5));
  EXPECT_EQ(stat().ctime, (Timestamp{3, 4}));
}

TEST_F(MemfsFiles, AnInodesTimeNeverGoesBackByItself) {
  make("a");
  set_time(10);
  write(0, "x");
  set_time(6);  // was read before, came later
  write(0, "y");
  EXPECT_EQ(stat().mtime, later(10));
}

TEST_F(MemfsFiles, AWriteBringsATimeSetAheadBackToNow) {
  make("a");
  EXPECT_TRUE(user_.client.setattr(node_, {.valid = kSetattrMtime, .mtime = later(1'000'000)}).get());
  set_time(1);
  write(0, "x");
  EXPECT_EQ(stat().mtime, later(1));
}

TEST_F(MemfsFiles, StatxShowsTheBirthTime) {
  set_time(3);
  make("a");
  set_time(4);
  write(0, "x");
  const StatxReply reply = user_.client.statx(node_, {}).get().value();
  EXPECT_EQ(reply.birth, later(3));
  EXPECT_EQ(reply.attributes.mtime, later(4));
  EXPECT_EQ(reply.attributes.size, 1U);
  EXPECT_EQ(reply.mask, STATX_BASIC_STATS | STATX_BTIME);
}

TEST_F(MemfsFiles, OwnerAndModeCanBeSet) {
  make("a");
  const auto reply =
      user_.client.setattr(node_, {.valid = kSetattrUid | kSetattrGid | kSetattrMode, .mode = 0604, .uid = 3, .gid = 4})
          .get();
  EXPECT_EQ(reply->attributes.uid, 3U);
  EXPECT_EQ(reply->attributes.gid, 4U);
  EXPECT_EQ(reply->attributes.mode, S_IFREG | 0604U);
}

TEST_F(MemfsFiles, SetIdBitsGoWhenTheKernelSaysSo) {
  make("a");
  const auto arm = [&](std::uint32_t mode) {
    user_.client.setattr(node_, {.valid = kSetattrMode, .mode = mode}).get().value();
  };
  arm(06775);
  write(0, "x");
  EXPECT_EQ(stat().mode & 07777U, 06775U) << "a privileged writer";
  write(0, "x", kWriteKillSuidgid);
  EXPECT_EQ(stat().mode & 07777U, 0775U);
  arm(06764);
  write(0, "x", kWriteKillSuidgid);
  EXPECT_EQ(stat().mode & 07777U, 02764U) << "without group execution, setgid means something else";
  arm(06775);
  user_.client.setattr(node_, {.valid = kSetattrUid | kSetattrKillSuidgid, .uid = 9}).get().value();
  EXPECT_EQ(stat().mode & 07777U, 0775U);
}

TEST_F(MemfsFiles, SetIdBitsGoWithATruncatingOpen) {
  make("a");
  for (const Opcode opcode : {Opcode::kOpen, Opcode::kCreate}) {
    user_.client.setattr(node_, {.valid = kSetattrMode, .mode = 04755}).get().value();
    const auto reply =
        opcode == Opcode::kOpen
            ? user_.client
                  .request(opcode, node_,
                           [](MessageBuilder& out) {
                             out.add(wire::OpenIn{.flags = O_RDWR | O_TRUNC, .open_flags = kOpenKillSuidgid});
                           })
                  .get()
            : user_.client
                  .request(opcode, kRoot,
                           [](MessageBuilder& out) {
                             out
                                 .add(wire::CreateIn{
                                     .flags = O_RDWR | O_TRUNC, .mode = 0, .umask = 0, .open_flags = kOpenKillSuidgid})
                                 .name("a");
                           })
                  .get();
    ASSERT_TRUE(reply);
    EXPECT_EQ(stat().mode & 07777U, 0755U);
  }
  // What those two granted: handles 2 and 3, one lookup.
  EXPECT_TRUE(user_.client.release(node_, FileHandle{2}).get());
  EXPECT_TRUE(user_.client.release(node_, FileHandle{3}).get());
  user_.client.forget(node_, 1);
}

TEST_F(MemfsFiles, CapabilitiesGoWithAWrite) {
  make("a");
  for (int way = 0; way < 3; ++way) {
    ASSERT_TRUE(user_.client.setxattr(node_, "security.capability", {.value = bytes("cap")}).get());
    if (way == 0) write(0, "x");
    if (way == 1) user_.client.setattr(node_, {.valid = kSetattrSize, .size = 0}).get().value();
    if (way == 2) user_.client.setattr(node_, {.valid = kSetattrUid, .uid = 1}).get().value();
    EXPECT_EQ(error_of(user_.client.getxattr(node_, "security.capability").get()), ENODATA) << way;
  }
}

TEST_F(MemfsFiles, KeepsExtendedAttributes) {
  const NodeId a = file("a");
  auto& client = user_.client;
  set_time(8);
  EXPECT_TRUE(client.setxattr(a, "user.one", {.value = bytes("1")}).get());
  EXPECT_TRUE(client.setxattr(a, "user.two", {.value = bytes("22"), .flags = XATTR_CREATE}).get());
  EXPECT_EQ(user_.stat(a).ctime, later(8));
  EXPECT_EQ(error_of(client.setxattr(a, "user.two", {.value = bytes("x"), .flags = XATTR_CREATE}).get()), EEXIST);
  EXPECT_EQ(error_of(client.setxattr(a, "user.3", {.value = bytes("x"), .flags = XATTR_REPLACE}).get()), ENODATA);
  EXPECT_TRUE(client.setxattr(a, "user.two", {.value = bytes("222"), .flags = XATTR_REPLACE}).get());
  EXPECT_EQ(text(client.getxattr(a, "user.two").get().value()), "222");
  EXPECT_EQ(client.getxattr_size(a, "user.two").get().value(), 3U);
  EXPECT_EQ(error_of(client.getxattr(a, "user.two", 2).get()), ERANGE);
  EXPECT_EQ(error_of(client.getxattr(a, "user.3").get()), ENODATA);
  EXPECT_EQ(client.listxattr(a).get().value(), (std::vector<std::string>{"user.one", "user.two"}));
  EXPECT_EQ(client.listxattr_size(a).get().value(), 18U);
  EXPECT_EQ(error_of(client.listxattr(a, 17).get()), ERANGE);
  EXPECT_TRUE(client.removexattr(a, "user.one").get());
  EXPECT_EQ(error_of(client.removexattr(a, "user.one").get()), ENODATA);
}

TEST_F(MemfsFiles, ExtendedAttributesAreLimited) {
  const NodeId a = file("a");
  auto& client = user_.client;
  const std::string most(64 * 1024, 'v');
  EXPECT_TRUE(client.setxattr(a, "user.a", {.value = bytes(most)}).get());
  EXPECT_EQ(error_of(client.setxattr(a, "user.b", {.value = bytes(most + "v")}).get()), E2BIG);
  EXPECT_EQ(error_of(client.setxattr(a, "user.b", {.value = bytes(most)}).get()), ENOSPC);
  EXPECT_TRUE(client.setxattr(a, "user.a", {.value = bytes(most)}).get()) << "instead of the one before";
  EXPECT_EQ(error_of(client.setxattr(a, "user." + std::string(251, 'n'), {.value = bytes("v")}).get()), ERANGE);
  EXPECT_EQ(error_of(client.setxattr(a, "system.posix_acl_access", {.value = bytes("v")}).get()), EOPNOTSUPP);
}

class MemfsSmall : public MemfsFixture<> {
 protected:
  MemfsSmall() : MemfsFixture({.capacity = 4 * kPage, .inodes = 3}) {}
};

TEST_F(MemfsSmall, SpaceEnds) {
  const Created made = user_.create(kRoot, "a").value();
  const auto write = [&](Offset offset, const std::string& content) {
    return user_.client.write(made.entry.node, made.opened.handle, offset, bytes(content)).get();
  };
  EXPECT_EQ(write(0, std::string(5 * kPage, 'x')).value(), 4 * kPage) << "as much as fits";
  EXPECT_EQ(error_of(write(5 * kPage, "x")), ENOSPC);
  EXPECT_EQ(write(0, "y").value(), 1U) << "where there is a page already";
  EXPECT_EQ(error_of(user_.client.fallocate(made.entry.node, made.opened.handle, 0, 5 * kPage, 0).get()), ENOSPC);
  FilesystemStatistics totals = user_.client.statfs().get().value();
  EXPECT_EQ(totals.blocks, 4U);
  EXPECT_EQ(totals.blocks_free, 0U);
  EXPECT_EQ(totals.blocks_available, 0U);
  EXPECT_EQ(totals.fragment_size, kPage);
  user_.client.setattr(made.entry.node, {.valid = kSetattrSize, .size = kPage}).get().value();
  totals = user_.client.statfs().get().value();
  EXPECT_EQ(totals.blocks_free, 3U);
}

TEST_F(MemfsSmall, InodesEnd) {
  file("a");
  const NodeId b = file("b");
  EXPECT_EQ(user_.client.statfs().get()->files, 3U);
  EXPECT_EQ(user_.client.statfs().get()->files_free, 0U);
  EXPECT_EQ(error_of(user_.create(kRoot, "c")), ENOSPC);
  EXPECT_EQ(error_of(user_.mkdir(kRoot, "c")), ENOSPC);
  EXPECT_EQ(error_of(user_.symlink(kRoot, "c", "x")), ENOSPC);
  EXPECT_EQ(error_of(user_.tmpfile(kRoot)), ENOSPC);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, "c", RENAME_WHITEOUT).get()), ENOSPC);
  EXPECT_TRUE(user_.lookup(kRoot, "a")) << "a rename that fails leaves everything";
  ASSERT_TRUE(user_.client.unlink(kRoot, "b").get());
  EXPECT_EQ(error_of(user_.create(kRoot, "c")), ENOSPC) << "still counted, still there";
  user_.forget(b);
  EXPECT_TRUE(user_.create(kRoot, "c"));
}

TEST_F(MemfsSmall, ACopyWithoutSpaceSaysSo) {
  const NodeId source = file("source", std::string(4 * kPage, 'x'));
  const FileHandle from = user_.open(source)->handle;
  const Created to = user_.create(kRoot, "to").value();
  const CopyRange range{
      .node_in = source, .handle_in = from, .node_out = to.entry.node, .handle_out = to.opened.handle, .length = 10};
  EXPECT_EQ(error_of(user_.client.copy_file_range(range).get()), ENOSPC);
}

TEST_F(MemfsFiles, ARefusedReplyLeavesNothingBehind) {
  file("a");
  const Memfs::Usage before = memfs_.usage();
  user_.client.refuse_next(Errno(ENOENT));
  EXPECT_EQ(error_of(user_.client.lookup(kRoot, "a").get()), ENOENT);
  user_.client.refuse_next(Errno(ENOENT));
  EXPECT_EQ(error_of(user_.client.tmpfile(kRoot, 0600, O_RDWR).get()), ENOENT);
  user_.client.refuse_next(Errno(ENOENT));
  EXPECT_EQ(error_of(user_.client.opendir(kRoot).get()), ENOENT);
  EXPECT_EQ(memfs_.usage(), before);
  // The lookup was taken back, too: one forget for the count of file() and the node has no other.
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  user_.give_back();
  EXPECT_EQ(memfs_.usage().inodes, 1U);
}

TEST(MemfsConnection, ItsEndEndsEverything) {
  auto owned = std::make_unique<Memfs>();
  Memfs& memfs = *owned;
  OperationsServer server(std::move(owned));
  Client client(server);
  ASSERT_TRUE(client.init().get());
  const Created made = client.create(kRoot, "a", 0600, O_RDWR).get().value();
  ASSERT_TRUE(client.write(made.entry.node, made.opened.handle, 0, bytes("x")).get());
  ASSERT_TRUE(client.unlink(kRoot, "a").get());
  EXPECT_EQ(memfs.usage(), (Memfs::Usage{.inodes = 2, .pages = 1, .open = 1}));
  server.disconnect();
  EXPECT_EQ(memfs.usage(), (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0}));
}

TEST(MemfsConnection, TakesTheKillingOfSetIdBitsOverWhereOffered) {
  OperationsServer server(std::make_unique<Memfs>());
  Client client(server);
  EXPECT_NE(client.init().get()->flags & kInitHandleKillprivV2, 0U);
  server.disconnect();
  OperationsServer old(std::make_unique<Memfs>());
  Client other(old);
  EXPECT_EQ(other.init(kInitBigWrites).get()->flags, std::uint64_t{kInitBigWrites});
  old.disconnect();
}

}  // namespace
}  // namespace fusereplay::testing
