// What differs between the kernels that are modelled: each test shows two of them.
#include "simulator/kernel/profile.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "examples/memfs/memfs.h"
#include "simulator/mount.h"
#include "tests/simulator/asked.h"

namespace fusereplay {
namespace {

using testing::Asked;

const KernelProfile k61 = KernelProfile::linux_6_1();
const KernelProfile k612 = KernelProfile::linux_6_12();
const KernelProfile k618 = KernelProfile::linux_6_18();

/// memfs that wants some flags, opens files so, and lacks LINK where the test says so.
class Wanting final : public Memfs {
 public:
  explicit Wanting(std::uint64_t flags, std::uint32_t fopen = 0) : flags_(flags), fopen_(fopen) {}

  Async<void> init(Connection& connection) override {
    co_await Memfs::init(connection);
    if (connection.offers(Capability{flags_})) connection.want(Capability{flags_});
    co_return {};
  }
  Async<Opened> open(const Request& request, NodeId node, std::uint32_t flags) override {
    Opened opened = co_await Memfs::open(request, node, flags);
    opened.flags |= fopen_;
    co_return opened;
  }
  Async<Created> create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override {
    Created created = co_await Memfs::create(request, parent, name, creation, flags);
    created.opened.flags |= fopen_;
    co_return created;
  }
  Async<Entry> link(const Request&, NodeId, NodeId, std::string_view) override { return Errno(ENOSYS); }

 private:
  const std::uint64_t flags_;
  const std::uint32_t fopen_;
};

struct On {
  explicit On(const KernelProfile& kernel, std::uint64_t flags = 0, std::uint32_t fopen = 0)
      : mount(std::make_unique<Wanting>(flags, fopen), {.kernel = kernel, .observers = {&asked}}) {}

  Asked asked;
  SimulatedMount mount;
};

std::string asked_for_birth(const KernelProfile& kernel) {
  On on(kernel);
  on.asked.take();
  on.mount.statx("/", 0, STATX_BASIC_STATS | STATX_BTIME);
  return on.asked.take();
}

TEST(Profiles, OnlyNewerKernelsAskForTheBirthTime) {
  EXPECT_EQ(asked_for_birth(k61), "GETATTR ");
  EXPECT_EQ(asked_for_birth(k612), "STATX ");
}

/// Whether a close waits for a write of the file by somebody else.
bool close_waits_for_a_write(const KernelProfile& kernel) {
  On on(kernel);
  SimulatedProcess& writer = on.mount.spawn({.pid = 1001});
  SimulatedProcess& closer = on.mount.spawn({.pid = 1002});
  const Fd written = writer.open("/a", O_CREAT | O_RDWR, 0644).value();
  const Fd closed = closer.open("/a", O_RDONLY).value();
  on.mount.hold(Opcode::kWrite);
  auto write = writer.start([&](SystemCalls& calls) { return calls.write(written, "x"); });
  auto close = closer.start([&](SystemCalls& calls) { return calls.close(closed); });
  const bool waits = !close.done();
  on.mount.let_go(Opcode::kWrite);
  EXPECT_TRUE(write.get());
  EXPECT_TRUE(close.get());
  return waits;
}

TEST(Profiles, OlderKernelsFlushOnlyWhenNobodyWrites) {
  EXPECT_TRUE(close_waits_for_a_write(k612));
  EXPECT_FALSE(close_waits_for_a_write(k618));
}

/// How many WRITEs of one file are outstanding, of two.
std::size_t direct_writes_at_once(const KernelProfile& kernel) {
  On on(kernel, 0, kFopenDirectIo | kFopenParallelDirectWrites);
  SimulatedProcess& one = on.mount.spawn({.pid = 1001});
  SimulatedProcess& two = on.mount.spawn({.pid = 1002});
  const Fd first = one.open("/a", O_CREAT | O_RDWR, 0644).value();
  const Fd second = two.open("/a", O_RDWR).value();
  one.write(first, "0123456789");
  on.mount.hold(Opcode::kWrite);
  auto left = one.start([&](SystemCalls& calls) { return calls.pwrite(first, "a", 0); });
  auto right = two.start([&](SystemCalls& calls) { return calls.pwrite(second, "b", 5); });
  const std::size_t outstanding = on.mount.outstanding().size();
  on.mount.let_go(Opcode::kWrite);
  EXPECT_TRUE(left.get());
  EXPECT_TRUE(right.get());
  return outstanding;
}

TEST(Profiles, DirectWritesRunBesideEachOtherInNewerKernels) {
  EXPECT_EQ(direct_writes_at_once(k61), 1U);
  EXPECT_EQ(direct_writes_at_once(k612), 2U);
}

Errno error_of_link(const KernelProfile& kernel) {
  On on(kernel);
  on.mount.creat("/a", 0644);
  return on.mount.link("/a", "/b").error();
}

TEST(Profiles, AFilesystemWithoutLinksSaysSoInAnotherWay) {
  EXPECT_EQ(error_of_link(k612), Errno(ENOSYS));
  EXPECT_EQ(error_of_link(k618), Errno(EPERM));
}

std::uint32_t size_of_readdir(const KernelProfile& kernel) {
  On on(kernel);
  const Fd root = on.mount.open("/", O_RDONLY | O_DIRECTORY).value();
  on.mount.getdents(root, 32768);
  wire::ReadIn in;
  std::memcpy(&in, on.asked.last().data() + sizeof(wire::InHeader), sizeof(in));
  return in.size;
}

TEST(Profiles, NewerKernelsListAsMuchAsTheCallerTakes) {
  EXPECT_EQ(size_of_readdir(k612), 4096U);
  EXPECT_EQ(size_of_readdir(k618), 32768U);
}

/// What becomes of a name of that length.
Errno error_of_name(const KernelProfile& kernel, std::size_t length) {
  On on(kernel, kInitMaxPages);
  on.asked.take();
  const auto found = on.mount.stat("/" + std::string(length, 'n'));
  EXPECT_EQ(on.asked.take(), length > 1024 && kernel.minor < 45 ? "" : "LOOKUP ");
  return found.error();
}

TEST(Profiles, NewerKernelsLookLongNamesUp) {
  EXPECT_EQ(error_of_name(k612, 1025), Errno(ENAMETOOLONG));
  EXPECT_EQ(error_of_name(k618, 200), Errno(ENOENT));
  EXPECT_EQ(error_of_name(k618, 1025), Errno(ENAMETOOLONG));  // memfs's own limit: it was asked
}

template <class... Parts>
std::string notified(const KernelProfile& kernel, NotifyCode code, const Parts&... parts) {
  On on(kernel);
  MessageBuilder builder;
  builder.start_notification(code);
  (builder.add(parts), ...);
  const auto done = on.mount.notify(builder.finish());
  return done ? "ok" : std::string(to_string(done.error()));
}

TEST(Profiles, NotificationsAreKnownFromTheirVersionOn) {
  EXPECT_EQ(notified(k61, NotifyCode::kResend), "EINVAL");
  EXPECT_EQ(notified(k612, NotifyCode::kResend), "ok");
  EXPECT_EQ(notified(k612, NotifyCode::kIncEpoch), "EINVAL");
  EXPECT_EQ(notified(k618, NotifyCode::kIncEpoch), "ok");
  EXPECT_EQ(notified(k612, NotifyCode::kPrune, wire::NotifyPruneOut{}), "EINVAL");
  EXPECT_EQ(notified(k618, NotifyCode::kPrune, wire::NotifyPruneOut{}), "ok");
}

std::string asked_to_copy(const KernelProfile& kernel) {
  On on(kernel);
  const Fd from = on.mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  const Fd to = on.mount.open("/b", O_CREAT | O_RDWR, 0644).value();
  on.mount.write(from, "x");
  on.asked.take();
  on.mount.copy_file_range(from, 0, to, 0, 1);
  return on.asked.take();
}

TEST(Profiles, TheLongFormOfCopyFileRangeIsNew) {
  EXPECT_NE(asked_to_copy(k612).find("COPY_FILE_RANGE "), std::string::npos);
  EXPECT_NE(asked_to_copy(k618).find("COPY_FILE_RANGE_64 "), std::string::npos);
}

TEST(Profiles, HandlesThatCannotBeOpenedAreNew) {
  constexpr int kHandleFid = 0x200;  // AT_HANDLE_FID
  EXPECT_EQ(On(k61).mount.name_to_handle_at("/", kHandleFid).error(), Errno(EINVAL));
  EXPECT_TRUE(On(k612).mount.name_to_handle_at("/", kHandleFid));
}

TEST(Profiles, ExportingIsRefusedOnlyWhereTheKernelOffersThat) {
  EXPECT_TRUE(On(k61, kInitNoExportSupport).mount.name_to_handle_at("/"));
  EXPECT_EQ(On(k612, kInitNoExportSupport).mount.name_to_handle_at("/").error(), Errno(EOPNOTSUPP));
}

std::string asked_for_uuid(const KernelProfile& kernel) {
  On on(kernel);
  const Fd file = on.mount.creat("/a", 0644).value();
  on.asked.take();
  constexpr std::uint32_t kGetUuid = 0x80111500;  // FS_IOC_GETFSUUID
  std::array<std::byte, 17> uuid{};
  EXPECT_EQ(on.mount.ioctl(file, kGetUuid, &uuid).error(), Errno(ENOTTY));
  return on.asked.take();
}

TEST(Profiles, OlderKernelsLeaveTheUuidToTheFilesystem) {
  EXPECT_EQ(asked_for_uuid(k61), "IOCTL ");
  EXPECT_EQ(asked_for_uuid(k618), "");
}

}  // namespace
}  // namespace fusereplay
