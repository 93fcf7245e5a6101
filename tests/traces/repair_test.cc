// Traces that were cut off, damaged, or left behind by a recorder that was killed: repaired. Traces read from the
// middle.
#include "traces/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/block.h"
#include "traces/event_log.h"

namespace fusereplay {
namespace {

using test::OwnedEvent;
using test::read_trace;
using testing::HasSubstr;

class NothingLate final : public LateEvents {
 public:
  bool next(std::uint64_t, Event&) override { return false; }
};

/// Events that a recorder had not written.
class Held final : public LateEvents {
 public:
  explicit Held(const std::vector<OwnedEvent>& events) : events_(events) {}
  bool next(std::uint64_t after, Event& event) override {
    for (const OwnedEvent& owned : events_) {
      if (owned.event.sequence <= after) continue;
      event = owned.view();
      return true;
    }
    return false;
  }

 private:
  const std::vector<OwnedEvent>& events_;
};

void write_trace(const std::filesystem::path& path, const std::vector<OwnedEvent>& events,
                 PayloadPolicy payload = PayloadPolicy::kFull, std::size_t block_bytes = 2000) {
  TraceWriterOptions options;
  options.payload = payload;
  options.block_bytes = block_bytes;
  options.existing = ExistingTrace::kOverwrite;
  auto writer = TraceWriter::open(path, describe_host(), options);
  ASSERT_TRUE(writer) << writer.error().message;
  test::feed(events, **writer);
  ASSERT_TRUE((*writer)->close());
}

RepairReport repair(const std::filesystem::path& from, const std::filesystem::path& to) {
  NothingLate nothing;
  const auto report = repair_trace(from, to, nothing, ExistingTrace::kOverwrite);
  EXPECT_TRUE(report) << report.error().message;
  return report.value_or(RepairReport{});
}

/// Where the blocks begin.
std::vector<std::size_t> blocks_of(const std::string& file) {
  std::vector<std::size_t> offsets;
  for (std::size_t at = 0; at < file.size();) {
    const auto header = decode_block_header(std::as_bytes(std::span(file)).subspan(at));
    if (!header) break;
    offsets.push_back(at);
    at += kBlockHeaderBytes + header->stored_size;
  }
  return offsets;
}

/// Events whose data repeats, so that blocks refer to earlier ones.
std::vector<OwnedEvent> repeating_events(std::uint64_t seed) {
  auto events = test::conversation_events(seed, 1500, 3000);
  std::optional<test::OwnedMessage> first;
  for (OwnedEvent& owned : events) {
    const auto header = read_in_header(owned.bytes);
    if (owned.event.kind != EventKind::kRequest || static_cast<Opcode>(header->opcode) != Opcode::kWrite) continue;
    constexpr std::size_t kFixed = sizeof(wire::InHeader) + sizeof(wire::WriteIn);
    owned.bytes.resize(kFixed + 2048);
    if (!first) first = owned.bytes;
    std::copy(first->begin() + kFixed, first->end(), owned.bytes.begin() + kFixed);
    auto length = static_cast<std::uint32_t>(owned.bytes.size());
    std::memcpy(owned.bytes.data(), &length, sizeof(length));
    wire::WriteIn in{};
    in.size = 2048;
    std::memcpy(owned.bytes.data() + sizeof(wire::InHeader), &in, sizeof(in));
    owned.event.result = length;
  }
  return events;
}

TEST(Repair, CompletesATraceThatWasCutOffAnywhere) {
  const test::TemporaryDirectory directory;
  const auto events = repeating_events(1);
  write_trace(directory / "whole", events);
  const std::string whole = test::file_contents(directory / "whole");
  std::size_t cuts = 0;
  for (std::size_t size = whole.size() - 1; size > 4000; size = size * 9 / 10, ++cuts) {
    test::write_file(directory / "cut", whole.substr(0, size));
    const auto torn = read_trace(directory / "cut");
    const RepairReport report = repair(directory / "cut", directory / "new");
    const auto back = read_trace(directory / "new");
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    EXPECT_EQ(back.events.size(), torn.events.size());
    EXPECT_TRUE(test::is_beginning(back.events, events));
    EXPECT_EQ(report.events, back.events.size());
    EXPECT_EQ(report.missing, 0U);
    EXPECT_FALSE(report.was_whole);
  }
  EXPECT_GT(cuts, 10U);
}

TEST(Repair, KeepsEveryBlockButTheDamagedOneAndWhatRefersToIt) {
  const test::TemporaryDirectory directory;
  const auto events = repeating_events(2);
  for (const PayloadPolicy payload : {PayloadPolicy::kFull, PayloadPolicy::kHash}) {
    write_trace(directory / "whole", events, payload);
    const auto before = read_trace(directory / "whole").events;
    const std::string whole = test::file_contents(directory / "whole");
    const auto blocks = blocks_of(whole);
    ASSERT_GT(blocks.size(), 20U);
    std::string damaged = whole;
    damaged[blocks[10] + kBlockHeaderBytes + 5] ^= 0x55;
    damaged.erase(blocks[15], 30);  // what follows stands elsewhere than it did
    test::write_file(directory / "damaged", damaged);
    EXPECT_EQ(read_trace(directory / "damaged").outcome, ReadOutcome::kDamaged);
    const RepairReport report = repair(directory / "damaged", directory / "new");
    EXPECT_GT(report.lost_bytes, 100U);
    EXPECT_GT(report.missing, 0U);
    const auto back = read_trace(directory / "new");
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    EXPECT_EQ(back.missing, report.missing);
    EXPECT_GT(back.events.size(), events.size() / 2);
    for (const OwnedEvent& owned : back.events) {
      EXPECT_TRUE(test::same(owned, before[owned.event.sequence - 1])) << "event " << owned.event.sequence;
    }
  }
}

TEST(Repair, LeavesAWholeTraceAsItIs) {
  const test::TemporaryDirectory directory;
  for (const PayloadPolicy payload : {PayloadPolicy::kFull, PayloadPolicy::kHash, PayloadPolicy::kNone}) {
    write_trace(directory / "whole", repeating_events(3), payload);
    EXPECT_TRUE(repair(directory / "whole", directory / "new").was_whole);
    EXPECT_EQ(test::file_contents(directory / "whole"), test::file_contents(directory / "new"));
  }
}

TEST(Repair, AppendsWhatWasCapturedAndNotWritten) {
  const test::TemporaryDirectory directory;
  const auto events = repeating_events(4);
  for (const PayloadPolicy payload : {PayloadPolicy::kFull, PayloadPolicy::kHash}) {
    write_trace(directory / "whole", events, payload);
    const std::string whole = test::file_contents(directory / "whole");
    test::write_file(directory / "cut", whole.substr(0, whole.size() / 2));
    Held late(events);
    const auto report = repair_trace(directory / "cut", directory / "new", late, ExistingTrace::kOverwrite);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GT(report->late_events, 100U);
    EXPECT_EQ(report->events, events.size());
    const auto back = read_trace(directory / "new");
    const auto expected = read_trace(directory / "whole");
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    EXPECT_EQ(back.events.size(), events.size());
    EXPECT_TRUE(test::is_beginning(back.events, expected.events));
    EXPECT_EQ(back.raw_records, 0U);
  }
}

TEST(Repair, RefusesWhatIsNoTraceAndItself) {
  const test::TemporaryDirectory directory;
  NothingLate nothing;
  test::write_file(directory / "text", "hello");
  const auto text = repair_trace(directory / "text", directory / "new", nothing);
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, HasSubstr("is not a trace"));
  EXPECT_FALSE(std::filesystem::exists(directory / "new"));
  write_trace(directory / "t", test::conversation_events(1, 10));
  const std::string before = test::file_contents(directory / "t");
  const auto itself = repair_trace(directory / "t", directory / "t", nothing, ExistingTrace::kOverwrite);
  ASSERT_FALSE(itself);
  EXPECT_EQ(test::file_contents(directory / "t"), before);
}

TEST(Seek, FindsAnyEventWithTheIndexAndWithout) {
  const test::TemporaryDirectory directory;
  const auto events = repeating_events(5);
  write_trace(directory / "whole", events);
  const std::string whole = test::file_contents(directory / "whole");
  const auto blocks = blocks_of(whole);
  test::write_file(directory / "cut", whole.substr(0, blocks[blocks.size() - 2]));
  std::string wrong = whole;
  wrong[blocks[blocks.size() - 2] + kBlockHeaderBytes + 3] ^= 1;
  test::write_file(directory / "wrong-index", wrong);
  for (const std::string name : {"whole", "cut", "wrong-index"}) {
    auto reader = TraceReader::open(directory / name);
    ASSERT_TRUE(reader);
    for (std::uint64_t sequence = events.size(); sequence > 0; sequence -= std::min<std::uint64_t>(sequence, 37)) {
      (*reader)->seek_sequence(sequence);
      Event event;
      std::uint64_t before = 0;
      while ((*reader)->next(event) == ReadOutcome::kEvent && event.sequence < sequence) ++before;
      EXPECT_EQ(event.sequence, sequence) << name;
      EXPECT_LT(before, 200U) << "two blocks";
      EXPECT_TRUE(std::ranges::equal(event.message.head, events[sequence - 1].bytes));
    }
    (*reader)->seek_time(events[700].event.begin);
    Event event;
    while ((*reader)->next(event) == ReadOutcome::kEvent && event.begin < events[700].event.begin) {
    }
    EXPECT_EQ(event.begin, events[700].event.begin);
  }
}

TEST(Seek, BehindTheEndGivesTheLastBlocksAndThenTheEnd) {
  const test::TemporaryDirectory directory;
  const auto events = repeating_events(6);
  write_trace(directory / "t", events);
  auto reader = TraceReader::open(directory / "t");
  (*reader)->seek_sequence(1'000'000);
  Event event;
  std::uint64_t last = 0;
  ReadOutcome outcome{};
  while ((outcome = (*reader)->next(event)) == ReadOutcome::kEvent) last = event.sequence;
  EXPECT_EQ(outcome, ReadOutcome::kEnd);
  EXPECT_EQ(last, events.size());
  (*reader)->seek_sequence(0);
  EXPECT_EQ((*reader)->next(event), ReadOutcome::kEvent);
  EXPECT_EQ(event.sequence, 1U);
}

TEST(Seek, InATraceWithoutEventsGivesItsEnd) {
  const test::TemporaryDirectory directory;
  write_trace(directory / "t", {});
  auto reader = TraceReader::open(directory / "t");
  (*reader)->seek_sequence(5);
  Event event;
  EXPECT_EQ((*reader)->next(event), ReadOutcome::kEnd);
}

}  // namespace
}  // namespace fusereplay
