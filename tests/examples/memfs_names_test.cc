// memfs: names, what makes them, moves them, removes them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>

#include "tests/examples/memfs_user.h"

namespace fusereplay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class MemfsNames : public MemfsFixture<> {};

TEST_F(MemfsNames, TheRootIsADirectoryOfItsOwn) {
  const Attributes root = user_.stat(kRoot);
  EXPECT_EQ(root.mode, S_IFDIR | 0755U);
  EXPECT_EQ(root.ino, 1U);
  EXPECT_EQ(root.nlink, 2U);
}

TEST_F(MemfsNames, MakesEveryTypeOfFile) {
  user_.client.set_caller({.uid = 12, .gid = 34, .pid = 5});
  set_time(7);
  EXPECT_EQ(user_.create(kRoot, "file", O_RDWR, 0640)->entry.attributes.mode, S_IFREG | 0640U);
  EXPECT_EQ(user_.mkdir(kRoot, "dir", 0750)->attributes.mode, S_IFDIR | 0750U);
  EXPECT_EQ(user_.symlink(kRoot, "symlink", "file")->attributes.mode, S_IFLNK | 0777U);
  EXPECT_EQ(user_.mknod(kRoot, "fifo", S_IFIFO | 0600)->attributes.mode, S_IFIFO | 0600U);
  EXPECT_EQ(user_.mknod(kRoot, "socket", S_IFSOCK | 0600)->attributes.mode, S_IFSOCK | 0600U);
  EXPECT_EQ(user_.mknod(kRoot, "regular", 0600)->attributes.mode, S_IFREG | 0600U);
  const Attributes device = user_.mknod(kRoot, "device", S_IFBLK | 0600, 0x801)->attributes;
  EXPECT_EQ(device.mode, S_IFBLK | 0600U);
  EXPECT_EQ(device.rdev, 0x801U);
  EXPECT_EQ(device.uid, 12U);
  EXPECT_EQ(device.gid, 34U);
  EXPECT_EQ(device.nlink, 1U);
  EXPECT_EQ(device.mtime, later(7));
  EXPECT_EQ(device.ctime, later(7));
  EXPECT_EQ(device.atime, later(7));
  EXPECT_EQ(user_.stat(kRoot).nlink, 3U);
  EXPECT_EQ(user_.stat(kRoot).mtime, later(7));
  EXPECT_EQ(error_of(user_.mknod(kRoot, "no", S_IFDIR | 0700)), EINVAL);
}

TEST_F(MemfsNames, ASymlinkKeepsItsTarget) {
  const Entry link = user_.symlink(kRoot, "link", "some/where").value();
  EXPECT_EQ(link.attributes.size, 10U);
  EXPECT_EQ(user_.client.readlink(link.node).get().value(), "some/where");
  EXPECT_EQ(error_of(user_.client.readlink(kRoot).get()), EINVAL);
  EXPECT_TRUE(user_.symlink(kRoot, "longest", std::string(4095, 'x')));
  EXPECT_EQ(error_of(user_.symlink(kRoot, "too long", std::string(4096, 'x'))), ENAMETOOLONG);
}

TEST_F(MemfsNames, LooksUpWhatIsThere) {
  const NodeId made = file("a");
  const Entry found = user_.lookup(kRoot, "a").value();
  EXPECT_EQ(found.node, made);
  EXPECT_EQ(found.attributes.ino, raw(made)) << "an inode's number is its nodeid";
  EXPECT_EQ(found.generation, 0U);
  EXPECT_EQ(found.entry_timeout.nanoseconds, 1'000'000'000U);
  EXPECT_EQ(error_of(user_.lookup(kRoot, "b")), ENOENT);
  EXPECT_EQ(error_of(user_.lookup(made, "b")), ENOTDIR);
  EXPECT_EQ(error_of(user_.lookup(NodeId{999}, "b")), ESTALE);
  EXPECT_EQ(error_of(user_.lookup(kRoot, std::string(256, 'n'))), ENAMETOOLONG);
}

TEST_F(MemfsNames, AnExporterFindsAnInodeAndItsParent) {
  const Entry directory = user_.mkdir(kRoot, "d").value();
  const Entry inner = user_.mkdir(directory.node, "e").value();
  const NodeId leaf = file("f", "", inner.node);
  EXPECT_EQ(user_.lookup(leaf, ".")->node, leaf);
  EXPECT_EQ(user_.lookup(inner.node, "..")->node, directory.node);
  EXPECT_EQ(user_.lookup(directory.node, "..")->node, kRoot);
}

TEST_F(MemfsNames, ANameIsTakenOnce) {
  const NodeId a = file("a");
  EXPECT_EQ(error_of(user_.mkdir(kRoot, "a")), EEXIST);
  EXPECT_EQ(error_of(user_.mknod(kRoot, "a", S_IFIFO | 0600)), EEXIST);
  EXPECT_EQ(error_of(user_.symlink(kRoot, "a", "x")), EEXIST);
  EXPECT_EQ(error_of(user_.link(a, kRoot, "a")), EEXIST);
  EXPECT_EQ(error_of(user_.create(kRoot, "a", O_RDWR | O_EXCL)), EEXIST);
}

TEST_F(MemfsNames, ANameHasAtMost255Bytes) {
  const std::string longest(255, 'n');
  const std::string longer(256, 'n');
  const NodeId node = file(longest);
  EXPECT_EQ(error_of(user_.create(kRoot, longer)), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.mkdir(kRoot, longer)), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.link(node, kRoot, longer)), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, longest, kRoot, longer).get()), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.client.unlink(kRoot, longer).get()), ENAMETOOLONG);
}

TEST_F(MemfsNames, NothingIsMadeInAFileOrInARemovedDirectory) {
  const NodeId a = file("a");
  EXPECT_EQ(error_of(user_.mkdir(a, "x")), ENOTDIR);
  const NodeId gone = user_.mkdir(kRoot, "gone")->node;
  ASSERT_TRUE(user_.client.rmdir(kRoot, "gone").get());
  EXPECT_EQ(error_of(user_.create(gone, "x")), ENOENT);
  EXPECT_EQ(error_of(user_.link(a, gone, "x")), ENOENT);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", gone, "x").get()), ENOENT);
  EXPECT_EQ(user_.stat(gone).nlink, 0U);
}

TEST_F(MemfsNames, CreateOpensWhatTheKernelDidNotKnowOf) {
  const NodeId a = file("a", "content");
  const Created opened = user_.create(kRoot, "a").value();
  EXPECT_EQ(opened.entry.node, a);
  EXPECT_EQ(user_.read(a, opened.opened.handle), "content");
  EXPECT_EQ(user_.create(kRoot, "a", O_RDWR | O_TRUNC)->entry.attributes.size, 0U);
  user_.mkdir(kRoot, "d").value();
  EXPECT_EQ(error_of(user_.create(kRoot, "d")), ESTALE) << "so that the kernel looks again";
}

TEST_F(MemfsNames, AHardLinkIsTheSameNode) {
  const NodeId a = file("a");
  set_time(3);
  const Entry b = user_.link(a, kRoot, "b").value();
  EXPECT_EQ(b.node, a);
  EXPECT_EQ(b.attributes.nlink, 2U);
  EXPECT_EQ(b.attributes.ctime, later(3));
  EXPECT_TRUE(user_.client.unlink(kRoot, "a").get());
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, a);
  EXPECT_EQ(user_.stat(a).nlink, 1U);
  EXPECT_EQ(error_of(user_.link(kRoot, kRoot, "c")), EPERM);
}

TEST_F(MemfsNames, UnlinkAndRmdirKnowTheirKind) {
  file("a");
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  file("inner", "", d);
  EXPECT_EQ(error_of(user_.client.unlink(kRoot, "d").get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.rmdir(kRoot, "a").get()), ENOTDIR);
  EXPECT_EQ(error_of(user_.client.rmdir(kRoot, "d").get()), ENOTEMPTY);
  EXPECT_EQ(error_of(user_.client.unlink(kRoot, "b").get()), ENOENT);
  EXPECT_EQ(error_of(user_.client.rmdir(kRoot, "b").get()), ENOENT);
  EXPECT_TRUE(user_.client.unlink(d, "inner").get());
  EXPECT_TRUE(user_.client.rmdir(kRoot, "d").get());
  EXPECT_EQ(user_.stat(kRoot).nlink, 2U);
}

TEST_F(MemfsNames, RenameMovesAName) {
  const NodeId a = file("a");
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  set_time(9);
  EXPECT_TRUE(user_.client.rename(kRoot, "a", d, "b").get());
  EXPECT_EQ(user_.lookup(d, "b")->node, a);
  EXPECT_EQ(error_of(user_.lookup(kRoot, "a")), ENOENT);
  EXPECT_EQ(user_.stat(a).ctime, later(9));
  EXPECT_EQ(user_.stat(d).mtime, later(9));
  EXPECT_EQ(user_.stat(kRoot).mtime, later(9));
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "none", d, "c").get()), ENOENT);
}

TEST_F(MemfsNames, RenameTakesADirectoryAlong) {
  const NodeId from = user_.mkdir(kRoot, "from")->node;
  const NodeId to = user_.mkdir(kRoot, "to")->node;
  const NodeId moved = user_.mkdir(from, "moved")->node;
  file("child", "", moved);
  EXPECT_TRUE(user_.client.rename(from, "moved", to, "moved").get());
  EXPECT_EQ(user_.stat(from).nlink, 2U);
  EXPECT_EQ(user_.stat(to).nlink, 3U);
  EXPECT_EQ(user_.lookup(moved, "..")->node, to);
  EXPECT_THAT(user_.list(moved), ElementsAre("child"));
}

TEST_F(MemfsNames, RenameReplacesItsTarget) {
  const NodeId a = file("a", "new");
  const NodeId b = file("b", "old");
  EXPECT_TRUE(user_.client.rename(kRoot, "a", kRoot, "b").get());
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, a);
  EXPECT_EQ(user_.stat(b).nlink, 0U) << "still known to the kernel, so still there (rule F2)";
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  const NodeId e = user_.mkdir(kRoot, "e")->node;
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "b", kRoot, "d").get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "d", kRoot, "b").get()), ENOTDIR);
  EXPECT_TRUE(user_.client.rename(kRoot, "d", kRoot, "e").get());
  EXPECT_EQ(user_.lookup(kRoot, "e")->node, d);
  EXPECT_EQ(user_.stat(e).nlink, 0U);
  EXPECT_EQ(user_.stat(kRoot).nlink, 3U) << "one directory went, its parent counts it once";
  const NodeId full = user_.mkdir(kRoot, "full")->node;
  file("x", "", full);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "e", kRoot, "full").get()), ENOTEMPTY);
}

TEST_F(MemfsNames, RenameOverAnEmptyDirectoryElsewhereKeepsTheCounts) {
  const NodeId from = user_.mkdir(kRoot, "from")->node;
  const NodeId to = user_.mkdir(kRoot, "to")->node;
  user_.mkdir(from, "d").value();
  user_.mkdir(to, "d").value();
  EXPECT_TRUE(user_.client.rename(from, "d", to, "d").get());
  EXPECT_EQ(user_.stat(from).nlink, 2U);
  EXPECT_EQ(user_.stat(to).nlink, 3U);
}

TEST_F(MemfsNames, RenameBetweenTwoNamesOfOneFileDoesNothing) {
  const NodeId a = file("a");
  user_.link(a, kRoot, "b").value();
  EXPECT_TRUE(user_.client.rename(kRoot, "a", kRoot, "b").get());
  EXPECT_THAT(user_.list(kRoot), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(user_.stat(a).nlink, 2U);
}

TEST_F(MemfsNames, ADirectoryIsNotMovedIntoItself) {
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  const NodeId e = user_.mkdir(d, "e")->node;
  file("f", "", e);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "d", e, "x").get()), EINVAL);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "d", d, "x").get()), EINVAL);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "d", e, "f", RENAME_EXCHANGE).get()), EINVAL);
  EXPECT_EQ(error_of(user_.client.rename(e, "f", kRoot, "d", RENAME_EXCHANGE).get()), EINVAL);
}

TEST_F(MemfsNames, NoreplaceLeavesTheTarget) {
  const NodeId a = file("a");
  const NodeId b = file("b");
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, "b", RENAME_NOREPLACE).get()), EEXIST);
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, b);
  EXPECT_TRUE(user_.client.rename(kRoot, "a", kRoot, "c", RENAME_NOREPLACE).get());
  EXPECT_EQ(user_.lookup(kRoot, "c")->node, a);
}

TEST_F(MemfsNames, ExchangeSwapsAFileAndADirectory) {
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  const NodeId inner = user_.mkdir(d, "inner")->node;
  const NodeId a = file("a");
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", d, "none", RENAME_EXCHANGE).get()), ENOENT);
  set_time(4);
  EXPECT_TRUE(user_.client.rename(kRoot, "a", d, "inner", RENAME_EXCHANGE).get());
  EXPECT_EQ(user_.lookup(kRoot, "a")->node, inner);
  EXPECT_EQ(user_.lookup(d, "inner")->node, a);
  EXPECT_EQ(user_.stat(d).nlink, 2U);
  EXPECT_EQ(user_.stat(kRoot).nlink, 4U);
  EXPECT_EQ(user_.lookup(inner, "..")->node, kRoot);
  EXPECT_EQ(user_.stat(a).ctime, later(4));
  EXPECT_EQ(user_.stat(inner).ctime, later(4));
}

TEST_F(MemfsNames, WhiteoutLeavesADeviceBehind) {
  const NodeId a = file("a");
  EXPECT_TRUE(user_.client.rename(kRoot, "a", kRoot, "b", RENAME_WHITEOUT).get());
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, a);
  const Attributes whiteout = user_.lookup(kRoot, "a")->attributes;
  EXPECT_EQ(whiteout.mode, static_cast<std::uint32_t>(S_IFCHR));
  EXPECT_EQ(whiteout.rdev, 0U);
}

TEST_F(MemfsNames, OtherRenameFlagsAreRefused) {
  file("a");
  file("b");
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, "b", 8).get()), EINVAL);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, "b", RENAME_EXCHANGE | RENAME_NOREPLACE).get()), EINVAL);
}

TEST_F(MemfsNames, ASetgidDirectoryHandsItsGroupDown) {
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  ASSERT_TRUE(user_.client.setattr(d, {.valid = kSetattrMode | kSetattrGid, .mode = S_ISGID | 0775, .gid = 77}).get());
  user_.client.set_caller({.uid = 5, .gid = 6, .pid = 7});
  EXPECT_EQ(user_.create(d, "file")->entry.attributes.gid, 77U);
  const Attributes inner = user_.mkdir(d, "inner", 0755)->attributes;
  EXPECT_EQ(inner.gid, 77U);
  EXPECT_EQ(inner.mode, S_IFDIR | S_ISGID | 0755U);
}

TEST_F(MemfsNames, AFileWithoutANameCanGetOne) {
  const Created made = user_.tmpfile(kRoot).value();
  const NodeId node = made.entry.node;
  EXPECT_EQ(made.entry.attributes.nlink, 0U);
  EXPECT_THAT(user_.list(kRoot), IsEmpty());
  ASSERT_TRUE(user_.client.write(node, made.opened.handle, 0, bytes("kept")).get());
  EXPECT_EQ(user_.link(node, kRoot, "named")->attributes.nlink, 1U);
  EXPECT_EQ(user_.read(node, made.opened.handle), "kept");
  ASSERT_TRUE(user_.client.unlink(kRoot, "named").get());
  EXPECT_EQ(error_of(user_.link(node, kRoot, "again")), ENOENT) << "only what never had a name may get one";
  const Created exclusive = user_.tmpfile(kRoot, O_RDWR | O_EXCL).value();
  EXPECT_EQ(error_of(user_.link(exclusive.entry.node, kRoot, "never")), ENOENT);
}

class MemfsFewLinks : public MemfsFixture<> {
 protected:
  MemfsFewLinks() : MemfsFixture({.max_links = 3}) {}
};

TEST_F(MemfsFewLinks, LinksAreLimited) {
  const NodeId a = file("a");
  EXPECT_TRUE(user_.link(a, kRoot, "b"));
  EXPECT_TRUE(user_.link(a, kRoot, "c"));
  EXPECT_EQ(error_of(user_.link(a, kRoot, "d")), EMLINK);
  const NodeId first = user_.mkdir(kRoot, "first")->node;
  EXPECT_EQ(error_of(user_.mkdir(kRoot, "second")), EMLINK);
  user_.mkdir(first, "inner").value();
  EXPECT_EQ(error_of(user_.client.rename(first, "inner", kRoot, "second").get()), EMLINK);
  EXPECT_EQ(error_of(user_.client.rename(first, "inner", kRoot, "a", RENAME_EXCHANGE).get()), EMLINK);
}

}  // namespace
}  // namespace fusereplay::testing
