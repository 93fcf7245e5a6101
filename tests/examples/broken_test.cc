// Each broken filesystem has its bug, and only that.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "examples/broken/broken_forget.h"
#include "examples/broken/broken_link.h"
#include "examples/broken/broken_readdir.h"
#include "tests/examples/memfs_user.h"

namespace fusereplay::testing {
namespace {

template <class Kind>
class Broken : public ::testing::Test {
 protected:
  Broken() : server_(std::make_unique<Kind>()), user_(server_) { EXPECT_TRUE(user_.client.init().get()); }
  ~Broken() override { server_.disconnect(); }
  OperationsServer server_;
  FilesystemUser user_;
};

class BrokenLinkTest : public Broken<BrokenLink> {};

TEST_F(BrokenLinkTest, GivesASecondNameANodeidOfItsOwn) {
  const Created a = user_.create(kRoot, "a").value();
  const Entry b = user_.link(a.entry.node, kRoot, "b").value();
  EXPECT_NE(b.node, a.entry.node) << "the bug";
  EXPECT_EQ(b.attributes.ino, a.entry.attributes.ino);
  EXPECT_EQ(b.attributes.nlink, 2U);
  ASSERT_TRUE(user_.client.write(a.entry.node, a.opened.handle, 0, bytes("text")).get());
  EXPECT_EQ(user_.read(b.node, user_.open(b.node)->handle), "text") << "it is one file all the same";
  user_.give_back();
  EXPECT_EQ(user_.list(kRoot), (std::vector<std::string>{"a", "b"}));
}

class BrokenForgetTest : public Broken<BrokenForget> {};

TEST_F(BrokenForgetTest, HandsANodeidOutWhileItIsCounted) {
  const Created a = user_.create(kRoot, "a").value();
  const Created other = user_.create(kRoot, "other").value();
  EXPECT_NE(other.entry.node, a.entry.node) << "it is open";
  ASSERT_TRUE(user_.release(a.entry.node, a.opened.handle));
  const Entry b = user_.mkdir(kRoot, "b").value();
  EXPECT_EQ(b.node, a.entry.node) << "the bug";
  EXPECT_EQ(b.generation, a.entry.generation + 1);
  EXPECT_EQ(user_.lookup(kRoot, "b")->node, b.node);
  EXPECT_TRUE(S_ISDIR(user_.stat(b.node).mode));
  EXPECT_NE(user_.lookup(kRoot, "a")->node, b.node);
}

class BrokenReaddirTest : public Broken<BrokenReaddir> {};

TEST_F(BrokenReaddirTest, GivesTwoNamesOfOneFileOneCookie) {
  const NodeId a = user_.create(kRoot, "a")->entry.node;
  user_.mkdir(kRoot, "b").value();
  user_.link(a, kRoot, "c").value();
  const auto page = user_.client.readdir(kRoot, user_.opendir(kRoot)->handle, Cookie{}).get().value();
  ASSERT_EQ(page.size(), 5U);
  std::set<std::uint64_t> cookies;
  for (const auto& entry : page) cookies.insert(raw(entry.next));
  EXPECT_EQ(cookies.size(), 4U) << "the bug";
  EXPECT_EQ(user_.list(kRoot).size(), 3U);
}

}  // namespace
}  // namespace fusereplay::testing
