#include "core/operations/inode_table.h"

#include <gtest/gtest.h>

#include <thread>

namespace fusereplay {
namespace {

/// Counts the payloads alive.
struct Payload {
  explicit Payload(std::atomic<int>& counter) : alive(&counter) { ++*alive; }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() { --*alive; }
  std::atomic<int>* alive;
  InodeTable<Payload>::Reference child;
};

class InodeTableTest : public testing::Test {
 protected:
  std::atomic<int> alive_{0};
  InodeTable<Payload> table_{alive_};
};

TEST_F(InodeTableTest, ANodeLivesWhileReferencedOrCounted) {
  auto node = table_.insert(alive_);
  const NodeId id = node.id();
  table_.count_lookup(node);
  table_.count_lookup(node);
  node = {};
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(table_.lookups(id), 2U);
  EXPECT_TRUE(table_.forget(id, 1).has_value());
  EXPECT_TRUE(table_.find(id).has_value());
  auto pin = table_.find(id).value();
  EXPECT_TRUE(table_.forget(id, 1).has_value());
  EXPECT_TRUE(table_.find(id).has_value()) << "the reference holds it";
  pin = {};
  EXPECT_EQ(table_.find(id).error(), Errno(ESTALE));
  EXPECT_EQ(alive_, 1);
}

TEST_F(InodeTableTest, NodeIdsAreNeverReused) {
  const NodeId first = table_.insert(alive_).id();
  const NodeId second = table_.insert(alive_).id();
  EXPECT_NE(first, second);
  EXPECT_NE(first, kRoot);
}

TEST_F(InodeTableTest, ForgettingTooMuchIsReportedAndEndsAtZero) {
  auto node = table_.insert(alive_);
  table_.count_lookup(node);
  EXPECT_EQ(table_.forget(node.id(), 2).error(), Errno(EINVAL));
  EXPECT_EQ(table_.lookups(node.id()), 0U);
  EXPECT_EQ(table_.forget(NodeId{12345}, 1).error(), Errno(ENOENT));
}

TEST_F(InodeTableTest, TheRootCannotBeForgotten) {
  table_.count_lookup(table_.root());
  EXPECT_TRUE(table_.forget(kRoot, 1000).has_value());
  EXPECT_TRUE(table_.find(kRoot).has_value());
  EXPECT_EQ(table_.lookups(kRoot), 0U);
}

TEST_F(InodeTableTest, ForgetAllLeavesOnlyWhatIsReferenced) {
  auto kept = table_.insert(alive_);
  table_.count_lookup(kept);
  table_.count_lookup(table_.insert(alive_));
  EXPECT_EQ(table_.size(), 3U);
  table_.forget_all();
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_EQ(table_.lookups(kept.id()), 0U);
}

TEST(InodeTable, PayloadsMayHoldEachOtherWhenTheTableEnds) {
  std::atomic<int> alive{0};
  {
    InodeTable<Payload> table(alive);
    auto parent = table.insert(alive);
    auto child = table.insert(alive);
    child->child = parent;
    parent->child = child;
    table.root()->child = parent;
  }
  EXPECT_EQ(alive, 0);
}

TEST(InodeTable, ALookupNeverFindsANodeThatAForgetDestroys) {
  std::atomic<int> alive{0};
  InodeTable<Payload> table(alive);
  std::atomic<std::uint64_t> current{0};
  std::atomic<bool> stop{false};
  std::thread finder([&] {
    while (!stop) {
      const auto found = table.find(NodeId{current.load()});
      if (found.has_value()) {
        EXPECT_EQ((*found)->alive, &alive);
      }
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    auto node = table.insert(alive);
    const NodeId id = node.id();
    table.count_lookup(node);
    current = raw(id);
    node = {};
    EXPECT_TRUE(table.forget(id, 1).has_value());
  }
  stop = true;
  finder.join();
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(alive, 1);
}

}  // namespace
}  // namespace fusereplay
