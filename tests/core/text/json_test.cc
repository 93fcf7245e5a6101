#include "core/text/json.h"

#include <gtest/gtest.h>

#include "tests/support/parse_json.h"

namespace fusereplay {
namespace {

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.begin_object().member("a", 1).key("b").begin_array().value(2).value("three").value(false).end_array();
  json.key("c").begin_object().end_object().member("d", true).end_object();
  EXPECT_EQ(json.take(), R"({"a":1,"b":[2,"three",false],"c":{},"d":true})");
}

TEST(JsonWriter, WritesNumbersInFull) {
  JsonWriter json;
  json.begin_array().value(UINT64_MAX).value(INT64_MIN).end_array();
  EXPECT_EQ(json.take(), "[18446744073709551615,-9223372036854775808]");
}

TEST(JsonWriter, EscapesWhatJsonReserves) {
  JsonWriter json;
  json.begin_object().member("text", std::string_view("a\"b\\c\nd\0e", 9)).end_object();
  const std::string text = json.take();
  EXPECT_EQ(text, R"({"text":"a\"b\\c\u000ad\u0000e"})");
  EXPECT_EQ(testing::parse_json(text).get<std::string>("text"), std::string("a\"b\\c\nd\0e", 9));
}

TEST(JsonWriter, NamesThatAreNoUtf8AreHexadecimal) {
  JsonWriter json;
  json.begin_array().name("gr\xc3\xbc\xc3\x9f").name("gr\xfc\xdf").end_array();
  EXPECT_EQ(json.take(), "[\"gr\xc3\xbc\xc3\x9f\",{\"hex\":\"6772fcdf\"}]");
}

TEST(IsUtf8, RefusesOverlongSurrogateAndCutSequences) {
  EXPECT_TRUE(is_utf8("\xf0\x9f\x98\x80"));
  EXPECT_TRUE(is_utf8(""));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));
  EXPECT_FALSE(is_utf8("\xe2\x82"));
  EXPECT_FALSE(is_utf8("\x80"));
}

}  // namespace
}  // namespace fusereplay
