#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <memory>

#include "core/operations/data_writer.h"
#include "core/operations/directory_writer.h"
#include "core/unique_fd.h"

namespace fusereplay {
namespace {

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class DataWriterTest : public testing::Test {
 protected:
  ReplyPools pools_{BufferPool(64, 4), BufferPool(1024, 4)};
};

TEST_F(DataWriterTest, TakesNoMoreThanItsCapacity) {
  DataWriter out(8, pools_);
  EXPECT_EQ(out.append(bytes_of("12345")), 5U);
  EXPECT_EQ(out.append(bytes_of("67890")), 3U);
  EXPECT_EQ(out.append(bytes_of("x")), 0U);
  EXPECT_EQ(text_of(out.data()), "12345678");
}

TEST_F(DataWriterTest, SpaceIsCommittedPieceByPiece) {
  DataWriter out(2000, pools_);  // larger than any pool
  auto room = out.space(3000);
  EXPECT_EQ(room.size(), 2000U);
  std::memcpy(room.data(), "abc", 3);
  out.commit(2);
  room = out.space(10);
  std::memcpy(room.data(), "z", 1);
  out.commit(1);
  EXPECT_EQ(text_of(out.data()), "abz");
}

TEST_F(DataWriterTest, SharesWithoutACopy) {
  BufferRef buffer = BufferRef::allocate(16);
  std::memcpy(buffer->data(), "shared bytes....", 16);
  DataWriter out(12, pools_);
  out.append(bytes_of("gone"));
  out.share(Bytes(buffer->data(), 16), buffer);
  EXPECT_EQ(out.data().data(), buffer->data());
  EXPECT_EQ(text_of(out.data()), "shared bytes");
  EXPECT_FALSE(buffer.unique());
}

TEST_F(DataWriterTest, ReadsFromAFileUntilItsEnd) {
  char path[] = "/tmp/fusereplay_writers_XXXXXX";
  const UniqueFd fd(::mkstemp(path));
  ASSERT_TRUE(fd.valid());
  ::unlink(path);
  ASSERT_EQ(::write(fd.get(), "0123456789", 10), 10);
  DataWriter out(100, pools_);
  EXPECT_EQ(out.from_fd(fd.get(), 4, 100).value(), 6U);
  EXPECT_EQ(text_of(out.data()), "456789");
  EXPECT_EQ(out.from_fd(-1, 0, 10).error(), Errno(EBADF));
}

TEST_F(DataWriterTest, LeavesASharedFileUnreadUntilTold) {
  char path[] = "/tmp/fusereplay_writers_XXXXXX";
  const auto fd = std::make_shared<UniqueFd>(::mkstemp(path));
  ASSERT_TRUE(fd->valid());
  ::unlink(path);
  ASSERT_EQ(::write(fd->get(), "0123456789", 10), 10);
  DataWriter out(4, pools_);
  out.append(bytes_of("gone"));
  out.share_file(fd->get(), 3, 100, fd);
  EXPECT_EQ(fd.use_count(), 2);
  EXPECT_EQ(text_of(out.data()), "");
  ASSERT_NE(out.file(), nullptr);
  EXPECT_EQ(out.file()->offset, 3U);
  EXPECT_EQ(out.file()->size, 4U) << "the capacity";
  ASSERT_TRUE(out.read_file());
  EXPECT_EQ(text_of(out.data()), "3456");
  EXPECT_EQ(out.file(), nullptr);
  out.share_file(-1, 0, 1, nullptr);
  EXPECT_EQ(fd.use_count(), 1);
  EXPECT_EQ(out.read_file().error(), Errno(EBADF));
}

TEST_F(DataWriterTest, TellsWhyASharedFileCannotBeRead) {
  const UniqueFd directory(::open("/", O_RDONLY | O_DIRECTORY));
  DataWriter out(4, pools_);
  out.share_file(directory.get(), 0, 4, nullptr);
  EXPECT_EQ(out.read_file().error(), Errno(EISDIR));
}

TEST(DirectoryWriter, RefusesTheEntryThatDoesNotFitAndRemembersItsLookup) {
  alignas(8) std::byte space[2 * dirent_record_size(DirentKind::kPlus, 1)];
  DirectoryWriter out(DirentKind::kPlus, space);
  const auto entry = [](std::uint64_t node) { return Entry{.node = NodeId{node}, .attributes = {.mode = 0100644}}; };
  EXPECT_TRUE(out.add("a", Cookie{1}, entry(5)));
  EXPECT_TRUE(out.fits("b"));
  EXPECT_TRUE(out.add("b", Cookie{2}, entry(6)));
  EXPECT_FALSE(out.fits("c"));
  EXPECT_FALSE(out.add("c", Cookie{3}, entry(7)));
  ASSERT_EQ(out.uncounted().size(), 1U);
  EXPECT_EQ(out.uncounted()[0], NodeId{7});
  EXPECT_EQ(out.page().size(), sizeof(space));
}

}  // namespace
}  // namespace fusereplay
