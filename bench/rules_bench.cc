// What the rules cost for each request and its reply, with every ledger on.
#include <benchmark/benchmark.h>
#include <sys/stat.h>

#include <cstring>
#include <vector>

#include "core/check.h"
#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "rules/rule_set.h"
#include "tests/support/allocations.h"

namespace fusereplay {
namespace {

/// A conversation about `files` files that ends where it began, so that it can be passed again and again:
/// each file is looked up, asked for, opened, read, flushed, released and forgotten; all are known at once.
class Workload {
 public:
  explicit Workload(std::uint64_t files) {
    for (std::uint64_t i = 0; i < files; ++i) know(2 + i);
    for (std::uint64_t i = 0; i < files; ++i) use(2 + i);
    for (std::uint64_t i = 0; i < files; ++i) ask(Opcode::kForget, 2 + i, wire::ForgetIn{.nlookup = 1});
  }

  std::size_t messages() const { return messages_.size(); }

  /// Gives every message a new unique and sequence and passes it on.
  template <class Sink>
  void pass(Sink&& sink) {
    std::uint64_t unique = 0;
    for (Recorded& recorded : messages_) {
      Event event;
      event.kind = recorded.kind;
      event.sequence = ++sequence_;
      event.thread = 1;
      event.result = static_cast<std::int64_t>(recorded.bytes.size());
      event.message.head = recorded.bytes;
      if (recorded.kind == EventKind::kRequest) unique = unique_ += 2;
      std::memcpy(recorded.bytes.data() + 8, &unique, sizeof(unique));
      sink(event);
    }
  }

  /// The INIT exchange, once.
  template <class Sink>
  void mount(Sink&& sink) {
    std::vector<Recorded> rest;
    rest.swap(messages_);
    wire::InitIn in{};
    in.major = 7;
    in.minor = 45;
    wire::InitOut out{};
    out.major = 7;
    out.minor = 45;
    out.max_write = 4096;
    ask(Opcode::kInit, 0, in);
    answer(out);
    pass(sink);
    messages_.swap(rest);
  }

 private:
  struct Recorded {
    EventKind kind;
    std::vector<std::byte> bytes;
  };

  void know(std::uint64_t nodeid) {
    wire::EntryOut entry{};
    entry.nodeid = nodeid;
    entry.attr.mode = S_IFREG | 0644;
    builder_.start_request(Opcode::kLookup, header(Opcode::kLookup, 1)).name("file");
    keep(EventKind::kRequest);
    answer(entry);
  }

  void use(std::uint64_t nodeid) {
    wire::AttrOut attr{};
    attr.attr.mode = S_IFREG | 0644;
    wire::ReadIn read{};
    read.fh = nodeid;
    read.size = 4096;
    wire::FlushIn flush{};
    flush.fh = nodeid;
    wire::ReleaseIn release{};
    release.fh = nodeid;
    ask(Opcode::kGetattr, nodeid, wire::GetattrIn{});
    answer(attr);
    ask(Opcode::kOpen, nodeid, wire::OpenIn{});
    answer(wire::OpenOut{nodeid, 0, 0});
    ask(Opcode::kRead, nodeid, read);
    builder_.start_reply(0, 0).bytes(data_);
    keep(EventKind::kReply);
    ask(Opcode::kFlush, nodeid, flush);
    answer();
    ask(Opcode::kRelease, nodeid, release);
    answer();
  }

  template <class... Structs>
  void ask(Opcode opcode, std::uint64_t nodeid, const Structs&... structs) {
    builder_.start_request(opcode, header(opcode, nodeid));
    (builder_.add(structs), ...);
    keep(EventKind::kRequest);
  }
  template <class... Structs>
  void answer(const Structs&... structs) {
    builder_.start_reply(0, 0);
    (builder_.add(structs), ...);
    keep(EventKind::kReply);
  }
  static wire::InHeader header(Opcode opcode, std::uint64_t nodeid) {
    wire::InHeader header{};
    header.opcode = static_cast<std::uint32_t>(opcode);
    header.nodeid = nodeid;
    header.pid = 42;
    return header;
  }
  void keep(EventKind kind) {
    const Bytes bytes = builder_.finish();
    messages_.push_back({kind, {bytes.begin(), bytes.end()}});
  }

  MessageBuilder builder_;
  std::vector<std::byte> data_ = std::vector<std::byte>(512);
  std::vector<Recorded> messages_;
  std::uint64_t sequence_ = 0;
  std::uint64_t unique_ = 0;
};

void report(benchmark::State& state, const Workload& workload, std::uint64_t allocated) {
  const auto pairs = static_cast<double>(state.iterations()) * static_cast<double>(workload.messages()) / 2;
  state.counters["per_pair"] = benchmark::Counter(pairs, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["allocations_per_pair"] = static_cast<double>(allocated) / pairs;
}

/// What Conversation costs alone: to be subtracted.
void conversation_alone(benchmark::State& state) {
  Workload workload(static_cast<std::uint64_t>(state.range(0)));
  Conversation conversation;
  const auto sink = [&](Event& event) {
    conversation.follow(event);
    benchmark::DoNotOptimize(event.request);
  };
  workload.mount(sink);
  workload.pass(sink);
  const std::uint64_t before = test::allocations();
  for (auto _ : state) workload.pass(sink);
  report(state, workload, test::allocations() - before);
}
BENCHMARK(conversation_alone)->Arg(100)->Arg(10000)->Arg(100000);

void conversation_and_rules(benchmark::State& state) {
  Workload workload(static_cast<std::uint64_t>(state.range(0)));
  Conversation conversation;
  RuleSet rules;
  const auto sink = [&](Event& event) {
    conversation.follow(event);
    rules.on_event(event);
  };
  workload.mount(sink);
  workload.pass(sink);
  const std::uint64_t before = test::allocations();
  for (auto _ : state) workload.pass(sink);
  report(state, workload, test::allocations() - before);
  FUSEREPLAY_CHECK(rules.total() == 0, "the workload is legal");
}
BENCHMARK(conversation_and_rules)->Arg(100)->Arg(10000)->Arg(100000);

}  // namespace
}  // namespace fusereplay
