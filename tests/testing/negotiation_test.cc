// What a filesystem settles in init(), as the kernel acts on it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "core/protocol/wire.h"
#include "examples/memfs/memfs.h"
#include "testing/real_mount.h"
#include "tests/simulator/asked.h"

namespace fusereplay::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

using Ask = std::function<void(Connection&)>;

/// memfs that asks for something more.
class Asking final : public Memfs {
 public:
  explicit Asking(Ask ask) : ask_(std::move(ask)) {}
  Async<void> init(Connection& connection) override {
    co_await Memfs::init(connection);
    ask_(connection);
    co_return {};
  }

 private:
  const Ask ask_;
};

/// One file that anyone may read by any handle.
class OneFile final : public Operations {
 public:
  Async<void> init(Connection& connection) override {
    return connection.require(Capability::kNoOpen | Capability::kNoOpendir);
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view) override {
    return Entry{.node = NodeId{2}, .attributes = attributes(NodeId{2}), .entry_timeout = Timeout::seconds(100)};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{attributes(node), {}};
  }
  Async<void> read(const Request&, NodeId, FileHandle handle, Offset offset, DataWriter& out) override {
    EXPECT_EQ(raw(handle), 0U);
    if (offset == 0) out.append(std::as_bytes(std::span("text", 4)));
    return Result<void>();
  }
  Async<void> readdir(const Request&, NodeId, FileHandle, Cookie, DirectoryWriter&) override { return Result<void>(); }

 private:
  static Attributes attributes(NodeId node) {
    if (node == kRoot) return {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
    return {.ino = raw(node), .size = 4, .mode = S_IFREG | 0644};
  }
};

class NegotiationLive : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string obstacle = RealMount::obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
  void mount(Ask ask) { mount(std::make_unique<Asking>(std::move(ask))); }
  void mount(std::unique_ptr<Operations> filesystem) {
    mount_ = std::make_unique<RealMount>(std::move(filesystem), RealMount::Setup{.observers = {&asked_}});
  }
  RealMount& mount() { return *mount_; }
  /// The requests of a listing in two pieces, the first without its beginning.
  std::string listing() {
    for (int i = 0; i < 60; ++i) mount().mknod("/" + std::string(50, 'n') + std::to_string(i), S_IFREG | 0644);
    mount().drop_caches();
    asked_.take();
    const Fd root = mount().open("/", O_RDONLY | O_DIRECTORY).value();
    while (!mount().getdents(root, 1024).value().empty()) {
    }
    mount().close(root);
    return asked_.take();
  }

  Asked asked_;
  std::unique_ptr<RealMount> mount_;
};

TEST_F(NegotiationLive, ListingsBringAttributesAlwaysNeverOrWhereTheKernelLikes) {
  const auto mode = [](Readdirplus wanted) {
    return [=](Connection& connection) { connection.set_readdirplus(wanted, Need::kRequired); };
  };
  mount(mode(Readdirplus::kNever));
  EXPECT_THAT(listing(), AllOf(HasSubstr("READDIR "), Not(HasSubstr("READDIRPLUS"))));
  mount(mode(Readdirplus::kAlways));
  EXPECT_THAT(listing(), AllOf(HasSubstr("READDIRPLUS READDIRPLUS"), Not(HasSubstr("READDIR "))));
  mount(mode(Readdirplus::kAuto));
  EXPECT_THAT(listing(), AllOf(HasSubstr("READDIRPLUS "), HasSubstr("READDIR ")));
}

TEST_F(NegotiationLive, TimesAreRoundedToTheGranularity) {
  const NewTime time{.kind = NewTime::Kind::kSet, .time = {.seconds = 1000, .nanoseconds = 123'456'789}};
  const auto stamped = [&](std::uint32_t granularity) {
    mount([=](Connection& connection) { connection.limits().time_granularity = granularity; });
    mount().mknod("/f", S_IFREG | 0644);
    mount().utimens("/f", time, time);
    return mount().stat("/f").value().st_mtim.tv_nsec;
  };
  EXPECT_EQ(stamped(1), 123'456'789);
  EXPECT_EQ(stamped(1000), 123'456'000);
  EXPECT_EQ(stamped(1'000'000'000), 0);
}

TEST_F(NegotiationLive, NoWriteIsLargerThanMaxWrite) {
  mount([](Connection& connection) { connection.limits().max_write = 8192; });
  const Fd file = mount().open("/f", O_CREAT | O_RDWR, 0644).value();
  asked_.take();
  EXPECT_EQ(mount().pwrite(file, std::string(65536, 'x'), 0), 65536U);
  const std::string asked = asked_.take();
  std::size_t writes = 0;
  for (std::size_t at = 0; (at = asked.find("WRITE ", at)) != std::string::npos; ++at) ++writes;
  EXPECT_EQ(writes, 8U) << asked;
}

TEST_F(NegotiationLive, ReadsMayBeLargerThanMaxWrite) {
  mount([](Connection& connection) {
    connection.limits().max_write = 8192;
    connection.limits().max_pages = 16;
    connection.refuse(Capability::kAsyncRead | Capability::kAsyncDirectIo);
  });
  const Fd file = mount().open("/f", O_CREAT | O_RDWR | O_DIRECT, 0644).value();
  EXPECT_EQ(mount().pwrite(file, std::string(65536, 'x'), 0), 65536U);
  asked_.take();
  EXPECT_EQ(mount().pread(file, 65536, 0).value().size(), 65536U);
  const std::string asked = asked_.take();
  EXPECT_THAT(asked, EndsWith(" READ "));
  EXPECT_EQ(asked.find("READ "), asked.rfind("READ ")) << asked;
}

TEST_F(NegotiationLive, ATruncatingOpenIsOneRequestWhereThatIsSettled) {
  const auto requests = [&](Ask ask) {
    mount(std::move(ask));
    mount().mknod("/f", S_IFREG | 0644);
    asked_.take();
    mount().close(mount().open("/f", O_WRONLY | O_TRUNC).value());
    return asked_.take();
  };
  EXPECT_THAT(requests([](Connection&) {}), HasSubstr("SETATTR"));
  EXPECT_THAT(requests([](Connection& connection) { connection.want(Capability::kAtomicTruncate); }),
              AllOf(HasSubstr("OPEN"), Not(HasSubstr("SETATTR"))));
}

TEST_F(NegotiationLive, WithoutOpenTheKernelAsksOnceForEachKindAndNeverReleases) {
  mount(std::make_unique<OneFile>());
  for (int i = 0; i < 3; ++i) {
    const Fd file = mount().open("/f", O_RDONLY).value();
    EXPECT_EQ(mount().read(file, 10), "text");
    mount().close(file);
    EXPECT_TRUE(mount().list("/").value().empty());
  }
  const std::string asked = asked_.take();
  EXPECT_EQ(asked.find("OPEN "), asked.rfind("OPEN ")) << asked;
  EXPECT_EQ(asked.find("OPENDIR "), asked.rfind("OPENDIR ")) << asked;
  EXPECT_THAT(asked, AllOf(HasSubstr("OPEN "), HasSubstr("OPENDIR "), Not(HasSubstr("RELEASE"))));
  EXPECT_EQ(mount().trouble(), "");
}

}  // namespace
}  // namespace fusereplay::testing
