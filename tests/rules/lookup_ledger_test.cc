#include "rules/lookup_ledger.h"

#include <gmock/gmock.h>

#include "tests/rules/conversation_script.h"

namespace fusereplay::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr wire::ForgetIn forget_of(std::uint64_t nlookup) {
  return {.nlookup = nlookup};
}

class LookupLedger : public ::testing::Test {
 protected:
  void SetUp() override { talk.mount(kInitInitExt | kInitExportSupport); }
  std::uint64_t count(std::uint64_t nodeid) { return talk.rules().lookups().count(nodeid); }
  void forget(std::uint64_t nodeid, std::uint64_t nlookup) { talk.ask(Opcode::kForget, nodeid, forget_of(nlookup)); }
  void readdirplus(const Listing& listing) {
    talk.answer(talk.ask(Opcode::kReaddirplus, 1, wire::ReadIn{.fh = 0, .size = 4096}), listing);
  }
  void open_root() { talk.answer(talk.ask(Opcode::kOpendir, 1, wire::OpenIn{}), opened(0)); }

  ConversationScript talk;
};

TEST_F(LookupLedger, EveryRequestThatAnswersWithAnEntryCounts) {
  talk.know(2);
  talk.answer(talk.ask(Opcode::kMknod, 1, wire::MknodIn{.mode = S_IFIFO}, "b"), entry(3, S_IFIFO));
  talk.answer(talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{.mode = 0755}, "c"), entry(4, kDirectory));
  talk.answer(talk.ask(Opcode::kSymlink, 1, "d", "target"), entry(5, S_IFLNK | 0777));
  talk.answer(talk.ask(Opcode::kLink, 1, wire::LinkIn{.oldnodeid = 2}, "e"), entry(2));
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "f"), entry(6), opened(1));
  talk.answer(talk.ask(Opcode::kTmpfile, 1, wire::CreateIn{}, "/"), entry(7), opened(1));
  EXPECT_EQ(count(2), 2u);
  for (std::uint64_t nodeid = 3; nodeid <= 7; ++nodeid) EXPECT_EQ(count(nodeid), 1u) << nodeid;
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 6u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, ForgetsTakeCountsBack) {
  talk.know(2);
  talk.know(2);
  talk.know(3);
  forget(2, 1);
  EXPECT_EQ(count(2), 1u);
  const wire::ForgetOne both[] = {{.nodeid = 2, .nlookup = 1}, {.nodeid = 3, .nlookup = 1}};
  talk.ask(Opcode::kBatchForget, 0, wire::BatchForgetIn{.count = 2}, Bytes(std::as_bytes(std::span(both))));
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, ForgetBelowZeroIsReported) {
  talk.know(2);
  forget(2, 2);
  EXPECT_THAT(talk.broken(), ElementsAre("K6"));
  EXPECT_EQ(talk.rules().findings()[0].what, "FORGET takes back 2 lookups of nodeid 2, which has 1");
  EXPECT_EQ(talk.rules().findings()[0].nodeid, 2u);
}

TEST_F(LookupLedger, BatchForgetBelowZeroIsReported) {
  const wire::ForgetOne one[] = {{.nodeid = 9, .nlookup = 1}};
  talk.ask(Opcode::kBatchForget, 0, wire::BatchForgetIn{.count = 1}, Bytes(std::as_bytes(std::span(one))));
  EXPECT_THAT(talk.broken(), ElementsAre("K6"));
}

TEST_F(LookupLedger, ForgetOfTheRootIsReported) {
  forget(1, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("K6"));
}

TEST_F(LookupLedger, RefusedAndErrorRepliesCountNothing) {
  const auto gone = talk.ask(Opcode::kLookup, 1, "a");
  talk.result(-ENOENT).answer(gone, entry(2));
  talk.fail(talk.ask(Opcode::kLookup, 1, "b"), ENOENT);
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, NegativeEntriesCountNothing) {
  talk.know(0);
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, ReaddirplusCountsAllButDotsAndEntriesWithoutNodes) {
  open_root();
  readdirplus(Listing(DirentKind::kPlus)
                  .add(".", 1, entry(1, kDirectory))
                  .add("..", 2, entry(8, kDirectory))
                  .add("a", 3, entry(2))
                  .add("b", 4, entry(0))
                  .add("c", 5, entry(2)));
  EXPECT_EQ(count(2), 2u);
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 1u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, ReaddirCountsNothing) {
  open_root();
  talk.answer(talk.ask(Opcode::kReaddir, 1, wire::ReadIn{.fh = 0, .size = 4096}),
              Listing(DirentKind::kPlain).add("a", 1));
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
}

TEST_F(LookupLedger, NothingCountsFromABadNameOn) {
  open_root();
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(2)).add("b/c", 2, entry(3)).add("d", 3, entry(4)));
  EXPECT_EQ(count(2), 1u);
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 1u);
  EXPECT_THAT(talk.broken(), ElementsAre("R11"));
}

TEST_F(LookupLedger, ARecordCutShortCountsNothing) {
  open_root();
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(2)).add("b", 2, entry(3)).cut(1));
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 1u);
  EXPECT_THAT(talk.broken(), ElementsAre("R12"));
}

TEST_F(LookupLedger, TheKernelForgetsReaddirplusRecordsItRejects) {
  open_root();
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(1, kDirectory)).add("b", 2, entry(3, 0)));
  EXPECT_THAT(talk.broken(), ElementsAre("R4", "R5"));
  forget(1, 1);
  forget(3, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R4", "R5"));
  forget(1, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R4", "R5", "K6"));
}

TEST_F(LookupLedger, ARequestOnAnUnknownNodeIsReported) {
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  EXPECT_THAT(talk.broken(), ElementsAre("K4"));
}

TEST_F(LookupLedger, ARequestAfterTheLastForgetIsReported) {
  talk.know(2);
  talk.fail(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), EIO);
  EXPECT_THAT(talk.broken(), IsEmpty());
  forget(2, 1);
  talk.ask(Opcode::kReadlink, 2);
  EXPECT_THAT(talk.broken(), ElementsAre("K4"));
}

TEST_F(LookupLedger, RequestsThatNeedNoCountAreNotReported) {
  talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  talk.ask(Opcode::kStatfs, 0);
  talk.ask(Opcode::kLookup, 77, ".");  // a file handle decoded after everything was forgotten
  talk.unique(9).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = 8});
  talk.ask(Opcode::kNotifyReply, 78, wire::NotifyRetrieveIn{});
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, OtherNodesARequestNamesNeedACountToo) {
  talk.know(2);
  talk.know(3, "d", kDirectory);
  talk.ask(Opcode::kRename, 1, wire::RenameIn{.newdir = 3}, "a", "b");
  talk.ask(Opcode::kLink, 1, wire::LinkIn{.oldnodeid = 2}, "c");
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kRename, 1, wire::RenameIn{.newdir = 8}, "a", "b");
  talk.ask(Opcode::kRename2, 1, wire::Rename2In{.newdir = 8, .flags = 1}, "a", "b");
  talk.ask(Opcode::kLink, 1, wire::LinkIn{.oldnodeid = 9}, "c");
  talk.open(2, 1);
  talk.ask(Opcode::kCopyFileRange, 2, wire::CopyFileRangeIn{.fh_in = 1, .nodeid_out = 9, .fh_out = 1});
  EXPECT_THAT(talk.broken(), ElementsAre("K5", "K5", "K5", "K5", "K10"));
}

TEST_F(LookupLedger, TheLastForgetOfABusyNodeIsReported) {
  talk.know(2);
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  forget(2, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("K7"));
}

TEST_F(LookupLedger, TheLastForgetOfANodeThatARenameNamesIsReported) {
  talk.know(2, "d", kDirectory);
  talk.ask(Opcode::kRename, 1, wire::RenameIn{.newdir = 2}, "a", "b");
  forget(2, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("K7"));
}

TEST_F(LookupLedger, ANodeIsNotBusyOnceItsRequestsAreAnswered) {
  talk.know(2);
  talk.fail(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), EIO);
  talk.result(-EINVAL).answer(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), entry(2));  // ended with EIO
  forget(2, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R3"));
}

TEST_F(LookupLedger, APartialForgetOfABusyNodeIsLegal) {
  talk.know(2);
  talk.know(2);
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  forget(2, 1);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

// The kernel evicts the inode, a LOOKUP makes it anew, and a thread numbers the old FORGET late.
TEST_F(LookupLedger, AForgetNumberedAfterTheNodeWasRevivedIsLegal) {
  talk.know(2);
  talk.know(2);  // the revival
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  talk.thread(2);
  forget(2, 1);
  EXPECT_EQ(count(2), 1u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

// A RETRIEVE's answer is queued without a hold on the inode.
TEST_F(LookupLedger, ANotifyReplyHoldsNoInode) {
  talk.know(2);
  talk.ask(Opcode::kNotifyReply, 2, wire::NotifyRetrieveIn{});
  forget(2, 1);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, ARequestSentAgainIsHeldOnce) {
  talk.know(2);
  const auto first = talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  talk.notify(NotifyCode::kResend);
  const auto again = talk.unique(first | kUniqueResendBit).ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  talk.fail(again, EIO);
  forget(2, 1);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, EntriesOfTheRootOrOfNothingAreReported) {
  talk.know(1, "a", kDirectory);
  talk.answer(talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{}, "b"), entry(0, kDirectory));
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "c"), entry(1), opened(1));
  EXPECT_THAT(talk.broken(), ElementsAre("R4", "R4", "R4"));
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
  EXPECT_EQ(talk.rules().findings()[1].what, "MKDIR \"b\" answered with nodeid 0");
}

TEST_F(LookupLedger, TheRootIsAGoodParent) {
  talk.know(2, "d", kDirectory);
  talk.answer(talk.ask(Opcode::kLookup, 2, ".."), entry(1, kDirectory));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

// fuse_dentry_revalidate counts before it looks at the attributes.
TEST_F(LookupLedger, ALookupWithBadAttributesMayHaveBeenCounted) {
  talk.know(2, "a", 0);
  EXPECT_THAT(talk.broken(), ElementsAre("R5"));
  EXPECT_EQ(count(2), 0u);
  forget(2, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R5"));
  forget(2, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R5", "K6"));
}

TEST_F(LookupLedger, ImpossibleSizesAreReported) {
  auto huge = entry(2);
  huge.attr.size = std::uint64_t{1} << 63;
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "a"), huge, opened(1));
  EXPECT_THAT(talk.broken(), ElementsAre("R5"));
  huge.attr.size -= 1;
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "a"), huge, opened(1));
  EXPECT_THAT(talk.broken(), ElementsAre("R5"));
}

TEST_F(LookupLedger, BadAttributesInOtherRepliesAreReported) {
  talk.know(2);
  talk.answer(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), attr(0644));
  auto huge = attr(kFile);
  huge.attr.size = ~std::uint64_t{0};
  talk.answer(talk.ask(Opcode::kSetattr, 2, wire::SetattrIn{}), huge);
  wire::StatxOut stat{};
  stat.stat.mask = 1;
  talk.answer(talk.ask(Opcode::kStatx, 2, wire::StatxIn{}), stat);
  EXPECT_THAT(talk.broken(), ElementsAre("R5", "R5", "R5"));
  stat.stat.mask = 0;  // says nothing
  talk.answer(talk.ask(Opcode::kStatx, 2, wire::StatxIn{}), stat);
  EXPECT_EQ(talk.rules().total(), 3u);
}

TEST_F(LookupLedger, ACountedNodeThatChangesItsTypeIsReported) {
  talk.know(2);
  talk.know(2, "a", kDirectory);
  EXPECT_THAT(talk.broken(), ElementsAre("R6"));
}

TEST_F(LookupLedger, ACountedNodeThatChangesItsGenerationIsReported) {
  talk.answer(talk.ask(Opcode::kLookup, 1, "a"), entry(2, kFile, 1));
  talk.answer(talk.ask(Opcode::kLookup, 1, "a"), entry(2, kFile, 2));
  EXPECT_THAT(talk.broken(), ElementsAre("R6"));
}

TEST_F(LookupLedger, GenerationsAreComparedAsTheKernelKeepsThem) {
  talk.answer(talk.ask(Opcode::kLookup, 1, "a"), entry(2, kFile, 1));
  talk.answer(talk.ask(Opcode::kLookup, 1, "a"), entry(2, kFile, (std::uint64_t{1} << 32) | 1));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, AForgottenNodeMayComeBackAsAnything) {
  talk.know(2);
  forget(2, 1);
  talk.answer(talk.ask(Opcode::kLookup, 1, "a"), entry(2, kDirectory, 5));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, AttributesOfAnotherTypeAreReported) {
  talk.know(2);
  talk.answer(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), attr(kFile));
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.answer(talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{}), attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R6"));
}

TEST_F(LookupLedger, CreatingAnotherTypeIsReported) {
  talk.answer(talk.ask(Opcode::kMkdir, 1, wire::MkdirIn{}, "a"), entry(2));
  talk.answer(talk.ask(Opcode::kSymlink, 1, "b", "t"), entry(3));
  talk.answer(talk.ask(Opcode::kMknod, 1, wire::MknodIn{.mode = S_IFREG}, "c"), entry(4, S_IFIFO));
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "d"), entry(5, kDirectory), opened(1));
  talk.know(6);
  talk.answer(talk.ask(Opcode::kLink, 1, wire::LinkIn{.oldnodeid = 6}, "e"), entry(6, S_IFIFO));
  EXPECT_THAT(talk.broken(), ElementsAre("R7", "R7", "R7", "R7", "R7"));
  EXPECT_EQ(talk.rules().lookups().counted_nodes(), 1u);
}

TEST_F(LookupLedger, ALinkToAnotherNodeIsReportedAndCounted) {
  talk.know(2);
  talk.answer(talk.ask(Opcode::kLink, 1, wire::LinkIn{.oldnodeid = 2}, "b"), entry(3));
  EXPECT_THAT(talk.broken(), ElementsAre("R8"));
  EXPECT_EQ(count(3), 1u);
}

TEST_F(LookupLedger, ARootThatIsNoDirectoryIsReported) {
  talk.answer(talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}), attr(kDirectory));
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.answer(talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}), attr(kFile));
  EXPECT_THAT(talk.broken(), ElementsAre("R18"));
}

TEST(LookupLedgerOptions, AMountOnAFileHasAFileAsItsRoot) {
  ConversationScript talk({.root_type = S_IFREG});
  talk.mount();
  talk.answer(talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}), attr(kFile));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(LookupLedger, AllCountsAreVoidOnceTheConnectionIsGone) {
  for (const Mark mark : {Mark::kUnmounted, Mark::kAborted, Mark::kServerDied}) {
    talk.mount();
    talk.know(2);
    talk.mark(mark);
    EXPECT_EQ(talk.rules().lookups().counted_nodes(), 0u);
    forget(2, 1);  // read before, numbered after
    talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{});
  }
  EXPECT_THAT(talk.broken(), IsEmpty());
}

}  // namespace
}  // namespace fusereplay::test
