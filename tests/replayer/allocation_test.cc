// A replay allocates nothing for a request, once it is warm.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/async/frame_pool.h"
#include "core/event/conversation.h"
#include "rules/rule_set.h"
#include "tests/replayer/stage.h"
#include "tests/support/allocations.h"
#include "traces/event_log.h"
#include "traces/writer.h"

namespace fusereplay::test {
namespace {

/// Requests that memfs itself serves without memory.
Recording looking_around(int rounds) {
  return record([rounds](Caller& caller) {
    const std::uint64_t directory = caller.mkdir(1, "d").nodeid();
    const Reply created = caller.create(directory, "file");
    caller.write(created.nodeid(), created.created_handle(), 0, "hello");
    for (int i = 0; i < rounds; ++i) {
      caller.named(Opcode::kLookup, directory, "file");
      caller.named(Opcode::kLookup, directory, "none");
      caller.getattr(created.nodeid());
      caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), 0, 5);
      caller.forget(created.nodeid(), 1);
    }
  });
}

/// Calls of operator new while this is replayed, rules and event log included.
std::size_t allocations_of(RecordedEvents& source) {
  RuleSet rules;
  EventLog log;
  std::vector<EventSink*> sinks = {&rules, &log};
  const std::size_t before = allocations();
  const ReplayReport report = replay(std::make_unique<Memfs>(), source, sinks);
  const std::size_t count = allocations() - before;
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(rules.total(), 0U);
  return count;
}

std::size_t allocations_from_memory(int rounds) {
  const Recording recording = looking_around(rounds);
  RecordingEvents source(recording);
  return allocations_of(source);
}

std::size_t allocations_from_trace(int rounds) {
  const auto path =
      std::filesystem::temp_directory_path() / ("fusereplay_allocations." + std::to_string(::getpid()) + ".fusetrace");
  const Recording recording = looking_around(rounds);
  auto writer = TraceWriter::open(path, describe_host());
  EXPECT_TRUE(writer.has_value());
  Conversation conversation;
  RecordingEvents source(recording);
  for (Event event; source.next(event);) {
    conversation.follow(event);
    (*writer)->on_event(event);
  }
  EXPECT_TRUE((*writer)->close().has_value());
  auto reader = TraceReader::open(path);
  std::filesystem::remove(path);
  EXPECT_TRUE(reader.has_value());
  TraceEvents events(**reader);
  return allocations_of(events);
}

class ReplayAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef FUSEREPLAY_PLAIN_FRAMES
    GTEST_SKIP() << "under this sanitizer each coroutine frame is an allocation";
#endif
  }
};

TEST_F(ReplayAllocations, AreNoMoreForALongRecordingThanForAShortOne) {
  const std::size_t warm_up = allocations_from_memory(10);
  EXPECT_LE(allocations_from_memory(1000), warm_up);
}

TEST_F(ReplayAllocations, AreNoMoreForALongTraceThanForAShortOne) {
  // A longer trace may need a larger buffer for its blocks, not one for its requests.
  const std::size_t warm_up = allocations_from_trace(1000);
  EXPECT_LE(allocations_from_trace(10000), warm_up + 2);
}

}  // namespace
}  // namespace fusereplay::test
