// A recording that is killed: what was handed over is in the trace, or in the ring files, and comes back.
// FUSEREPLAY_LONG=1 kills 500 times.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "core/event/unseen_data.h"
#include "core/protocol/builder.h"
#include "recorder/recorder.h"
#include "recorder/ring.h"
#include "recorder/ring_drain.h"
#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/repair.h"

namespace fusereplay {
namespace {

constexpr std::uint64_t kMost = 400'000;

/// What the recording process tells of itself, seen by the test whatever happens to it.
struct Seen {
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::uint64_t> handed_over{0};
  std::atomic<std::uint8_t> handed[kMost + 1];  // on_event() has returned
};

class SharedSeen {
 public:
  SharedSeen() {
    void* const memory = ::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FUSEREPLAY_CHECK(memory != MAP_FAILED, "shared memory");
    seen_ = new (memory) Seen;
  }
  ~SharedSeen() { ::munmap(seen_, sizeof(Seen)); }
  SharedSeen(const SharedSeen&) = delete;
  SharedSeen& operator=(const SharedSeen&) = delete;
  Seen& operator*() const noexcept { return *seen_; }

 private:
  Seen* seen_;
};

std::size_t data_size(std::uint64_t sequence) noexcept {
  if (sequence % 1000 == 0) return 1 << 20;
  return sequence % 50 == 0 ? 20'000 : sequence % 200;
}

/// One thread: events that tell their own number, until there are no more.
void record_events(Recorder& recorder, Seen& seen, std::uint32_t thread) {
  MessageBuilder builder;
  std::vector<std::byte> data(1 << 20);
  for (;;) {
    const std::uint64_t sequence = seen.next.fetch_add(1);
    if (sequence > kMost) return;
    wire::NotifyStoreOut store{};
    store.nodeid = sequence;
    store.size = static_cast<std::uint32_t>(data_size(sequence));
    const Bytes tail = Bytes(data).first(data_size(sequence));
    const Bytes message =
        builder.start_reply(0, static_cast<std::int32_t>(NotifyCode::kStore)).add(store).bytes(tail).finish();
    Event event;
    event.kind = EventKind::kNotification;
    event.sequence = sequence;
    event.begin = event.end = static_cast<std::int64_t>(sequence);
    event.thread = thread;
    event.result = static_cast<std::int64_t>(message.size());
    event.message.head = message;
    recorder.on_event(event);
    seen.handed[sequence].store(1, std::memory_order_release);
    seen.handed_over.fetch_add(1, std::memory_order_release);
  }
}

[[noreturn]] void record_until_killed(const std::filesystem::path& trace, Seen& seen) {
  RecorderOptions options;
  options.rings = ring_directory(trace);
  std::filesystem::create_directory(options.rings);
  auto writer = TraceWriter::open(trace, describe_host());
  Recorder recorder(std::move(*writer), {}, options);
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) threads.emplace_back([&, i] { record_events(recorder, seen, i); });
  for (;;) ::pause();
}

TEST(KilledRecording, LosesNothingThatWasHandedOver) {
  const int kills = std::getenv("FUSEREPLAY_LONG") == nullptr ? 5 : 500;
  std::mt19937 random(20);
  std::uint64_t from_rings = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const test::TemporaryDirectory directory;
    const auto trace = directory / "t";
    const SharedSeen shared;
    Seen& seen = *shared;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) record_until_killed(trace, seen);
    const std::uint64_t enough = 1 + random() % 20'000;
    while (seen.handed_over.load(std::memory_order_acquire) < enough) std::this_thread::yield();
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;

    const auto torn = test::read_trace(trace);
    EXPECT_EQ(torn.outcome, ReadOutcome::kTruncated) << torn.error;
    RingDrain rings(ring_directory(trace));
    EXPECT_GT(rings.rings(), 0U);
    const auto report = repair_trace(trace, directory / "new", rings);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(rings.lost(), 0U);
    from_rings += report->late_events;
    const auto whole = test::read_trace(directory / "new");
    ASSERT_EQ(whole.outcome, ReadOutcome::kEnd) << whole.error;
    EXPECT_TRUE(test::is_beginning(torn.events, whole.events)) << "no block was lost";
    for (const auto& owned : whole.events) {
      const std::uint64_t sequence = owned.event.sequence;
      wire::NotifyStoreOut store{};
      std::memcpy(&store, owned.bytes.data() + sizeof(wire::OutHeader), sizeof(store));
      ASSERT_EQ(store.nodeid, sequence);
      ASSERT_EQ(owned.bytes.size(), sizeof(wire::OutHeader) + sizeof(store) + data_size(sequence));
      seen.handed[sequence].store(0);
    }
    for (std::uint64_t sequence = 1; sequence <= kMost; ++sequence) {
      ASSERT_EQ(seen.handed[sequence].load(), 0) << sequence << " was handed over and is lost";
    }
  }
  EXPECT_GT(from_rings, 0U) << "no kill found an event in a ring";
}

TEST(KilledRecording, LeavesNothingBehindWhenItEndsWell) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(3, 5000, 30'000);
  RecorderOptions options;
  options.rings = ring_directory(directory / "t");
  std::filesystem::create_directory(options.rings);
  auto writer = TraceWriter::open(directory / "t", describe_host());
  Recorder recorder(std::move(*writer), {}, options);
  for (const auto& owned : events) recorder.on_event(owned.view());
  EXPECT_TRUE(std::filesystem::exists(options.rings / "0"));
  const RecorderReport& report = recorder.finish();
  EXPECT_EQ(report.events, events.size());
  EXPECT_EQ(report.rings_in_memory, 0U);
  EXPECT_FALSE(std::filesystem::exists(options.rings));
  EXPECT_TRUE(test::is_beginning(test::read_trace(directory / "t").events, events));
}

TEST(KilledRecording, GoesOnWithoutFilesWhereThereIsNoRoomForThem) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(4, 3000);
  RecorderOptions options;
  options.rings = directory / "not-made";
  auto writer = TraceWriter::open(directory / "t", describe_host());
  Recorder recorder(std::move(*writer), {}, options);
  for (const auto& owned : events) recorder.on_event(owned.view());
  EXPECT_EQ(recorder.finish().rings_in_memory, 1U);
  EXPECT_EQ(test::read_trace(directory / "t").events.size(), events.size());
}

TEST(RingDrain, GivesAsManyZerosAsNobodyLookedAt) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "rings");
  const std::vector<std::byte> head(16, std::byte{5});
  {
    Ring ring(std::move(*RingFile::create(directory / "rings/0", 64 * 1024)), 1 << 20);
    Event event;
    event.kind = EventKind::kReply;
    event.sequence = 1;
    event.message = Message{.head = head, .tail = unseen_data(300'000), .owner = nullptr};
    ASSERT_EQ(ring.push(event), Ring::Pushed::kDone);
  }
  RingDrain drain(directory / "rings");
  Event event;
  ASSERT_TRUE(drain.next(0, event));
  std::vector<std::byte> expected = head;
  expected.resize(16 + 300'000);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), event.message.head.begin(), event.message.head.end()));
  EXPECT_EQ(drain.lost(), 0U);
}

TEST(RingDrain, TakesNothingFromFilesThatAreNoRings) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "rings");
  test::write_file(directory / "rings/short", "x");
  test::write_file(directory / "rings/zeros", std::string(100'000, '\0'));
  std::filesystem::create_directory(directory / "rings/directory");
  std::filesystem::create_symlink("/dev/zero", directory / "rings/link");
  RingDrain drain(directory / "rings");
  EXPECT_EQ(drain.rings(), 0U);
  Event event;
  EXPECT_FALSE(drain.next(0, event));
}

TEST(RingDrain, NeverLeavesAFileWhoseBytesAreWrong) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(5, 400, 2000);
  std::filesystem::create_directory(directory / "rings");
  {
    Ring ring(std::move(*RingFile::create(directory / "rings/0", 64 * 1024)), 1 << 20);
    for (const auto& owned : events) {
      Event event = owned.view();
      if (event.sequence % 3 == 0) event.message.tail = unseen_data(100'000);
      if (ring.push(event) == Ring::Pushed::kFull) break;
    }
    const std::string sound = test::file_contents(directory / "rings/0");
    std::mt19937 random(9);
    for (int round = 0; round < 300; ++round) {
      std::string wrong = sound;
      for (int i = 0; i < 8; ++i) wrong[64 + random() % (wrong.size() - 64)] ^= static_cast<char>(1 << random() % 8);
      if (round % 3 == 0) wrong.resize(random() % wrong.size());
      test::write_file(directory / "rings/0", wrong);
      RingDrain drain(directory / "rings");
      Event event;
      std::uint64_t last = 0;
      while (drain.next(last, event)) {
        EXPECT_GT(event.sequence, last);
        last = event.sequence;
      }
    }
  }
}

}  // namespace
}  // namespace fusereplay
