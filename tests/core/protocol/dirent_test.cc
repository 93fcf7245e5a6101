#include "core/protocol/dirent.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

wire::EntryOut entry_of(std::uint64_t nodeid) {
  wire::EntryOut entry{};
  entry.nodeid = nodeid;
  return entry;
}

wire::Dirent dirent_of(std::uint64_t off) {
  return {.ino = off + 100, .off = off, .namelen = 0, .type = 8};
}

TEST(Dirent, RecordsArePaddedToEight) {
  EXPECT_EQ(dirent_record_size(DirentKind::kPlain, 0), 24U);
  EXPECT_EQ(dirent_record_size(DirentKind::kPlain, 1), 32U);
  EXPECT_EQ(dirent_record_size(DirentKind::kPlain, 8), 32U);
  EXPECT_EQ(dirent_record_size(DirentKind::kPlain, 9), 40U);
  EXPECT_EQ(dirent_record_size(DirentKind::kPlus, 1), 160U);
}

TEST(Dirent, WhatIsWrittenIsReadBack) {
  for (const DirentKind kind : {DirentKind::kPlain, DirentKind::kPlus}) {
    test::MessageGenerator generate(1);
    std::vector<std::byte> space(100'000, std::byte{0xee});
    DirentWriter writer(kind, space);
    std::vector<std::string> names;
    for (std::uint64_t i = 1; i <= 50; ++i) {
      names.push_back(generate.name());
      ASSERT_TRUE(writer.add(entry_of(i), dirent_of(i), names.back()));
    }
    DirentReader reader(kind, Bytes(space).first(writer.size()));
    for (std::uint64_t i = 1; i <= names.size(); ++i) {
      const auto record = reader.next();
      ASSERT_TRUE(record);
      EXPECT_EQ(record->name, names[i - 1]);
      EXPECT_EQ(record->dirent.namelen, names[i - 1].size());
      EXPECT_EQ(record->dirent.off, i);
      EXPECT_EQ(record->dirent.ino, i + 100);
      EXPECT_EQ(record->entry.nodeid, kind == DirentKind::kPlus ? i : 0);
      EXPECT_TRUE(record->zero_padding);
      EXPECT_EQ(record->size, dirent_record_size(kind, record->name.size()));
    }
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.rest().empty());
  }
}

TEST(DirentReader, ATruncatedLastRecordEndsTheListingAndStaysInTheRest) {
  for (const DirentKind kind : {DirentKind::kPlain, DirentKind::kPlus}) {
    std::vector<std::byte> space(1000);
    DirentWriter writer(kind, space);
    ASSERT_TRUE(writer.add(entry_of(2), dirent_of(1), "first"));
    const std::size_t first = writer.size();
    ASSERT_TRUE(writer.add(entry_of(3), dirent_of(2), "second"));
    for (std::size_t size = first; size < writer.size(); ++size) {
      DirentReader reader(kind, Bytes(space).first(size));
      ASSERT_TRUE(reader.next());
      EXPECT_FALSE(reader.next()) << size;
      EXPECT_EQ(reader.rest().size(), size - first);
      EXPECT_FALSE(reader.next()) << "and it stays so";
    }
  }
}

TEST(DirentReader, ANameLengthBeyondTheBytesEndsTheListing) {
  for (const std::uint32_t namelen : {9U, 0x7fffffffU, 0xffffffffU, 0xfffffff8U}) {
    std::vector<std::byte> bytes(32);
    const wire::Dirent dirent{.ino = 1, .off = 1, .namelen = namelen, .type = 0};
    std::memcpy(bytes.data(), &dirent, sizeof(dirent));
    DirentReader reader(DirentKind::kPlain, bytes);
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.rest().size(), bytes.size());
  }
}

TEST(DirentReader, SaysWhetherThePaddingIsZero) {
  std::vector<std::byte> space(32);
  DirentWriter writer(DirentKind::kPlain, space);
  ASSERT_TRUE(writer.add({}, dirent_of(1), "abc"));
  space[31] = std::byte{1};
  const auto record = DirentReader(DirentKind::kPlain, space).next();
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->zero_padding);
  EXPECT_EQ(record->name, "abc");
}

TEST(DirentReader, AnEmptyNameIsGivenForTheRulesToJudge) {
  std::vector<std::byte> bytes(24);
  DirentReader reader(DirentKind::kPlain, bytes);
  const auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->name, "");
  EXPECT_TRUE(reader.rest().empty());
}

TEST(DirentWriter, WhatDoesNotFitIsNotWritten) {
  std::vector<std::byte> space(32 + 31, std::byte{0xee});
  DirentWriter writer(DirentKind::kPlain, space);
  EXPECT_TRUE(writer.fits("a"));
  EXPECT_TRUE(writer.add({}, dirent_of(1), "a"));
  EXPECT_EQ(writer.size(), 32U);
  EXPECT_FALSE(writer.fits("b"));
  EXPECT_FALSE(writer.add({}, dirent_of(2), "b"));
  EXPECT_EQ(writer.size(), 32U);
  for (std::size_t i = 32; i < space.size(); ++i) EXPECT_EQ(space[i], std::byte{0xee});
}

}  // namespace
}  // namespace fusereplay
