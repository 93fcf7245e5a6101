#include "tests/servers/served.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "core/program/program_server.h"
#include "core/server/operations_server.h"
#include "core/server/threaded_server.h"
#include "core/session/libfuse_server.h"
#include "examples/memfs/memfs.h"
#ifdef LIBFUSE_EXAMPLES_BUILT
#include "tests/servers/libfuse_examples.h"
#endif

namespace fusereplay::testing {
namespace {

constexpr std::size_t kSmallBuffer = 212'992;  // net.core.wmem_default: what a socket has that nobody enlarged

std::unique_ptr<Server> child(std::vector<std::string> command, std::size_t socket_buffer) {
  ProgramSetup setup;
  setup.command = std::move(command);
  setup.socket_buffer = socket_buffer;
  auto server = ProgramServer::start(setup);
  if (!server) throw std::runtime_error(server.error());
  return std::move(*server);
}

/// Where the programs are; empty: where they were built.
std::string& directory_of_copies() {
  static std::string directory;
  return directory;
}

std::string program(const char* built) {
  if (directory_of_copies().empty()) return built;
  return directory_of_copies() + "/" + std::filesystem::path(built).filename().string();
}

/// As a child, with the largest socket buffer there is and with a small one.
void add_children(std::vector<Served>& all, Served as, const decltype(Served::command)& command) {
  const std::string name = as.name;
  for (const std::size_t buffer : {std::size_t{2} << 20, kSmallBuffer}) {
    as.name = name + (buffer == kSmallBuffer ? "AsChildWithASmallBuffer" : "AsChild");
    if (as.missing.empty()) {
      as.below = nullptr;
      as.command = command;
      as.make = [=](const std::string& directory) { return child(command(directory), buffer); };
    }
    all.push_back(as);
  }
}

/// The same, four requests at a time and none on the mount's thread.
Served in_threads(Served served) {
  served.name += "InThreads";
  if (served.missing.empty()) {
    served.make = [make = served.make](const std::string& directory) {
      return std::make_unique<ThreadedServer>(make(directory), ThreadedServer::Options{.threads = 4});
    };
  }
  return served;
}

#ifdef LIBFUSE_EXAMPLES_BUILT

/// Frees what the filesystem's own main() would have freed at its end.
class PassthroughLl final : public Server {
 public:
  explicit PassthroughLl(const std::string& directory)
      : data_(libfuse_passthrough_ll_make(directory.c_str()), &libfuse_passthrough_ll_free) {
    std::size_t size = 0;
    const fuse_lowlevel_ops* const operations = libfuse_passthrough_ll_operations(&size);
    auto made = LibfuseServer::low_level(operations, size, data_.get());
    if (!made) throw std::runtime_error(made.error());
    server_ = std::move(*made);
  }
  void handle(IncomingRequest request, ReplyChannel& replies) override { server_->handle(std::move(request), replies); }
  void disconnect() override { server_->disconnect(); }

 private:
  std::unique_ptr<void, void (*)(void*)> data_;
  std::unique_ptr<LibfuseServer> server_;
};

std::unique_ptr<Server> high_level(const fuse_operations* operations, std::size_t size,
                                   const std::vector<std::string>& arguments) {
  auto made = LibfuseServer::high_level(operations, size, nullptr, arguments);
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

std::string subdir(const std::string& directory) {
  return "modules=subdir,subdir=" + directory;
}

constexpr const char* kMissing = "";
#else
constexpr const char* kMissing = "libfuse3-dev's examples were not there to be built";
#endif

constexpr const char* kPython = "/usr/bin/python3";  // the system's: python3-pyfuse3 is for no other

std::string missing_pyfuse3() {
  const std::string quiet = " -c 'import pyfuse3' 2>/dev/null";
  return std::system((kPython + quiet).c_str()) == 0 ? "" : "there is no pyfuse3 (Debian: python3-pyfuse3)";
}

Served served(std::string name, std::string missing) {
  Served one;
  one.name = std::move(name);
  one.missing = std::move(missing);
  return one;
}

}  // namespace

void use_copies_of_programs(const std::string& directory) {
  namespace fs = std::filesystem;
  for (const char* built : {
#ifdef LIBFUSE_EXAMPLES_BUILT
           PASSTHROUGH_LL_PROGRAM, PASSTHROUGH_PROGRAM, HELLO_PROGRAM,
#endif
           PYFUSE3_PROGRAM}) {
    fs::copy_file(built, fs::path(directory) / fs::path(built).filename());
  }
  fs::permissions(directory, fs::perms(0755));
  directory_of_copies() = directory;
}

std::vector<Served> servers_of_files() {
  std::vector<Served> all;
  Served memfs = served("Memfs", "");
  memfs.make = [](const std::string&) { return std::make_unique<OperationsServer>(std::make_unique<Memfs>()); };
  all.push_back(memfs);

  Served passthrough_ll = served("PassthroughLl", kMissing);
  Served passthrough = served("Passthrough", kMissing);
  // The high-level API goes by paths: the second name of a file is a second inode to it (lib/fuse.c fuse_lib_link).
  passthrough.findings = {{"R8", 1}};
#ifdef LIBFUSE_EXAMPLES_BUILT
  passthrough_ll.make = [](const std::string& directory) { return std::make_unique<PassthroughLl>(directory); };
  // Not by libfuse's module, as the child: 3.14 knows its modules until the first filesystem of a process is destroyed
  // (lib/fuse.c fuse_destroy).
  passthrough.below = [](const std::string& directory) { return directory; };
  passthrough.make = [](const std::string&) {
    std::size_t size = 0;
    const fuse_operations* const operations = libfuse_passthrough_operations(&size);
    return high_level(operations, size, {});
  };
#endif
  all.push_back(passthrough_ll);
  all.push_back(passthrough);
  all.push_back(in_threads(memfs));
  all.push_back(in_threads(passthrough_ll));
#ifdef LIBFUSE_EXAMPLES_BUILT
  add_children(all, passthrough_ll, [](const std::string& directory) {
    return std::vector<std::string>{program(PASSTHROUGH_LL_PROGRAM), "-f", "-o", "xattr,source=" + directory, "{}"};
  });
  add_children(all, passthrough, [](const std::string& directory) {
    return std::vector<std::string>{program(PASSTHROUGH_PROGRAM), "-f", "-o", subdir(directory), "{}"};
  });
#else
  add_children(all, passthrough_ll, {});
  add_children(all, passthrough, {});
#endif
  add_children(all, served("Pyfuse3", missing_pyfuse3()), [](const std::string&) {
    return std::vector<std::string>{kPython, program(PYFUSE3_PROGRAM), "{}"};
  });
  return all;
}

std::vector<Served> servers_of_hello() {
  std::vector<Served> all;
  Served hello = served("Hello", kMissing);
#ifdef LIBFUSE_EXAMPLES_BUILT
  hello.make = [](const std::string&) {
    std::size_t size = 0;
    const fuse_operations* const operations = libfuse_hello_operations(&size);
    return high_level(operations, size, {});
  };
#endif
  all.push_back(hello);
#ifdef LIBFUSE_EXAMPLES_BUILT
  add_children(all, hello, [](const std::string&) {
    return std::vector<std::string>{program(HELLO_PROGRAM), "-f", "{}"};
  });
#else
  add_children(all, hello, {});
#endif
  return all;
}

}  // namespace fusereplay::testing
