// The story of an inode before it differed: found in the trace, shown under the difference.
#include "cli/story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/event/conversation.h"
#include "replayer/causes.h"
#include "tests/cli/command.h"
#include "tests/replayer/stage.h"
#include "traces/writer.h"

namespace fusereplay::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// A trace of what `script` does to a memfs. INIT is messages 1 and 2.
std::string trace_of(const std::function<void(test::Caller&)>& script) {
  const std::string path = scratch_path("t.fusetrace");
  auto writer = TraceWriter::open(path, describe_host());
  EXPECT_TRUE(writer);
  const test::Recording recording = test::record(script);
  test::RecordingEvents source(recording);
  Conversation conversation;
  Event event;
  while (source.next(event)) {
    conversation.follow(event);
    (*writer)->on_event(event);
  }
  EXPECT_TRUE((*writer)->close());
  return path;
}

/// A difference in the exchange of this request, the next message being its reply.
RootCause cause(std::uint64_t request, std::vector<std::uint64_t> nodes, std::vector<std::uint64_t> names) {
  RootCause cause;
  cause.divergence.request_sequence = request;
  cause.divergence.sequence = request + 1;
  cause.divergence.nodes = std::move(nodes);
  cause.divergence.names = std::move(names);
  return cause;
}

auto line(std::uint64_t sequence, const std::string& what) {
  return AllOf(::testing::StartsWith(std::string(8 - std::to_string(sequence).size(), ' ') + std::to_string(sequence)),
               HasSubstr(what));
}

TEST(Story, IsTheExchangesThatNamedTheNode) {
  const std::string trace = trace_of([](test::Caller& caller) {
    caller.create(1, "a");          // 3, 4: node 2
    caller.create(1, "b");          // 5, 6: node 3
    caller.getattr(2);              // 7, 8
    caller.getattr(3);              // 9, 10
    caller.link(2, 1, "c");         // 11, 12
    caller.forget(3, 1);            // 13
    caller.batch_forget({{2, 1}});  // 14
    caller.getattr(2);              // 15, 16: differs
    caller.getattr(2);              // 17, 18
  });
  const auto stories = tell_stories(trace, {cause(15, {2}, {}), cause(17, {3}, {})}, 8);
  ASSERT_EQ(stories.size(), 2U);
  EXPECT_THAT(stories[0], ElementsAre(line(3, "-> CREATE u=4 nodeid=1"), line(4, "<- CREATE u=4 nodeid=2"),
                                      line(7, "-> GETATTR"), line(8, "<- GETATTR"), line(11, "-> LINK"),
                                      line(12, "<- LINK"), line(14, "-> BATCH_FORGET")));
  EXPECT_THAT(stories[1], ElementsAre(line(5, "-> CREATE"), line(6, "<- CREATE"), line(9, "-> GETATTR"),
                                      line(10, "<- GETATTR"), line(13, "-> FORGET")));
  EXPECT_THAT(tell_stories(trace, {cause(15, {2}, {})}, 2)[0],
              ElementsAre(line(11, "-> LINK"), line(12, "<- LINK"), line(14, "-> BATCH_FORGET")));
  EXPECT_THAT(tell_stories(trace, {cause(15, {2}, {})}, 0)[0], IsEmpty());
}

TEST(Story, OfANameIsThatOfTheNodeBehindItToo) {
  const std::string trace = trace_of([](test::Caller& caller) {
    caller.mkdir(1, "d");                   // 3, 4: node 2
    caller.create(2, "a");                  // 5, 6: node 3
    caller.create(1, "a");                  // 7, 8: another directory's
    caller.setattr_mode(3, 0600);           // 9, 10
    caller.setattr_mode(4, 0600);           // 11, 12
    caller.rename(2, "a", 1, "b");          // 13, 14
    caller.named(Opcode::kLookup, 2, "a");  // 15, 16: differs
  });
  EXPECT_THAT(tell_stories(trace, {cause(15, {}, {name_key(2, "a")})}, 8)[0],
              ElementsAre(line(5, "-> CREATE"), line(6, "<- CREATE"), line(9, "-> SETATTR"), line(10, "<- SETATTR"),
                          line(13, "-> RENAME"), line(14, "<- RENAME")));
  EXPECT_THAT(tell_stories(trace, {cause(15, {}, {name_key(1, "b")})}, 8)[0],
              ElementsAre(line(13, "-> RENAME"), line(14, "<- RENAME")));
}

TEST(Story, ReachesBackOverALongTrace) {
  const std::string trace = trace_of([](test::Caller& caller) {
    caller.create(1, "a");  // 3, 4: node 2
    caller.create(1, "b");  // 5, 6: node 3
    for (int i = 0; i < 40'000; ++i) caller.getattr(3);
    caller.setattr_mode(2, 0600);  // 80007, 80008
    for (int i = 0; i < 40'000; ++i) caller.getattr(3);
    caller.getattr(2);  // 160009, 160010: differs
  });
  EXPECT_THAT(tell_stories(trace, {cause(160'009, {2}, {})}, 8)[0],
              ElementsAre(line(3, "-> CREATE"), line(4, "<- CREATE"), line(80'007, "-> SETATTR"),
                          line(80'008, "<- SETATTR u=")));
  EXPECT_THAT(tell_stories(trace, {cause(160'009, {3}, {})}, 8)[0], SizeIs(16));
}

TEST(Story, StandsUnderTheExchangeThatDiffers) {
  const std::string trace = trace_of([](test::Caller& caller) {
    const test::Reply file = caller.create(1, "a");
    caller.create(1, "b");
    caller.write(file.nodeid(), file.created_handle(), 0, "hello");
    caller.link(file.nodeid(), 1, "c");
  });
  const std::vector<std::string> replay = {"replay", trace, "--fs", "broken-link", "--compare", "exact"};
  const CommandResult report = run_fusereplay(replay);
  EXPECT_EQ(report.exit_code, 1) << report;
  std::vector<std::string> lines;
  std::istringstream text(report.out);
  for (std::string one; std::getline(text, one);) lines.push_back(one);
  ASSERT_GE(lines.size(), 7U) << report;
  EXPECT_THAT(lines[0], HasSubstr("differs seq 10 LINK"));
  EXPECT_THAT(lines[1], HasSubstr("        recorded  "));
  EXPECT_THAT(lines[2], HasSubstr("        live      "));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("        before           3 "), HasSubstr("-> CREATE u=4 nodeid=1"),
                              HasSubstr(R"("a" flags=0x2 mode=0100644 umask=022)")));
  EXPECT_THAT(lines[4], HasSubstr("                         4 "));
  EXPECT_THAT(lines[5], AllOf(HasSubstr(" 7 "), HasSubstr(R"(-> WRITE u=8 nodeid=2)"), HasSubstr(R"("hello")")));
  EXPECT_THAT(lines[6], AllOf(HasSubstr(" 8 "), HasSubstr("<- WRITE u=8 size=5")));
  EXPECT_THAT(report.out, Not(HasSubstr(R"("b")")));

  std::vector<std::string> shorter = replay;
  shorter.insert(shorter.end(), {"--story", "1"});
  EXPECT_THAT(run_fusereplay(shorter).out, AllOf(HasSubstr("-> WRITE"), Not(HasSubstr("CREATE"))));
  shorter.back() = "0";
  EXPECT_THAT(run_fusereplay(shorter).out, Not(HasSubstr("        before ")));
  std::vector<std::string> json = replay;
  json.insert(json.end(), {"--json", "-"});
  EXPECT_THAT(run_fusereplay(json).out, AllOf(HasSubstr(R"("story")"), HasSubstr("-> WRITE u=8 nodeid=2")));
}

}  // namespace
}  // namespace fusereplay::testing
