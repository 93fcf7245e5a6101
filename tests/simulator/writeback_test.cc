// The writeback cache and files in memory, where no real kernel need be asked: what holds whom apart, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>

#include "core/event/conversation.h"
#include "examples/memfs/memfs.h"
#include "simulator/mount.h"
#include "tests/simulator/asked.h"

namespace fusereplay {
namespace {

using testing::Asked;
using ::testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;

std::unique_ptr<Operations> memfs(MemfsOptions::Writes writes) {
  MemfsOptions options;
  options.writes = writes;
  options.capacity = 65'536;
  options.entry_timeout = options.attribute_timeout = Timeout::seconds(100'000);
  return std::make_unique<Memfs>(options);
}

struct WritingBack : ::testing::Test {
  explicit WritingBack(KernelProfile profile = KernelProfile::linux_6_18())
      : mount(memfs(MemfsOptions::Writes::kBack), {.kernel = profile, .observers = {&asked}}) {}
  void TearDown() override { EXPECT_EQ(mount.trouble(), ""); }

  /// A file with two bytes that the server does not know of.
  Fd dirty_file() {
    const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
    EXPECT_EQ(mount.write(file, "ab"), 2U);
    asked.take();
    return file;
  }

  Asked asked;
  SimulatedMount mount;
  SimulatedProcess& one{mount.spawn({.pid = 1001})};
  SimulatedProcess& two{mount.spawn({.pid = 1002})};
};

TEST_F(WritingBack, StaysInTheCacheForThirtySeconds) {
  const Fd file = dirty_file();
  mount.advance_time(29 * kSecond);
  EXPECT_EQ(asked.take(), "");
  mount.advance_time(2 * kSecond);
  EXPECT_EQ(asked.take(), "WRITE SETATTR ");
  mount.close(file);
  EXPECT_EQ(asked.take(), "FLUSH RELEASE ");
}

TEST_F(WritingBack, IsDoneBeforeTheCachesAreDropped) {
  const Fd file = dirty_file();
  mount.drop_caches();
  EXPECT_EQ(asked.take(), "WRITE SETATTR ");
  mount.close(file);
}

TEST_F(WritingBack, ATruncationWaitsForIt) {
  const Fd file = dirty_file();
  mount.hold(Opcode::kWrite);
  auto synced = one.start([](SystemCalls& calls) {
    const Fd again = calls.open("/a", O_RDWR).value();
    return calls.fsync(again);
  });
  EXPECT_EQ(asked.take(), "OPEN WRITE ");  // a file that is opened again loses its cache
  auto cut = two.start([](SystemCalls& calls) { return calls.truncate("/a", 1); });
  EXPECT_FALSE(cut.done());
  EXPECT_EQ(two.waits_for(), "pages of nodeid 2 are written back");
  EXPECT_EQ(asked.take(), "");
  mount.let_go(Opcode::kWrite);
  EXPECT_TRUE(cut.get());
  EXPECT_TRUE(synced.get());
  EXPECT_EQ(mount.fstat(file).value().st_size, 1);
  mount.close(file);
}

TEST_F(WritingBack, ClosingWaitsForIt) {
  const Fd file = one.open("/a", O_CREAT | O_RDWR, 0644).value();
  one.write(file, "ab");
  asked.take();
  mount.hold(Opcode::kWrite);
  mount.advance_time(31 * kSecond);
  EXPECT_EQ(asked.take(), "WRITE SETATTR ");
  auto closed = one.start([file](SystemCalls& calls) { return calls.close(file); });
  EXPECT_FALSE(closed.done());
  EXPECT_EQ(one.waits_for(), "pages of nodeid 2 are written back");
  EXPECT_EQ(asked.take(), "");
  mount.let_go(Opcode::kWrite);
  EXPECT_TRUE(closed.get());
  EXPECT_EQ(asked.take(), "FLUSH RELEASE ");
}

TEST_F(WritingBack, AnErrorIsToldOnce) {
  const Fd full = mount.open("/full", O_CREAT | O_RDWR, 0644).value();
  mount.write(full, std::string(65'536, '.'));
  mount.close(full);
  const Fd file = dirty_file();  // who would know that there is no room
  const Fd other = mount.dup(file).value();
  EXPECT_EQ(mount.fsync(file).error(), Errno(ENOSPC));
  EXPECT_TRUE(mount.fsync(other));  // the same open file
  mount.close(other);
  mount.close(file);
}

TEST_F(WritingBack, WhatDoesNotFitIsNotLostSilently) {
  const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  EXPECT_EQ(mount.write(file, std::string(100'000, '.')), 100'000U);
  EXPECT_EQ(mount.fsync(file).error(), Errno(ENOSPC));
  mount.close(file);
}

struct WritingBackCopies : WritingBack {
  WritingBackCopies() : WritingBack(KernelProfile::linux_6_12()) {}
};

TEST_F(WritingBackCopies, TimesAreSentWhileTheServerStillWrites) {
  const Fd file = dirty_file();
  mount.hold(Opcode::kWrite);
  auto changed = one.start([](SystemCalls& calls) { return calls.chmod("/a", 0600); });
  EXPECT_EQ(asked.take(), "WRITE SETATTR ");
  EXPECT_FALSE(changed.done());
  mount.let_go(Opcode::kWrite);
  EXPECT_TRUE(changed.get());
  EXPECT_EQ(asked.take(), "SETATTR ");
  mount.close(file);
}

struct Mapped : ::testing::Test {
  void TearDown() override { EXPECT_EQ(mount.trouble(), ""); }

  /// Ten thousand bytes, open and mapped as a whole.
  Mapping map(SystemCalls& calls) {
    file = calls.open("/a", O_CREAT | O_RDWR, 0644).value();
    EXPECT_EQ(calls.write(file, std::string(10'000, '.')), 10'000U);
    const Mapping memory = calls.mmap(file, 0, 10'000, PROT_READ | PROT_WRITE, MAP_SHARED).value();
    asked.take();
    return memory;
  }

  Asked asked;
  SimulatedMount mount{memfs(MemfsOptions::Writes::kThrough), {.observers = {&asked}}};
  Fd file{};
};

TEST_F(Mapped, TheFileStaysOpenUntilItIsUnmapped) {
  const Mapping memory = map(mount);
  EXPECT_TRUE(mount.close(file));
  EXPECT_EQ(asked.take(), "FLUSH ");
  EXPECT_EQ(mount.open_handles(), 1U);
  EXPECT_EQ(mount.unmount().error(), Errno(EBUSY));
  EXPECT_TRUE(mount.store(memory, 5000, "hello"));
  EXPECT_TRUE(mount.munmap(memory));
  EXPECT_EQ(asked.take(), "WRITE RELEASE ");
  EXPECT_EQ(mount.open_handles(), 0U);
  EXPECT_TRUE(mount.unmount());
}

TEST_F(Mapped, AProcessThatIsKilledUnmaps) {
  SimulatedProcess& process = mount.spawn({.pid = 1001});
  const Mapping memory = map(process);
  process.store(memory, 0, "hello");
  process.kill();
  EXPECT_EQ(process.open_mappings(), 0U);
  EXPECT_EQ(mount.open_handles(), 0U);
  EXPECT_EQ(asked.take(), "WRITE FLUSH RELEASE ");
}

TEST_F(Mapped, WhatIsNotThereCannotBeTouched) {
  const Mapping memory = map(mount);
  EXPECT_EQ(mount.load(memory, 12'000, 1), std::string(1, '\0'));  // the rest of the last page
  mount.ftruncate(file, 4096);
  EXPECT_EQ(mount.load(memory, 4096, 1).error(), Errno(EFAULT));
  EXPECT_EQ(mount.load(memory, 12'288, 1).error(), Errno(EFAULT));
  EXPECT_EQ(mount.load(Mapping{7}, 0, 1).error(), Errno(EFAULT));
  mount.munmap(memory);
  EXPECT_EQ(mount.store(memory, 0, "x").error(), Errno(EFAULT));
  mount.close(file);
}

}  // namespace
}  // namespace fusereplay
