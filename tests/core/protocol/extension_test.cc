#include "core/protocol/extension.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

Bytes as_value(std::string_view text) {
  return std::as_bytes(std::span(text));
}

template <class Struct>
void append(std::vector<std::byte>& out, const Struct& value) {
  const auto* start = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), start, start + sizeof(value));
}

TEST(Extensions, ContextsAndGroupsSurviveTheRoundTrip) {
  Extensions extensions;
  extensions.security_contexts.push_back({"security.selinux", as_value("system_u:object_r:tmp_t:s0")});
  extensions.security_contexts.push_back({"security.SMACK64", as_value("_")});
  extensions.groups = {100, 4, 27};
  const std::vector<std::byte> bytes = encode_extensions(extensions);
  EXPECT_EQ(bytes.size() % 8, 0U);
  const auto parsed = parse_extensions(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->has_security_block);
  ASSERT_EQ(parsed->security_contexts.size(), 2U);
  EXPECT_EQ(parsed->security_contexts[0].name, "security.selinux");
  EXPECT_EQ(parsed->security_contexts[0].value.size(), 26U);
  EXPECT_EQ(parsed->security_contexts[1].name, "security.SMACK64");
  ASSERT_EQ(parsed->security_contexts[1].value.size(), 1U);
  EXPECT_EQ(parsed->security_contexts[1].value[0], std::byte{'_'});
  EXPECT_EQ(parsed->groups, extensions.groups);
  EXPECT_EQ(encode_extensions(*parsed), bytes);
}

TEST(Extensions, NoneAreNoBytes) {
  EXPECT_TRUE(encode_extensions({}).empty());
  const auto parsed = parse_extensions({});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->has_security_block);
}

TEST(Extensions, AnEmptySecurityBlockIsKept) {
  Extensions extensions;
  extensions.has_security_block = true;
  const std::vector<std::byte> bytes = encode_extensions(extensions);
  std::vector<std::byte> expected;
  append(expected, wire::SecctxHeader{.size = 8, .nr_secctx = 0});
  EXPECT_EQ(bytes, expected);
  EXPECT_TRUE(parse_extensions(bytes)->has_security_block);
}

TEST(Extensions, OneGroupIsLaidOutAsTheKernelDoes) {
  Extensions extensions;
  extensions.groups = {1000};
  std::vector<std::byte> expected;
  append(expected, wire::ExtHeader{.size = 16, .type = kExtGroups});
  append(expected, wire::SuppGroups{.nr_groups = 1});
  append(expected, std::uint32_t{1000});
  EXPECT_EQ(encode_extensions(extensions), expected);
}

TEST(Extensions, UnknownKindsAreSkipped) {
  std::vector<std::byte> bytes;
  append(bytes, wire::ExtHeader{.size = 16, .type = 99});
  append(bytes, std::uint64_t{0});
  Extensions groups;
  groups.groups = {7};
  for (const std::byte byte : encode_extensions(groups)) bytes.push_back(byte);
  const auto parsed = parse_extensions(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->groups, groups.groups);
}

TEST(Extensions, SizesAndCountsThatRunPastTheBytesAreRefused) {
  const auto refused = [](auto... parts) {
    std::vector<std::byte> bytes;
    (append(bytes, parts), ...);
    const auto parsed = parse_extensions(bytes);
    return !parsed && parsed.error() == MessageError::kBadExtensions;
  };
  EXPECT_TRUE(refused(std::uint32_t{8}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 0, .type = 99}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 7, .type = 99}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 9, .type = 99}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 0xffffffffU, .type = 99}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 8, .type = 1})) << "a context promised";
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 16, .type = 1}, wire::Secctx{.size = 0, .padding = 0})) << "no name";
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 24, .type = 1}, wire::Secctx{.size = 0, .padding = 0},
                      std::uint64_t{0x4141414141414141}))
      << "a name without NUL";
  EXPECT_TRUE(
      refused(wire::ExtHeader{.size = 24, .type = 1}, wire::Secctx{.size = 7, .padding = 0}, std::uint64_t{0x0041}))
      << "six bytes follow the name, not seven";
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 8, .type = kExtGroups}));
  EXPECT_TRUE(
      refused(wire::ExtHeader{.size = 16, .type = kExtGroups}, wire::SuppGroups{.nr_groups = 2}, std::uint32_t{1}));
  EXPECT_TRUE(refused(wire::ExtHeader{.size = 16, .type = kExtGroups}, wire::SuppGroups{.nr_groups = 0x40000001U},
                      std::uint32_t{1}));
}

}  // namespace
}  // namespace fusereplay
