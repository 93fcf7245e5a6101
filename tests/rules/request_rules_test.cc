#include "rules/request_rules.h"

#include <gmock/gmock.h>

#include "tests/rules/conversation_script.h"

namespace fusereplay::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RequestRulesStart, AStreamThatDoesNotBeginWithInitIsReportedOnce) {
  ConversationScript talk;
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  EXPECT_THAT(talk.broken(), ElementsAre("K1"));
}

TEST(RequestRulesStart, ARequestBeforeTheReplyToInitIsReported) {
  ConversationScript talk;
  const auto init = talk.ask(Opcode::kInit, 0, wire::InitIn{.major = 7, .minor = 45});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  EXPECT_THAT(talk.broken(), ElementsAre("K1"));
  talk.answer(init, wire::InitOut{.major = 7, .minor = 45, .max_write = 4096});
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  EXPECT_THAT(talk.broken(), ElementsAre("K1"));
}

class RequestRules : public ::testing::Test {
 protected:
  void SetUp() override { talk.mount(); }
  std::uint64_t getattr() { return talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}); }
  void forget_nothing() { talk.ask(Opcode::kBatchForget, 0, wire::BatchForgetIn{}); }
  void write(std::uint32_t size, std::uint32_t flags = 0) {
    talk.ask(Opcode::kWrite, 2, wire::WriteIn{.fh = 1, .size = size, .write_flags = flags});
  }
  ConversationScript talk;
};

TEST_F(RequestRules, AnOddUniqueIsReported) {
  talk.unique(101);
  getattr();
  EXPECT_THAT(talk.broken(), ElementsAre("K2"));
}

TEST_F(RequestRules, AUniqueThatDoesNotAscendIsReported) {
  talk.unique(100);
  getattr();
  talk.unique(98);
  getattr();
  EXPECT_THAT(talk.broken(), ElementsAre("K2"));
}

TEST_F(RequestRules, AForgetIsNumberedWhenItIsReadAndSoOvertakesWhatIsQueued) {
  talk.unique(106);
  forget_nothing();
  talk.unique(100);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.unique(104);
  forget_nothing();
  EXPECT_THAT(talk.broken(), ElementsAre("K2"));
}

TEST_F(RequestRules, SeveralReadersMayNumberTheirReadsInAnyOrder) {
  talk.unique(100);
  getattr();
  talk.thread(2).unique(98);
  getattr();
  talk.unique(96);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, RequestsSentAgainKeepTheirNumber) {
  const auto first = getattr();
  getattr();
  talk.notify(NotifyCode::kResend);
  talk.unique(first | kUniqueResendBit);
  getattr();
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, AnInterruptNamesItsTarget) {
  const auto target = getattr();
  talk.unique(target | 1).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = target});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.unique(target | 1).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = target + 2});
  EXPECT_THAT(talk.broken(), ElementsAre("K3"));
}

// Another thread may number the INTERRUPT before the reader of its target numbers that.
TEST_F(RequestRules, AnInterruptMayBeNumberedBeforeItsTarget) {
  talk.thread(2).unique(101).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = 100});
  talk.unique(100);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, ATaskWithTwoSynchronousRequestsIsReported) {
  talk.pid(7);
  getattr();
  talk.pid(7);
  getattr();
  EXPECT_THAT(talk.broken(), ElementsAre("K9"));
}

TEST_F(RequestRules, TasksThatWaitForTheirRepliesAreLegal) {
  talk.pid(7);
  const auto first = getattr();
  talk.pid(8);
  getattr();
  talk.fail(first, EIO);
  talk.pid(7);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

// The kernel no longer knew it: a second reply, or one that came too late.
TEST_F(RequestRules, ARequestWhoseReplyFoundItGoneIsNotWaitedFor) {
  talk.pid(7);
  const auto first = getattr();
  talk.result(-ENOENT).fail(first, EIO);
  talk.pid(7);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, ATaskMayHaveBackgroundRequestsBesideItsOwn) {
  talk.know(2);
  talk.open(2, 1);
  const wire::ReadIn in{.fh = 1, .size = 4096};
  talk.pid(7).ask(Opcode::kRead, 2, in);
  talk.pid(7).ask(Opcode::kRead, 2, in);
  talk.pid(7);
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, TasksWithoutAPidAreNotToldApart) {
  getattr();
  getattr();
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(RequestRules, AWriteAboveMaxWriteIsReported) {
  talk.know(2);
  talk.open(2, 1);
  write(131072);
  EXPECT_THAT(talk.broken(), IsEmpty());
  write(131073);
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
}

TEST(RequestRulesLimits, ACachedWriteOfOnePageMayExceedASmallMaxWrite) {
  ConversationScript talk;
  talk.init({}, {.max_write = 4096});
  talk.know(2);
  talk.open(2, 1);
  talk.ask(Opcode::kWrite, 2, wire::WriteIn{.fh = 1, .size = 65536, .write_flags = kWriteCache});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kWrite, 2, wire::WriteIn{.fh = 1, .size = 65536});
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
}

TEST_F(RequestRules, AReadAboveMaxPagesIsReported) {
  talk.know(2);
  talk.open(2, 1);
  talk.ask(Opcode::kRead, 2, wire::ReadIn{.fh = 1, .size = 32 * 65536});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kRead, 2, wire::ReadIn{.fh = 1, .size = 32 * 65536 + 1});
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
}

TEST_F(RequestRules, NamesNoKernelSendsAreReported) {
  talk.ask(Opcode::kLookup, 1, "a/b");
  talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{}, "");
  talk.ask(Opcode::kUnlink, 1, "..");
  talk.ask(Opcode::kRename, 1, wire::RenameIn{.newdir = 1}, "a", std::string_view(std::string(4096, 'x')));
  talk.ask(Opcode::kLookup, 1, ".");
  EXPECT_THAT(talk.broken(), ElementsAre("K15", "K15", "K15", "K15", "K15"));
}

TEST_F(RequestRules, NamesThatAreNoEntriesMayHoldAnything) {
  talk.ask(Opcode::kSymlink, 1, "a", "../b/c");
  talk.ask(Opcode::kGetxattr, 1, wire::GetxattrIn{}, "user.a/b");
  talk.ask(Opcode::kTmpfile, 1, wire::CreateIn{}, "/");
  talk.ask(Opcode::kLookup, 1, "...");
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST(RequestRulesExport, LookupsOfDotsBelongToExportedTrees) {
  ConversationScript talk;
  talk.mount(kInitExportSupport);
  talk.ask(Opcode::kLookup, 1, ".");
  talk.ask(Opcode::kLookup, 1, "..");
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kRmdir, 1, ".");
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
}

TEST_F(RequestRules, AMalformedRequestIsReported) {
  talk.ask(Opcode::kRead, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
  talk.ask(static_cast<Opcode>(99), 1);  // a newer kernel's: nothing is known of its form
  EXPECT_THAT(talk.broken(), ElementsAre("K15"));
}

TEST_F(RequestRules, Rename2WithoutItsFlagsIsReported) {
  for (const std::uint32_t flags : {1u, 2u, 4u}) {
    talk.ask(Opcode::kRename2, 1, wire::Rename2In{.newdir = 1, .flags = flags}, "a", "b");
  }
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kRename2, 1, wire::Rename2In{.newdir = 1, .flags = 0}, "a", "b");
  talk.ask(Opcode::kRename2, 1, wire::Rename2In{.newdir = 1, .flags = 8}, "a", "b");
  EXPECT_THAT(talk.broken(), ElementsAre("K19", "K19"));
}

}  // namespace
}  // namespace fusereplay::test
