#include "rules/reply_rules.h"

#include <gmock/gmock.h>

#include "tests/rules/conversation_script.h"

namespace fusereplay::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class ReplyRules : public ::testing::Test {
 protected:
  void SetUp() override {
    talk.mount();
    talk.know(2);
    talk.open(2, 1);
    talk.answer(talk.ask(Opcode::kOpendir, 1, wire::OpenIn{}), opened(0));
  }
  std::uint64_t getattr() { return talk.ask(Opcode::kGetattr, 1, wire::GetattrIn{}); }
  std::uint64_t write(std::uint32_t size, std::uint32_t flags) {
    return talk.ask(Opcode::kWrite, 2, wire::WriteIn{.fh = 1, .size = size, .write_flags = flags});
  }
  void readdir(const Listing& listing) {
    talk.answer(talk.ask(Opcode::kReaddir, 1, wire::ReadIn{.fh = 0, .size = 4096}), listing);
  }
  void listxattr(std::string_view list) {
    talk.answer(talk.ask(Opcode::kListxattr, 2, wire::GetxattrIn{.size = 100}), bytes_of(list));
  }
  void getlk(const wire::FileLock& lock) {
    talk.answer(talk.ask(Opcode::kGetlk, 2, wire::LkIn{.fh = 1}), wire::LkOut{.lk = lock});
  }
  std::string what() { return talk.rules().findings().back().what; }

  ConversationScript talk;
};

TEST_F(ReplyRules, ASecondReplyIsReported) {
  const auto asked = getattr();
  talk.answer(asked, attr(kDirectory));
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.result(-ENOENT).answer(asked, attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R1"));
  EXPECT_EQ(what(), "a second reply to GETATTR");
}

TEST_F(ReplyRules, AReplyToForgetIsReported) {
  const auto forget = talk.ask(Opcode::kForget, 2, wire::ForgetIn{.nlookup = 1});
  talk.result(-ENOENT).fail(forget, EIO);
  EXPECT_THAT(talk.broken(), ElementsAre("R1"));
  EXPECT_EQ(what(), "a reply to FORGET, which takes none");
}

TEST_F(ReplyRules, AReplyToNothingIsReported) {
  talk.result(-ENOENT).fail(4242, EIO);
  EXPECT_THAT(talk.broken(), ElementsAre("R1"));
  EXPECT_EQ(what(), "a reply to unique 4242, which is no outstanding request");
}

TEST_F(ReplyRules, AReplyOnAnotherDeviceIsReported) {
  talk.channel(1);
  const auto asked = getattr();
  talk.channel(2).result(-ENOENT).answer(asked, attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R1"));
  talk.channel(1).answer(asked, attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R1"));
}

// The connection is aborted while the server works; the mark is numbered later.
TEST_F(ReplyRules, ARefusedReplyToAnOutstandingRequestIsNobodysFault) {
  const auto asked = getattr();
  talk.result(-ENOENT).answer(asked, attr(kDirectory));
  talk.mark(Mark::kAborted);
  talk.result(-ENOENT).fail(4242, EIO);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST_F(ReplyRules, AnAnswerToTheFirstSendingIsNobodysFault) {
  const auto first = getattr();
  talk.notify(NotifyCode::kResend);
  const auto again = talk.unique(first | kUniqueResendBit).ask(Opcode::kGetattr, 1, wire::GetattrIn{});
  talk.result(-ENOENT).answer(first, attr(kDirectory));
  talk.answer(again, attr(kDirectory));
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST_F(ReplyRules, ARequestNeverAnsweredIsReportedAtTheEnd) {
  const auto asked = getattr();
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken(), IsEmpty());
  EXPECT_THAT(talk.broken_at_end(), ElementsAre("R1"));
  EXPECT_EQ(what(), "GETATTR was never answered");
  EXPECT_EQ(talk.rules().findings()[0].requests[0].unique, asked);
}

TEST_F(ReplyRules, AReplyMayComeAfterTheUnmount) {
  const auto release = talk.ask(Opcode::kRelease, 2, wire::ReleaseIn{.fh = 1});
  talk.mark(Mark::kUnmounted);
  talk.result(-ENOENT).answer(release);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST_F(ReplyRules, RequestsThatMayStayUnansweredAreNotReported) {
  talk.ask(Opcode::kSetlkw, 2, wire::LkIn{.fh = 1});  // somebody holds the lock
  const auto asked = getattr();
  talk.unique(asked | 1).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = asked});
  talk.answer(asked, attr(kDirectory));
  talk.ask(Opcode::kForget, 2, wire::ForgetIn{.nlookup = 0});
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST_F(ReplyRules, NothingIsSaidOfRequestsCutOffByTheEndOfTheTraceOrAnAbort) {
  getattr();
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
  talk.mark(Mark::kAborted);
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), IsEmpty());
}

TEST_F(ReplyRules, APositiveErrorIsReported) {
  talk.result(-EINVAL).reply(getattr(), ENOENT);
  EXPECT_THAT(talk.broken(), ElementsAre("R2"));
}

TEST_F(ReplyRules, AnErrorTheKernelKeepsForItselfIsReported) {
  talk.reply(getattr(), -511);
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.result(-EINVAL).reply(getattr(), -512);
  EXPECT_THAT(talk.broken(), ElementsAre("R2"));
}

TEST_F(ReplyRules, AWrongLengthIsReported) {
  const wire::OutHeader header{.len = 17, .error = -EIO, .unique = getattr()};
  talk.result(-EINVAL).reply_bytes(std::as_bytes(std::span(&header, 1)));
  EXPECT_THAT(talk.broken(), ElementsAre("R2"));
}

TEST_F(ReplyRules, ARequestWithAnInvalidReplyIsNotReportedTwice) {
  talk.result(-EINVAL).reply(getattr(), ENOENT);
  talk.mark(Mark::kUnmounted);
  EXPECT_THAT(talk.broken_at_end(), ElementsAre("R2"));
}

TEST_F(ReplyRules, APayloadOfTheWrongSizeIsReported) {
  talk.result(-EINVAL).answer(getattr());
  talk.result(-EINVAL).answer(getattr(), entry(1, kDirectory));
  talk.result(-EINVAL).reply(getattr(), -EIO, attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R3", "R3", "R3"));
}

// A replayed or simulated write may be given any result: the form speaks for itself.
TEST_F(ReplyRules, APayloadOfTheWrongSizeIsReportedWhateverWriteReturned) {
  talk.answer(getattr());
  EXPECT_THAT(talk.broken(), ElementsAre("R3"));
}

TEST_F(ReplyRules, AReplyTheKernelRefusesForItsBytesIsReported) {
  talk.result(-EFAULT).answer(getattr(), attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R3"));
  EXPECT_EQ(what(), "the reply to GETATTR was refused with EFAULT");
}

TEST_F(ReplyRules, AWriteOfMoreThanWasGivenIsReported) {
  talk.answer(write(10, 0), wire::WriteOut{.size = 10});
  talk.answer(write(10, 0), wire::WriteOut{.size = 3});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.answer(write(10, 0), wire::WriteOut{.size = 11});
  EXPECT_THAT(talk.broken(), ElementsAre("R9"));
}

TEST_F(ReplyRules, AShortCachedWriteIsReported) {
  talk.answer(write(10, kWriteCache), wire::WriteOut{.size = 10});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.answer(write(10, kWriteCache), wire::WriteOut{.size = 9});
  EXPECT_THAT(talk.broken(), ElementsAre("R9"));
}

TEST_F(ReplyRules, WellFormedListingsAreLegal) {
  readdir(Listing(DirentKind::kPlain));
  readdir(Listing(DirentKind::kPlain).add(".", 3).add("..", 1).add("a", 2));
  readdir(Listing(DirentKind::kPlain).add("b", ~std::uint64_t{0}));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST_F(ReplyRules, OffsetZeroIsReported) {
  readdir(Listing(DirentKind::kPlain).add("a", 1).add("b", 0));
  EXPECT_THAT(talk.broken(), ElementsAre("R11"));
  EXPECT_EQ(what(), "READDIR answered with offset 0 after the entry \"b\"");
}

TEST_F(ReplyRules, TwoEntriesOfOneOffsetAreReported) {
  readdir(Listing(DirentKind::kPlain).add("a", 5).add("b", 3).add("c", 5));
  EXPECT_THAT(talk.broken(), ElementsAre("R11"));
}

TEST_F(ReplyRules, BadEntryNamesAreReported) {
  readdir(Listing(DirentKind::kPlain).add("a/b", 1));
  readdir(Listing(DirentKind::kPlain).add("", 1));
  EXPECT_THAT(talk.broken(), ElementsAre("R11", "R11"));
}

TEST_F(ReplyRules, NamesMayBeAsLongAsTheKernelTakesThem) {
  const std::string longest(1024, 'x');
  readdir(Listing(DirentKind::kPlain).add(longest, 1));
  EXPECT_THAT(talk.broken(), IsEmpty());
  readdir(Listing(DirentKind::kPlain).add(longest + "x", 1));
  EXPECT_THAT(talk.broken(), ElementsAre("R11"));
  talk.mount(kInitMaxPages);
  talk.answer(talk.ask(Opcode::kOpendir, 1, wire::OpenIn{}), opened(0));
  readdir(Listing(DirentKind::kPlain).add(longest + "x", 1));
  EXPECT_THAT(talk.broken(), ElementsAre("R11"));
}

TEST_F(ReplyRules, ALastRecordCutShortIsReported) {
  readdir(Listing(DirentKind::kPlain).add("a", 1).add("b", 2).cut(1));
  readdir(Listing(DirentKind::kPlain).add("a", 1).add("b", 2).cut(30));
  EXPECT_THAT(talk.broken(), ElementsAre("R11", "R11"));
}

TEST_F(ReplyRules, ACountedRecordCutShortIsReported) {
  const auto readdirplus = [&](const Listing& listing) {
    talk.answer(talk.ask(Opcode::kReaddirplus, 1, wire::ReadIn{.fh = 0, .size = 4096}), listing);
  };
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(7)));
  EXPECT_THAT(talk.broken(), IsEmpty());
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(7)).cut(8));
  readdirplus(Listing(DirentKind::kPlus).add("a", 1, entry(0)).cut(8));
  EXPECT_THAT(talk.broken(), ElementsAre("R12", "R11"));
}

TEST_F(ReplyRules, XattrListsAreNamesThatEndInNul) {
  listxattr("");
  listxattr(std::string_view("user.a\0user.b\0", 14));
  talk.answer(talk.ask(Opcode::kListxattr, 2, wire::GetxattrIn{.size = 0}), wire::GetxattrOut{.size = 14});
  EXPECT_THAT(talk.broken(), IsEmpty());
  listxattr("user.a");
  listxattr(std::string_view("\0user.a\0", 8));
  listxattr(std::string_view("user.a\0\0user.b\0", 15));
  EXPECT_THAT(talk.broken(), ElementsAre("R13", "R13", "R13"));
}

TEST_F(ReplyRules, LocksMakeSense) {
  const std::uint64_t end = (std::uint64_t{1} << 63) - 1;
  getlk({.start = 0, .end = end, .type = F_WRLCK});
  getlk({.start = 5, .end = 5, .type = F_RDLCK});
  getlk({.start = 9, .end = 1, .type = F_UNLCK});  // the kernel does not look at the range
  EXPECT_THAT(talk.broken(), IsEmpty());
  getlk({.start = 9, .end = 1, .type = F_WRLCK});
  getlk({.start = 0, .end = end + 1, .type = F_RDLCK});
  getlk({.start = 0, .end = 1, .type = 3});
  EXPECT_THAT(talk.broken(), ElementsAre("R14", "R14", "R14"));
}

TEST_F(ReplyRules, PassthroughThatWasNotSettledIsReported) {
  talk.answer(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}), opened(3, kFopenPassthrough));
  talk.answer(talk.ask(Opcode::kCreate, 1, wire::CreateIn{}, "c"), entry(3), opened(3, kFopenPassthrough));
  EXPECT_THAT(talk.broken(), ElementsAre("R15", "R15"));
}

TEST_F(ReplyRules, PassthroughHasABackingFileAndFewFlags) {
  talk.mount(kInitInitExt | kInitPassthrough);
  talk.know(2);
  const auto open = [&](std::uint32_t flags, std::int32_t backing) {
    talk.answer(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}),
                wire::OpenOut{.fh = 3, .open_flags = kFopenPassthrough | flags, .backing_id = backing});
  };
  open(0, 1);
  open(kFopenDirectIo | kFopenNoflush, 1);
  EXPECT_THAT(talk.broken(), IsEmpty());
  open(0, 0);
  open(kFopenKeepCache, 1);
  EXPECT_THAT(talk.broken(), ElementsAre("R15", "R15"));
}

TEST_F(ReplyRules, OlderKernelsDoNotKnowPassthrough) {
  talk.init({.minor = 38}, {.minor = 38, .max_write = 4096});
  talk.know(2);
  talk.answer(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}), opened(3, kFopenPassthrough));
  EXPECT_THAT(talk.broken(), IsEmpty());
}

TEST(ReplyRulesInit, AnErrorIsReported) {
  ConversationScript talk;
  talk.fail(talk.ask(Opcode::kInit, 0, wire::InitIn{.major = 7, .minor = 45}), EPROTO);
  EXPECT_THAT(talk.broken(), ElementsAre("R17"));
  EXPECT_EQ(talk.rules().findings()[0].what, "INIT answered with error EPROTO");
}

TEST(ReplyRulesInit, AnotherMajorIsReported) {
  ConversationScript talk;
  talk.init({}, {.max_write = 4096, .major = 8});
  EXPECT_THAT(talk.broken(), ElementsAre("R17"));
}

TEST(ReplyRulesInit, ASmallMaxWriteIsReported) {
  ConversationScript talk;
  talk.init({}, {.max_write = 4096});
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.init({}, {.max_write = 4095});
  EXPECT_THAT(talk.broken(), ElementsAre("R17"));
}

TEST(ReplyRulesInit, FlagsThatWereNotOfferedAreReported) {
  ConversationScript talk;
  const std::uint64_t both = kInitInitExt | kInitPassthrough;
  talk.init({.flags = both}, {.flags = both, .max_write = 4096, .max_stack_depth = 2});
  talk.init({.flags = both}, {.flags = kInitPassthrough, .max_write = 4096});  // flags2 without INIT_EXT is not read
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.init({.flags = kInitInitExt}, {.flags = both, .max_write = 4096});
  EXPECT_THAT(talk.broken(), ElementsAre("R17"));
  EXPECT_EQ(talk.rules().findings()[0].what, "INIT answered with flag PASSTHROUGH, which the kernel did not offer");
}

TEST(ReplyRulesInit, PassthroughThatTheKernelDoesNotTakeIsReported) {
  const std::uint64_t both = kInitInitExt | kInitPassthrough;
  for (const std::uint32_t depth : {0U, 3U}) {
    ConversationScript talk;
    talk.init({.flags = both}, {.flags = both, .max_write = 4096, .max_stack_depth = depth});
    EXPECT_THAT(talk.broken(), ElementsAre("R17")) << depth;
  }
  ConversationScript talk;
  const std::uint64_t all = both | kInitWritebackCache;
  talk.init({.flags = all}, {.flags = all, .max_write = 4096, .max_stack_depth = 1});
  EXPECT_THAT(talk.broken(), ElementsAre("R17"));
  EXPECT_EQ(
      talk.rules().findings()[0].what,
      "INIT answered with PASSTHROUGH with max_stack_depth 1 beside WRITEBACK_CACHE, which the kernel does not take");
  talk.know(2);
  talk.answer(talk.ask(Opcode::kOpen, 2, wire::OpenIn{}),
              wire::OpenOut{.fh = 3, .open_flags = kFopenPassthrough, .backing_id = 1});
  EXPECT_THAT(talk.broken(), ElementsAre("R17", "R15"));
}

TEST_F(ReplyRules, RepliesToInterruptsAreEagainOrEnosys) {
  const auto asked = getattr();
  talk.unique(asked | 1).ask(Opcode::kInterrupt, 0, wire::InterruptIn{.unique = asked});
  talk.fail(asked | 1, EAGAIN);
  talk.fail(asked | 1, ENOSYS);
  talk.fail(asked, EINTR);
  talk.result(-ENOENT).fail(asked | 1, EAGAIN);  // its target is gone: a race the server cannot see
  EXPECT_THAT(talk.broken(), IsEmpty());
  talk.fail(asked | 1, EIO);
  talk.result(-EINVAL).answer(asked | 1, attr(kDirectory));
  EXPECT_THAT(talk.broken(), ElementsAre("R20", "R20"));
}

}  // namespace
}  // namespace fusereplay::test
