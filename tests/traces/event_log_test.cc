// What makes two runs the same, and what does not.
#include "traces/event_log.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "tests/traces/trace_files.h"

namespace fusereplay {
namespace {

using test::OwnedEvent;
using test::OwnedMessage;

std::string hash_of(const std::vector<OwnedEvent>& events) {
  EventLog log;
  test::feed(events, log);
  EXPECT_EQ(log.events(), events.size());
  return log.hash();
}

/// A short conversation whose ids, times and the rest can be chosen.
struct Choices {
  std::uint64_t nodeid = 10;
  std::uint64_t reused_nodeid = 11;  // given after `nodeid` was forgotten
  std::uint64_t handle = 5;
  std::uint64_t second_handle = 6;  // given after the first was released
  std::uint64_t first_unique = 2;
  std::uint64_t lock_owner = 77;
  std::uint64_t ino = 100;
  std::uint64_t generation = 1;
  std::uint64_t cookie = 1;
  std::uint64_t seconds = 1'700'000'000;
  std::uint64_t free_blocks = 1000;
  std::uint32_t pid = 4000;
  std::uint32_t uid = 1000;
  std::uint64_t size = 12;
  std::uint64_t entry_valid = 1;
  std::string name = "file";
  std::int32_t error = -2;
  std::int64_t begin = 1;
  std::uint32_t thread = 9;
  std::uint32_t channel = 0;
  std::int64_t last_result = 16;
  Mark last = Mark::kUnmounted;
};

class Script {
 public:
  explicit Script(Choices choices) : choices_(std::move(choices)), unique_(choices_.first_unique - 2) {
    look_up(choices_.nodeid);
    open(choices_.nodeid, choices_.handle);
    read_lock(choices_.nodeid, choices_.handle);
    release(choices_.nodeid, choices_.handle);
    list_root();
    wire::Kstatfs usage{};
    usage.bfree = choices_.free_blocks;
    answer(ask(Opcode::kStatfs, 1), [&] { builder_.add(usage); });
    wire::ForgetIn forget{};
    forget.nlookup = 1;
    ask(Opcode::kForget, choices_.nodeid, [&] { builder_.add(forget); });
    look_up(choices_.reused_nodeid);
    open(choices_.reused_nodeid, choices_.second_handle);
    const std::uint64_t failing = ask(Opcode::kUnlink, 1, [&] { builder_.name(choices_.name); });
    builder_.start_reply(failing, choices_.error);
    add(EventKind::kReply, builder_.finish());
    events_.back().event.result = choices_.last_result;
    add(EventKind::kMark, {});
    events_.back().event.mark = choices_.last;
  }
  const std::vector<OwnedEvent>& events() const { return events_; }

 private:
  void add(EventKind kind, Bytes bytes) {
    OwnedEvent owned;
    owned.bytes.assign(bytes.begin(), bytes.end());
    owned.event.kind = kind;
    owned.event.sequence = events_.size() + 1;
    owned.event.begin = owned.event.end = choices_.begin + static_cast<std::int64_t>(events_.size());
    owned.event.thread = choices_.thread;
    owned.event.channel = choices_.channel;
    owned.event.result = static_cast<std::int64_t>(bytes.size());
    events_.push_back(std::move(owned));
  }
  std::uint64_t ask(
      Opcode opcode, std::uint64_t nodeid, const std::function<void()>& body = [] {}) {
    unique_ += 2;
    wire::InHeader header{};
    header.unique = unique_;
    header.nodeid = nodeid;
    header.uid = choices_.uid;
    header.pid = choices_.pid;
    builder_.start_request(opcode, header);
    body();
    add(EventKind::kRequest, builder_.finish());
    return unique_;
  }
  void answer(
      std::uint64_t unique, const std::function<void()>& body = [] {}) {
    builder_.start_reply(unique, 0);
    body();
    add(EventKind::kReply, builder_.finish());
  }
  wire::EntryOut entry(std::uint64_t nodeid) const {
    wire::EntryOut out{};
    out.nodeid = nodeid;
    out.generation = choices_.generation;
    out.entry_valid = choices_.entry_valid;
    out.attr.ino = choices_.ino;
    out.attr.size = choices_.size;
    out.attr.mtime = choices_.seconds;
    out.attr.mode = 0100644;
    return out;
  }
  void look_up(std::uint64_t nodeid) {
    const auto unique = ask(Opcode::kLookup, 1, [&] { builder_.name(choices_.name); });
    answer(unique, [&] { builder_.add(entry(nodeid)); });
  }
  void open(std::uint64_t nodeid, std::uint64_t handle) {
    const auto unique = ask(Opcode::kOpen, nodeid, [&] { builder_.add(wire::OpenIn{}); });
    wire::OpenOut out{};
    out.fh = handle;
    answer(unique, [&] { builder_.add(out); });
  }
  void read_lock(std::uint64_t nodeid, std::uint64_t handle) {
    wire::LkIn in{};
    in.fh = handle;
    in.owner = choices_.lock_owner;
    in.lk.pid = choices_.pid;
    answer(ask(Opcode::kSetlk, nodeid, [&] { builder_.add(in); }));
  }
  void release(std::uint64_t nodeid, std::uint64_t handle) {
    wire::ReleaseIn in{};
    in.fh = handle;
    answer(ask(Opcode::kRelease, nodeid, [&] { builder_.add(in); }));
  }
  void list_root() {
    for (const std::uint64_t offset : {std::uint64_t{0}, choices_.cookie}) {
      wire::ReadIn in{};
      in.offset = offset;
      in.size = 4096;
      const auto unique = ask(Opcode::kReaddir, 1, [&] { builder_.add(in); });
      OwnedMessage space(dirent_record_size(DirentKind::kPlain, choices_.name.size()));
      DirentWriter writer(DirentKind::kPlain, space);
      writer.add({}, {.ino = choices_.ino, .off = choices_.cookie, .namelen = 0, .type = 8}, choices_.name);
      answer(unique, [&] {
        if (offset == 0) builder_.bytes(space);
      });
    }
  }

  Choices choices_;
  std::uint64_t unique_;
  MessageBuilder builder_;
  std::vector<OwnedEvent> events_;
};

std::string hash_with(const std::function<void(Choices&)>& change) {
  Choices choices;
  change(choices);
  return hash_of(Script(choices).events());
}

const std::string& plain() {
  static const std::string hash = hash_with([](Choices&) {});
  return hash;
}

TEST(EventLog, GivesThirtyTwoHexadecimalDigitsThatEveryProcessAgreesOn) {
  EXPECT_EQ(plain().size(), 32U);
  EXPECT_EQ(plain().find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(plain(), hash_with([](Choices&) {}));
}

TEST(EventLog, DoesNotCareWhichIdsWereChosen) {
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.nodeid = 0x7f001234; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.handle = 0x7f005678; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.first_unique = 4000; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.lock_owner = ~0ULL; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.ino = 12345; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.generation = 99; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.cookie = 0x1234567; }));
}

TEST(EventLog, DoesNotCareWhetherAFreedIdIsGivenAgain) {
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.reused_nodeid = c.nodeid; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.second_handle = c.handle; }));
}

TEST(EventLog, DoesNotCareAboutTimesProcessesThreadsAndTotals) {
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.seconds += 5; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.begin = 999'999; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.pid = 1; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.thread = 1; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.channel = 1; }));
  EXPECT_EQ(plain(), hash_with([](Choices& c) { c.free_blocks = 1; }));
}

TEST(EventLog, CaresAboutEverythingElse) {
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.name = "other"; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.size = 13; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.uid = 0; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.error = -13; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.entry_valid = 0; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.last_result = -2; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.last = Mark::kAborted; }));
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.nodeid = 1; })) << "the root is the root";
  EXPECT_NE(plain(), hash_with([](Choices& c) { c.handle = 0; })) << "no handle is no handle";
}

TEST(EventLog, CaresAboutTheOrder) {
  auto events = test::conversation_events(1, 400);
  const std::string before = hash_of(events);
  for (std::size_t i = 1; i + 1 < events.size(); ++i) {
    if (events[i].event.kind != EventKind::kRequest || events[i + 1].event.kind != EventKind::kRequest) continue;
    std::swap(events[i], events[i + 1]);
    std::swap(events[i].event.sequence, events[i + 1].event.sequence);
    break;
  }
  EXPECT_NE(hash_of(events), before);
}

TEST(EventLog, TakesAnyMessage) {
  test::MessageGenerator generator(2);
  auto events = test::conversation_events(3, 3000);
  for (auto& owned : events) {
    if (generator.below(3) == 0 && !owned.bytes.empty()) owned.bytes = generator.mutated(owned.bytes);
  }
  EXPECT_EQ(hash_of(events), hash_of(events));
}

}  // namespace
}  // namespace fusereplay
