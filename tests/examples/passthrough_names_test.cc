// passthrough: names, nodes and attributes, seen from both sides.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>

#include "tests/examples/passthrough_fixture.h"

namespace fusereplay::testing {
namespace {

using ::testing::UnorderedElementsAre;

class PassthroughNames : public PassthroughFixture {};

TEST_F(PassthroughNames, FindsWhatIsThere) {
  put("a", "abc");
  const Entry a = user_.lookup(kRoot, "a").value();
  EXPECT_EQ(a.attributes.size, 3U);
  EXPECT_EQ(a.attributes.ino, status("a").st_ino);
  EXPECT_EQ(a.attributes.mode, status("a").st_mode);
  EXPECT_EQ(a.entry_timeout.nanoseconds, Timeout::seconds(1).nanoseconds);
  EXPECT_EQ(error_of(user_.lookup(kRoot, "b")), ENOENT);
  EXPECT_EQ(error_of(user_.lookup(kRoot, std::string(256, 'x'))), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.lookup(a.node, "x")), ENOTDIR);
  EXPECT_EQ(error_of(user_.lookup(NodeId{99}, "x")), ESTALE);
}

TEST_F(PassthroughNames, OneFileIsOneNodeByWhateverName) {
  put("a", "");
  ASSERT_EQ(::link(path("a").c_str(), path("b").c_str()), 0);
  const Entry a = user_.lookup(kRoot, "a").value();
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, a.node);
  EXPECT_EQ(user_.link(a.node, kRoot, "c")->node, a.node);
  EXPECT_EQ(status("c").st_nlink, 3U);
}

TEST_F(PassthroughNames, ARemovedFilesNumberIsNotMistakenForIt) {
  put("a", "old");
  const Entry old = user_.lookup(kRoot, "a").value();
  ASSERT_EQ(::unlink(path("a").c_str()), 0);
  put("a", "newer");
  const Entry fresh = user_.lookup(kRoot, "a").value();
  EXPECT_NE(fresh.node, old.node);
  EXPECT_EQ(user_.stat(old.node).size, 3U) << "as long as it is counted";
  EXPECT_EQ(user_.stat(old.node).nlink, 0U);
  EXPECT_EQ(user_.stat(fresh.node).size, 5U);
  user_.forget(old.node);
  EXPECT_EQ(error_of(user_.client.getattr(old.node).get()), ESTALE);
}

TEST(PassthroughNodeIndex, TellsFilesOfOneNumberApartByWhenTheyWereMade) {
  using namespace passthrough;
  NodeIndex index;
  Inodes nodes(nullptr, Identity{}, UniqueFd());
  Identity file{.device = 1, .ino = 2, .type = S_IFREG, .birth_seconds = 3, .birth_nanoseconds = 4};
  const Node first = index.intern(nodes, file, UniqueFd());
  EXPECT_EQ(index.intern(nodes, file, UniqueFd()).id(), first.id());
  Identity later = file;
  later.birth_nanoseconds = 5;
  Node second = index.intern(nodes, later, UniqueFd());
  EXPECT_NE(second.id(), first.id());
  EXPECT_EQ(index.intern(nodes, later, UniqueFd()).id(), second.id());
  Identity other_type = later;
  other_type.type = S_IFDIR;
  EXPECT_NE(index.intern(nodes, other_type, UniqueFd()).id(), second.id());
  const NodeId gone = second.id();
  second = Node();
  EXPECT_EQ(error_of(nodes.find(gone)), ESTALE);
  EXPECT_NE(index.intern(nodes, later, UniqueFd()).id(), gone) << "a node that was destroyed is not found";
}

TEST_F(PassthroughNames, TheRootIsWhereItEnds) {
  EXPECT_EQ(user_.lookup(kRoot, "..")->node, kRoot);
  const Entry d = user_.mkdir(kRoot, "d").value();
  EXPECT_EQ(user_.lookup(d.node, "..")->node, kRoot);
}

TEST_F(PassthroughNames, MakesEveryKindOfFile) {
  const Entry d = user_.mkdir(kRoot, "d", 01777).value();
  EXPECT_EQ(d.attributes.mode, S_IFDIR | 01777U);
  EXPECT_EQ(status("d").st_mode, S_IFDIR | 01777U) << "our own umask takes nothing";
  EXPECT_EQ(error_of(user_.mkdir(kRoot, "d")), EEXIST);
  EXPECT_EQ(error_of(user_.mkdir(kRoot, std::string(256, 'x'))), ENAMETOOLONG);
  const Entry f = user_.mknod(d.node, "f", S_IFREG | 0666).value();
  EXPECT_EQ(status("d/f").st_mode, S_IFREG | 0666U);
  EXPECT_EQ(user_.mknod(d.node, "p", S_IFIFO | 0600)->attributes.mode, S_IFIFO | 0600U);
  EXPECT_EQ(error_of(user_.mknod(d.node, "x", S_IFDIR | 0600)), EINVAL);
  EXPECT_EQ(error_of(user_.mknod(d.node, "f", S_IFREG | 0600)), EEXIST);
  const Entry s = user_.symlink(kRoot, "s", "to/nowhere").value();
  EXPECT_EQ(user_.client.readlink(s.node).get().value(), "to/nowhere");
  EXPECT_EQ(s.attributes.size, 10U);
  EXPECT_EQ(error_of(user_.symlink(kRoot, "s", "x")), EEXIST);
  EXPECT_EQ(error_of(user_.client.readlink(f.node).get()), EINVAL);
  EXPECT_EQ(user_.link(s.node, d.node, "s2")->node, s.node) << "a link's own name, not its target's";
  EXPECT_EQ(error_of(user_.link(f.node, kRoot, "d")), EEXIST);
  EXPECT_EQ(error_of(user_.link(f.node, kRoot, std::string(256, 'x'))), ENAMETOOLONG);
}

TEST_F(PassthroughNames, DevicesKeepTheirNumbers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes devices";
  const auto made = user_.mknod(kRoot, "null", S_IFCHR | 0600, 1 << 8 | 3);
  if (error_of(made) == EPERM) GTEST_SKIP() << "no device may be made here";
  EXPECT_EQ(made->attributes.rdev, 1U << 8 | 3);
  EXPECT_EQ(status("null").st_rdev, makedev(1, 3));
}

TEST_F(PassthroughNames, Removes) {
  const Entry d = user_.mkdir(kRoot, "d").value();
  user_.mknod(d.node, "f", S_IFREG | 0600).value();
  EXPECT_EQ(error_of(user_.client.rmdir(kRoot, "d").get()), ENOTEMPTY);
  EXPECT_EQ(error_of(user_.client.unlink(kRoot, "d").get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.rmdir(d.node, "f").get()), ENOTDIR);
  EXPECT_EQ(error_of(user_.client.unlink(d.node, "g").get()), ENOENT);
  EXPECT_EQ(error_of(user_.client.unlink(d.node, std::string(256, 'x')).get()), ENAMETOOLONG);
  EXPECT_TRUE(user_.client.unlink(d.node, "f").get());
  EXPECT_TRUE(user_.client.rmdir(kRoot, "d").get());
  EXPECT_FALSE(exists("d"));
}

TEST_F(PassthroughNames, RenamesWithEveryFlag) {
  put("a", "a");
  put("b", "b");
  const Entry d = user_.mkdir(kRoot, "d").value();
  const NodeId a = user_.lookup(kRoot, "a")->node;
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, "b", RENAME_NOREPLACE).get()), EEXIST);
  EXPECT_TRUE(user_.client.rename(kRoot, "a", kRoot, "b", RENAME_EXCHANGE).get());
  EXPECT_EQ(content("b"), "a");
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, a);
  EXPECT_TRUE(user_.client.rename(kRoot, "b", d.node, "moved").get());
  EXPECT_EQ(content("d/moved"), "a");
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "b", kRoot, "c").get()), ENOENT);
  EXPECT_EQ(error_of(user_.client.rename(kRoot, "a", kRoot, std::string(256, 'x')).get()), ENAMETOOLONG);
  EXPECT_EQ(user_.stat(a).size, 1U);
}

TEST_F(PassthroughNames, ListsEachNameOnceWithAndWithoutLookups) {
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    expected.push_back("name" + std::to_string(i));
    put(expected.back(), "");
  }
  EXPECT_THAT(user_.list(kRoot, 600), ::testing::UnorderedElementsAreArray(expected));
  const FileHandle handle = user_.opendir(kRoot)->handle;
  std::vector<std::string> plain;
  Cookie from{};
  for (;;) {
    const auto page = user_.client.readdir(kRoot, handle, from, 512).get().value();
    if (page.empty()) break;
    for (const DirectoryEntry& entry : page) {
      plain.push_back(entry.name);
      EXPECT_NE(raw(entry.next), 0U);
      if (entry.name != "." && entry.name != "..") {
        EXPECT_EQ(entry.ino, status(entry.name).st_ino);
        EXPECT_EQ(entry.type, DT_REG);
      }
    }
    from = page.back().next;
  }
  expected.insert(expected.end(), {".", ".."});
  EXPECT_THAT(plain, ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(PassthroughNames, ResumesAListingFromAnotherHandle) {
  for (int i = 0; i < 40; ++i) put("name" + std::to_string(i), "");
  const FileHandle one = user_.opendir(kRoot)->handle;
  const auto first = user_.client.readdir(kRoot, one, Cookie{}, 512).get().value();
  const auto rest = user_.client.readdir(kRoot, one, first.back().next, 65536).get().value();
  const FileHandle two = user_.opendir(kRoot)->handle;
  const auto resumed = user_.client.readdir(kRoot, two, first.back().next, 65536).get().value();
  ASSERT_EQ(resumed.size(), rest.size());
  for (std::size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(resumed[i].name, rest[i].name);
  const auto again = user_.client.readdir(kRoot, one, Cookie{}, 512).get().value();
  EXPECT_EQ(again.front().name, first.front().name) << "rewound";
}

TEST_F(PassthroughNames, CountsOnlyEntriesThatAreOnThePage) {
  for (int i = 0; i < 20; ++i) put("name" + std::to_string(i), "");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  const auto page = user_.page_plus(kRoot, handle, Cookie{}, 700);
  std::size_t looked_up = 0;
  for (const DirectoryEntry& entry : page) {
    const bool dots = entry.name == "." || entry.name == "..";
    EXPECT_EQ(raw(entry.entry.node) != 0, !dots) << entry.name;
    looked_up += !dots;
  }
  EXPECT_LT(looked_up, 20U);
  EXPECT_EQ(passthrough_.usage().inodes, 1 + looked_up);
}

TEST_F(PassthroughNames, RefusesWhatIsNoOpenDirectory) {
  put("a", "");
  const NodeId a = user_.lookup(kRoot, "a")->node;
  EXPECT_EQ(error_of(user_.opendir(a)), ENOTDIR);
  EXPECT_EQ(error_of(user_.client.readdir(kRoot, FileHandle{77}, Cookie{}).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fsyncdir(kRoot, FileHandle{77}).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.releasedir(kRoot, FileHandle{77}).get()), EBADF);
  const FileHandle handle = user_.opendir(kRoot)->handle;
  EXPECT_TRUE(user_.client.fsyncdir(kRoot, handle).get());
  EXPECT_TRUE(user_.client.fsyncdir(kRoot, handle, SyncKind::kDataOnly).get());
  EXPECT_TRUE(user_.client.syncfs().get());
}

TEST_F(PassthroughNames, ChangesAttributesBothSidesSee) {
  put("a", "abcdef");
  const NodeId a = user_.lookup(kRoot, "a")->node;
  EXPECT_EQ(user_.client.setattr(a, {.valid = kSetattrMode, .mode = 04751}).get()->attributes.mode, S_IFREG | 04751U);
  EXPECT_EQ(status("a").st_mode, S_IFREG | 04751U);
  EXPECT_EQ(user_.client.setattr(a, {.valid = kSetattrSize | kSetattrKillSuidgid, .size = 2}).get()->attributes.mode,
            S_IFREG | 0751U);
  EXPECT_EQ(content("a"), "ab");
  const auto timed = user_.client
                         .setattr(a, {.valid = kSetattrAtime | kSetattrMtime,
                                      .atime = {.seconds = 5, .nanoseconds = 6},
                                      .mtime = {.seconds = 7, .nanoseconds = 8}})
                         .get();
  EXPECT_EQ(timed->attributes.atime, (Timestamp{5, 6}));
  EXPECT_EQ(timed->attributes.mtime, (Timestamp{7, 8}));
  const auto now = user_.client.setattr(a, {.valid = kSetattrMtime | kSetattrMtimeNow}).get();
  EXPECT_EQ(now->attributes.atime, (Timestamp{5, 6}));
  EXPECT_GT(now->attributes.mtime.seconds, 1'000'000'000);
  EXPECT_EQ(error_of(user_.client.setattr(kRoot, {.valid = kSetattrSize, .size = 1}).get()), EISDIR);
  EXPECT_EQ(error_of(user_.client.setattr(a, {.valid = kSetattrSize, .size = std::uint64_t{1} << 63}).get()), EFBIG);
  EXPECT_EQ(error_of(user_.client.setattr(NodeId{99}, {.valid = kSetattrMode}).get()), ESTALE);
  const NodeId s = user_.symlink(kRoot, "s", "a")->node;
  EXPECT_TRUE(user_.client.setattr(s, {.valid = kSetattrMtime, .mtime = {.seconds = 9}}).get());
  EXPECT_EQ(status("s").st_mtim.tv_sec, 9) << "the link's own time";
  EXPECT_NE(status("a").st_mtim.tv_sec, 9);
}

TEST_F(PassthroughNames, WhatRootMakesForOthersBelongsToThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files for others";
  user_.client.set_caller({.uid = 1234, .gid = 5678});
  const NodeId d = user_.mkdir(kRoot, "d", 0775)->node;
  ASSERT_TRUE(user_.client.setattr(d, {.valid = kSetattrMode, .mode = 02775}).get());
  user_.client.set_caller({.uid = 4321, .gid = 8765});
  const Created f = user_.create(d, "f").value();
  user_.symlink(kRoot, "s", "x").value();
  user_.mknod(kRoot, "n", S_IFREG | 0600).value();
  const Created t = user_.tmpfile(kRoot).value();
  user_.client.set_caller({});
  user_.mknod(kRoot, "r", S_IFREG | 0600).value();
  EXPECT_EQ(status("d").st_uid, 1234U);
  EXPECT_EQ(status("d").st_gid, 5678U);
  EXPECT_EQ(f.entry.attributes.uid, 4321U);
  EXPECT_EQ(f.entry.attributes.gid, 5678U) << "the directory has its set-group-id bit";
  EXPECT_EQ(t.entry.attributes.uid, 4321U);
  for (const char* name : {"s", "n"}) {
    EXPECT_EQ(status(name).st_uid, 4321U);
    EXPECT_EQ(status(name).st_gid, 8765U);
  }
  EXPECT_EQ(status("r").st_uid, 0U) << "root again";
  EXPECT_TRUE(user_.client.setattr(f.entry.node, {.valid = kSetattrUid | kSetattrGid, .uid = 1, .gid = 2}).get());
  EXPECT_EQ(status("d/f").st_uid, 1U);
  EXPECT_EQ(status("d/f").st_gid, 2U);
}

TEST_F(PassthroughNames, JudgesAccessAsTheCaller) {
  put("a", "");
  const NodeId a = user_.lookup(kRoot, "a")->node;
  ASSERT_TRUE(user_.client.setattr(a, {.valid = kSetattrMode, .mode = 0640}).get());
  EXPECT_TRUE(user_.client.access(a, R_OK | W_OK).get());
  EXPECT_EQ(error_of(user_.client.access(a, X_OK).get()), EACCES);
  if (::geteuid() != 0) return;
  user_.client.set_caller({.uid = 1234, .gid = 1234});
  EXPECT_EQ(error_of(user_.client.access(a, R_OK).get()), EACCES);
  EXPECT_TRUE(user_.client.access(a, F_OK).get());
}

TEST_F(PassthroughNames, StatxKnowsTheBirth) {
  put("a", "abc");
  const NodeId a = user_.lookup(kRoot, "a")->node;
  const StatxReply reply = user_.client.statx(a, {.mask = STATX_BTIME}).get().value();
  EXPECT_EQ(reply.attributes.size, 3U);
  struct statx truth {};
  ASSERT_EQ(::statx(AT_FDCWD, path("a").c_str(), 0, STATX_BTIME, &truth), 0);
  EXPECT_EQ(reply.mask & STATX_BTIME, truth.stx_mask & STATX_BTIME);
  EXPECT_EQ(reply.birth, (Timestamp{truth.stx_btime.tv_sec, truth.stx_btime.tv_nsec}));
  EXPECT_EQ(error_of(user_.client.statx(NodeId{99}, {}).get()), ESTALE);
}

TEST_F(PassthroughNames, StatfsIsTheSources) {
  const auto statistics = user_.client.statfs().get().value();
  EXPECT_GT(statistics.blocks, 0U);
  EXPECT_EQ(statistics.name_length, 255U);
}

TEST_F(PassthroughNames, ExtendedAttributesAreTheSources) {
  put("a", "");
  if (::setxattr(path("a").c_str(), "user.given", "x", 1, 0) != 0) GTEST_SKIP() << "the source has none";
  const NodeId a = user_.lookup(kRoot, "a")->node;
  EXPECT_TRUE(user_.client.setxattr(a, "user.small", {.value = bytes("v")}).get());
  EXPECT_EQ(text(user_.client.getxattr(a, "user.small").get().value()), "v");
  EXPECT_EQ(error_of(user_.client.setxattr(a, "user.small", {.value = bytes("v"), .flags = XATTR_CREATE}).get()),
            EEXIST);
  EXPECT_EQ(error_of(user_.client.setxattr(a, "user.none", {.value = bytes("v"), .flags = XATTR_REPLACE}).get()),
            ENODATA);
  EXPECT_THAT(user_.client.listxattr(a).get().value(), UnorderedElementsAre("user.given", "user.small"));
  EXPECT_TRUE(user_.client.removexattr(a, "user.small").get());
  EXPECT_EQ(error_of(user_.client.removexattr(a, "user.small").get()), ENODATA);
  EXPECT_EQ(error_of(user_.client.getxattr(a, "user.small").get()), ENODATA);
  EXPECT_EQ(user_.client.getxattr_size(a, "user.given").get().value(), 1U);
}

TEST_F(PassthroughNames, AccessListsAreNotShown) {
  put("a", "");
  const NodeId a = user_.lookup(kRoot, "a")->node;
  const char* list = "system.posix_acl_access";
  EXPECT_EQ(error_of(user_.client.getxattr(a, list).get()), ENODATA);
  EXPECT_EQ(error_of(user_.client.setxattr(a, list, {.value = bytes("x")}).get()), EOPNOTSUPP);
  EXPECT_EQ(error_of(user_.client.removexattr(a, list).get()), EOPNOTSUPP);
}

}  // namespace
}  // namespace fusereplay::testing
