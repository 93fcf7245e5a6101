#include "replayer/replayer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "core/async/sync.h"
#include "rules/rule_set.h"
#include "tests/replayer/permuting_server.h"
#include "tests/replayer/stage.h"
#include "traces/event_log.h"

namespace fusereplay::test {
namespace {

/// One of everything memfs has, with counts, handles and cookies that come back.
void everything(Caller& caller) {
  const std::uint64_t directory = caller.mkdir(1, "d").nodeid();
  const Reply created = caller.create(directory, "a");
  caller.write(created.nodeid(), created.created_handle(), 0, "hello world");
  caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), 6, 100);
  caller.link(created.nodeid(), 1, "b");
  caller.named(Opcode::kLookup, directory, "a");
  caller.named(Opcode::kLookup, directory, "none");
  caller.getattr(created.nodeid());
  caller.truncate(created.nodeid(), 3);
  caller.setxattr(created.nodeid(), "user.x", "value");
  caller.getxattr(created.nodeid(), "user.x", 0);
  caller.getxattr(created.nodeid(), "user.x", 100);
  caller.getxattr(created.nodeid(), "user.none", 100);
  caller.call(Opcode::kStatfs, 1);
  for (int i = 0; i < 40; ++i) caller.forget(caller.create(directory, "file" + std::to_string(i)).nodeid(), 1);
  const std::uint64_t listing = caller.open(Opcode::kOpendir, directory).handle();
  std::uint64_t cookie = 0;
  std::vector<wire::ForgetOne> forgets;
  for (const Opcode opcode : {Opcode::kReaddir, Opcode::kReaddirplus, Opcode::kReaddir, Opcode::kReaddirplus}) {
    const Reply page = caller.read(opcode, directory, listing, cookie, 1024);
    DirentReader reader(opcode == Opcode::kReaddir ? DirentKind::kPlain : DirentKind::kPlus, page.body);
    while (const auto record = reader.next()) {
      cookie = record->dirent.off;
      if (record->entry.nodeid != 0) forgets.push_back({record->entry.nodeid, 1});
    }
  }
  caller.release(Opcode::kReleasedir, directory, listing);
  caller.batch_forget(forgets);
  caller.rename(directory, "a", 1, "b2");
  caller.named(Opcode::kUnlink, 1, "b");
  caller.named(Opcode::kUnlink, 1, "b2");
  caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), 0, 100);
  caller.release(Opcode::kRelease, created.nodeid(), created.created_handle());
  caller.forget(created.nodeid(), 3);
  caller.named(Opcode::kRmdir, 1, "d");
}

TEST(Replayer, FindsNoDivergenceInTheSameFilesystem) {
  const Recording recording = record(everything);
  RuleSet rules;
  const ReplayReport report = replay_on_memfs(recording, {&rules});
  rules.finish();
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.events, recording.size());
  EXPECT_EQ(report.counts.unbound_ids, 0U);
  EXPECT_EQ(report.counts.overlapping, 0U);
  EXPECT_EQ(report.counts.retried, 0U);
  EXPECT_EQ(rules.total(), 0U);
}

TEST(Replayer, BindsIdsOfAFilesystemThatChoosesOthers) {
  const Recording recording = record(everything);
  Stage stage;
  PermutingServer permuting(stage.server);
  Replayer replayer(permuting, stage.executor, stage.clock);
  RuleSet rules;
  replayer.add_sink(rules);
  RecordingEvents source(recording);
  const ReplayReport report = replayer.run(source);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(rules.total(), 0U);
}

TEST(Replayer, BindsIdsOfARecordedFilesystemThatChoseOthers) {
  Stage recorded;
  PermutingServer permuting(recorded.server);
  Mount mount(permuting);
  Caller caller(mount, 1);
  caller.init();
  everything(caller);
  permuting.disconnect();
  const ReplayReport report = replay_on_memfs(caller.events());
  EXPECT_TRUE(report.same()) << explain(report);
}

TEST(Replayer, HandsTheFilesystemTheRecordedInstants) {
  const Recording recording = record([](Caller& caller) { caller.mkdir(1, "d"); });
  Stage stage;
  Replayer replayer(stage.server, stage.executor, stage.clock);
  RecordingEvents source(recording);
  EXPECT_TRUE(replayer.run(source).same());
  EXPECT_EQ(stage.clock.realtime(), recording.back().event.begin);
}

/// Changes bytes of the `number`th reply to `opcode`.
void damage(Recording& recording, Opcode opcode, int number, std::size_t offset, std::byte value) {
  std::set<std::uint64_t> uniques;
  for (StoredEvent& stored : recording) {
    if (stored.event.kind == EventKind::kRequest) {
      wire::InHeader header;
      std::memcpy(&header, stored.bytes.data(), sizeof(header));
      if (header.opcode == static_cast<std::uint32_t>(opcode)) uniques.insert(header.unique);
      continue;
    }
    wire::OutHeader header;
    std::memcpy(&header, stored.bytes.data(), sizeof(header));
    if (uniques.count(header.unique) == 0 || number-- != 0) continue;
    ASSERT_LT(sizeof(header) + offset, stored.bytes.size());
    ASSERT_NE(stored.bytes[sizeof(header) + offset], value);
    stored.bytes[sizeof(header) + offset] = value;
  }
}

struct Damage {
  const char* name;
  Opcode opcode;
  int number;
  std::size_t offset;  // from the end of the header
  const char* field;
};

class ReplayerFinds : public testing::TestWithParam<Damage> {};

TEST_P(ReplayerFinds, OneDivergenceInTheFieldThatDiffers) {
  Recording recording = record(everything);
  damage(recording, GetParam().opcode, GetParam().number, GetParam().offset, std::byte{0x77});
  const ReplayReport report = replay_on_memfs(recording);
  ASSERT_EQ(report.counts.divergences, 1U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.field, GetParam().field);
  EXPECT_EQ(report.causes[0].divergence.opcode, GetParam().opcode);
  EXPECT_NE(report.causes[0].divergence.recorded, report.causes[0].divergence.live);
  EXPECT_EQ(report.end, ReplayEnd::kComplete);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ReplayerFinds,
    testing::Values(
        Damage{"Size", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.size), "attr.size"},
        Damage{"Blocks", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.blocks), "attr.blocks"},
        Damage{"LinkCount", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.nlink), "attr.nlink"},
        Damage{"Time", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.mtimensec), "attr.mtimensec"},
        Damage{"Mode", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.mode), "attr.mode"},
        Damage{"InodeNumber", Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.ino), "attr.ino"},
        Damage{"Timeout", Opcode::kLookup, 0, offsetof(wire::EntryOut, entry_valid), "entry_valid"},
        Damage{"Generation", Opcode::kLookup, 0, offsetof(wire::EntryOut, generation), "generation"},
        Damage{"DataByte", Opcode::kRead, 0, 2, "data[2]"}, Damage{"XattrLength", Opcode::kGetxattr, 0, 0, "size"},
        Damage{"XattrByte", Opcode::kGetxattr, 1, 4, "data[4]"}, Damage{"Written", Opcode::kWrite, 0, 0, "size"},
        Damage{"ListedName", Opcode::kReaddir, 0, 2 * 32 + sizeof(wire::Dirent), "entries[2].name"},
        Damage{"ListedType", Opcode::kReaddir, 0, 2 * 32 + offsetof(wire::Dirent, type), "entries[2].type"},
        Damage{"ListedAttribute", Opcode::kReaddirplus, 0, offsetof(wire::EntryOut, attr.size), "entries[0].attr.size"},
        Damage{"Totals", Opcode::kStatfs, 0, offsetof(wire::Kstatfs, bfree), "bfree"},
        Damage{"InitFlags", Opcode::kInit, 0, offsetof(wire::InitOut, max_write), "max_write"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Replayer, NamesTheErrorThatDiffers) {
  Recording recording = record([](Caller& caller) { caller.named(Opcode::kLookup, 1, "none"); });
  const std::int32_t error = -EACCES;
  std::memcpy(recording.back().bytes.data() + offsetof(wire::OutHeader, error), &error, sizeof(error));
  const ReplayReport report = replay_on_memfs(recording);
  ASSERT_EQ(report.counts.divergences, 1U);
  EXPECT_EQ(report.causes[0].divergence.field, "error");
  EXPECT_EQ(report.causes[0].divergence.recorded, "EACCES");
  EXPECT_EQ(report.causes[0].divergence.live, "ENOENT");
  EXPECT_EQ(report.causes[0].divergence.request, "LOOKUP unique 4 nodeid 1 name \"none\"");
}

TEST(Replayer, ReportsANodeThatIsNotTheSameAsBefore) {
  // The recorded filesystem gave two names one node; memfs, which was never told of the link, gives two.
  Recording recording = record([](Caller& caller) {
    caller.create(1, "a");
    caller.create(1, "b");
    caller.named(Opcode::kLookup, 1, "a");
  });
  const std::uint64_t node_of_b = 3;
  std::memcpy(recording.back().bytes.data() + sizeof(wire::OutHeader), &node_of_b, sizeof(node_of_b));
  const ReplayReport report = replay_on_memfs(recording);
  ASSERT_EQ(report.counts.divergences, 1U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.field, "nodeid");
}

TEST(Replayer, StopsAfterAsManyDivergencesAsAsked) {
  Recording recording = record([](Caller& caller) {
    for (int i = 0; i < 5; ++i) caller.named(Opcode::kLookup, 1, "none");
  });
  for (StoredEvent& stored : recording) {
    if (stored.event.kind != EventKind::kReply || stored.bytes.size() != sizeof(wire::OutHeader)) continue;
    const std::int32_t error = -EACCES;
    std::memcpy(stored.bytes.data() + offsetof(wire::OutHeader, error), &error, sizeof(error));
  }
  ReplayOptions options;
  options.stop_after = 2;
  const ReplayReport stopped = replay_on_memfs(recording, {}, options);
  EXPECT_EQ(stopped.end, ReplayEnd::kStopped);
  EXPECT_EQ(stopped.counts.divergences, 2U);
  options.stop_after = 0;
  options.kept_followers = 3;
  const ReplayReport all = replay_on_memfs(recording, {}, options);
  EXPECT_EQ(all.end, ReplayEnd::kComplete);
  EXPECT_EQ(all.counts.divergences, 5U);
  ASSERT_EQ(all.causes.size(), 1U);
  EXPECT_EQ(all.causes[0].follower_count, 4U);
  EXPECT_EQ(all.causes[0].followers.size(), 3U);
}

TEST(Replayer, IgnoresWhatAnotherImplementationMayChoose) {
  Recording recording = record(everything);
  damage(recording, Opcode::kGetattr, 0, offsetof(wire::AttrOut, attr.mtimensec), std::byte{0x77});
  damage(recording, Opcode::kStatfs, 0, offsetof(wire::Kstatfs, bfree), std::byte{0x77});
  ReplayOptions options;
  options.tolerances = Tolerances::of(CompareProfile::kPortable);
  const ReplayReport report = replay_on_memfs(recording, {}, options);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.tolerated_ignored, 2U);
}

TEST(Replayer, RefusesTheRepliesThatTheKernelRefused) {
  const Recording recording = record([](Caller& caller) {
    caller.refuse_next(-ENOENT);
    caller.create(1, "a");
    caller.refuse_next(-ENOENT);
    caller.named(Opcode::kLookup, 1, "a");
    const std::uint64_t node = caller.named(Opcode::kLookup, 1, "a").nodeid();
    caller.refuse_next(-ENOENT);
    caller.open(Opcode::kOpen, node);
    caller.named(Opcode::kUnlink, 1, "a");
    caller.forget(node, 1);
  });
  Stage stage;
  Replayer replayer(stage.server, stage.executor, stage.clock);
  // The last FORGET leaves nothing only if all three refusals were undone.
  struct Watch final : EventSink {
    void on_event(const Event& event) override {
      if (event.kind == EventKind::kMark) usage = memfs->usage();
    }
    Memfs* memfs = nullptr;
    Memfs::Usage usage;
  } watch;
  watch.memfs = &stage.memfs();
  replayer.add_sink(watch);
  Recording with_mark = recording;
  with_mark.push_back({});
  with_mark.back().event.kind = EventKind::kMark;
  with_mark.back().event.mark = Mark::kUnmounted;
  with_mark.back().event.sequence = recording.size() + 1;
  RecordingEvents source(with_mark);
  const ReplayReport report = replayer.run(source);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(watch.usage, (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0}));
}

TEST(Replayer, LeavesOutWhatTheRecordingNeverAnswered) {
  Recording recording = record([](Caller& caller) {
    caller.mkdir(1, "d");
    caller.mkdir(1, "e");
  });
  recording.pop_back();
  const ReplayReport report = replay_on_memfs(recording);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.unanswered, 1U);
  EXPECT_EQ(report.counts.requests, 2U);
}

TEST(Replayer, PassesOnIdsThatNoReplyMade) {
  Recording recording = record([](Caller& caller) { caller.getattr(99); });
  const ReplayReport report = replay_on_memfs(recording);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.unbound_ids, 1U);
}

/// Answers GETATTR of the root once told to.
class Sleeper : public Operations {
 public:
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    co_await awake.wait();
    AttributesReply reply;
    reply.attributes.mode = 040755;
    co_return reply;
  }
  AsyncEvent awake;
};

TEST(Replayer, ReportsAServerThatHangs) {
  const Recording recording = record([](Caller& caller) {
    caller.getattr(1);
    caller.named(Opcode::kLookup, 1, "none");
  });
  Stage stage(std::make_unique<Sleeper>());
  Replayer replayer(stage.server, stage.executor, stage.clock);
  RecordingEvents source(recording);
  const ReplayReport report = replayer.run(source);
  EXPECT_EQ(report.end, ReplayEnd::kHung);
  bool named = false;
  for (const RootCause& cause : report.causes) {
    const Divergence& divergence = cause.divergence;
    named =
        named || (divergence.opcode == Opcode::kGetattr && divergence.field == "reply" && divergence.live == "none");
  }
  EXPECT_TRUE(named) << explain(report);
  static_cast<Sleeper&>(stage.server.operations()).awake.set();
  stage.executor.run_ready();
  stage.server.disconnect();
}

std::string hash_of(const Recording& recording) {
  EventLog log;
  const ReplayReport report = replay_on_memfs(recording, {&log});
  return report.same() ? log.hash() : "divergence";
}

TEST(Replayer, GivesOneEventLogHashInEveryProcess) {
  const Recording recording = record(everything);
  const std::string expected = hash_of(recording);
  EXPECT_EQ(expected.size(), 32U);
  for (int i = 0; i < 5; ++i) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const std::string hash = hash_of(recording);
      _exit(write(ends[1], hash.data(), hash.size()) == static_cast<ssize_t>(hash.size()) ? 0 : 1);
    }
    close(ends[1]);
    char text[64];
    const ssize_t size = read(ends[0], text, sizeof(text));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(text, static_cast<std::size_t>(size)), expected);
  }
}

}  // namespace
}  // namespace fusereplay::test
