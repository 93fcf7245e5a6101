// mounting_program MOUNTPOINT READY: mounts a raw server, writes a line into the fifo READY, ends by signals.
// Prints "unmounted by signal 2" or the like.
#include <cstdio>
#include <fstream>
#include <string>

#include "core/session/session.h"
#include "core/session/signals.h"
#include "tests/session/raw_server.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  fusereplay::testing::RawServer server;
  fusereplay::Session session(server, {.mountpoint = argv[1], .mount = {}, .threads = 2, .observers = {}});
  if (const auto started = session.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 3;
  }
  const fusereplay::SignalGuard guard(session);
  std::ofstream(argv[2]) << "mounted\n";
  const auto reason = std::string(describe(session.wait()));
  std::printf("%s by signal %d, %d disconnects\n", reason.c_str(), guard.received(), server.disconnects());
  return 0;
}
