// Rule F1: what a refused reply had granted is taken back. The client refuses, as a kernel does whose connection is
// gone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "core/async/sync.h"
#include "core/client/client.h"
#include "core/operations/inode_table.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

struct Nothing {};

/// Grants a count or a handle for everything, from an InodeTable, and knows what is still granted.
class Granting final : public Operations {
 public:
  Entry grant() {
    const auto node = nodes.insert();
    nodes.count_lookup(node);
    return {.node = node.id(), .generation = 0, .attributes = {.ino = 1, .mode = S_IFREG}};
  }
  Opened open_handle() {
    const FileHandle handle{next_handle++};
    handles.insert(raw(handle));
    return {.handle = handle};
  }

  Async<void> forget(NodeId node, std::uint64_t count) override {
    // Suspends, so that the undo is proven to run as a task of its own.
    co_await sleep_for(1);
    co_await nodes.forget(node, count);
    co_return {};
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name == "negative") return Entry{};
    return grant();
  }
  Async<Entry> mkdir(const Request&, NodeId, std::string_view, const Creation&) override {
    Entry entry = grant();
    entry.attributes.mode = S_IFDIR;
    return entry;
  }
  Async<Created> create(const Request&, NodeId, std::string_view, const Creation&, std::uint32_t) override {
    return Created{grant(), open_handle()};
  }
  Async<Created> tmpfile(const Request&, NodeId, const Creation&, std::uint32_t) override {
    return Created{grant(), open_handle()};
  }
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override { return open_handle(); }
  Async<Opened> opendir(const Request&, NodeId, std::uint32_t) override { return open_handle(); }
  Async<void> release(NodeId node, FileHandle handle, const Release&) override {
    if (raw(node) > 1) {
      EXPECT_EQ(nodes.lookups(node), 1U) << "the handle goes before the count";
    }
    handles.erase(raw(handle));
    return Result<void>{};
  }
  Async<void> releasedir(NodeId, FileHandle handle, const Release&) override {
    handles.erase(raw(handle));
    return Result<void>{};
  }
  Async<void> readdir(const Request&, NodeId, FileHandle, Cookie from, DirectoryWriter& out) override {
    out.add(".", Cookie{1}, 1, 4);
    out.add("..", Cookie{2}, grant());  // must not count: the runtime takes it back
    for (std::uint64_t i = 3; true; ++i) {
      if (!out.add("entry" + std::to_string(i), Cookie{i}, grant())) break;  // the one that does not fit, too
    }
    if (raw(from) == 99) return Errno(EIO);
    return Result<void>{};
  }

  InodeTable<Nothing> nodes;
  std::set<std::uint64_t> handles;
  std::uint64_t next_handle = 1;
};

class RefusedRepliesTest : public testing::Test {
 protected:
  RefusedRepliesTest() { client_.init().get().value(); }
  ~RefusedRepliesTest() override { server_.disconnect(); }

  Granting& granting() { return static_cast<Granting&>(server_.operations()); }
  /// Turns the crank until nothing is left, sleeping tasks included.
  void settle() {
    do {
      clock_.set(clock_.monotonic() + 10);
    } while (executor_.run_ready() != 0);
  }
  std::size_t counted() {
    settle();
    return granting().nodes.size() - 1;
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  OperationsServer server_{std::make_unique<Granting>(), {.executor = &executor_, .clock = &clock_, .log = {}}};
  Client client_{server_, &executor_};
};

TEST_F(RefusedRepliesTest, AnAcceptedLookupStaysCounted) {
  const Entry entry = client_.lookup(kRoot, "a").get().value();
  EXPECT_EQ(counted(), 1U);
  client_.forget(entry.node, 1);
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ARefusedLookupIsForgotten) {
  for (const int error : {ENOENT, EINVAL, EFAULT}) {
    client_.refuse_next(Errno(error));
    EXPECT_EQ(client_.lookup(kRoot, "a").get().error(), Errno(error));
    EXPECT_EQ(counted(), 0U);
  }
}

TEST_F(RefusedRepliesTest, ARefusedNegativeLookupForgetsNothing) {
  client_.refuse_next(Errno(ENOENT));
  EXPECT_FALSE(client_.lookup(kRoot, "negative").get().has_value());
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ARefusedMkdirIsForgotten) {
  client_.refuse_next(Errno(ENOENT));
  EXPECT_FALSE(client_.mkdir(kRoot, "d", 0755).get().has_value());
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ARefusedCreateLosesItsHandleAndItsCount) {
  for (int i = 0; i < 2; ++i) {
    client_.refuse_next(Errno(ENOENT));
    if (i == 0) {
      EXPECT_FALSE(client_.create(kRoot, "f", S_IFREG, O_RDWR).get().has_value());
    } else {
      EXPECT_FALSE(client_.tmpfile(kRoot, S_IFREG, O_RDWR).get().has_value());
    }
    EXPECT_EQ(counted(), 0U);
    EXPECT_TRUE(granting().handles.empty());
  }
  const Created created = client_.create(kRoot, "f", S_IFREG, O_RDWR).get().value();
  EXPECT_EQ(counted(), 1U);
  EXPECT_EQ(granting().handles.size(), 1U);
  client_.release(created.entry.node, created.opened.handle).get().value();
  client_.forget(created.entry.node, 1);
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ARefusedOpenIsReleased) {
  client_.refuse_next(Errno(ENOENT));
  EXPECT_FALSE(client_.open(kRoot, O_RDONLY).get().has_value());
  client_.refuse_next(Errno(ENOENT));
  EXPECT_FALSE(client_.opendir(kRoot).get().has_value());
  settle();
  EXPECT_TRUE(granting().handles.empty());
}

TEST_F(RefusedRepliesTest, ReaddirplusCountsWhatIsOnThePageAndNothingElse) {
  const auto page = client_.readdirplus(kRoot, FileHandle{0}, Cookie{0}, 4096).get().value();
  ASSERT_GT(page.size(), 10U);
  EXPECT_EQ(counted(), page.size() - 2) << "all but . and .., and not the entry that did not fit";
  for (const DirectoryEntry& entry : page) {
    if (entry.name != "." && entry.name != "..") client_.forget(entry.entry.node, 1);
  }
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ARefusedReaddirplusForgetsItsWholeList) {
  client_.refuse_next(Errno(ENOENT));
  EXPECT_FALSE(client_.readdirplus(kRoot, FileHandle{0}, Cookie{0}, 4096).get().has_value());
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, ReaddirplusThatFailsAfterSomeEntriesForgetsThem) {
  EXPECT_EQ(client_.readdirplus(kRoot, FileHandle{0}, Cookie{99}, 4096).get().error(), Errno(EIO));
  EXPECT_EQ(counted(), 0U);
}

TEST_F(RefusedRepliesTest, APlainReaddirCountsNothing) {
  client_.readdir(kRoot, FileHandle{0}, Cookie{0}, 4096).get().value();
  EXPECT_EQ(counted(), 0U);
}

}  // namespace
}  // namespace fusereplay
