// What every message costs before anyone looks at it: parsing, the verdict on a reply, finding a reply's request.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "core/event/buffer.h"
#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "core/protocol/reply_check.h"

namespace fusereplay {
namespace {

using OwnedMessage = std::vector<std::byte>;

OwnedMessage owned(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

wire::InHeader header_of(std::uint64_t unique) {
  wire::InHeader header{};
  header.unique = unique;
  header.nodeid = 1;
  return header;
}

OwnedMessage lookup_request(std::uint64_t unique) {
  MessageBuilder builder;
  return owned(builder.start_request(Opcode::kLookup, header_of(unique)).name("some_file.txt").finish());
}

OwnedMessage lookup_reply(std::uint64_t unique) {
  MessageBuilder builder;
  return owned(builder.start_reply(unique, 0).add(wire::EntryOut{}).finish());
}

OwnedMessage write_request(std::uint64_t unique, std::size_t size) {
  MessageBuilder builder;
  wire::WriteIn write{};
  write.size = static_cast<std::uint32_t>(size);
  const std::vector<std::byte> data(size);
  return owned(builder.start_request(Opcode::kWrite, header_of(unique)).add(write).bytes(data).finish());
}

OwnedMessage rename_request(std::uint64_t unique) {
  MessageBuilder builder;
  return owned(builder.start_request(Opcode::kRename2, header_of(unique))
                   .add(wire::Rename2In{.newdir = 3, .flags = 1, .padding = 0})
                   .name("some_file.txt")
                   .name("another_file.txt")
                   .finish());
}

void parse_request(benchmark::State& state, const OwnedMessage& bytes) {
  for (auto _ : state) {
    const auto view = RequestView::parse(bytes);
    benchmark::DoNotOptimize(view);
  }
}
BENCHMARK_CAPTURE(parse_request, lookup, lookup_request(2));
BENCHMARK_CAPTURE(parse_request, rename2, rename_request(2));
BENCHMARK_CAPTURE(parse_request, write_4k, write_request(2, 4096));

void parse_reply(benchmark::State& state) {
  const OwnedMessage bytes = lookup_reply(2);
  const Message message{.head = bytes, .tail = {}};
  for (auto _ : state) {
    const auto view = ReplyView::parse(message, Opcode::kLookup, false);
    benchmark::DoNotOptimize(view);
  }
}
BENCHMARK(parse_reply);

void check_accepted_reply(benchmark::State& state) {
  const OwnedMessage request = lookup_request(2);
  const OwnedMessage reply = lookup_reply(2);
  const auto view = RequestView::parse(request);
  const Message message{.head = reply, .tail = {}};
  for (auto _ : state) {
    const ReplyVerdict verdict = reply_check(&*view, message);
    benchmark::DoNotOptimize(verdict);
  }
}
BENCHMARK(check_accepted_reply);

/// One request and its reply, with `range` others outstanding.
void follow_exchange(benchmark::State& state) {
  Conversation conversation;
  const auto others = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t i = 1; i <= others; ++i) {
    const OwnedMessage request = lookup_request(1'000'000 + 2 * i);
    Event event;
    event.message.head = request;
    conversation.follow(event);
  }
  OwnedMessage request = lookup_request(2);
  OwnedMessage reply = lookup_reply(2);
  std::uint64_t unique = 0;
  for (auto _ : state) {
    unique += 2;
    std::memcpy(request.data() + offsetof(wire::InHeader, unique), &unique, sizeof(unique));
    std::memcpy(reply.data() + offsetof(wire::OutHeader, unique), &unique, sizeof(unique));
    Event asked;
    asked.message.head = request;
    conversation.follow(asked);
    Event answered;
    answered.kind = EventKind::kReply;
    answered.message.head = reply;
    answered.result = static_cast<std::int64_t>(reply.size());
    conversation.follow(answered);
    benchmark::DoNotOptimize(answered.request);
  }
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(follow_exchange)->Arg(0)->Arg(8)->Arg(1000);

void buffer_from_pool(benchmark::State& state) {
  BufferPool pool(1 << 20, 16);
  for (auto _ : state) {
    const BufferRef buffer = pool.get();
    benchmark::DoNotOptimize(buffer->data());
  }
}
BENCHMARK(buffer_from_pool);

}  // namespace
}  // namespace fusereplay
