// One trace, two implementations: what may differ between them and what may not.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/event/synthetic.h"
#include "core/protocol/flags.h"
#include "rules/lookup_ledger.h"
#include "rules/rule_set.h"
#include "tests/replayer/permuting_server.h"
#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

/// memfs with listings of another kind: backwards, three entries a page, no dots, cookies of its own, and READDIRPLUS
/// that looks up every second entry only.
class Otherfs : public Memfs {
 public:
  explicit Otherfs(std::string hidden = {}) : hidden_(std::move(hidden)) {}

 protected:
  void list(const Node& directory, Cookie from, DirectoryWriter& out) override {
    constexpr std::uint64_t kLast = 1U << 20;
    int room = 3;
    const auto& children = directory->directory().children();
    for (auto child = children.rbegin(); child != children.rend() && room != 0; ++child) {
      const auto& [name, node] = child->second;
      const Cookie cookie{kLast - child->first};
      if (cookie <= from || name == hidden_) continue;
      if (!out.fits(name)) return;
      if (out.plus() && child->first % 2 == 0) {
        out.add(name, cookie, grant(node));
      } else {
        out.add(name, cookie, node->attributes.ino, node->dirent_type());
      }
      --room;
    }
  }

 private:
  const std::string hidden_;
};

/// Reads a directory to its end, as the kernel does. The nodes that it was given.
std::vector<wire::ForgetOne> list_all(Caller& caller, Opcode opcode, std::uint64_t directory) {
  std::vector<wire::ForgetOne> granted;
  const std::uint64_t handle = caller.open(Opcode::kOpendir, directory).handle();
  for (std::uint64_t cookie = 0;;) {
    const Reply page = caller.read(opcode, directory, handle, cookie, 1024);
    if (page.body.empty()) break;
    DirentReader reader(opcode == Opcode::kReaddir ? DirentKind::kPlain : DirentKind::kPlus, page.body);
    while (const auto record = reader.next()) {
      cookie = record->dirent.off;
      if (record->entry.nodeid != 0 && record->name != "." && record->name != "..") {
        granted.push_back({record->entry.nodeid, 1});
      }
    }
  }
  caller.release(Opcode::kReleasedir, directory, handle);
  return granted;
}

void set_mtime(Caller& caller, std::uint64_t node, std::uint64_t seconds) {
  caller.call(Opcode::kSetattr, node, [&](MessageBuilder& builder) {
    wire::SetattrIn in{};
    in.valid = kSetattrMtime;
    in.mtime = seconds;
    builder.add(in);
  });
}

/// Files that come and go, listed both ways, used by the nodes that the listings gave.
void work(Caller& caller) {
  const std::uint64_t directory = caller.mkdir(1, "d").nodeid();
  for (int i = 0; i < 20; ++i) {
    const Reply created = caller.create(directory, "file" + std::to_string(i));
    caller.write(created.nodeid(), created.created_handle(), 0, std::string(static_cast<std::size_t>(i) + 1, 'x'));
    set_mtime(caller, created.nodeid(), 1000 + static_cast<std::uint64_t>(i));
    caller.release(Opcode::kRelease, created.nodeid(), created.created_handle());
    caller.forget(created.nodeid(), 1);
  }
  list_all(caller, Opcode::kReaddir, directory);
  const std::vector<wire::ForgetOne> granted = list_all(caller, Opcode::kReaddirplus, directory);
  for (const wire::ForgetOne& one : granted) {
    caller.getattr(one.nodeid);
    const std::uint64_t handle = caller.open(Opcode::kOpen, one.nodeid).handle();
    caller.read(Opcode::kRead, one.nodeid, handle, 0, 100);
    caller.release(Opcode::kRelease, one.nodeid, handle);
  }
  if (!granted.empty()) caller.batch_forget(granted);
  caller.call(Opcode::kStatfs, 1);
  for (int i = 0; i < 20; ++i) caller.named(Opcode::kUnlink, directory, "file" + std::to_string(i));
  caller.named(Opcode::kRmdir, 1, "d");
  caller.forget(directory, 1);
}

ReplayOptions options_of(CompareProfile profile) {
  ReplayOptions options;
  options.tolerances = Tolerances::of(profile);
  return options;
}

/// Counts what was made up, and looks whether it is marked.
struct Watch final : EventSink {
  void on_event(const Event& event) override {
    if (event.request == nullptr || !is_synthetic(event.request->unique)) return;
    ++(event.kind == EventKind::kRequest ? requests : replies);
  }
  std::uint64_t requests = 0;
  std::uint64_t replies = 0;
};

struct Outcome {
  ReplayReport report;
  RuleSet rules;
  Watch made_up;
};

void replay_elsewhere(std::unique_ptr<Operations> filesystem, const Recording& recording, Outcome& outcome,
                      CompareProfile profile = CompareProfile::kPortable) {
  Stage stage(std::move(filesystem));
  PermutingServer permuting(stage.server);
  Replayer replayer(permuting, stage.executor, stage.clock, options_of(profile));
  replayer.add_sink(outcome.rules);
  replayer.add_sink(outcome.made_up);
  RecordingEvents source(recording);
  outcome.report = replayer.run(source);
  outcome.rules.finish();
}

TEST(Portable, ListingsMayBePagedOrderedAndFilledInAnyWay) {
  Outcome outcome;
  replay_elsewhere(std::make_unique<Otherfs>(), record(work), outcome);
  EXPECT_TRUE(outcome.report.same()) << explain(outcome.report);
  EXPECT_EQ(outcome.report.counts.withheld, 0U);
  EXPECT_GT(outcome.report.counts.synthetic, 0U);
  EXPECT_EQ(outcome.made_up.requests, outcome.report.counts.synthetic);
  EXPECT_GT(outcome.made_up.replies, 0U);
  // The ledgers of the live conversation agree: every count was taken back.
  EXPECT_EQ(outcome.rules.total(), 0U);
  EXPECT_EQ(outcome.rules.lookups().counted_nodes(), 0U);
}

TEST(Portable, TheOtherWayRoundToo) {
  Stage stage(std::make_unique<Otherfs>());
  PermutingServer permuting(stage.server);
  Mount mount(permuting);
  Caller caller(mount, 1);
  caller.init();
  work(caller);
  permuting.disconnect();
  Outcome outcome;
  replay_elsewhere(std::make_unique<Memfs>(), caller.events(), outcome);
  EXPECT_TRUE(outcome.report.same()) << explain(outcome.report);
  EXPECT_EQ(outcome.report.counts.withheld, 0U);
  EXPECT_EQ(outcome.rules.total(), 0U);
  EXPECT_EQ(outcome.rules.lookups().counted_nodes(), 0U);
}

TEST(Portable, NothingIsMadeUpForTheSameImplementation) {
  const Recording recording = record(work);
  const ReplayReport exact = replay_on_memfs(recording);
  EXPECT_TRUE(exact.same()) << explain(exact);
  EXPECT_EQ(exact.counts.synthetic, 0U);
  const ReplayReport portable = replay_on_memfs(recording, {}, options_of(CompareProfile::kPortable));
  EXPECT_TRUE(portable.same()) << explain(portable);
  EXPECT_EQ(portable.counts.synthetic, 0U);
}

TEST(Portable, ANameThatIsNotListedIsFound) {
  Outcome outcome;
  replay_elsewhere(std::make_unique<Otherfs>("file7"), record(work), outcome);
  ASSERT_EQ(outcome.report.causes.size(), 1U) << explain(outcome.report);
  const Divergence& first = outcome.report.causes[0].divergence;
  EXPECT_EQ(first.opcode, Opcode::kReaddir);
  EXPECT_EQ(first.field, "listing of \"file7\"");
  EXPECT_EQ(first.recorded, "listed as type 8");
  EXPECT_EQ(first.live, "not listed");
}

TEST(Portable, ANameThatCameOrWentMeanwhileMayBeListedOrNot) {
  const Recording recording = record([](Caller& caller) {
    for (int i = 0; i < 8; ++i) caller.create(1, "file" + std::to_string(i));
    const std::uint64_t handle = caller.open(Opcode::kOpendir, 1).handle();
    caller.read(Opcode::kReaddir, 1, handle, 0, 128);
    caller.named(Opcode::kUnlink, 1, "file7");  // listed first by the other one, never by memfs
    caller.named(Opcode::kUnlink, 1, "file0");  // the other way round
    std::uint64_t cookie = 0;
    for (;;) {
      const Reply page = caller.read(Opcode::kReaddir, 1, handle, cookie == 0 ? 4 : cookie, 4096);
      if (page.body.empty()) break;
      DirentReader reader(DirentKind::kPlain, page.body);
      while (const auto entry = reader.next()) cookie = entry->dirent.off;
    }
    caller.release(Opcode::kReleasedir, 1, handle);
  });
  Outcome outcome;
  replay_elsewhere(std::make_unique<Otherfs>(), recording, outcome);
  EXPECT_TRUE(outcome.report.same()) << explain(outcome.report);
}

struct Change {
  const char* name;
  Opcode opcode;
  std::size_t offset;  // in the body of the last reply to it
  bool differs;
};

class PortableCompares : public testing::TestWithParam<Change> {};

TEST_P(PortableCompares, WhatACallerCanRelyOn) {
  Recording recording = record([](Caller& caller) {
    const Reply created = caller.create(1, "a");
    caller.write(created.nodeid(), created.created_handle(), 0, "hello");
    set_mtime(caller, created.nodeid(), 1000);
    caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), 0, 100);
    caller.named(Opcode::kLookup, 1, "a");
    caller.mkdir(1, "d");
    caller.getattr(1);
    caller.open(Opcode::kOpen, created.nodeid());
  });
  std::uint64_t unique = 0;
  for (StoredEvent& stored : recording) {
    wire::InHeader request{};
    if (stored.event.kind == EventKind::kRequest) {
      std::memcpy(&request, stored.bytes.data(), sizeof(request));
      if (request.opcode == static_cast<std::uint32_t>(GetParam().opcode)) unique = request.unique;
      continue;
    }
    wire::OutHeader reply{};
    std::memcpy(&reply, stored.bytes.data(), sizeof(reply));
    if (reply.unique == unique) stored.bytes[sizeof(reply) + GetParam().offset] ^= std::byte{0x40};
    unique = 0;
  }
  Outcome outcome;
  replay_elsewhere(std::make_unique<Memfs>(), recording, outcome);
  EXPECT_EQ(outcome.report.counts.causes, GetParam().differs ? 1U : 0U) << explain(outcome.report);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, PortableCompares,
    testing::Values(Change{"Size", Opcode::kLookup, offsetof(wire::EntryOut, attr.size), true},
                    Change{"Mode", Opcode::kLookup, offsetof(wire::EntryOut, attr.mode), true},
                    Change{"Owner", Opcode::kLookup, offsetof(wire::EntryOut, attr.uid), true},
                    Change{"LinkCount", Opcode::kLookup, offsetof(wire::EntryOut, attr.nlink), true},
                    Change{"MtimeThatACallerSet", Opcode::kLookup, offsetof(wire::EntryOut, attr.mtime), true},
                    Change{"Data", Opcode::kRead, 2, true}, Change{"Written", Opcode::kWrite, 0, true},
                    Change{"Blocks", Opcode::kLookup, offsetof(wire::EntryOut, attr.blocks), false},
                    Change{"Ctime", Opcode::kLookup, offsetof(wire::EntryOut, attr.ctime), false},
                    Change{"Atime", Opcode::kLookup, offsetof(wire::EntryOut, attr.atime), false},
                    Change{"Generation", Opcode::kLookup, offsetof(wire::EntryOut, generation), false},
                    Change{"Timeout", Opcode::kLookup, offsetof(wire::EntryOut, entry_valid), false},
                    Change{"DirectorySize", Opcode::kGetattr, offsetof(wire::AttrOut, attr.size), false},
                    Change{"DirectoryLinks", Opcode::kGetattr, offsetof(wire::AttrOut, attr.nlink), false},
                    Change{"DirectoryMtime", Opcode::kGetattr, offsetof(wire::AttrOut, attr.mtime), false},
                    Change{"DirectoryMode", Opcode::kGetattr, offsetof(wire::AttrOut, attr.mode), true},
                    Change{"OpenFlags", Opcode::kOpen, offsetof(wire::OpenOut, open_flags), false},
                    Change{"InitMaxWrite", Opcode::kInit, offsetof(wire::InitOut, max_write), false}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

/// memfs without what the kernel can do without.
class Bare final : public Otherfs {
 public:
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override { return Errno(ENOSYS); }
  Async<void> flush(const Request&, NodeId, FileHandle, LockOwner) override { return Errno(ENOSYS); }
};

TEST(Portable, WhatTheKernelCanDoWithoutMayBeMissing) {
  const Recording recording = record([](Caller& caller) {
    const Reply created = caller.create(1, "a");
    caller.open(Opcode::kOpen, created.nodeid());
    caller.call(Opcode::kFlush, created.nodeid(), [&](MessageBuilder& builder) {
      wire::FlushIn in{};
      in.fh = created.created_handle();
      builder.add(in);
    });
  });
  Outcome portable;
  replay_elsewhere(std::make_unique<Bare>(), recording, portable);
  EXPECT_TRUE(portable.report.same()) << explain(portable.report);
  Outcome exact;
  replay_elsewhere(std::make_unique<Bare>(), recording, exact, CompareProfile::kExact);
  EXPECT_FALSE(exact.report.same());
}

/// Otherfs that does not offer READDIRPLUS, and fails it like a library that has no handler for it.
class NoReaddirplus final : public Otherfs {
 public:
  enum class Init : std::uint8_t { kRefuses, kTakes };
  NoReaddirplus(Init init, std::string hidden) : Otherfs(std::move(hidden)), init_(init) {}

  Async<void> init(Connection& connection) override {
    co_await Otherfs::init(connection);
    if (init_ == Init::kRefuses) connection.set_readdirplus(Readdirplus::kNever, Need::kRequired);
    co_return {};
  }
  Async<void> readdir(const Request& request, NodeId node, FileHandle handle, Cookie cookie,
                      DirectoryWriter& out) override {
    if (out.plus()) return Errno(ENOSYS);
    return Otherfs::readdir(request, node, handle, cookie, out);
  }

 private:
  const Init init_;
};

Recording listed_with_nodes() {
  return record([](Caller& caller) {
    for (const char* const name : {"a", "b", "c", "d", "e"}) caller.forget(caller.mkdir(1, name).nodeid(), 1);
    const auto granted = list_all(caller, Opcode::kReaddirplus, 1);
    for (const wire::ForgetOne& one : granted) caller.getattr(one.nodeid);
    caller.batch_forget(granted);
  });
}

TEST(Portable, AServerThatDoesNotTakeReaddirplusIsAskedReaddir) {
  Outcome outcome;
  replay_elsewhere(std::make_unique<NoReaddirplus>(NoReaddirplus::Init::kRefuses, ""), listed_with_nodes(), outcome);
  EXPECT_TRUE(outcome.report.same()) << explain(outcome.report);
  EXPECT_GE(outcome.report.counts.synthetic, 5U) << "the nodes were looked up";
  Outcome hiding;
  replay_elsewhere(std::make_unique<NoReaddirplus>(NoReaddirplus::Init::kRefuses, "c"), listed_with_nodes(), hiding);
  ASSERT_EQ(hiding.report.causes.size(), 1U) << explain(hiding.report);
  EXPECT_EQ(hiding.report.causes[0].divergence.opcode, Opcode::kReaddir);
}

TEST(Portable, ENOSYSToAReaddirplusThatWasTakenIsADifference) {
  Outcome outcome;
  replay_elsewhere(std::make_unique<NoReaddirplus>(NoReaddirplus::Init::kTakes, ""), listed_with_nodes(), outcome);
  ASSERT_FALSE(outcome.report.causes.empty());
  const Divergence& first = outcome.report.causes[0].divergence;
  EXPECT_EQ(first.opcode, Opcode::kReaddirplus);
  EXPECT_EQ(first.field, "error");
  EXPECT_EQ(first.live, "ENOSYS");
}

TEST(Portable, AnotherErrnoIsADifferenceEvenToTheOutcome) {
  Recording recording = record([](Caller& caller) {
    const Reply created = caller.create(1, "a");
    caller.write(created.nodeid(), created.created_handle(), 0, "hello");
    caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), 0, 100);
    caller.named(Opcode::kRmdir, 1, "none");
  });
  StoredEvent& read = recording[recording.size() - 3];
  read.bytes.back() ^= std::byte{1};
  Outcome same;
  replay_elsewhere(std::make_unique<Memfs>(), recording, same, CompareProfile::kOutcome);
  EXPECT_TRUE(same.report.same()) << explain(same.report);
  const std::int32_t error = -EACCES;
  std::memcpy(recording.back().bytes.data() + offsetof(wire::OutHeader, error), &error, sizeof(error));
  Outcome other;
  replay_elsewhere(std::make_unique<Memfs>(), recording, other, CompareProfile::kOutcome);
  ASSERT_EQ(other.report.causes.size(), 1U) << explain(other.report);
  EXPECT_EQ(other.report.causes[0].divergence.opcode, Opcode::kRmdir);
}

TEST(Portable, AnIdThatNothingStandsForIsNotPassedOn) {
  const Recording recording = record([](Caller& caller) {
    caller.getattr(99);
    caller.forget(98, 1);
    caller.batch_forget({{97, 1}, {96, 1}});
  });
  Outcome outcome;
  replay_elsewhere(std::make_unique<Memfs>(), recording, outcome);
  ASSERT_EQ(outcome.report.causes.size(), 1U) << explain(outcome.report);
  EXPECT_EQ(outcome.report.causes[0].divergence.field, "nodeid");
  EXPECT_EQ(outcome.report.causes[0].divergence.recorded, "99");
  EXPECT_EQ(outcome.report.counts.withheld, 3U);
  EXPECT_EQ(outcome.report.counts.requests, 1U);
}

}  // namespace
}  // namespace fusereplay::test
