#include "rules/rule_set.h"

#include <gmock/gmock.h>

#include "rules/handle_ledger.h"
#include "rules/lookup_ledger.h"
#include "tests/rules/conversation_script.h"

namespace fusereplay::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Collector : public FindingSink {
 public:
  void on_finding(const Finding& finding) override { rules.emplace_back(finding.rule); }
  std::vector<std::string> rules;
};

void break_k4(ConversationScript& talk) {
  talk.ask(Opcode::kReadlink, 99);
}

TEST(RuleSet, AWholeConversationBreaksNothing) {
  ConversationScript talk;
  talk.mark(Mark::kMounted);
  talk.mount();
  talk.answer(talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}), attr(kDirectory));
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "a"), entry(2), opened(1));
  talk.answer(talk.ask(Opcode::kWrite, 2, wire::WriteIn{.fh = 1, .size = 5}), wire::WriteOut{.size = 5});
  talk.answer(talk.ask(Opcode::kFlush, 2, wire::FlushIn{.fh = 1}));
  talk.answer(talk.ask(Opcode::kRelease, 2, wire::ReleaseIn{.fh = 1}));
  talk.answer(talk.ask(Opcode::kUnlink, 1, "a"));
  talk.ask(Opcode::kForget, 2, wire::ForgetIn{.nlookup = 1});
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_EQ(talk.rules().handles().open_count(), 0u);
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
  EXPECT_EQ(talk.rules().total(), 0u);
}

TEST(RuleSet, KeepsTheFirstFindingsOfEachRuleAndCountsTheRest) {
  Collector collector;
  ConversationScript talk({.findings_per_rule = 2, .sink = &collector});
  talk.mount();
  for (int i = 0; i < 5; ++i) break_k4(talk);
  talk.ask(Opcode::kForget, 98, wire::ForgetIn{.nlookup = 1});
  EXPECT_THAT(talk.broken(), ElementsAre("K4", "K4", "K6"));
  EXPECT_THAT(collector.rules, ElementsAre("K4", "K4", "K6"));
  EXPECT_EQ(talk.rules().count(RuleId::kK4), 5u);
  EXPECT_EQ(talk.rules().total(), 6u);
}

TEST(RuleSet, AFindingNamesRuleRequestKernelAndSource) {
  ConversationScript talk;
  talk.mount();
  const auto asked = talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{}, "a\n");
  talk.answer(asked, entry(2));
  ASSERT_THAT(talk.rules().findings(), SizeIs(1));
  const Finding& finding = talk.rules().findings()[0];
  EXPECT_EQ(finding.id, RuleId::kR7);
  EXPECT_EQ(finding.severity, Severity::kLeak);
  EXPECT_EQ(finding.sequence, 4u);
  EXPECT_EQ(finding.time, 4000);
  ASSERT_THAT(finding.requests, SizeIs(1));
  EXPECT_EQ(finding.requests[0].unique, asked);
  EXPECT_EQ(to_string(finding),
            "R7: MKDIR \"a\\x0a\" answered with a regular file\n"
            "  request: MKDIR unique 4, read as #3, answered as #4\n"
            "  nodeid: 2\n"
            "  kernel: the caller gets EIO, no FORGET and no RELEASE follows: count, handle and object leak\n"
            "  source: fs/fuse/dir.c create_new_entry, fuse_create_open");
}

TEST(RuleSet, RulesThatNeedTheWholeHistoryAreSilentAfterAGap) {
  ConversationScript talk;
  talk.mount();
  talk.gap();
  break_k4(talk);
  talk.ask(Opcode::kRename, 1, wire::RenameIn{.newdir = 99}, "a", "b");
  talk.ask(Opcode::kForget, 99, wire::ForgetIn{.nlookup = 1});
  talk.ask(Opcode::kFlush, 99, wire::FlushIn{.fh = 3});
  talk.ask(Opcode::kRelease, 99, wire::ReleaseIn{.fh = 3});
  talk.result(-ENOENT).fail(4242, EIO);
  talk.pid(5).ask(Opcode::kReadlink, 99);
  talk.pid(5).ask(Opcode::kReadlink, 99);
  talk.know(2);
  talk.know(2, "a", kDirectory);
  talk.answer(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), attr(kFile));
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  talk.ask(Opcode::kForget, 2, wire::ForgetIn{.nlookup = 2});
  talk.open(2, 1);
  talk.ask(Opcode::kRead, 2, wire::ReadIn{.fh = 1, .size = 1});
  talk.ask(Opcode::kFlush, 2, wire::FlushIn{.fh = 1});
  talk.ask(Opcode::kRelease, 2, wire::ReleaseIn{.fh = 1});
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST(RuleSet, RulesOfOneMessageSpeakAfterAGapAllTheSame) {
  ConversationScript talk;
  talk.mount();
  talk.gap();
  talk.answer(talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{}, "a"), entry(0, kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R4"));
}

TEST(RuleSet, AStreamThatBeginsInMidLifeBreaksOneRuleOnly) {
  ConversationScript talk;
  talk.answer(talk.ask(Opcode::kReadlink, 99), std::as_bytes(std::span("x", 1)));
  talk.ask(Opcode::kForget, 99, wire::ForgetIn{.nlookup = 3});
  EXPECT_THAT(talk.broken(), ElementsAre("K1"));
}

TEST(RuleSet, InitStartsAfresh) {
  ConversationScript talk;
  talk.mount();
  talk.know(2);
  talk.open(2, 1);
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  talk.mark(Mark::kUnmounted);
  talk.mount();
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_EQ(talk.rules().handles().open_count(), 0u);
  break_k4(talk);
  EXPECT_THAT(talk.broken(), ElementsAre("K4"));
}

TEST(RuleSet, UnknownOpcodesBreakNothing) {
  ConversationScript talk;
  talk.mount();
  talk.answer(talk.ask(static_cast<Opcode>(200), 99), std::as_bytes(std::span("12345678", 8)));
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

}  // namespace
}  // namespace fusereplay::test
