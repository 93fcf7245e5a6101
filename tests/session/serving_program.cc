// serving_program [-f | -b] [--log FILE] [-o OPTIONS] MOUNTPOINT: serve() with a small filesystem that says how it
// ended. Every name that begins with "f" is a file with a text; opening one gives a handle of its own. Options of its
// own:
//   refuse   requires what no kernel offers
//   wait     INIT is not answered before the fifo named by FUSEREPLAY_GATE was opened for writing
//   die      SIGKILL instead of an answer to INIT
//   crash=HOW  every READ crashes: segv, bus, fpe, ill, abrt, or overflow (of the stack)
//   handler    the program has a handler for SIGSEGV of its own
// At the end it prints to stderr: "destroyed 1 times, holding 2 lookups, 1 handles; 1 threads; status 0", and in the
// background where it worked: "; in /".
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/operations/operations.h"
#include "core/session/serve.h"

namespace fusereplay {
namespace {

// The sanitizers would end the program in their own way.
#define FUSEREPLAY_UNCHECKED __attribute__((no_sanitize("undefined"), no_sanitize("address"), noinline))

FUSEREPLAY_UNCHECKED void write_to_nowhere() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}
FUSEREPLAY_UNCHECKED void write_past_the_end() {
  const int file = ::memfd_create("empty", 0);
  auto* const page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, file, 0));
  *page = 1;
}
FUSEREPLAY_UNCHECKED void divide_by_zero() {
  volatile int one = 1;
  volatile int zero = 0;
  volatile int result = one / zero;
  static_cast<void>(result);
}
FUSEREPLAY_UNCHECKED int fill_the_stack(volatile int* depth) {
  volatile char much[4096];
  much[0] = static_cast<char>(*depth);
  *depth = *depth + 1;
  return *depth == 0 ? 0 : fill_the_stack(depth) + much[0];
}

void crash(const std::string& how) {
  if (how == "segv") write_to_nowhere();
  if (how == "bus") write_past_the_end();
  if (how == "fpe") divide_by_zero();
  if (how == "ill") __builtin_trap();
  if (how == "abrt") std::abort();
  if (how == "overflow") {
    volatile int depth = 0;
    fill_the_stack(&depth);
  }
}

/// What outlives the filesystem.
struct Tally {
  int destroyed = 0;
  std::uint64_t lookups = 0;
  std::uint64_t handles = 0;
};

enum class Behaviour : std::uint8_t { kServes, kRefuses, kWaits, kDies };

class Tallying final : public Operations {
 public:
  Tallying(Tally& tally, Behaviour behaviour, std::string crash)
      : tally_(tally), behaviour_(behaviour), crash_(std::move(crash)) {}

  Async<void> init(Connection& connection) override {
    if (behaviour_ == Behaviour::kRefuses) return connection.require(Capability{kInitSubmounts});
    if (behaviour_ == Behaviour::kWaits) ::close(::open(std::getenv("FUSEREPLAY_GATE"), O_RDONLY));
    if (behaviour_ == Behaviour::kDies) ::raise(SIGKILL);
    return Result<void>();
  }
  Async<void> destroy() override {
    ++tally_.destroyed;
    tally_.lookups = lookups_;
    tally_.handles = handles_;
    return Result<void>();
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (!name.starts_with('f')) return Errno(ENOENT);
    ++lookups_;
    return Entry{.node = kFile, .attributes = attributes(kFile), .entry_timeout = kLong, .attribute_timeout = kLong};
  }
  Async<void> forget(NodeId, std::uint64_t count) override {
    lookups_ -= count;
    return Result<void>();
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{attributes(node), kLong};
  }
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override {
    return Opened{.handle = FileHandle{++handles_}};
  }
  Async<void> release(NodeId, FileHandle, const Release&) override {
    --handles_;
    return Result<void>();
  }
  Async<void> read(const Request&, NodeId, FileHandle, Offset offset, DataWriter& out) override {
    crash(crash_);
    if (offset == 0) out.append(std::as_bytes(std::span("text\n", 5)));
    return Result<void>();
  }
  Async<void> readdir(const Request&, NodeId, FileHandle, Cookie, DirectoryWriter&) override { return Result<void>(); }

 private:
  static constexpr NodeId kFile{2};
  static constexpr Timeout kLong = Timeout::seconds(1000);
  static Attributes attributes(NodeId node) {
    if (node == kRoot) return {.ino = 1, .mode = S_IFDIR | 0777, .nlink = 2};
    return {.ino = raw(node), .size = 5, .mode = S_IFREG | 0666};
  }

  Tally& tally_;
  const Behaviour behaviour_;
  const std::string crash_;
  std::uint64_t lookups_ = 0;
  std::uint64_t handles_ = 0;
};

unsigned threads() {
  unsigned count = 0;
  DIR* const tasks = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(tasks)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(tasks);
  return count;
}

int run(int argc, char** argv) {
  ServeArguments arguments = parse_serve_arguments(argc, argv);
  if (arguments.mountpoint.empty()) {
    std::fprintf(stderr, "usage: serving_program %s\n", kServeUsage);
    return 2;
  }
  Behaviour behaviour = Behaviour::kServes;
  const std::map<std::string, Behaviour> behaviours = {
      {"refuse", Behaviour::kRefuses}, {"wait", Behaviour::kWaits}, {"die", Behaviour::kDies}};
  std::string how;
  std::erase_if(arguments.options, [&](const std::string& option) {
    if (option.starts_with("crash=")) how = option.substr(option.find('=') + 1);
    if (option == "handler") {
      std::signal(SIGSEGV, [](int) {
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, "own handler\n", 12);
        ::_exit(9);
      });
    }
    if (option.starts_with("crash=") || option == "handler") return true;
    const auto found = behaviours.find(option);
    if (found != behaviours.end()) behaviour = found->second;
    return found != behaviours.end();
  });
  Tally tally;
  const int status = serve(std::make_unique<Tallying>(tally, behaviour, how), {.name = "tally",
                                                                               .mountpoint = arguments.mountpoint,
                                                                               .mount_options = arguments.options,
                                                                               .threads = 2,
                                                                               .ground = arguments.ground,
                                                                               .log = arguments.log});
  std::string where;
  if (arguments.ground == Ground::kBackground) where = "; in " + std::filesystem::current_path().string();
  std::fprintf(stderr, "destroyed %d times, holding %lu lookups, %lu handles; %u threads; status %d%s\n",
               tally.destroyed, tally.lookups, tally.handles, threads(), status, where.c_str());
  return status;
}

}  // namespace
}  // namespace fusereplay

int main(int argc, char** argv) {
  return fusereplay::run(argc, argv);
}
