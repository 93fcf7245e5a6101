// Programs that end, hang, talk nonsense, or get their replies refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "core/event/conversation.h"
#include "core/program/program_server.h"
#include "core/protocol/builder.h"
#include "core/protocol/flags.h"
#include "simulator/mount.h"
#include "tests/servers/borrowed.h"
#include "tests/traces/temporary_directory.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ProgramSetup setup(std::vector<std::string> command) {
  ProgramSetup setup;
  setup.command = std::move(command);
  setup.end_patience = std::chrono::milliseconds(300);
  return setup;
}
ProgramSetup odd_program(std::string mode) {
  return setup({ODD_PROGRAM, std::move(mode), "{}"});
}
std::unique_ptr<ProgramServer> started(const ProgramSetup& setup) {
  auto server = ProgramServer::start(setup);
  EXPECT_TRUE(server.has_value()) << (server ? "" : server.error());
  return std::move(server.value());
}

TEST(Program, ThatIsNotThereIsNamed) {
  const auto server = ProgramServer::start(setup({"no-such-program", "{}"}));
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error(), "cannot run 'no-such-program': No such file or directory");
}

TEST(Program, NeedsABufferForTheSmallestMessages) {
  ProgramSetup small = odd_program("serves");
  small.socket_buffer = 100'000;
  const auto server = ProgramServer::start(small);
  ASSERT_FALSE(server.has_value());
  EXPECT_THAT(server.error(), HasSubstr("too small"));
}

TEST(Program, ThatEndsAtOnceTellsItsLastWords) {
  SimulatedMount mount(started(setup({"sh", "-c", "echo first; echo no luck with $0 >&2; exit 3", "{}"})));
  EXPECT_EQ(mount.stat("/").error(), Errno(ENOTCONN));
  EXPECT_THAT(
      mount.dead_ends(),
      ElementsAre(::testing::ContainsRegex("^the program ended with status 3; .*said: no luck with /dev/fd/[0-9]+$")));
}

TEST(Program, ThatIsKilledEndsTheCallsOfItsMount) {
  auto server = started(odd_program("serves"));
  const pid_t pid = server->program().pid();
  SimulatedMount mount(std::move(server));
  EXPECT_TRUE(mount.stat("/"));
  ::kill(pid, SIGKILL);
  mount.advance_time(3'600'000'000'000);
  const auto stat = mount.stat("/");
  ASSERT_FALSE(stat.has_value());
  EXPECT_TRUE(stat.error() == Errno(ECONNABORTED) || stat.error() == Errno(ENOTCONN)) << to_string(stat.error());
  EXPECT_EQ(mount.statvfs("/").error(), Errno(ENOTCONN));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(StartsWith("the program was ended by signal 9 (Killed)")));
}

TEST(Program, ThatHangsIsWaitedForOnceARequest) {
  ProgramSetup impatient = odd_program("serves");
  impatient.patience = std::chrono::milliseconds(500);
  auto owned = started(impatient);
  ProgramServer& server = *owned;
  SimulatedMount mount(std::move(owned));
  ::kill(server.program().pid(), SIGSTOP);
  EXPECT_EQ(mount.statvfs("/").error(), Errno(EDEADLK));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("was never answered: the program has not answered for 500 ms")));
  EXPECT_EQ(server.run_one(), ServerProgress::kIdle) << "nothing is waited for any more";
  ::kill(server.program().pid(), SIGCONT);
  EXPECT_EQ(mount.statvfs("/").error(), Errno(ENOSYS)) << "it goes on";
}

TEST(Program, ThatReadsNothingIsGoneOnceItsSocketIsFull) {
  ProgramSetup impatient = odd_program("serves");
  impatient.patience = std::chrono::milliseconds(300);
  auto owned = started(impatient);
  ProgramServer& server = *owned;
  SimulatedMount mount(std::move(owned));
  ::kill(server.program().pid(), SIGSTOP);
  struct Nowhere final : ReplyChannel {
    std::int64_t send(const Message&) override { return -ENOENT; }
  } nowhere;
  MessageBuilder builder;
  wire::InHeader header{};
  header.nodeid = 5;
  const Bytes forget = builder.start_request(Opcode::kForget, header).add(wire::ForgetIn{.nlookup = 1}).finish();
  IncomingRequest request;
  request.bytes = forget;
  for (int i = 0; i < 100'000 && server.obstacle().empty(); ++i) server.handle(request, nowhere);
  EXPECT_THAT(server.obstacle(), HasSubstr("has read no request for 300 ms"));
  EXPECT_EQ(server.run_one(), ServerProgress::kGone);
}

TEST(Program, ThatSendsAMessageInPiecesIsGone) {
  SimulatedMount mount(started(odd_program("pieces")));
  mount.advance_time(1);
  EXPECT_EQ(mount.stat("/").error(), Errno(ECONNABORTED));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("sent a packet of 16 bytes that is not one message of 120")));
}

TEST(Program, ThatGoesToTheBackgroundIsGone) {
  auto owned = started(odd_program("background"));
  pollfd process{.fd = owned->program().process(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&process, 1, 20'000), 1);
  SimulatedMount mount(std::move(owned));
  EXPECT_EQ(mount.stat("/").error(), Errno(ENOTCONN));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("must stay in the foreground")));
}

TEST(Program, ThatDoesNotEndIsKilled) {
  const auto server = started(odd_program("lingers"));
  EXPECT_TRUE(SimulatedMount(std::make_unique<testing::Borrowed>(*server)).stat("/")) << "it has begun";
  ASSERT_TRUE(server->end().has_value());
  EXPECT_TRUE(server->end()->gave_up);
  EXPECT_EQ(describe(*server->end()), "did not end when it was asked to, and was killed");
}

/// Results of notifications.
class Notified final : public EventSink {
 public:
  void on_event(const Event& event) override {
    if (event.kind == EventKind::kNotification) results.push_back(event.result);
  }
  std::vector<std::int64_t> results;
};

TEST(Program, MayNotify) {
  Notified notified;
  SimulatedMount mount(started(odd_program("notifies")), {.observers = {&notified}});
  EXPECT_TRUE(mount.stat("/"));
  EXPECT_TRUE(mount.stat("/"));
  EXPECT_THAT(notified.results, ::testing::Each(::testing::Ge(0)));
  EXPECT_EQ(notified.results.size(), 2U);
  EXPECT_EQ(mount.trouble(), "");
}

TEST(Program, CannotSpliceItsMessages) {
  SimulatedMount mount(started(odd_program("vmsplice")));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("said: vmsplice: Invalid argument")));
}

/// What the kernel was told in the INIT reply.
class Settled final : public EventSink {
 public:
  void on_event(const Event& event) override {
    if (event.kind != EventKind::kReply || event.request == nullptr || event.request->opcode != Opcode::kInit) return;
    init = ReplyView::parse(event.message, Opcode::kInit, false)->fixed<wire::InitOut>();
  }
  wire::InitOut init{};
};

TEST(Program, IsSettledToMessagesThatFitTheSocket) {
  Settled settled;
  ProgramSetup small = odd_program("serves");
  small.socket_buffer = 212'992;
  SimulatedMount mount(started(small), {.observers = {&settled}});
  EXPECT_EQ(settled.init.max_write, 32U * 4096) << "without MAX_PAGES the kernel sends 32 pages at most";
}

#ifdef PASSTHROUGH_LL_PROGRAM

ProgramSetup passthrough_ll(const std::string& directory) {
  return setup({PASSTHROUGH_LL_PROGRAM, "-s", "-f", "-o", "source=" + directory, "{}"});
}

TEST(Program, IsSettledToAsManyPagesAsFitTheSocket) {
  const test::TemporaryDirectory directory;
  Settled settled;
  ProgramSetup small = passthrough_ll((directory / "").string());
  small.socket_buffer = 212'992;
  auto server = started(small);
  EXPECT_EQ(server->program().socket_buffer(), 212'992U);
  SimulatedMount mount(std::move(server), {.observers = {&settled}});
  EXPECT_EQ(settled.init.max_pages, 50U);
  EXPECT_EQ(settled.init.max_write, 50U * 4096);
}

/// A reply whose write was refused gave nothing: passthrough_ll must be left with the descriptors it began with.
TEST(Program, IsToldToTakeBackWhatARefusedReplyGave) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "d" / "e");
  auto owned = started(passthrough_ll((directory / "").string()));
  const pid_t pid = owned->program().pid();
  SimulatedMount mount(std::move(owned));
  const auto descriptors = [&] {
    mount.drop_caches();
    mount.statvfs("/");  // answered once the FORGETs before it have been read
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      ++count;
    }
    return count;
  };
  mount.stat("/");
  const std::size_t before = descriptors();

  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.stat("/d").error(), Errno(ECONNABORTED));
  EXPECT_EQ(descriptors(), before) << "LOOKUP";
  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.open("/", O_RDONLY | O_DIRECTORY).error(), Errno(ECONNABORTED));
  EXPECT_EQ(descriptors(), before) << "OPENDIR";
  mount.stat("/file");
  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.open("/file", O_CREAT | O_RDWR, 0644).error(), Errno(ECONNABORTED));
  EXPECT_EQ(descriptors(), before) << "CREATE";
  mount.stat("/file");
  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.open("/file", O_RDONLY).error(), Errno(ECONNABORTED));
  EXPECT_EQ(descriptors(), before) << "OPEN";
  const Fd root = mount.open("/", O_RDONLY | O_DIRECTORY).value();
  mount.refuse_next_reply(Errno(ENOENT));
  EXPECT_EQ(mount.getdents(root).error(), Errno(ECONNABORTED));
  mount.close(root);
  EXPECT_EQ(descriptors(), before) << "READDIRPLUS";
  EXPECT_TRUE(mount.lookup_counts().empty());
}

TEST(Program, IsSparedMessagesThatDoNotFitTheSocket) {
  const test::TemporaryDirectory directory;
  ProgramSetup small = passthrough_ll((directory / "").string());
  small.socket_buffer = 212'992;
  const auto server = started(small);
  struct Kept final : ReplyChannel {
    std::int64_t send(const Message& message) override {
      errors.push_back(read_out_header(message)->error);
      return static_cast<std::int64_t>(message.size());
    }
    std::vector<int> errors;
  } kept;
  const std::vector<std::byte> data(250'000);
  wire::InHeader header{};
  header.nodeid = 1;
  for (const Opcode opcode : {Opcode::kWrite, Opcode::kSetxattr}) {
    header.unique += 2;
    MessageBuilder builder;
    builder.start_request(opcode, header);
    if (opcode == Opcode::kWrite) {
      builder.add(wire::WriteIn{});
    } else {
      builder.add(wire::SetxattrIn{}).name("user.a");
    }
    IncomingRequest request;
    request.bytes = builder.bytes(data).finish();
    server->handle(request, kept);
  }
  EXPECT_THAT(kept.errors, ElementsAre(-EIO, -E2BIG));
}

#endif

}  // namespace
}  // namespace fusereplay
