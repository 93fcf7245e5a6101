#include "core/text/readable.h"

#include <gtest/gtest.h>

namespace fusereplay {
namespace {

TEST(Quoted, ShowsBytesThatCannotBePrinted) {
  EXPECT_EQ(quoted_text("plain"), "\"plain\"");
  EXPECT_EQ(quoted_text("a\n\t\x01\x7f\"\\"), R"("a\n\t\x01\x7f\"\\")");
  EXPECT_EQ(quoted_text("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(quoted_text("gr\xfc\xdf"), R"("gr\xfc\xdf")");
}

TEST(Quoted, SaysThatItWasCut) {
  EXPECT_EQ(quoted_text("abcdef", 3), "\"abc\"...");
}

TEST(DurationText, PicksTheUnit) {
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(12'345), "12.3 us");
  EXPECT_EQ(duration_text(4'560'000), "4.56 ms");
  EXPECT_EQ(duration_text(61'200'000'000), "61.20 s");
}

TEST(SizeText, PicksTheUnit) {
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(std::uint64_t{5} << 30), "5.00 GiB");
}

TEST(CountText, KnowsOneFromMany) {
  EXPECT_EQ(count_text(0, "finding"), "0 findings");
  EXPECT_EQ(count_text(1, "finding"), "1 finding");
  EXPECT_EQ(count_text(2, "finding"), "2 findings");
}

}  // namespace
}  // namespace fusereplay
