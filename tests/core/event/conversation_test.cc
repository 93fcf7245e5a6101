#include "core/event/conversation.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "core/protocol/builder.h"
#include "core/protocol/flags.h"
#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

class ConversationTest : public ::testing::Test {
 protected:
  const RequestContext* request(Bytes bytes) {
    return follow(EventKind::kRequest, bytes, static_cast<std::int64_t>(bytes.size()));
  }
  const RequestContext* lookup(std::uint64_t unique, std::string_view name = "a") {
    wire::InHeader header{};
    header.unique = unique;
    header.nodeid = 1;
    return request(builder_.start_request(Opcode::kLookup, header).name(name).finish());
  }
  template <class Struct>
  const RequestContext* request(Opcode opcode, std::uint64_t unique, const Struct& body) {
    wire::InHeader header{};
    header.unique = unique;
    return request(builder_.start_request(opcode, header).add(body).finish());
  }
  const RequestContext* reply(std::uint64_t unique, std::int32_t error = 0, std::int64_t result = 16) {
    return follow(EventKind::kReply, builder_.start_reply(unique, error).finish(), result);
  }
  const RequestContext* follow(EventKind kind, Bytes bytes, std::int64_t result) {
    Event event;
    event.kind = kind;
    event.sequence = ++sequence_;
    event.begin = static_cast<std::int64_t>(1000 * sequence_);
    event.channel = channel_;
    event.result = result;
    event.message.head = bytes;
    const RequestContext stale;
    event.request = &stale;
    conversation_.follow(event);
    EXPECT_NE(event.request, &stale);
    return event.request;
  }

  Conversation conversation_;
  MessageBuilder builder_;
  std::uint64_t sequence_ = 0;
  std::uint32_t channel_ = 0;
};

TEST_F(ConversationTest, AReplyFindsItsRequest) {
  channel_ = 3;
  const RequestContext* asked = lookup(2, "name");
  ASSERT_NE(asked, nullptr);
  EXPECT_TRUE(asked->known);
  EXPECT_EQ(asked->view.name(0), "name");
  lookup(4, "other");
  EXPECT_EQ(conversation_.outstanding(), 2U);
  const RequestContext* answered = reply(2, -ENOENT);
  ASSERT_NE(answered, nullptr);
  EXPECT_EQ(answered->opcode, Opcode::kLookup);
  EXPECT_EQ(answered->unique, 2U);
  EXPECT_EQ(answered->sequence, 1U);
  EXPECT_EQ(answered->begin, 1000);
  EXPECT_EQ(answered->channel, 3U);
  EXPECT_EQ(answered->view.name(0), "name");
  EXPECT_EQ(conversation_.outstanding(), 1U);
  EXPECT_EQ(reply(4, -ENOENT)->view.name(0), "other");
  EXPECT_EQ(conversation_.outstanding(), 0U);
}

TEST_F(ConversationTest, AReplyWithoutARequestFindsNone) {
  EXPECT_EQ(reply(2), nullptr);
  lookup(2);
  EXPECT_EQ(reply(4), nullptr);
  EXPECT_NE(reply(2, -ENOENT), nullptr);
  EXPECT_EQ(reply(2, -ENOENT), nullptr) << "the second reply to one request";
  EXPECT_EQ(follow(EventKind::kReply, {}, -EINVAL), nullptr);
}

TEST_F(ConversationTest, ARefusedReplyEndsItsRequestOnlyWhereTheKernelCompletesIt) {
  lookup(2);
  channel_ = 1;
  EXPECT_NE(reply(2, 0, -ENOENT), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 1U) << "it was read from another device, and is known there";
  channel_ = 0;
  EXPECT_NE(reply(2, 0, -ENOENT), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 0U) << "the kernel had ended it";
  lookup(2);
  EXPECT_NE(reply(2, 5, -EINVAL), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 1U) << "a positive error is refused at the header";
  EXPECT_NE(reply(2, -512, -EINVAL), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 1U) << "so is one at or below -512";
  const Bytes whole = builder_.start_reply(2, 0).finish();
  OwnedMessage longer(whole.begin(), whole.end());
  longer.resize(20);
  EXPECT_NE(follow(EventKind::kReply, longer, -EINVAL), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 1U) << "so is a wrong length";
  EXPECT_NE(reply(2, 0, -EINVAL), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 0U) << "a payload of the wrong size completes it with EIO";
  lookup(4);
  EXPECT_NE(reply(4, 0, -EFAULT), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 0U);
}

TEST_F(ConversationTest, TheContextLivesUntilTheEventAfterTheReply) {
  lookup(2, "first");
  const RequestContext* answered = reply(2, -ENOENT);
  EXPECT_EQ(answered->view.name(0), "first");
  lookup(4, "second");
  EXPECT_EQ(reply(4, -ENOENT)->view.name(0), "second");
}

TEST_F(ConversationTest, RequestsWithoutAReplyAreShownButNotKept) {
  const RequestContext* forget = request(Opcode::kForget, 2, wire::ForgetIn{.nlookup = 3});
  ASSERT_NE(forget, nullptr);
  EXPECT_TRUE(forget->known);
  EXPECT_EQ(forget->view.fixed<wire::ForgetIn>().nlookup, 3U);
  lookup(4);
  EXPECT_EQ(request(Opcode::kInterrupt, 5, wire::InterruptIn{.unique = 4})->opcode, Opcode::kInterrupt);
  EXPECT_EQ(request(Opcode::kBatchForget, 6, wire::BatchForgetIn{})->opcode, Opcode::kBatchForget);
  EXPECT_EQ(request(Opcode::kNotifyReply, 4, wire::NotifyRetrieveIn{})->opcode, Opcode::kNotifyReply);
  EXPECT_EQ(conversation_.outstanding(), 1U);
  EXPECT_EQ(reply(2), nullptr);
  EXPECT_EQ(reply(5, -EAGAIN), nullptr) << "the reply to an INTERRUPT is not the reply to its target";
  EXPECT_EQ(reply(4, -EINTR)->opcode, Opcode::kLookup) << "a NOTIFY_REPLY with the same unique took nothing away";
}

TEST_F(ConversationTest, ARequestSentAgainTakesThePlaceOfItsFirstSending) {
  lookup(2, "a");
  lookup(4, "b");
  lookup(2 | kUniqueResendBit, "a");
  EXPECT_EQ(conversation_.outstanding(), 2U);
  EXPECT_EQ(reply(2, -ENOENT, -ENOENT), nullptr) << "the old unique is void";
  EXPECT_EQ(reply(2 | kUniqueResendBit, -ENOENT)->sequence, 3U);
  EXPECT_EQ(conversation_.outstanding(), 1U);
}

TEST_F(ConversationTest, AUniqueUsedTwiceBelongsToTheLaterRequest) {
  lookup(2, "a");
  lookup(2, "b");
  EXPECT_EQ(conversation_.outstanding(), 1U);
  EXPECT_EQ(reply(2, -ENOENT)->view.name(0), "b");
  EXPECT_EQ(reply(2, -ENOENT), nullptr);
}

TEST_F(ConversationTest, RequestsThatDoNotParseAreFollowedByTheirHeader) {
  wire::InHeader header{};
  header.unique = 2;
  const RequestContext* unknown = request(builder_.start_request(static_cast<Opcode>(99), header).finish());
  EXPECT_FALSE(unknown->known);
  EXPECT_EQ(static_cast<std::uint32_t>(unknown->opcode), 99U);
  header.unique = 4;
  EXPECT_FALSE(request(builder_.start_request(Opcode::kGetattr, header).finish())->known);
  EXPECT_EQ(conversation_.outstanding(), 2U);
  EXPECT_EQ(reply(2, -ENOSYS)->unique, 2U);
  EXPECT_EQ(reply(4, -ENOSYS)->opcode, Opcode::kGetattr);
  const std::vector<std::byte> stub(39);
  EXPECT_FALSE(request(stub)->known);
  EXPECT_FALSE(request(Bytes())->known);
  EXPECT_EQ(conversation_.outstanding(), 0U);
}

TEST_F(ConversationTest, MarksAndNotificationsHaveNoRequest) {
  lookup(2);
  EXPECT_EQ(follow(EventKind::kMark, {}, 0), nullptr);
  EXPECT_EQ(follow(EventKind::kNotification, builder_.start_notification(NotifyCode::kResend).finish(), 16), nullptr);
  EXPECT_EQ(conversation_.outstanding(), 1U);
}

TEST_F(ConversationTest, TheDataOfAWriteIsNotKept) {
  const std::vector<std::byte> data(100'000, std::byte{1});
  wire::InHeader header{};
  header.unique = 2;
  wire::WriteIn write{};
  write.size = static_cast<std::uint32_t>(data.size());
  write.fh = 5;
  request(builder_.start_request(Opcode::kWrite, header).add(write).bytes(data).finish());
  const RequestContext* answered = reply(2, -EIO);
  EXPECT_TRUE(answered->view.tail().empty());
  EXPECT_EQ(answered->view.bytes().size(), sizeof(wire::InHeader) + sizeof(wire::WriteIn));
  EXPECT_EQ(answered->view.fixed<wire::WriteIn>().fh, 5U);
}

TEST_F(ConversationTest, KnowsWhetherALengthWasAsked) {
  EXPECT_TRUE(request(Opcode::kListxattr, 2, wire::GetxattrIn{.size = 0, .padding = 0})->asks_size);
  EXPECT_FALSE(request(Opcode::kListxattr, 4, wire::GetxattrIn{.size = 9, .padding = 0})->asks_size);
  EXPECT_TRUE(reply(2, -EIO)->asks_size);
}

class NegotiationTest : public ConversationTest {
 protected:
  void init(std::uint32_t offered, std::uint32_t chosen, std::int32_t error, std::int64_t result) {
    wire::InitIn in{};
    in.major = 7;
    in.minor = 45;
    in.flags = offered;
    request(Opcode::kInit, 2, in);
    wire::InitOut out{};
    out.major = 7;
    out.minor = 31;
    out.flags = chosen;
    builder_.start_reply(2, error);
    if (error == 0) builder_.add(out);
    follow(EventKind::kReply, builder_.finish(), result);
  }
  bool setxattr_parses_short() {
    wire::InHeader header{};
    header.unique = 100;
    const std::vector<std::byte> value(4);
    return request(builder_.start_request(Opcode::kSetxattr, header)
                       .add(wire::SetxattrInCompat{.size = 4, .flags = 0})
                       .name("user.attribute")
                       .bytes(value)
                       .finish())
               ->view.name(0) == "user.attribute";
  }
};

TEST_F(NegotiationTest, AServerWithoutSetxattrExtGetsTheShortStruct) {
  EXPECT_TRUE(conversation_.negotiated().setxattr_ext);
  init(kInitSetxattrExt, 0, 0, 80);
  EXPECT_FALSE(conversation_.negotiated().setxattr_ext);
  EXPECT_EQ(conversation_.negotiated().minor, 31U);
  EXPECT_TRUE(setxattr_parses_short());
}

TEST_F(NegotiationTest, AFeatureNeedsBothSides) {
  init(0, kInitSetxattrExt, 0, 80);
  EXPECT_FALSE(conversation_.negotiated().setxattr_ext);
}

TEST_F(NegotiationTest, AFeatureBothWantIsOn) {
  init(kInitSetxattrExt, kInitSetxattrExt, 0, 80);
  EXPECT_TRUE(conversation_.negotiated().setxattr_ext);
  EXPECT_EQ(conversation_.negotiated().minor, 31U);
}

TEST_F(NegotiationTest, ARefusedOrFailedInitSettlesNothing) {
  init(kInitSetxattrExt, 0, 0, -EINVAL);
  EXPECT_TRUE(conversation_.negotiated().setxattr_ext);
  init(kInitSetxattrExt, 0, -EIO, 16);
  EXPECT_TRUE(conversation_.negotiated().setxattr_ext);
  EXPECT_EQ(conversation_.negotiated().minor, kProtocolMinor);
}

TEST_F(ConversationTest, FollowsManyRequestsInAnyOrderOfReplies) {
  MessageGenerator generate(1);
  std::map<std::uint64_t, std::uint64_t> sequence_of;  // by unique: a model
  std::uint64_t next_unique = 2;
  for (int i = 0; i < 50'000; ++i) {
    if (sequence_of.size() < 400 && generate.below(2) == 0) {
      lookup(next_unique, std::to_string(next_unique));
      sequence_of[next_unique] = sequence_;
      next_unique += 2 * (1 + generate.below(3));
      continue;
    }
    const std::uint64_t unique = 2 * generate.below(next_unique);
    const auto found = sequence_of.lower_bound(unique);
    if (found == sequence_of.end() || generate.below(10) == 0) {
      EXPECT_EQ(reply(next_unique + 2, -ENOENT), nullptr);
      continue;
    }
    const RequestContext* answered = reply(found->first, -ENOENT);
    ASSERT_NE(answered, nullptr);
    EXPECT_EQ(answered->sequence, found->second);
    EXPECT_EQ(answered->view.name(0), std::to_string(found->first));
    sequence_of.erase(found);
    ASSERT_EQ(conversation_.outstanding(), sequence_of.size());
  }
}

TEST_F(ConversationTest, HostileStreamsAreFollowed) {
  MessageGenerator generate(2, 300);
  for (int i = 0; i < 30'000; ++i) {
    const Opcode opcode = generate.pick_opcode();
    const OwnedMessage valid = generate.below(20) == 0 ? generate.unknown_request() : generate.request(opcode);
    const OwnedMessage bytes = generate.below(2) == 0 ? valid : generate.mutated(valid);
    const auto result = static_cast<std::int64_t>(generate.below(3)) * 20 - 22;  // -EINVAL, -ENOENT, accepted
    const RequestContext* context = request(bytes);
    ASSERT_NE(context, nullptr);
    if (context->known) {
      OwnedMessage answer = expects_reply(context->opcode) ? generate.reply(context->view) : generate.error_reply(2);
      if (generate.below(2) == 0) answer = generate.mutated(answer);
      follow(EventKind::kReply, answer, result);
    } else {
      follow(EventKind::kReply, generate.error_reply(context->unique), result);
    }
    if (generate.below(10) == 0) follow(EventKind::kReply, generate.error_reply(2 * generate.below(1000)), 16);
  }
}

}  // namespace
}  // namespace fusereplay
