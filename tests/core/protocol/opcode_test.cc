#include "core/protocol/opcode.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

TEST(Opcode, EveryOneIsListedOnceInOrderWithItsOwnName) {
  std::set<std::string_view> names;
  std::uint32_t last = 0;
  for (const Opcode opcode : all_opcodes()) {
    EXPECT_GT(static_cast<std::uint32_t>(opcode), last);
    last = static_cast<std::uint32_t>(opcode);
    EXPECT_FALSE(opcode_name(opcode).empty()) << last;
    EXPECT_TRUE(names.insert(opcode_name(opcode)).second) << opcode_name(opcode);
  }
  EXPECT_EQ(names.size(), 52U);
}

TEST(Opcode, NoOtherNumberHasAName) {
  std::size_t named = 0;
  for (std::uint32_t number = 0; number < 5000; ++number) named += !opcode_name(static_cast<Opcode>(number)).empty();
  EXPECT_EQ(named, all_opcodes().size());
  EXPECT_EQ(opcode_name(static_cast<Opcode>(0xffffffffU)), "");
}

TEST(Opcode, NamesAreTheProtocols) {
  EXPECT_EQ(opcode_name(Opcode::kLookup), "LOOKUP");
  EXPECT_EQ(opcode_name(Opcode::kCopyFileRange64), "COPY_FILE_RANGE_64");
  EXPECT_EQ(opcode_name(Opcode::kBatchForget), "BATCH_FORGET");
  EXPECT_EQ(opcode_name(Opcode::kCuseInit), "CUSE_INIT");
  EXPECT_EQ(notify_name(NotifyCode::kInvalEntry), "NOTIFY_INVAL_ENTRY");
  EXPECT_EQ(notify_name(NotifyCode::kIncEpoch), "NOTIFY_INC_EPOCH");
  EXPECT_EQ(init_flag_name(0), "ASYNC_READ");
  EXPECT_EQ(init_flag_name(42), "REQUEST_TIMEOUT");
}

TEST(NotifyCode, EveryOneIsListedOnceInOrderWithItsOwnName) {
  std::set<std::string_view> names;
  std::int32_t next = 1;
  for (const NotifyCode code : all_notify_codes()) {
    EXPECT_EQ(static_cast<std::int32_t>(code), next++);
    EXPECT_TRUE(names.insert(notify_name(code)).second);
  }
  EXPECT_EQ(names.size(), 9U);
  EXPECT_EQ(notify_name(static_cast<NotifyCode>(0)), "");
  EXPECT_EQ(notify_name(static_cast<NotifyCode>(10)), "");
  EXPECT_EQ(notify_name(static_cast<NotifyCode>(-1)), "");
}

TEST(InitFlag, EveryBitTo42HasItsOwnName) {
  std::set<std::string_view> names;
  for (unsigned bit = 0; bit <= 42; ++bit) EXPECT_TRUE(names.insert(init_flag_name(bit)).second) << bit;
  EXPECT_FALSE(names.contains(""));
  for (unsigned bit = 43; bit < 64; ++bit) EXPECT_EQ(init_flag_name(bit), "");
}

}  // namespace
}  // namespace fusereplay
