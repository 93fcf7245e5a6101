// Dispatch of a trivial handler, bytes to bytes: a request's bytes in, its reply's bytes out, through OperationsServer.
#include <benchmark/benchmark.h>
#include <sys/stat.h>

#include "core/protocol/builder.h"
#include "core/server/operations_server.h"
#include "tests/support/allocations.h"

namespace fusereplay {
namespace {

/// Answers at once: a coroutine that says yes, one that fills in attributes, one that awaits another, a ready value.
class Trivial final : public Operations {
 public:
  explicit Trivial(bool concurrent) : concurrent_(concurrent) {}
  Async<void> init(Connection& connection) override {
    if (concurrent_) connection.run_handlers_concurrently();
    return Result<void>{};
  }
  Async<void> access(const Request&, NodeId, std::uint32_t) override { co_return {}; }
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    co_return AttributesReply{.attributes = {.ino = 1, .mode = S_IFDIR | 0755}, .timeout = {}};
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view) override {
    const NodeId node = co_await find();
    co_return Entry{.node = node, .attributes = {.ino = 2, .mode = S_IFREG}};
  }

 private:
  static Async<NodeId> find() { co_return NodeId{2}; }
  bool concurrent_;
};

class Sink final : public ReplyChannel {
 public:
  std::int64_t send(const Message& message) override {
    benchmark::DoNotOptimize(message.head.data());
    return static_cast<std::int64_t>(message.size());
  }
};

IncomingRequest make_request(MessageBuilder& builder, BufferRef& buffer) {
  const Bytes bytes = builder.finish();
  buffer = BufferRef::allocate(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return {.buffer = buffer, .bytes = Bytes(buffer->data(), bytes.size()), .received = 0};
}

void dispatch(benchmark::State& state, Opcode opcode, bool concurrent) {
  ManualClock clock;
  ManualExecutor executor(clock);
  OperationsServer server(std::make_unique<Trivial>(concurrent), {.executor = &executor, .clock = &clock, .log = {}});
  Sink sink;
  MessageBuilder builder;
  wire::InHeader header{};
  header.unique = 2;
  wire::InitIn init{};
  init.major = kProtocolMajor;
  init.minor = kProtocolMinor;
  BufferRef buffer;
  builder.start_request(Opcode::kInit, header).add(init);
  server.handle(make_request(builder, buffer), sink);

  header.unique = 4;
  header.nodeid = kRootNodeId;
  builder.start_request(opcode, header);
  if (opcode == Opcode::kGetattr) builder.add(wire::GetattrIn{});
  if (opcode == Opcode::kAccess) builder.add(wire::AccessIn{});
  if (opcode == Opcode::kLookup) builder.name("a-file-name");
  IncomingRequest request = make_request(builder, buffer);
  request.buffer = BufferRef();  // `buffer` outlives it: pools are measured elsewhere
  server.handle(request, sink);
  const std::uint64_t before = test::allocations();
  for (auto _ : state) server.handle(request, sink);
  state.counters["allocations"] =
      static_cast<double>(test::allocations() - before) / static_cast<double>(state.iterations());
  server.disconnect();
}

/// What a language-level task of each kind costs by itself: a virtual call that makes a pooled frame, runs it and takes
/// its value. The yardstick for the rest.
template <class Ask>
void bare_coroutine(benchmark::State& state, Ask ask) {
  Trivial trivial(false);
  Operations& operations = trivial;
  RequestView view;
  const Sink client;
  const Request request(view, 0, client);
  for (auto _ : state) {
    run_detached(ask(operations, request), [](const auto& reply) { benchmark::DoNotOptimize(&reply); });
  }
}
void access_bare(benchmark::State& state) {
  bare_coroutine(state,
                 [](Operations& operations, const Request& request) { return operations.access(request, kRoot, 0); });
}
void getattr_bare(benchmark::State& state) {
  bare_coroutine(state, [](Operations& operations, const Request& request) {
    return operations.getattr(request, kRoot, std::nullopt);
  });
}
void access_on_the_strand(benchmark::State& state) {
  dispatch(state, Opcode::kAccess, false);
}
void access_concurrent(benchmark::State& state) {
  dispatch(state, Opcode::kAccess, true);
}
void getattr_on_the_strand(benchmark::State& state) {
  dispatch(state, Opcode::kGetattr, false);
}
void getattr_concurrent(benchmark::State& state) {
  dispatch(state, Opcode::kGetattr, true);
}
void lookup_with_a_nested_task(benchmark::State& state) {
  dispatch(state, Opcode::kLookup, false);
}
void statfs_ready_value(benchmark::State& state) {
  dispatch(state, Opcode::kStatfs, false);
}
BENCHMARK(access_bare);
BENCHMARK(access_on_the_strand);
BENCHMARK(access_concurrent);
BENCHMARK(getattr_bare);
BENCHMARK(getattr_on_the_strand);
BENCHMARK(getattr_concurrent);
BENCHMARK(lookup_with_a_nested_task);
BENCHMARK(statfs_ready_value);

}  // namespace
}  // namespace fusereplay
