// A report begins with what went wrong first, and puts under it what follows from it.
#include "replayer/causes.h"

#include <gtest/gtest.h>

#include "rules/rule_set.h"
#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

/// Makes the `number`th reply to `opcode` an error in the recording: what was recorded did not happen there.
void fail(Recording& recording, Opcode opcode, int number, int error) {
  std::uint64_t unique = 0;
  for (StoredEvent& stored : recording) {
    if (stored.event.kind == EventKind::kRequest) {
      wire::InHeader header;
      std::memcpy(&header, stored.bytes.data(), sizeof(header));
      if (header.opcode == static_cast<std::uint32_t>(opcode) && number-- == 0) unique = header.unique;
      continue;
    }
    wire::OutHeader header;
    std::memcpy(&header, stored.bytes.data(), sizeof(header));
    if (header.unique != unique || unique == 0) continue;
    header.len = sizeof(header);
    header.error = -error;
    stored.bytes.resize(sizeof(header));
    std::memcpy(stored.bytes.data(), &header, sizeof(header));
    stored.event.result = sizeof(header);
    return;
  }
}

/// memfs, but one kind of request fails.
class Broken final : public Memfs {
 public:
  enum class Where : std::uint8_t { kMkdir, kUnlink };
  explicit Broken(Where where) : where_(where) {}
  Async<Entry> mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation) override {
    if (where_ == Where::kMkdir && name == "broken") return Errno(EIO);
    return Memfs::mkdir(request, parent, name, creation);
  }
  Async<void> unlink(const Request& request, NodeId parent, std::string_view name) override {
    if (where_ == Where::kUnlink && name == "broken") return Result<void>();
    return Memfs::unlink(request, parent, name);
  }

 private:
  Where where_;
};

ReplayReport replay_on(std::unique_ptr<Operations> filesystem, const Recording& recording, RuleSet& rules) {
  RecordingEvents source(recording);
  std::vector<EventSink*> sinks = {&rules};
  return replay(std::move(filesystem), source, sinks);
}

TEST(Causes, WhatHappensInADirectoryThatWasNotMadeFollows) {
  const Recording recording = record([](Caller& caller) {
    const std::uint64_t directory = caller.mkdir(1, "broken").nodeid();
    const Reply created = caller.create(directory, "a");
    caller.write(created.nodeid(), created.created_handle(), 0, "hello");
    caller.release(Opcode::kRelease, created.nodeid(), created.created_handle());
    caller.rename(directory, "a", 1, "b");
    caller.named(Opcode::kLookup, 1, "b");
    caller.named(Opcode::kLookup, 1, "broken");
    caller.getattr(1);
    caller.batch_forget({{created.nodeid(), 2}, {directory, 2}});
    caller.mkdir(1, "fine");
  });
  RuleSet rules;
  const ReplayReport report = replay_on(std::make_unique<Broken>(Broken::Where::kMkdir), recording, rules);
  ASSERT_EQ(report.causes.size(), 1U) << explain(report);
  const RootCause& cause = report.causes[0];
  EXPECT_EQ(cause.divergence.opcode, Opcode::kMkdir);
  EXPECT_EQ(cause.divergence.live, "EIO");
  EXPECT_EQ(cause.divergence.live_reply, "EIO");
  EXPECT_TRUE(cause.divergence.recorded_reply.starts_with("success nodeid ")) << cause.divergence.recorded_reply;
  EXPECT_EQ(cause.follower_count, 7U) << explain(report);
  for (const Divergence& follower : cause.followers) EXPECT_EQ(follower.link, DivergenceLink::kSameObject);
  // CREATE, WRITE, RELEASE, RENAME; the FORGETs have nothing left to take back.
  EXPECT_EQ(report.counts.withheld, 5U) << explain(report);
  EXPECT_EQ(report.counts.unbound_ids, 0U);
  EXPECT_EQ(rules.total(), 0U);
  EXPECT_EQ(report.end, ReplayEnd::kComplete);
}

TEST(Causes, TheFileThatWasNotRemovedFollows) {
  const Recording recording = record([](Caller& caller) {
    const Reply created = caller.create(1, "broken");
    caller.release(Opcode::kRelease, created.nodeid(), created.created_handle());
    const Reply other = caller.create(1, "other");
    caller.named(Opcode::kUnlink, 1, "broken");
    caller.getattr(created.nodeid());
    caller.named(Opcode::kLookup, 1, "broken");
    caller.getattr(other.nodeid());
  });
  RuleSet rules;
  const ReplayReport report = replay_on(std::make_unique<Broken>(Broken::Where::kUnlink), recording, rules);
  ASSERT_EQ(report.causes.size(), 1U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.opcode, Opcode::kGetattr);
  // The link count would differ next; the first field that differs stands for the reply.
  EXPECT_EQ(report.causes[0].divergence.field, "attr.ctimensec");
  EXPECT_EQ(report.causes[0].follower_count, 1U);
}

TEST(Causes, TwoMistakesAreTwoCauses) {
  Recording recording = record([](Caller& caller) {
    caller.create(1, "a");
    caller.create(1, "b");
    caller.named(Opcode::kLookup, 1, "a");
    caller.setxattr(3, "user.x", "value");
    caller.named(Opcode::kLookup, 1, "a");
  });
  fail(recording, Opcode::kLookup, 0, EACCES);
  fail(recording, Opcode::kSetxattr, 0, ENOSPC);
  const ReplayReport report = replay_on_memfs(recording);
  ASSERT_EQ(report.causes.size(), 2U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.opcode, Opcode::kLookup);
  EXPECT_EQ(report.causes[1].divergence.opcode, Opcode::kSetxattr);
}

TEST(Causes, TheSameMistakeInAnotherPlaceIsPutUnderTheFirst) {
  Recording recording = record([](Caller& caller) {
    for (const char* name : {"a", "b", "c"}) caller.create(1, name);
    for (const char* name : {"a", "b", "c"}) caller.named(Opcode::kLookup, 1, name);
  });
  for (int i = 0; i < 3; ++i) fail(recording, Opcode::kLookup, i, EACCES);
  fail(recording, Opcode::kLookup, 0, EACCES);
  const ReplayReport report = replay_on_memfs(recording);
  ASSERT_EQ(report.causes.size(), 1U) << explain(report);
  ASSERT_EQ(report.causes[0].followers.size(), 2U);
  EXPECT_EQ(report.causes[0].followers[0].link, DivergenceLink::kSameField);
}

TEST(ExpectedDifferences, ARehearsedDifferenceAndWhatFollowsAreNoFindings) {
  Recording recording = record([](Caller& caller) {
    for (const char* name : {"a", "b"}) caller.create(1, name);
    for (const char* name : {"a", "b"}) caller.named(Opcode::kLookup, 1, name);
  });
  fail(recording, Opcode::kLookup, 0, EACCES);
  fail(recording, Opcode::kLookup, 1, EACCES);
  const ReplayReport before = replay_on_memfs(recording);
  ASSERT_EQ(before.causes.size(), 1U) << explain(before);
  const std::string line = ExpectedDifferences::line_of(before.causes[0].divergence);
  EXPECT_EQ(line, "LOOKUP\terror\tEACCES\t0 (success)");
  auto expected = ExpectedDifferences::parse("# known\n\n" + line + "\nGETATTR\tattr.size\t*\t0\n");
  ASSERT_TRUE(expected.has_value()) << expected.error();
  ReplayOptions options;
  options.expected = &*expected;
  const ReplayReport after = replay_on_memfs(recording, {}, options);
  EXPECT_TRUE(after.same()) << explain(after);
  EXPECT_EQ(after.counts.expected, 2U);
  EXPECT_EQ(expected->missing(), std::vector<std::string>{"GETATTR\tattr.size\t*\t0"});
}

TEST(ExpectedDifferences, ALineThatIsNoneIsNamed) {
  const auto expected = ExpectedDifferences::parse("# fine\nLOOKUP error EACCES\n");
  ASSERT_FALSE(expected.has_value());
  EXPECT_TRUE(expected.error().starts_with("line 2: ")) << expected.error();
}

TEST(ExpectedDifferences, NumbersInBracketsAreThoseOfOneRun) {
  Divergence divergence;
  divergence.opcode = Opcode::kRead;
  divergence.field = "data[17]";
  divergence.recorded = "0x01";
  divergence.live = "0x02";
  auto expected = ExpectedDifferences::parse(ExpectedDifferences::line_of(divergence));
  ASSERT_TRUE(expected.has_value());
  divergence.field = "data[3]";
  EXPECT_TRUE(expected->take(divergence));
  divergence.live = "0x03";
  EXPECT_FALSE(expected->take(divergence));
}

}  // namespace
}  // namespace fusereplay::test
