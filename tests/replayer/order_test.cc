// Overlapping requests: the recording does not say which took effect first.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

/// The last events of a recording in another order: `order` holds positions counted from the event number `from`.
Recording reorder(const Recording& recording, std::size_t from, const std::vector<std::size_t>& order) {
  Recording result(recording.begin(), recording.begin() + static_cast<std::ptrdiff_t>(from));
  for (const std::size_t index : order) result.push_back(recording[from + index]);
  for (std::size_t i = 0; i < result.size(); ++i) result[i].event.sequence = i + 1;
  return result;
}

// A recording of A before B, each a request and its reply: positions 0 and 1, 2 and 3. Every way they can overlap:
const std::vector<std::vector<std::size_t>> kOverlaps = {{0, 2, 1, 3}, {0, 2, 3, 1}, {2, 0, 1, 3}, {2, 0, 3, 1}};

/// Plays `prepare`, then `first` and `second`, the two of them overlapping in every way.
void expect_explained(const std::function<void(Caller&)>& prepare, const std::function<void(Caller&)>& first,
                      const std::function<void(Caller&)>& second) {
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    prepare(caller);
    from = caller.events().size();
    first(caller);
    second(caller);
  });
  ASSERT_EQ(recording.size(), from + 4);
  for (const auto& order : kOverlaps) {
    const ReplayReport report = replay_on_memfs(reorder(recording, from, order));
    EXPECT_TRUE(report.same()) << explain(report) << testing::PrintToString(order);
    EXPECT_EQ(report.counts.overlapping, 2U);
    EXPECT_EQ(report.counts.tolerated_concurrent_attributes, 0U);
  }
}

/// Both orders of a request that looks and one that changes.
void expect_both_explained(const std::function<void(Caller&)>& prepare, const std::function<void(Caller&)>& look,
                           const std::function<void(Caller&)>& change) {
  expect_explained(prepare, look, change);
  expect_explained(prepare, change, look);
}

void make_file(Caller& caller) {
  const Reply file = caller.create(1, "a");  // node 2, handle 1
  caller.write(file.nodeid(), file.created_handle(), 0, "before");
}

TEST(ReplayOrder, AttributesMayBeSeenBeforeOrAfterAChange) {
  expect_both_explained(
      make_file, [](Caller& caller) { caller.getattr(2); }, [](Caller& caller) { caller.setattr_mode(2, 0600); });
}

TEST(ReplayOrder, DataMayBeReadBeforeOrAfterAWrite) {
  expect_both_explained(
      make_file, [](Caller& caller) { caller.read(Opcode::kRead, 2, 1, 0, 100); },
      [](Caller& caller) { caller.write(2, 1, 3, "after"); });
}

TEST(ReplayOrder, ANameMayBeLookedUpBeforeOrAfterItIsMade) {
  expect_both_explained([](Caller&) {}, [](Caller& caller) { caller.named(Opcode::kLookup, 1, "a"); },
                        [](Caller& caller) { caller.mkdir(1, "a"); });
}

TEST(ReplayOrder, ANameMayBeLookedUpBeforeOrAfterItIsRemoved) {
  expect_both_explained(
      make_file, [](Caller& caller) { caller.named(Opcode::kLookup, 1, "a"); },
      [](Caller& caller) { caller.named(Opcode::kUnlink, 1, "a"); });
}

TEST(ReplayOrder, TheLinkCountMayBeSeenBeforeOrAfterItsNameIsRemoved) {
  expect_both_explained(
      make_file, [](Caller& caller) { caller.getattr(2); },
      [](Caller& caller) { caller.named(Opcode::kUnlink, 1, "a"); });
}

TEST(ReplayOrder, AListingMayBeTakenBeforeOrAfterANameIsMade) {
  for (const Opcode opcode : {Opcode::kReaddir, Opcode::kReaddirplus}) {
    expect_both_explained(
        [](Caller& caller) {
          make_file(caller);
          caller.open(Opcode::kOpendir, 1);  // handle 2
        },
        [&](Caller& caller) { caller.read(opcode, 1, 2, 0, 4096); }, [](Caller& caller) { caller.mkdir(1, "b"); });
  }
}

TEST(ReplayOrder, AnAttributeValueMayBeReadBeforeOrAfterItIsSet) {
  expect_both_explained(
      make_file, [](Caller& caller) { caller.getxattr(2, "user.x", 100); },
      [](Caller& caller) { caller.setxattr(2, "user.x", "value"); });
}

void lock(Caller& caller, Opcode opcode, std::uint64_t owner, std::uint32_t type) {
  caller.call(opcode, 2, [&](MessageBuilder& builder) {
    wire::LkIn in{};
    in.fh = 1;
    in.owner = owner;
    in.lk = {.start = 0, .end = 9, .type = type, .pid = 1};
    builder.add(in);
  });
}

TEST(ReplayOrder, AWaitingLockMayBeTakenBeforeTheReplyToWhatFreedIt) {
  const std::vector<std::function<void(Caller&)>> frees = {
      [](Caller& caller) { lock(caller, Opcode::kSetlk, 1, F_UNLCK); },
      [](Caller& caller) { lock(caller, Opcode::kSetlk, 1, F_RDLCK); },
      [](Caller& caller) {
        caller.call(Opcode::kFlush, 2, [](MessageBuilder& builder) {
          wire::FlushIn in{};
          in.fh = 1;
          in.lock_owner = 1;
          builder.add(in);
        });
      }};
  for (const auto& free : frees) {
    expect_explained(
        [](Caller& caller) {
          make_file(caller);
          lock(caller, Opcode::kSetlk, 1, F_WRLCK);
        },
        free, [](Caller& caller) { lock(caller, Opcode::kSetlkw, 2, F_RDLCK); });
  }
}

TEST(ReplayOrder, ALockMayBeRefusedBeforeTheReplyToWhoTookIt) {
  expect_explained(
      make_file, [](Caller& caller) { lock(caller, Opcode::kSetlk, 1, F_WRLCK); },
      [](Caller& caller) { lock(caller, Opcode::kSetlk, 2, F_RDLCK); });
  // Who took it had to wait for a third.
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    lock(caller, Opcode::kSetlk, 1, F_WRLCK);
    from = caller.events().size();
    lock(caller, Opcode::kSetlk, 1, F_UNLCK);   // 0, 1
    lock(caller, Opcode::kSetlkw, 2, F_WRLCK);  // 2, 3
    lock(caller, Opcode::kSetlk, 3, F_RDLCK);   // 4, 5: EAGAIN
  });
  for (const auto& order : {std::vector<std::size_t>{2, 0, 4, 5, 1, 3}, {2, 0, 4, 5, 3, 1}, {0, 2, 4, 1, 5, 3}}) {
    const ReplayReport report = replay_on_memfs(reorder(recording, from, order));
    EXPECT_TRUE(report.same()) << explain(report) << testing::PrintToString(order);
  }
}

TEST(ReplayOrder, ALockMayBeRefusedBeforeItIsFreedAndSaidSoAfterwards) {
  expect_explained(
      [](Caller& caller) {
        make_file(caller);
        lock(caller, Opcode::kSetlk, 1, F_WRLCK);
      },
      [](Caller& caller) { lock(caller, Opcode::kSetlk, 2, F_RDLCK); },
      [](Caller& caller) { lock(caller, Opcode::kSetlk, 1, F_UNLCK); });
}

TEST(ReplayOrder, AWaitingLockThatNothingFreesHasNoReply) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    lock(caller, Opcode::kSetlkw, 2, F_WRLCK);
    caller.write(2, 1, 0, "other");
  });
  // In the replay another owner holds it.
  const Recording holder = record([&](Caller& caller) {
    make_file(caller);
    lock(caller, Opcode::kSetlk, 1, F_WRLCK);
  });
  recording.insert(recording.begin() + static_cast<std::ptrdiff_t>(from), holder.end() - 2, holder.end());
  for (std::size_t i = from + 2; i < recording.size(); ++i) {
    std::uint64_t unique = 0;
    const bool request = recording[i].event.kind == EventKind::kRequest;
    const std::size_t at = request ? offsetof(wire::InHeader, unique) : offsetof(wire::OutHeader, unique);
    std::memcpy(&unique, recording[i].bytes.data() + at, sizeof(unique));
    unique += 100;
    std::memcpy(recording[i].bytes.data() + at, &unique, sizeof(unique));
  }
  const Recording overlapping = reorder(recording, from + 2, {0, 2, 1, 3});
  Stage stage;
  Replayer replayer(stage.server, stage.executor, stage.clock);
  RecordingEvents source(overlapping);
  const ReplayReport report = replayer.run(source);
  EXPECT_EQ(report.end, ReplayEnd::kHung);
  ASSERT_EQ(report.causes.size(), 1U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.field, "reply");
  Mount mount(stage.server);
  Caller other(mount, 2);
  lock(other, Opcode::kSetlk, 1, F_UNLCK);
  stage.executor.run_ready();
  stage.server.disconnect();
}

TEST(ReplayOrder, WhatChangesAndWhatDoesNotCanBothBeExplainedByWaiting) {
  // GETATTR saw the change although its reply came first: the change is delivered before its own reply.
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    caller.setattr_mode(2, 0600);
    caller.getattr(2);
  });
  const ReplayReport forward = replay_on_memfs(reorder(recording, from, {0, 2, 3, 1}));
  EXPECT_TRUE(forward.same()) << explain(forward);
  EXPECT_EQ(forward.counts.brought_forward, 1U);
  // Here it only has to wait for the other's reply.
  const ReplayReport waiting = replay_on_memfs(reorder(recording, from, {0, 2, 1, 3}));
  EXPECT_TRUE(waiting.same()) << explain(waiting);
  EXPECT_EQ(waiting.counts.brought_forward, 0U);
  EXPECT_GT(waiting.counts.retried, 0U);
}

TEST(ReplayOrder, WhatNoOrderExplainsIsADivergence) {
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    caller.setattr_mode(2, 0600);
    caller.getattr(2);
  });
  // The look was over before the change was asked for.
  const ReplayReport report = replay_on_memfs(reorder(recording, from, {2, 3, 0, 1}));
  EXPECT_EQ(report.counts.divergences, 1U) << explain(report);
  EXPECT_EQ(report.causes[0].divergence.field, "attr.ctimensec");
}

TEST(ReplayOrder, AChangeOfAnotherNodeIsNoExcuse) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    caller.create(1, "b");  // node 3
    from = caller.events().size();
    caller.getattr(2);
    caller.setattr_mode(3, 0600);
  });
  recording[from + 1].bytes[sizeof(wire::OutHeader) + offsetof(wire::AttrOut, attr.size)] = std::byte{0x77};
  const ReplayReport report = replay_on_memfs(reorder(recording, from, {0, 2, 3, 1}));
  EXPECT_EQ(report.counts.divergences, 1U) << explain(report);
  EXPECT_EQ(report.counts.tolerated_concurrent_attributes, 0U);
}

TEST(ReplayOrder, AttributesThatAConcurrentChangeMayExplainAreToleratedAndCounted) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    caller.getattr(2);
    caller.setattr_mode(2, 0600);
  });
  recording[from + 1].bytes[sizeof(wire::OutHeader) + offsetof(wire::AttrOut, attr.size)] = std::byte{0x77};
  const Recording overlapping = reorder(recording, from, {0, 2, 3, 1});
  const ReplayReport report = replay_on_memfs(overlapping);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_GT(report.counts.tolerated_concurrent_attributes, 0U);
  ReplayOptions strict;
  strict.tolerances.concurrent = ConcurrentFields::kCompared;
  EXPECT_EQ(replay_on_memfs(overlapping, {}, strict).counts.divergences, 1U);
}

TEST(ReplayOrder, AnUnknownTotalIsToleratedOnlyUnderOverlap) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    caller.call(Opcode::kStatfs, 1);
    caller.write(2, 1, 100'000, "more");
  });
  recording[from + 1].bytes[sizeof(wire::OutHeader) + offsetof(wire::Kstatfs, bfree)] = std::byte{0x77};
  EXPECT_EQ(replay_on_memfs(recording).counts.divergences, 1U);
  const ReplayReport report = replay_on_memfs(reorder(recording, from, {0, 2, 3, 1}));
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_GT(report.counts.tolerated_usage, 0U);
}

TEST(ReplayOrder, WhatIsLetGoOfStaysUntilTheLastRequestThatHoldsItEnds) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    caller.write(2, 1, 0, "data");
    caller.release(Opcode::kRelease, 2, 1);
    from = caller.events().size();
    caller.getattr(2);                      // 0, 1
    caller.named(Opcode::kUnlink, 1, "a");  // 2, 3
    caller.forget(2, 1);                    // 4
    caller.getattr(1);                      // 5, 6
    caller.call(Opcode::kStatfs, 1);        // 7, 8
  });
  auto& reply = recording[from + 8].bytes;
  std::uint64_t free = 0;
  const std::size_t place = sizeof(wire::OutHeader) + offsetof(wire::Kstatfs, bfree);
  std::memcpy(&free, reply.data() + place, sizeof(free));
  --free;  // as if the page of the file were still there
  std::memcpy(reply.data() + place, &free, sizeof(free));
  EXPECT_EQ(replay_on_memfs(recording).counts.divergences, 1U);
  // The thread that sent the FORGET went on; a GETATTR of the file is under way, and may be who still holds it.
  const ReplayReport held = replay_on_memfs(reorder(recording, from, {0, 2, 3, 4, 5, 6, 7, 8, 1}));
  EXPECT_TRUE(held.same()) << explain(held);
  EXPECT_GT(held.counts.tolerated_usage, 0U);
  // It ended before: nobody holds the file.
  EXPECT_EQ(replay_on_memfs(reorder(recording, from, {0, 2, 3, 4, 5, 6, 1, 7, 8})).counts.divergences, 1U);
}

TEST(ReplayOrder, WhatNamesTheNodeThatDiffersIsTriedFirst) {
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    caller.create(1, "b");
    from = caller.events().size();
    caller.setattr_mode(2, 0640);           // 0, 1
    caller.named(Opcode::kLookup, 1, "a");  // 2, 3
    caller.named(Opcode::kLookup, 1, "b");  // 4, 5
    caller.rename(1, "b", 1, "c");          // 6, 7
  });
  // The RENAME might be of a; that the SETATTR of a came before its LOOKUP is all that is needed, and b is found later.
  const ReplayReport report = replay_on_memfs(reorder(recording, from, {6, 0, 2, 3, 4, 5, 1, 7}));
  EXPECT_TRUE(report.same()) << explain(report);
}

TEST(ReplayOrder, AForgetLastsUntilItsThreadGoesOn) {
  std::size_t from = 0;
  Recording recording = record([&](Caller& caller) {
    make_file(caller);
    caller.write(2, 1, 0, "data");
    caller.release(Opcode::kRelease, 2, 1);
    caller.named(Opcode::kUnlink, 1, "a");
    from = caller.events().size();
    caller.call(Opcode::kStatfs, 1);  // 0, 1: the page is still there
    caller.forget(2, 1);              // 2
    caller.getattr(1);                // 3, 4
  });
  const auto forget_on_another_thread = [&](const std::vector<std::size_t>& order) {
    Recording other = reorder(recording, from, order);
    for (std::size_t i = from; i < other.size(); ++i) {
      if (order[i - from] >= 2) ++other[i].event.thread;
    }
    return other;
  };
  // The STATFS begins when the FORGET is under way, and ends when its thread has gone on.
  const ReplayReport report = replay_on_memfs(forget_on_another_thread({2, 0, 3, 4, 1}));
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_GT(report.counts.tolerated_usage, 0U);
  EXPECT_EQ(replay_on_memfs(forget_on_another_thread({2, 3, 0, 4, 1})).counts.divergences, 1U);
}

TEST(ReplayOrder, AttemptsThatWereRefusedLeaveNoCountAndNoHandle) {
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    caller.release(Opcode::kRelease, 2, 1);
    from = caller.events().size();
    caller.named(Opcode::kUnlink, 1, "a");
    caller.named(Opcode::kLookup, 1, "a");
    caller.forget(2, 1);
  });
  // The LOOKUP finds the file until UNLINK is delivered, which is not what was recorded.
  Recording overlapping = reorder(recording, from, {2, 0, 1, 3, 4});
  overlapping.push_back({});
  overlapping.back().event.kind = EventKind::kMark;
  overlapping.back().event.mark = Mark::kUnmounted;
  overlapping.back().event.sequence = overlapping.size();
  Stage stage;
  struct Watch final : EventSink {
    void on_event(const Event& event) override {
      if (event.kind == EventKind::kMark) usage = memfs->usage();
    }
    Memfs* memfs = nullptr;
    Memfs::Usage usage;
  } watch;
  watch.memfs = &stage.memfs();
  Replayer replayer(stage.server, stage.executor, stage.clock);
  replayer.add_sink(watch);
  RecordingEvents source(overlapping);
  const ReplayReport report = replayer.run(source);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_GT(report.counts.retried, 0U);
  EXPECT_EQ(watch.usage, (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0}));
}

TEST(ReplayOrder, AReplyBeyondTheWindowIsStillCompared) {
  std::size_t from = 0;
  const Recording recording = record([&](Caller& caller) {
    make_file(caller);
    from = caller.events().size();
    caller.getattr(2);
    for (int i = 0; i < 20; ++i) caller.named(Opcode::kLookup, 1, "none");
  });
  std::vector<std::size_t> order = {0};
  for (std::size_t i = 2; i < 42; ++i) order.push_back(i);
  order.push_back(1);
  ReplayOptions options;
  options.window_events = 4;
  const ReplayReport report = replay_on_memfs(reorder(recording, from, order), {}, options);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.replies, recording.size() / 2);
}

/// Whether this event is a request that changes nothing.
bool only_looks(const StoredEvent& event) {
  wire::InHeader header;
  std::memcpy(&header, event.bytes.data(), sizeof(header));
  switch (static_cast<Opcode>(header.opcode)) {
    case Opcode::kLookup:
    case Opcode::kGetattr:
    case Opcode::kRead:
    case Opcode::kReaddirplus:
    case Opcode::kReaddir:
    case Opcode::kStatfs:
      return true;
    default:
      return false;
  }
}

/// Stretches the intervals of requests that only look, and of each changing request until just before the next one of
/// those, at random: what was recorded in one order then overlaps in many ways, and that order still explains it.
Recording stretch(const Recording& recording, std::size_t from, std::mt19937& random) {
  struct Placed {
    double at;
    std::size_t index;
  };
  std::vector<Placed> placed;
  double last_change = 0;
  for (std::size_t i = from; i + 1 < recording.size(); i += 2) {
    const double point = static_cast<double>(i);
    std::uniform_real_distribution<double> reach(0, 24);
    const bool looks = only_looks(recording[i]);
    const double begin = looks ? point - reach(random) : std::max(last_change, point - reach(random));
    std::size_t next = i + 2;
    while (next + 1 < recording.size() && only_looks(recording[next])) next += 2;
    const double end = looks ? point + reach(random) : std::min(point + reach(random), static_cast<double>(next) - 0.5);
    if (!looks) last_change = end + 0.001;
    placed.push_back({std::max(begin, static_cast<double>(from)), i});
    placed.push_back({end, i + 1});
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.at < b.at; });
  std::vector<std::size_t> order;
  for (const Placed& one : placed) order.push_back(one.index - from);
  return reorder(recording, from, order);
}

TEST(ReplayOrder, WhateverOverlapsIsExplainedIfSomeOrderExplainsIt) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    std::size_t from = 0;
    const Recording recording = record([&](Caller& caller) {
      make_file(caller);                 // node 2, handle 1
      caller.mkdir(1, "d");              // node 3
      caller.open(Opcode::kOpendir, 1);  // handle 2
      from = caller.events().size();
      for (int step = 0; step < 60; ++step) {
        const std::string name(1, static_cast<char>('a' + random() % 4));
        switch (random() % 11) {
          case 0:
            caller.getattr(1 + random() % 3);
            break;
          case 1:
          case 2:
            caller.named(Opcode::kLookup, 1, name);
            break;
          case 3:
            caller.read(Opcode::kRead, 2, 1, 0, 100);
            break;
          case 4:
            caller.read(Opcode::kReaddirplus, 1, 2, 0, 4096);
            break;
          case 5:
            caller.write(2, 1, random() % 20, name);
            break;
          case 6:
            caller.setattr_mode(1 + random() % 3, 0700 + random() % 8);
            break;
          case 7:
            caller.link(2, 1, name);
            break;
          case 8:
            caller.rename(1, name, 3, "x" + name);
            break;
          case 9:
            caller.rename(3, "x" + name, 1, name);
            break;
          default:
            caller.named(Opcode::kUnlink, 1, name);
        }
      }
    });
    const ReplayReport report = replay_on_memfs(stretch(recording, from, random));
    ASSERT_TRUE(report.same()) << "seed " << seed << "\n" << explain(report);
    ASSERT_EQ(report.counts.tolerated_concurrent_attributes, 0U) << "seed " << seed;
    ASSERT_GT(report.counts.overlapping, 10U);
  }
}

}  // namespace
}  // namespace fusereplay::test
