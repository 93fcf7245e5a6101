#include "rules/handle_ledger.h"

#include <gmock/gmock.h>

#include "tests/rules/conversation_script.h"

namespace fusereplay::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HandleLedger : public ::testing::Test {
 protected:
  void SetUp() override {
    talk.mount();
    talk.know(2);
  }
  std::uint64_t read(std::uint64_t fh) { return talk.ask(Opcode::kRead, 2, wire::ReadIn{.fh = fh, .size = 10}); }
  std::uint64_t flush(std::uint64_t fh) { return talk.ask(Opcode::kFlush, 2, wire::FlushIn{.fh = fh}); }
  std::uint64_t release(std::uint64_t fh) { return talk.ask(Opcode::kRelease, 2, wire::ReleaseIn{.fh = fh}); }
  std::uint64_t opens(std::uint64_t fh) { return talk.rules().handles().opens(2, fh); }

  ConversationScript talk;
};

TEST_F(HandleLedger, AHandleIsGoodFromOpenToRelease) {
  talk.open(2, 5);
  EXPECT_EQ(opens(5), 1u);
  talk.answer(read(5));
  talk.answer(flush(5));
  talk.answer(release(5));
  EXPECT_EQ(opens(5), 0u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(HandleLedger, CreateAndTmpfileAndOpendirOpenToo) {
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "c"), entry(3), opened(6));
  talk.answer(talk.ask(Opcode::kTmpfile, 1, wire::CreateIn{}, "/"), entry(4), opened(7));
  talk.answer(talk.ask(Opcode::kOpendir, 1, wire::OpenIn{}), opened(8));
  EXPECT_EQ(talk.rules().handles().opens(3, 6), 1u);
  EXPECT_EQ(talk.rules().handles().opens(4, 7), 1u);
  EXPECT_EQ(talk.rules().handles().open_count(), 3u);
  talk.answer(talk.ask(Opcode::kReaddir, 1, wire::ReadIn{.fh = 8, .size = 4096}));
  talk.answer(talk.ask(Opcode::kReleasedir, 1, wire::ReleaseIn{.fh = 8}));
  EXPECT_EQ(talk.rules().handles().open_count(), 2u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(HandleLedger, AHandleThatWasNeverOpenedIsReported) {
  read(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
  EXPECT_EQ(talk.rules().findings()[0].what, "READ with fh 5 of nodeid 2, which is not open");
}

TEST_F(HandleLedger, AHandleOfAnotherInodeIsReported) {
  talk.know(3, "b");
  talk.open(3, 5);
  read(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
}

TEST_F(HandleLedger, UseAfterReleaseIsReported) {
  talk.open(2, 5);
  talk.answer(release(5));
  read(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
}

TEST_F(HandleLedger, ReleaseWhileARequestHasTheHandleIsReported) {
  talk.open(2, 5);
  read(5);
  release(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
}

TEST_F(HandleLedger, ReleaseBeforeTheFlushIsAnsweredIsReported) {
  talk.open(2, 5);
  flush(5);
  release(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K12"));
}

TEST_F(HandleLedger, OneHandleMayBeGivenToManyOpens) {
  talk.open(2, 0);
  talk.open(2, 0);
  talk.answer(release(0));
  flush(0);
  talk.answer(read(0));
  EXPECT_EQ(opens(0), 1u);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

// The RELEASE of the first open is read late; the filesystem gave its handle out again meanwhile.
TEST_F(HandleLedger, AHandleMayComeBackBeforeItsReleaseIsRead) {
  talk.open(2, 5);
  talk.open(2, 5);
  read(5);
  talk.thread(2);
  release(5);
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(HandleLedger, ASecondReleaseIsReported) {
  talk.open(2, 5);
  talk.answer(release(5));
  talk.answer(release(5));
  EXPECT_THAT(talk.broken(), ElementsAre("K11"));
}

TEST_F(HandleLedger, FhZeroIsGoodAfterOpenWasAnsweredEnosys) {
  read(0);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
  talk.fail(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}), ENOSYS);
  read(0);
  flush(0);
  EXPECT_THAT(talk.broken(), ElementsAre("K10"));
  read(5);
  EXPECT_THAT(talk.broken(), ElementsAre("K10", "K10"));
}

TEST_F(HandleLedger, FhZeroIsGoodAfterOpendirWasAnsweredEnosys) {
  talk.fail(talk.ask(Opcode::kOpendir, 1, wire::OpenIn{}), ENOSYS);
  talk.answer(talk.ask(Opcode::kReaddir, 1, wire::ReadIn{.fh = 0, .size = 4096}));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(HandleLedger, ARefusedOpenOpensNothing) {
  const auto open = talk.ask(Opcode::kOpen, 2, wire::OpenIn{});
  talk.result(-ENOENT).answer(open, opened(5));
  EXPECT_EQ(opens(5), 0u);
  talk.fail(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}), EACCES);
  EXPECT_EQ(talk.rules().handles().open_count(), 0u);
}

TEST_F(HandleLedger, ACreateWhoseEntryIsRejectedOpensNothing) {
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "c"), entry(3, kDirectory), opened(6));
  EXPECT_EQ(talk.rules().handles().open_count(), 0u);
  EXPECT_THAT(talk.broken(), ElementsAre("R7"));
}

TEST_F(HandleLedger, FlagsSayWhetherARequestHasAHandle) {
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{.getattr_flags = 0, .fh = 9});
  talk.ask(Opcode::kSetattr, 2, wire::SetattrIn{.valid = kSetattrMode, .fh = 9});
  talk.ask(Opcode::kStatx, 2, wire::StatxIn{.fh = 9});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.ask(Opcode::kGetattr, 2, wire::GetattrIn{.getattr_flags = kGetattrFh, .fh = 9});
  talk.ask(Opcode::kSetattr, 2, wire::SetattrIn{.valid = kSetattrFh, .fh = 9});
  talk.ask(Opcode::kStatx, 2, wire::StatxIn{.getattr_flags = kGetattrFh, .fh = 9});
  EXPECT_THAT(talk.broken(), ElementsAre("K10", "K10", "K10"));
}

TEST_F(HandleLedger, EveryRequestWithAHandleIsLookedAt) {
  std::size_t expected = 0;
  const auto bad = [&](Opcode opcode, const auto&... body) {
    talk.ask(opcode, 2, body...);
    EXPECT_EQ(talk.rules().count(RuleId::kK10), ++expected) << opcode_name(opcode);
  };
  bad(Opcode::kRead, wire::ReadIn{.fh = 9});
  bad(Opcode::kWrite, wire::WriteIn{.fh = 9});
  bad(Opcode::kFsync, wire::FsyncIn{.fh = 9});
  bad(Opcode::kFsyncdir, wire::FsyncIn{.fh = 9});
  bad(Opcode::kFlush, wire::FlushIn{.fh = 9});
  bad(Opcode::kReaddir, wire::ReadIn{.fh = 9});
  bad(Opcode::kReaddirplus, wire::ReadIn{.fh = 9});
  bad(Opcode::kGetlk, wire::LkIn{.fh = 9});
  bad(Opcode::kSetlk, wire::LkIn{.fh = 9});
  bad(Opcode::kSetlkw, wire::LkIn{.fh = 9});
  bad(Opcode::kIoctl, wire::IoctlIn{.fh = 9});
  bad(Opcode::kPoll, wire::PollIn{.fh = 9});
  bad(Opcode::kFallocate, wire::FallocateIn{.fh = 9});
  bad(Opcode::kLseek, wire::LseekIn{.fh = 9});
  talk.open(2, 1);
  bad(Opcode::kCopyFileRange, wire::CopyFileRangeIn{.fh_in = 9, .nodeid_out = 2, .fh_out = 1});
  bad(Opcode::kCopyFileRange64, wire::CopyFileRangeIn{.fh_in = 1, .nodeid_out = 2, .fh_out = 9});
  talk.ask(Opcode::kCopyFileRange, 2, wire::CopyFileRangeIn{.fh_in = 1, .nodeid_out = 2, .fh_out = 1});
  EXPECT_EQ(talk.rules().total(), expected);
}

TEST_F(HandleLedger, AReleaseSentAgainReleasesOnce) {
  talk.open(2, 5);
  const auto first = release(5);
  talk.notify(NotifyCode::kResend);
  talk.answer(talk.unique(first | kUniqueResendBit).ask(Opcode::kRelease, 2, wire::ReleaseIn{.fh = 5}));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(HandleLedger, AllHandlesAreVoidOnceTheConnectionIsGone) {
  talk.open(2, 5);
  talk.mark(Mark::kUnmounted);
  EXPECT_EQ(talk.rules().handles().open_count(), 0u);
  release(5);  // read before, numbered after
  EXPECT_THAT(talk.broken(), IsEmpty());
}

}  // namespace
}  // namespace fusereplay::test
