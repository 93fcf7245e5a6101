#include "core/operations/attributes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace fusereplay {
namespace {

bool operator==(const Attributes& a, const Attributes& b) {
  return a.ino == b.ino && a.size == b.size && a.blocks == b.blocks && a.atime == b.atime && a.mtime == b.mtime &&
         a.ctime == b.ctime && a.mode == b.mode && a.nlink == b.nlink && a.uid == b.uid && a.gid == b.gid &&
         a.rdev == b.rdev && a.block_size == b.block_size && a.flags == b.flags;
}

struct Known {
  explicit Known(const char* path) {
    EXPECT_EQ(::lstat(path, &stat), 0);
    EXPECT_EQ(::statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &statx), 0);
  }
  struct ::stat stat {};
  struct ::statx statx {};
};

TEST(Attributes, AreTheSameOfStatAndStatx) {
  char path[] = "/tmp/attributes-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(::write(fd, "text", 4), 4);
  const struct timespec times[2] = {{.tv_sec = -5, .tv_nsec = 7}, {.tv_sec = 1, .tv_nsec = 999'999'999}};
  EXPECT_EQ(::futimens(fd, times), 0);
  ::close(fd);
  for (const char* const of : {static_cast<const char*>(path), "/dev/null", "/"}) {
    const Known known(of);
    EXPECT_TRUE(attributes_of(known.stat) == attributes_of(known.statx)) << of;
  }
  const Known known(path);
  const Attributes file = attributes_of(known.stat);
  EXPECT_EQ(file.ino, known.stat.st_ino);
  EXPECT_EQ(file.size, 4U);
  EXPECT_EQ(file.mode, S_IFREG | 0600U);
  EXPECT_EQ(file.atime, (Timestamp{-5, 7}));
  EXPECT_EQ(file.mtime, (Timestamp{1, 999'999'999}));
  EXPECT_EQ(::unlink(path), 0);
}

TEST(Attributes, HaveADeviceAsTheKernelEncodesIt) {
  const Known null("/dev/null");
  EXPECT_EQ(attributes_of(null.stat).rdev, encode_device(1, 3));
  EXPECT_EQ(encode_device(1, 3), 0x103U);
  EXPECT_EQ(encode_device(0xabc, 0x12345), 0x123abc45U);
}

TEST(Attributes, OfStatxHaveABirthTimeOnlyWhereItIsValid) {
  Known known("/");
  known.statx.stx_mask |= STATX_BTIME | STATX_MNT_ID;
  known.statx.stx_btime.tv_sec = 12;
  known.statx.stx_btime.tv_nsec = 34;
  const StatxReply reply = statx_reply_of(known.statx);
  EXPECT_EQ(reply.mask, unsigned{STATX_BASIC_STATS | STATX_BTIME});
  EXPECT_EQ(reply.birth, (Timestamp{12, 34}));
  EXPECT_TRUE(reply.attributes == attributes_of(known.statx));
  known.statx.stx_mask &= ~unsigned{STATX_BTIME};
  EXPECT_EQ(statx_reply_of(known.statx).birth, Timestamp{});
}

TEST(Attributes, OfANodeInMemoryFitEachOther) {
  const Attributes directory = directory_attributes(7, S_IFREG | 01755);
  EXPECT_EQ(directory.mode, S_IFDIR | 01755U);
  EXPECT_EQ(directory.nlink, 2U);
  EXPECT_EQ(directory.ino, 7U);
  const Attributes file = file_attributes(8, 0644, 513);
  EXPECT_EQ(file.mode, S_IFREG | 0644U);
  EXPECT_EQ(file.size, 513U);
  EXPECT_EQ(file.blocks, 2U);
  EXPECT_EQ(file.nlink, 1U);
  const Attributes link = symlink_attributes(9, "../to");
  EXPECT_EQ(link.mode, S_IFLNK | 0777U);
  EXPECT_EQ(link.size, 5U);
}

}  // namespace
}  // namespace fusereplay
