// The codec, the trace writer and the trace reader.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "traces/codec.h"
#include "traces/event_log.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay {
namespace {

struct Sample {
  Event event;
  std::vector<std::byte> bytes;
};

/// What a metadata-bound workload looks like on the wire: LOOKUP, GETATTR, OPEN, READ of 64 bytes, RELEASE, each with
/// its reply, ids and times moving as they do.
class Workload {
 public:
  explicit Workload(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) one_round(round);
  }
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  void add(EventKind kind, Bytes bytes) {
    Sample sample;
    sample.event.kind = kind;
    sample.event.sequence = samples_.size() + 1;
    sample.event.begin = now_ += 1700 + static_cast<std::int64_t>(samples_.size() * 7919 % 3001);
    sample.event.end = sample.event.begin + (kind == EventKind::kReply ? 900 : 0);
    sample.event.thread = 4711;
    sample.event.result = static_cast<std::int64_t>(bytes.size());
    sample.bytes.assign(bytes.begin(), bytes.end());
    samples_.push_back(std::move(sample));
  }
  MessageBuilder& ask(Opcode opcode, std::uint64_t nodeid) {
    unique_ += 2;
    wire::InHeader header{};
    header.unique = unique_;
    header.nodeid = nodeid;
    header.uid = 1000;
    header.gid = 1000;
    header.pid = 31415;
    return builder_.start_request(opcode, header);
  }
  static wire::Attr attributes(std::uint64_t nodeid, std::size_t round) {
    wire::Attr attr{};
    attr.ino = nodeid;
    attr.size = 1000 + round;
    attr.blocks = 8;
    attr.atime = attr.mtime = attr.ctime = 1'700'000'000 + round;
    attr.atimensec = attr.mtimensec = attr.ctimensec = static_cast<std::uint32_t>(round * 7919 % 1'000'000'000);
    attr.mode = 0100644;
    attr.nlink = 1;
    attr.uid = attr.gid = 1000;
    attr.blksize = 4096;
    return attr;
  }
  void one_round(std::size_t round) {
    const std::uint64_t nodeid = 2 + round % 5000;
    const std::uint64_t handle = 1 + round % 64;
    add(EventKind::kRequest, ask(Opcode::kLookup, 1).name("file" + std::to_string(round % 5000)).finish());
    wire::EntryOut entry{};
    entry.nodeid = nodeid;
    entry.entry_valid = entry.attr_valid = 1;
    entry.attr = attributes(nodeid, round);
    add(EventKind::kReply, builder_.start_reply(unique_, 0).add(entry).finish());
    add(EventKind::kRequest, ask(Opcode::kGetattr, nodeid).add(wire::GetattrIn{}).finish());
    wire::AttrOut attr{};
    attr.attr_valid = 1;
    attr.attr = attributes(nodeid, round);
    add(EventKind::kReply, builder_.start_reply(unique_, 0).add(attr).finish());
    wire::OpenIn open{};
    open.flags = 0100000;
    add(EventKind::kRequest, ask(Opcode::kOpen, nodeid).add(open).finish());
    wire::OpenOut opened{};
    opened.fh = handle;
    add(EventKind::kReply, builder_.start_reply(unique_, 0).add(opened).finish());
    wire::ReadIn read{};
    read.fh = handle;
    read.size = 4096;
    read.flags = 0100000;
    add(EventKind::kRequest, ask(Opcode::kRead, nodeid).add(read).finish());
    const std::vector<std::byte> data(64, static_cast<std::byte>(round));
    add(EventKind::kReply, builder_.start_reply(unique_, 0).bytes(data).finish());
    wire::ReleaseIn release{};
    release.fh = handle;
    release.flags = 0100000;
    add(EventKind::kRequest, ask(Opcode::kRelease, nodeid).add(release).finish());
    add(EventKind::kReply, builder_.start_reply(unique_, 0).finish());
  }

  MessageBuilder builder_;
  std::vector<Sample> samples_;
  std::uint64_t unique_ = 0;
  std::int64_t now_ = 1'700'000'000'000'000'000;
};

/// The workload as events with their requests known, ready to be encoded any number of times.
class Ready {
 public:
  explicit Ready(std::size_t rounds) : workload_(rounds) {
    contexts_.resize(workload_.samples().size());
    for (const Sample& sample : workload_.samples()) {
      Event event = sample.event;
      event.message.head = sample.bytes;
      conversation_.follow(event);
      if (event.request != nullptr) {
        RequestContext& context = contexts_[events_.size()];
        context = *event.request;
        // A view of the request's own bytes: the conversation's copy goes with the reply.
        const Sample& request = workload_.samples()[event.request->sequence - 1];
        context.view = *RequestView::parse(Message{.head = request.bytes, .tail = {}, .owner = nullptr});
        event.request = &context;
      }
      events_.push_back(event);
    }
  }
  const std::vector<Event>& events() const { return events_; }

 private:
  Workload workload_;
  Conversation conversation_;
  std::vector<RequestContext> contexts_;
  std::vector<Event> events_;
};

const Ready& ready() {
  static const Ready made(10'000);
  return made;
}

/// A path of its own in memory, so that no disk is measured; removed at the end.
class ScratchFile {
 public:
  ScratchFile() {
    std::string name = "/dev/shm/fusereplay-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
  }
  ~ScratchFile() { std::filesystem::remove_all(directory_); }
  std::filesystem::path path() const { return directory_ / "trace"; }

 private:
  std::filesystem::path directory_;
};

void write_all(const std::filesystem::path& path, TraceWriterCounts* counts = nullptr) {
  TraceWriterOptions options;
  options.existing = ExistingTrace::kOverwrite;
  auto writer = TraceWriter::open(path, describe_host(), options);
  for (const Event& event : ready().events()) (*writer)->on_event(event);
  static_cast<void>((*writer)->close());
  if (counts != nullptr) *counts = (*writer)->counts();
}

void per_message(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * ready().events().size()));
}

void EncodeRecords(benchmark::State& state) {
  RecordEncoder encoder;
  std::vector<std::byte> space(64 << 20);
  std::size_t bytes = 0;
  for (auto _ : state) {
    encoder.start_block(1, ready().events()[0].begin);
    std::byte* out = space.data();
    for (const Event& event : ready().events()) out = encoder.encode(event, out).end;
    benchmark::DoNotOptimize(out);
    bytes = static_cast<std::size_t>(out - space.data());
  }
  per_message(state);
  state.counters["raw bytes/message"] = static_cast<double>(bytes) / static_cast<double>(ready().events().size());
}
BENCHMARK(EncodeRecords)->Unit(benchmark::kMillisecond);

void DecodeRecords(benchmark::State& state) {
  RecordEncoder encoder;
  std::vector<std::byte> space(64 << 20);
  encoder.start_block(1, ready().events()[0].begin);
  std::byte* out = space.data();
  for (const Event& event : ready().events()) out = encoder.encode(event, out).end;
  const Bytes all(space.data(), static_cast<std::size_t>(out - space.data()));
  RecordDecoder decoder;
  for (auto _ : state) {
    decoder.start_block(1, ready().events()[0].begin);
    protobuf::Input in(all);
    Event event;
    RecordForm form{};
    while (!in.done()) {
      Bytes record;
      if (!in.bytes(record) || !decoder.decode(record, event, form).empty()) std::abort();
      benchmark::DoNotOptimize(event.message.head.data());
    }
  }
  per_message(state);
}
BENCHMARK(DecodeRecords)->Unit(benchmark::kMillisecond);

void WriteTrace(benchmark::State& state) {
  const ScratchFile file;
  TraceWriterCounts counts;
  for (auto _ : state) write_all(file.path(), &counts);
  per_message(state);
  state.counters["bytes/message"] = static_cast<double>(counts.bytes) / static_cast<double>(counts.events);
}
BENCHMARK(WriteTrace)->Unit(benchmark::kMillisecond);

void ReadTrace(benchmark::State& state) {
  const ScratchFile file;
  write_all(file.path());
  for (auto _ : state) {
    auto reader = TraceReader::open(file.path());
    Event event;
    while ((*reader)->next(event) == ReadOutcome::kEvent) benchmark::DoNotOptimize(event.message.head.data());
    if ((*reader)->events() != ready().events().size()) std::abort();
  }
  per_message(state);
}
BENCHMARK(ReadTrace)->Unit(benchmark::kMillisecond);

void HashEventLog(benchmark::State& state) {
  for (auto _ : state) {
    EventLog log;
    for (const Event& event : ready().events()) log.on_event(event);
    benchmark::DoNotOptimize(log.hash());
  }
  per_message(state);
}
BENCHMARK(HashEventLog)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fusereplay
