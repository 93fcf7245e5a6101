// memfs [-f | -b] [--log FILE] [-o OPTION[,OPTION...]] MOUNTPOINT
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/session/serve.h"
#include "examples/memfs/memfs.h"

namespace {

bool is_ours(std::string_view option) {
  const std::string_view key = option.substr(0, option.find('='));
  return key == "threads" || key == "locks" || key == "writeback" || key == "capacity" || key == "inodes" ||
         key == "files" || key == "owner" || key == "timeout";
}

}  // namespace

int main(int argc, char** argv) {
  const fusereplay::ServeArguments arguments = fusereplay::parse_serve_arguments(argc, argv);
  if (arguments.mountpoint.empty()) {
    std::fputs(
        "usage: memfs [-f | -b] [--log FILE] [-o OPTION[,OPTION...]] MOUNTPOINT\n"
        "options: threads, locks, writeback, capacity=SIZE[K|M|G], inodes=COUNT, files=COUNT, owner=UID,\n"
        "timeout=SECONDS, and mount options\n",
        stderr);
    return 2;
  }
  std::string ours;
  std::vector<std::string> theirs{"default_permissions"};
  for (const std::string& option : arguments.options) {
    if (!is_ours(option)) {
      theirs.push_back(option);
    } else {
      ours += ours.empty() ? option : ',' + option;
    }
  }
  auto options = fusereplay::parse_memfs_options(ours);
  if (!options) {
    std::fprintf(stderr, "%s\n", options.error().c_str());
    return 2;
  }
  if (options->owner == 0) options->owner = ::geteuid();
  const bool concurrent = options->handlers == fusereplay::MemfsOptions::Handlers::kConcurrent;
  return fusereplay::serve(std::make_unique<fusereplay::Memfs>(*options),
                           {.name = "memfs",
                            .mountpoint = arguments.mountpoint,
                            .mount_options = theirs,
                            .threads = concurrent ? std::clamp(std::thread::hardware_concurrency(), 2U, 64U) : 1,
                            .ground = arguments.ground,
                            .log = arguments.log});
}
