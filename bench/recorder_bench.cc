// The observer's hot path: what a serving thread pays for an event.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/event/buffer.h"
#include "recorder/recorder.h"
#include "recorder/ring.h"

namespace fusereplay {
namespace {

Event event_of(Bytes bytes, const BufferRef* owner) {
  Event event;
  event.kind = EventKind::kNotification;
  event.begin = event.end = 1'700'000'000'000'000'000;
  event.thread = 4711;
  event.result = static_cast<std::int64_t>(bytes.size());
  event.message = Message{.head = bytes, .tail = {}, .owner = owner};
  return event;
}

/// push() with another thread emptying the ring at the same time, waiting where it is full: what a core that records at
/// full speed sees, memory traffic between the cores included. Arguments: bytes of the message, MiB of the ring.
void RingPushAndPop(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Ring ring(static_cast<std::size_t>(state.range(1)) << 20, std::size_t{1} << 30);
  const BufferRef buffer = BufferRef::allocate(size);
  std::atomic<bool> stop{false};
  std::thread consumer([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      while (const auto event = ring.peek()) {
        benchmark::DoNotOptimize(event->message.head.data());
        ring.pop();
      }
    }
  });
  Event event = event_of(Bytes(buffer->data(), size), &buffer);
  for (auto _ : state) {
    ++event.sequence;
    while (ring.push(event) == Ring::Pushed::kFull) ring.wait_for_room();
  }
  stop.store(true);
  consumer.join();
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t mebibytes : {1, 4, 8}) {
    for (const std::int64_t bytes : {64, 168, 4096, 131072}) benchmark->Args({bytes, mebibytes});
  }
}
BENCHMARK(RingPushAndPop)->Apply(sizes)->UseRealTime();

/// Recorder::on_event() on one thread at the pace of a busy mount: 1000 events, then a pause that lets the writer
/// thread catch up, as a serving thread does while it waits for the kernel. The pause is not measured. The report at
/// the end, every event in it.
const RecorderReport& at_the_pace_of_a_mount(benchmark::State& state, Recorder& recorder) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const BufferRef buffer = BufferRef::allocate(size);
  Event event = event_of(Bytes(buffer->data(), size), &buffer);
  while (state.KeepRunningBatch(1000)) {
    for (int i = 0; i < 1000; ++i) {
      ++event.sequence;
      recorder.on_event(event);
    }
    state.PauseTiming();
    std::this_thread::sleep_for(std::chrono::microseconds(1500));
    state.ResumeTiming();
  }
  const RecorderReport& report = recorder.finish();
  if (report.events != event.sequence) std::abort();
  return report;
}

void RecorderOnEvent(benchmark::State& state) {
  Recorder recorder(nullptr, {});
  at_the_pace_of_a_mount(state, recorder);
}
BENCHMARK(RecorderOnEvent)->Arg(64)->Arg(168)->Arg(4096)->Arg(131072)->UseRealTime();

/// The same with a trace and with rings in files, as `fusereplay record` has them.
void RecorderOnEventInFiles(benchmark::State& state) {
  std::string name = "/dev/shm/fusereplay-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  const std::filesystem::path directory = name;
  RecorderOptions options;
  options.rings = ring_directory(directory / "trace");
  std::filesystem::create_directory(options.rings);
  auto writer = TraceWriter::open(directory / "trace", describe_host());
  Recorder recorder(std::move(*writer), {}, options);
  if (at_the_pace_of_a_mount(state, recorder).rings_in_memory != 0) std::abort();
  std::filesystem::remove_all(directory);
}
BENCHMARK(RecorderOnEventInFiles)->Arg(64)->Arg(168)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace fusereplay
