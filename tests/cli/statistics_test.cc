#include "cli/statistics.h"

#include <gtest/gtest.h>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"

namespace fusereplay {
namespace {

wire::InHeader header(std::uint64_t unique, std::uint64_t nodeid) {
  wire::InHeader header{};
  header.unique = unique;
  header.nodeid = nodeid;
  return header;
}

/// Feeds a Statistics as a trace would.
class StatisticsTest : public ::testing::Test {
 protected:
  void say(EventKind kind, std::int64_t begin, Bytes message, std::int64_t result = 1) {
    Event event;
    event.kind = kind;
    event.sequence = ++sequence_;
    event.begin = event.end = begin;
    event.result = result;
    event.message.head = message;
    conversation_.follow(event);
    statistics_.on_event(event);
  }
  void look_up(std::uint64_t unique, std::uint64_t parent, std::string_view name, std::uint64_t nodeid) {
    say(EventKind::kRequest, 1000, builder_.start_request(Opcode::kLookup, header(unique, parent)).name(name).finish());
    wire::EntryOut out{};
    out.nodeid = nodeid;
    say(EventKind::kReply, 1500, builder_.start_reply(unique, 0).add(out).finish());
  }

  MessageBuilder builder_;
  Conversation conversation_;
  Statistics statistics_;
  std::uint64_t sequence_ = 0;
};

TEST_F(StatisticsTest, TellsLatencyAndErrorsByOperation) {
  for (std::uint64_t unique = 2; unique <= 20; unique += 2) {
    say(EventKind::kRequest, 1000,
        builder_.start_request(Opcode::kGetattr, header(unique, 1)).add(wire::GetattrIn{}).finish());
    say(EventKind::kReply, 1000 + static_cast<std::int64_t>(unique), builder_.start_reply(unique, -EIO).finish());
  }
  const OperationStatistics& getattr = statistics_.operations().at(Opcode::kGetattr);
  EXPECT_EQ(getattr.requests, 10U);
  EXPECT_EQ(getattr.errors.at(EIO), 10U);
  EXPECT_EQ(getattr.error_count(), 10U);
  EXPECT_EQ(getattr.latency.percentile(50), 10);
  EXPECT_EQ(getattr.latency.max(), 20);
  EXPECT_EQ(statistics_.span(), 20);
}

TEST_F(StatisticsTest, KnowsPathsAsLastFound) {
  look_up(2, 1, "dir", 5);
  look_up(4, 5, "file", 6);
  EXPECT_EQ(statistics_.path_of(6), "/dir/file");
  EXPECT_EQ(statistics_.path_of(1), "/");
  EXPECT_EQ(statistics_.path_of(77), "node 77");
}

TEST_F(StatisticsTest, EndsOnACycleOfNames) {
  look_up(2, 6, "a", 5);
  look_up(4, 5, "b", 6);
  EXPECT_NE(statistics_.path_of(6).find("/a/b"), std::string::npos);
}

TEST_F(StatisticsTest, CountsRefusedRepliesApart) {
  say(EventKind::kRequest, 1, builder_.start_request(Opcode::kLookup, header(2, 1)).name("x").finish());
  say(EventKind::kReply, 2, builder_.start_reply(2, 0).add(wire::EntryOut{}).finish(), -ENOENT);
  EXPECT_EQ(statistics_.operations().at(Opcode::kLookup).refused, 1U);
  EXPECT_EQ(statistics_.operations().at(Opcode::kLookup).error_count(), 0U);
}

TEST_F(StatisticsTest, CountsDataAsAcknowledged) {
  wire::WriteIn write{};
  write.size = 4;
  const std::string data = "abcd";
  say(EventKind::kRequest, 1,
      builder_.start_request(Opcode::kWrite, header(2, 9)).add(write).bytes(std::as_bytes(std::span(data))).finish());
  wire::WriteOut out{};
  out.size = 3;
  say(EventKind::kReply, 2, builder_.start_reply(2, 0).add(out).finish());
  EXPECT_EQ(statistics_.bytes_written(), 3U);
  EXPECT_EQ(statistics_.busiest(5).front().first, 9U);
}

TEST_F(StatisticsTest, SurvivesBytesThatAreNoMessage) {
  const std::string junk = "junk";
  for (const EventKind kind : {EventKind::kRequest, EventKind::kReply, EventKind::kNotification, EventKind::kMark}) {
    say(kind, 1, std::as_bytes(std::span(junk)));
  }
  EXPECT_EQ(statistics_.requests(), 1U);
  EXPECT_EQ(statistics_.replies(), 1U);
}

}  // namespace
}  // namespace fusereplay
