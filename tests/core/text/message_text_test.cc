#include "core/text/message_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/protocol/builder.h"
#include "tests/support/message_generator.h"
#include "tests/support/parse_json.h"

namespace fusereplay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Events of one conversation, as a trace would give them.
class Talk {
 public:
  /// What `visit` makes of the event, which lives that long.
  template <class Visit>
  auto say(EventKind kind, Bytes message, Visit visit, std::int64_t result = 1) {
    Event event;
    event.kind = kind;
    event.sequence = ++sequence_;
    event.begin = event.end = 1'000'000'000 + static_cast<std::int64_t>(sequence_) * 1000;
    event.result = result;
    event.message.head = message;
    conversation_.follow(event);
    return visit(event);
  }
  std::string text(EventKind kind, Bytes message, std::int64_t result = 1) {
    return say(
        kind, message,
        [&](const Event& event) { return event_text(event, 1'000'000'000, negotiated(), DataShown::kStart); }, result);
  }
  const Negotiated& negotiated() const { return conversation_.negotiated(); }

 private:
  Conversation conversation_;
  std::uint64_t sequence_ = 0;
};

Bytes lookup(MessageBuilder& builder, std::uint64_t unique, std::uint64_t parent, std::string_view name) {
  wire::InHeader header{};
  header.unique = unique;
  header.nodeid = parent;
  header.uid = 7;
  header.pid = 99;
  return builder.start_request(Opcode::kLookup, header).name(name).finish();
}

Bytes entry(MessageBuilder& builder, std::uint64_t unique, std::uint64_t nodeid) {
  wire::EntryOut out{};
  out.nodeid = nodeid;
  out.attr.mode = 0100644;
  return builder.start_reply(unique, 0).add(out).finish();
}

TEST(EventText, ShowsWhoAskedWhatAndTheAnswer) {
  Talk talk;
  MessageBuilder builder;
  const std::string request = talk.text(EventKind::kRequest, lookup(builder, 4, 1, "a\nb"));
  EXPECT_THAT(request, HasSubstr("1     0.000001 t0/0 -> LOOKUP u=4 nodeid=1 pid=99 uid=7 \"a\\nb\""));
  const std::string reply = talk.text(EventKind::kReply, entry(builder, 4, 17));
  EXPECT_THAT(reply, HasSubstr("<- LOOKUP u=4 nodeid=17 attr.mode=0100644 (1.0 us)"));
  EXPECT_THAT(reply, Not(HasSubstr("attr.size")));
}

TEST(EventText, NamesErrorsAndRefusals) {
  Talk talk;
  MessageBuilder builder;
  talk.text(EventKind::kRequest, lookup(builder, 4, 1, "x"));
  EXPECT_THAT(talk.text(EventKind::kReply, builder.start_reply(4, -ENOENT).finish(), -ENOENT),
              HasSubstr("LOOKUP u=4 error=ENOENT REFUSED ENOENT"));
}

TEST(EventText, ShowsTheStartOfData) {
  Talk talk;
  MessageBuilder builder;
  wire::WriteIn write{};
  write.size = 40;
  const std::string data(40, 'z');
  const Bytes message =
      builder.start_request(Opcode::kWrite, {}).add(write).bytes(std::as_bytes(std::span(data))).finish();
  EXPECT_THAT(talk.text(EventKind::kRequest, message), HasSubstr("40 bytes \"" + std::string(32, 'z') + "\"..."));
}

TEST(MentionsNode, FindsItInHeaderReplyAndAnsweredRequest) {
  Talk talk;
  MessageBuilder builder;
  const auto mentions = [&](std::uint64_t nodeid) {
    return [&talk, nodeid](const Event& event) { return mentions_node(event, nodeid, talk.negotiated()); };
  };
  EXPECT_TRUE(talk.say(EventKind::kRequest, lookup(builder, 4, 3, "x"), mentions(3)));
  EXPECT_TRUE(talk.say(EventKind::kReply, entry(builder, 4, 17), mentions(17)));
  EXPECT_FALSE(talk.say(EventKind::kRequest, lookup(builder, 6, 3, "x"), mentions(17)));
  EXPECT_TRUE(talk.say(EventKind::kReply, entry(builder, 6, 18), mentions(3)));
}

void expect_readable(const Event& event, const Negotiated& negotiated) {
  for (const DataShown data : {DataShown::kStart, DataShown::kAll}) {
    const std::string text = event_text(event, 0, negotiated, data);
    EXPECT_THAT(text, Not(HasSubstr("\n")));
    const std::string json = event_json(event, negotiated, data);
    EXPECT_THAT(json, Not(HasSubstr("\n")));
    boost::property_tree::ptree tree;
    EXPECT_NO_THROW(tree = testing::parse_json(json)) << json;
    EXPECT_EQ(tree.get<std::uint64_t>("sequence"), event.sequence);
  }
}

TEST(EventText, EveryMessageIsOneLineAndGoodJson) {
  test::MessageGenerator generator(11, 256);
  for (const Opcode opcode : all_opcodes()) {
    Talk talk;
    const auto readable = [&](const Event& event) { expect_readable(event, talk.negotiated()); };
    const test::OwnedMessage request = generator.request(opcode);
    talk.say(EventKind::kRequest, request, readable);
    if (expects_reply(opcode)) {
      talk.say(EventKind::kReply, generator.reply(*RequestView::parse(Bytes(request))), readable);
    }
    talk.say(EventKind::kNotification, generator.notification(), readable);
  }
}

TEST(EventText, BrokenMessagesAreOneLineAndGoodJson) {
  test::MessageGenerator generator(13, 256);
  Talk talk;
  const auto readable = [&](const Event& event) { expect_readable(event, talk.negotiated()); };
  for (int i = 0; i < 2000; ++i) {
    const test::OwnedMessage request = generator.request();
    const test::OwnedMessage broken = generator.mutated(request);
    talk.say(i % 3 == 0   ? EventKind::kRequest
             : i % 3 == 1 ? EventKind::kReply
                          : EventKind::kNotification,
             broken, readable);
  }
}

}  // namespace
}  // namespace fusereplay
