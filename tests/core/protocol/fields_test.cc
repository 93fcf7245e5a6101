#include "core/protocol/fields.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace fusereplay {
namespace {

TEST(StructInfo, EveryIdHasANameASizeAndFieldsOverEveryByte) {
  std::set<std::string_view> names;
  for (std::size_t i = 1; i < kStructCount; ++i) {
    const StructInfo& info = struct_info(static_cast<StructId>(i));
    EXPECT_EQ(info.id, static_cast<StructId>(i));
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    std::size_t bytes = 0;
    for (const Field& field : info.fields) bytes += field.width;
    EXPECT_EQ(bytes, info.size) << info.name;
  }
  EXPECT_EQ(struct_info(StructId::kEntryOut).name, "EntryOut");
  EXPECT_EQ(struct_info(StructId::kEntryOut).size, 128U);
}

TEST(StructInfo, NoneAndNumbersBeyondTheLastAreEmpty) {
  for (const std::size_t number : {std::size_t{0}, kStructCount, std::size_t{255}}) {
    const StructInfo& info = struct_info(static_cast<StructId>(number));
    EXPECT_EQ(info.id, StructId::kNone);
    EXPECT_EQ(info.size, 0U);
    EXPECT_TRUE(info.fields.empty());
  }
}

TEST(Field, WhatIsWrittenIsReadBackAndNothingElseChanges) {
  constexpr std::uint64_t kValue = 0x1122334455667788U;
  for (std::size_t i = 1; i < kStructCount; ++i) {
    const StructInfo& info = struct_info(static_cast<StructId>(i));
    for (const Field& field : info.fields) {
      if (field.type == FieldType::kBytes) continue;
      std::vector<std::byte> bytes(info.size, std::byte{0xee});
      write_field(bytes.data(), field, kValue);
      const std::uint64_t mask = field.width == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (field.width * 8)) - 1;
      EXPECT_EQ(read_field(bytes.data(), field), kValue & mask) << info.name << '.' << field.name;
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (at < field.offset || at >= std::size_t{field.offset} + field.width) {
          EXPECT_EQ(bytes[at], std::byte{0xee}) << info.name << '.' << field.name << " byte " << at;
        }
      }
    }
  }
}

TEST(Field, NegativeNumbersKeepTheirSign) {
  wire::OutHeader header{.len = 16, .error = -2, .unique = 4};
  const Field& error = FieldTable<wire::OutHeader>::kFields[1];
  ASSERT_EQ(error.name, "error");
  EXPECT_EQ(static_cast<std::int64_t>(read_field(reinterpret_cast<const std::byte*>(&header), error)), -2);
  write_field(reinterpret_cast<std::byte*>(&header), error, static_cast<std::uint64_t>(std::int64_t{-17}));
  EXPECT_EQ(header.error, -17);
  EXPECT_EQ(header.len, 16U);
  EXPECT_EQ(header.unique, 4U);
}

TEST(Field, BytesAreNoInteger) {
  wire::Kstatfs statfs{};
  statfs.spare[0] = 7;
  const Field& spare = FieldTable<wire::Kstatfs>::kFields.back();
  ASSERT_EQ(spare.type, FieldType::kBytes);
  EXPECT_EQ(read_field(reinterpret_cast<const std::byte*>(&statfs), spare), 0U);
  write_field(reinterpret_cast<std::byte*>(&statfs), spare, 9);
  EXPECT_EQ(statfs.spare[0], 7U);
}

}  // namespace
}  // namespace fusereplay
