// call_runner DIRECTORY SCRIPT: makes the script's calls below DIRECTORY, prints a line for each result.
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/simulator/script.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const auto calls = fusereplay::testing::parse_script(argv[2]);
    const auto target = fusereplay::testing::make_real_target(argv[1]);
    ::umask(022);
    for (const auto& call : calls) std::printf("%s\n", target->run(call).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  // Locked into the mount: a leak checker at exit would look for /proc in there.
  std::fflush(stdout);
  std::_Exit(0);
}
