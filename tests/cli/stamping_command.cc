// The command with a filesystem that asks libc for the time, and a way to record it without a mount:
//   stamping_command make TRACE
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <iostream>

#include "cli/run_command.h"
#include "core/event/conversation.h"
#include "core/server/operations_server.h"
#include "tests/replayer/conversation.h"
#include "traces/writer.h"

namespace fusereplay::test {
namespace {

/// One file, whose times are what libc said when it was written, read and changed.
class Stamper final : public Operations {
 public:
  /// Each write asks `readings` times.
  explicit Stamper(int readings) : readings_(readings) {}

  Async<Entry> lookup(const Request&, NodeId, std::string_view) override {
    co_return Entry{.node = NodeId{2}, .attributes = attributes_};
  }
  Async<AttributesReply> getattr(const Request&, NodeId, std::optional<FileHandle>) override {
    co_return AttributesReply{.attributes = attributes_, .timeout = {}};
  }
  Async<std::uint32_t> write(const Request&, NodeId, FileHandle, Offset, Bytes data, std::uint32_t) override {
    for (int i = 0; i < readings_; ++i) attributes_.mtime = now();
    attributes_.ctime = now();
    co_return static_cast<std::uint32_t>(data.size());
  }
  Async<void> read(const Request&, NodeId, FileHandle, Offset, DataWriter&) override {
    attributes_.atime = Timestamp::from_nanoseconds(std::chrono::system_clock::now().time_since_epoch().count());
    co_return {};
  }

 private:
  static Timestamp now() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
  }
  const int readings_;
  Attributes attributes_{.ino = 2, .mode = S_IFREG | 0644, .nlink = 1};
};

int make(const char* path) {
  SystemClock clock;
  ManualExecutor executor(clock);
  OperationsServer server(std::make_unique<Stamper>(1), {.executor = &executor, .clock = &clock, .log = {}});
  Mount mount(server, &clock);
  Caller caller(mount, 1);
  caller.init();
  const std::uint64_t node = caller.named(Opcode::kLookup, 1, "file").nodeid();
  for (int round = 0; round < 100; ++round) {
    caller.write(node, 0, 0, "x");
    caller.read(Opcode::kRead, node, 0, 0, 1);
    caller.getattr(node);
  }
  server.disconnect();

  auto writer = TraceWriter::open(path, describe_host());
  if (!writer) return 2;
  Conversation conversation;
  RecordingEvents events(caller.events());
  for (Event event; events.next(event);) {
    conversation.follow(event);
    (*writer)->on_event(event);
  }
  return (*writer)->close() ? 0 : 2;
}

}  // namespace
}  // namespace fusereplay::test

int main(int argc, char** argv) {
  using namespace fusereplay;
  if (argc == 3 && std::strcmp(argv[1], "make") == 0) return test::make(argv[2]);
  FilesystemRegistry filesystems;
  filesystems.add({.name = "stamper", .description = "stamps with libc's time", .make = [](std::string_view) {
                     return std::make_unique<test::Stamper>(1);
                   }});
  filesystems.add({.name = "curious", .description = "asks libc for the time very often", .make = [](std::string_view) {
                     return std::make_unique<test::Stamper>(100);
                   }});
  return run_command(argc, argv, filesystems);
}
