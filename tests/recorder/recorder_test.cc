// The recorder: many threads in, one ordered stream out, and a trace that survives SIGKILL.
#include "recorder/recorder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/event_log.h"
#include "traces/payload.h"

namespace fusereplay {
namespace {

using test::OwnedEvent;

/// Keeps the sequences it sees, and whether requests were attached.
class Listener : public EventSink {
 public:
  void on_event(const Event& event) override {
    sequences.push_back(event.sequence);
    if (event.kind == EventKind::kRequest && event.request == nullptr) ++without_request;
    if (event.kind == EventKind::kReply && event.request != nullptr) ++answered;
    if (on_each) on_each();
  }
  std::vector<std::uint64_t> sequences;
  int without_request = 0;
  int answered = 0;
  void (*on_each)() = nullptr;
};

/// Hands the events over on `threads` threads: each takes the next number, as a session does, and then its event.
void feed_from_threads(const std::vector<OwnedEvent>& events, EventSink& sink, int threads) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (std::size_t index = next.fetch_add(1); index < events.size(); index = next.fetch_add(1)) {
        sink.on_event(events[index].view());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

std::unique_ptr<TraceWriter> trace_at(const std::filesystem::path& path, const TraceWriterOptions& options = {}) {
  auto writer = TraceWriter::open(path, describe_host(), options);
  EXPECT_TRUE(writer);
  return std::move(*writer);
}

TEST(Recorder, PutsTheEventsOfFourThreadsInOrder) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(1, 20000, 600);
  Listener listener;
  EventLog live;
  Recorder recorder(trace_at(directory / "t"), {&listener, &live});
  feed_from_threads(events, recorder, 4);
  const RecorderReport& report = recorder.finish();
  EXPECT_EQ(report.events, events.size());
  EXPECT_EQ(report.missing, 0U);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.trace.events, events.size());
  EXPECT_EQ(report.trace.raw_records, 0U);
  ASSERT_EQ(listener.sequences.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(listener.sequences[i], i + 1);
  EXPECT_EQ(listener.without_request, 0);
  EXPECT_GT(listener.answered, 1000);
  const auto back = test::read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
  EXPECT_EQ(back.events.size(), events.size());
  EXPECT_TRUE(test::is_beginning(back.events, events));
  EventLog from_file;
  test::feed(back.events, from_file);
  EXPECT_EQ(from_file.hash(), live.hash()) << "a live run and its trace are the same run";
}

TEST(Recorder, MakesThreadsWaitRatherThanLoseEvents) {
  const auto events = test::conversation_events(2, 5000, 3000);
  Listener slow;
  slow.on_each = [] { std::this_thread::yield(); };
  RecorderOptions options;
  options.ring_bytes = 64 * 1024;
  Recorder recorder(nullptr, {&slow}, options);
  feed_from_threads(events, recorder, 3);
  const RecorderReport& report = recorder.finish();
  EXPECT_EQ(report.events, events.size());
  EXPECT_EQ(report.missing, 0U);
  EXPECT_GT(report.waits, 0U) << "the rings were meant to be too small";
}

TEST(Recorder, PassesLargeMessagesOn) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(3, 300, std::size_t{1} << 20);
  RecorderOptions options;
  options.max_referenced_bytes = std::size_t{2} << 20;
  Recorder recorder(trace_at(directory / "t"), {}, options);
  feed_from_threads(events, recorder, 2);
  EXPECT_EQ(recorder.finish().events, events.size());
  EXPECT_TRUE(test::is_beginning(test::read_trace(directory / "t").events, events));
}

TEST(Recorder, WantsTheDataOfFilesWhereItsTraceOrASinkDoes) {
  const test::TemporaryDirectory directory;
  Listener listener;
  EventLog log;
  AsKept sizes(PayloadPolicy::kNone, log);
  AsKept hashes(PayloadPolicy::kHash, log);
  const auto wants = [&](std::unique_ptr<TraceWriter> writer, std::vector<EventSink*> sinks) {
    return Recorder(std::move(writer), std::move(sinks)).wants_file_data();
  };
  EXPECT_FALSE(wants(nullptr, {}));
  EXPECT_FALSE(wants(trace_at(directory / "none", {.payload = PayloadPolicy::kNone}), {&sizes}));
  EXPECT_TRUE(wants(trace_at(directory / "hash", {.payload = PayloadPolicy::kHash}), {&sizes}));
  EXPECT_TRUE(wants(trace_at(directory / "full"), {}));
  EXPECT_TRUE(wants(nullptr, {&sizes, &hashes}));
  EXPECT_TRUE(wants(nullptr, {&listener})) << "who does not say";
}

TEST(Recorder, ReportsANumberThatNobodyHandedOver) {
  const auto events = test::conversation_events(4, 100);
  Listener listener;
  Recorder recorder(nullptr, {&listener});
  for (const OwnedEvent& owned : events) {
    if (owned.event.sequence != 40 && owned.event.sequence != 41) recorder.on_event(owned.view());
  }
  const RecorderReport& report = recorder.finish();
  EXPECT_EQ(report.events, events.size() - 2);
  EXPECT_EQ(report.missing, 2U);
  EXPECT_EQ(listener.sequences.back(), events.size()) << "what came after the gap was passed on";
}

/// Counts what it sees, for another thread to wait on.
class Counter : public EventSink {
 public:
  void on_event(const Event&) override {
    ++seen_;
    seen_.notify_one();
  }
  void await(std::size_t count) const {
    for (std::size_t seen = seen_; seen < count; seen = seen_) seen_.wait(seen);
  }

 private:
  std::atomic<std::size_t> seen_{0};
};

TEST(Recorder, GivesTheRingOfAThreadThatEndedToTheNext) {
  const auto events = test::conversation_events(5, 50);
  Counter counter;
  Recorder recorder(nullptr, {&counter});
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::thread([&] { recorder.on_event(events[i].view()); }).join();
    counter.await(i + 1);
  }
  const RecorderReport& report = recorder.finish();
  EXPECT_EQ(report.events, events.size());
  EXPECT_LE(report.rings, 2U) << "one in use, and one whose last event is just being passed on";
}

TEST(Recorder, NeverPutsAnEventBehindOneThatWaitsForIt) {
  const auto events = test::conversation_events(6, 2);
  Listener listener;
  Recorder recorder(nullptr, {&listener});
  for (const std::size_t index : {1, 0}) {
    std::thread([&] {
      recorder.on_event(events[index].view());
    }).join();  // the second waits in its ended thread's ring
  }
  EXPECT_EQ(recorder.finish().missing, 0U);
  EXPECT_EQ(listener.sequences, (std::vector<std::uint64_t>{1, 2}));
}

TEST(Recorder, SharesAThreadWithOtherRecorders) {
  const auto events = test::conversation_events(6, 300);
  Recorder first(nullptr, {});
  for (int round = 0; round < 3; ++round) {
    Recorder second(nullptr, {});
    for (const OwnedEvent& owned : events) second.on_event(owned.view());
    EXPECT_EQ(second.finish().events, events.size());
  }
  Recorder third(nullptr, {});
  for (const OwnedEvent& owned : events) {
    first.on_event(owned.view());
    third.on_event(owned.view());
  }
  EXPECT_EQ(first.finish().events, events.size());
  EXPECT_EQ(third.finish().events, events.size());
}

TEST(Recorder, GoesOnFeedingItsSinksWhenTheTraceCannotBeWritten) {
  const test::TemporaryDirectory directory;
  auto events = test::conversation_events(7, 1000);
  // Larger than the format allows: a stand-in for a disk that fills up.
  events[500].bytes.resize(std::size_t{33} << 20);
  events[500].event.kind = EventKind::kNotification;
  Listener listener;
  Recorder recorder(trace_at(directory / "t"), {&listener});
  for (const OwnedEvent& owned : events) recorder.on_event(owned.view());
  const RecorderReport& report = recorder.finish();
  EXPECT_TRUE(report.error);
  EXPECT_EQ(report.trace.events + report.trace.dropped, events.size());
  EXPECT_EQ(listener.sequences.size(), events.size());
  EXPECT_EQ(test::read_trace(directory / "t").outcome, ReadOutcome::kTruncated);
}

TEST(Recorder, WritesABlockThoughTheConversationFellSilent) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(8, 50);
  Recorder recorder(trace_at(directory / "t"), {});
  for (const OwnedEvent& owned : events) recorder.on_event(owned.view());
  // Nothing more is handed over; the test's time limit is the only clock here.
  while (test::read_trace(directory / "t").events.size() < events.size()) std::this_thread::yield();
  EXPECT_EQ(recorder.finish().events, events.size());
}

TEST(Recorder, KilledLeavesAReadableTraceThatLacksAtMostTheLastBlock) {
  const test::TemporaryDirectory directory;
  const auto path = directory / "t";
  const auto events = test::conversation_events(9, 100'000, 200);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Recorder recorder(trace_at(path, {.block_bytes = 20'000}), {});
    feed_from_threads(events, recorder, 2);
    for (;;) ::pause();  // not finished, not closed
  }
  std::error_code none_yet;
  while (std::filesystem::file_size(path, none_yet) < 500'000 || none_yet) std::this_thread::yield();
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto back = test::read_trace(path);
  EXPECT_EQ(back.outcome, ReadOutcome::kTruncated) << back.error;
  EXPECT_EQ(back.missing, 0U);
  EXPECT_GT(back.events.size(), 1000U);
  EXPECT_TRUE(test::is_beginning(back.events, events));
}

}  // namespace
}  // namespace fusereplay
