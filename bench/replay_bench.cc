// What replaying costs a request: a recorded conversation against memfs, with and without the rules, from memory and
// from a trace file.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/event/conversation.h"
#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "replayer/replayer.h"
#include "rules/rule_set.h"
#include "tests/replayer/conversation.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay {
namespace {

using test::Caller;
using test::Mount;
using test::Recording;
using test::RecordingEvents;

/// What a build or an unpacking asks: files made, written, looked at, read, listed, removed.
void work(Caller& caller, int rounds) {
  const std::uint64_t directory = caller.mkdir(1, "d").nodeid();
  const std::string data(4096, 'x');
  for (int round = 0; round < rounds; ++round) {
    const std::string name = "file" + std::to_string(round % 64);
    const test::Reply created = caller.create(directory, name);
    const std::uint64_t node = created.nodeid();
    caller.write(node, created.created_handle(), 0, data);
    for (int i = 0; i < 4; ++i) caller.getattr(node);
    for (int i = 0; i < 4; ++i) caller.named(Opcode::kLookup, directory, name);
    for (int i = 0; i < 2; ++i) caller.named(Opcode::kLookup, directory, "none");
    caller.read(Opcode::kRead, node, created.created_handle(), 0, 4096);
    caller.release(Opcode::kRelease, node, created.created_handle());
    if (round % 16 == 0) {
      const std::uint64_t handle = caller.open(Opcode::kOpendir, directory).handle();
      caller.read(Opcode::kReaddir, directory, handle, 0, 4096);
      caller.release(Opcode::kReleasedir, directory, handle);
    }
    caller.named(Opcode::kUnlink, directory, name);
    caller.forget(node, 5);
  }
}

const Recording& recorded() {
  static const Recording recording = [] {
    ManualClock clock;
    ManualExecutor executor(clock);
    OperationsServer server(std::make_unique<Memfs>(),
                            OperationsServer::Options{.executor = &executor, .clock = &clock, .log = {}});
    Mount mount(server);
    Caller caller(mount, 1);
    caller.init();
    work(caller, 4000);
    server.disconnect();
    return caller.events();
  }();
  return recording;
}

/// The recording as a trace file, removed at exit.
const std::filesystem::path& trace_file() {
  struct File {
    File()
        : path(std::filesystem::temp_directory_path() / ("replay_bench." + std::to_string(getpid()) + ".fusetrace")) {
      auto writer = TraceWriter::open(path, describe_host());
      if (!writer) std::abort();
      Conversation conversation;
      RecordingEvents source(recorded());
      Event event;
      while (source.next(event)) {
        conversation.follow(event);
        (*writer)->on_event(event);
      }
      if (!(*writer)->close()) std::abort();
    }
    ~File() { std::filesystem::remove(path); }
    std::filesystem::path path;
  };
  static const File file;
  return file.path;
}

enum class Rules : std::uint8_t { kOff, kOn };

std::uint64_t play(RecordedEvents& source, Rules with_rules) {
  RuleSet rules;
  std::vector<EventSink*> sinks;
  if (with_rules == Rules::kOn) sinks.push_back(&rules);
  const ReplayReport report = replay(std::make_unique<Memfs>(), source, sinks);
  if (!report.same() || rules.total() != 0) std::abort();
  return report.counts.requests;
}

void from_memory(benchmark::State& state, Rules rules) {
  std::uint64_t requests = 0;
  recorded();
  for (auto _ : state) {
    RecordingEvents source(recorded());
    requests += play(source, rules);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests));
}

void from_trace(benchmark::State& state, Rules rules) {
  std::uint64_t requests = 0;
  trace_file();
  for (auto _ : state) {
    auto reader = TraceReader::open(trace_file());
    if (!reader) std::abort();
    TraceEvents source(**reader);
    requests += play(source, rules);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests));
}

/// The same requests without a replayer: what the server alone takes.
void server_alone(benchmark::State& state) {
  class Sink final : public ReplyChannel {
   public:
    std::int64_t send(const Message& message) override { return static_cast<std::int64_t>(message.size()); }
  } sink;
  std::uint64_t requests = 0;
  recorded();
  for (auto _ : state) {
    ManualClock clock;
    ManualExecutor executor(clock);
    OperationsServer server(std::make_unique<Memfs>(),
                            OperationsServer::Options{.executor = &executor, .clock = &clock, .log = {}});
    BufferRef buffer = BufferRef::allocate(65536);
    for (const test::StoredEvent& stored : recorded()) {
      if (stored.event.kind != EventKind::kRequest) continue;
      std::memcpy(buffer->data(), stored.bytes.data(), stored.bytes.size());
      server.handle(IncomingRequest{buffer, Bytes(buffer->data(), stored.bytes.size()), stored.event.begin}, sink);
      ++requests;
    }
    server.disconnect();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests));
}

BENCHMARK(server_alone)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(from_memory, no_rules, Rules::kOff)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(from_memory, with_rules, Rules::kOn)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(from_trace, no_rules, Rules::kOff)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(from_trace, with_rules, Rules::kOn)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fusereplay
