// call_runner DIRECTORY SCRIPT: makes the script's calls below DIRECTORY, prints a line for each result.
// call_runner DIRECTORY @FD: makes the calls it is sent over that socket, one a message, and sends each result back.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "tests/simulator/script.h"

namespace {

using fusereplay::testing::CallTarget;
using fusereplay::testing::parse_script;

void serve(CallTarget& target, int socket) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: what waits ends with EINTR
  ::sigaction(SIGUSR1, &action, nullptr);
  const auto say = [socket](const std::string& text) { ::send(socket, text.data(), text.size(), MSG_NOSIGNAL); };
  say("ready");
  char line[8192];
  while (true) {
    const ssize_t size = ::recv(socket, line, sizeof(line), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    const auto calls = parse_script(std::string(line, static_cast<std::size_t>(size)));
    say(target.run(calls.at(0)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const std::string script = argv[2];
    const auto target = fusereplay::testing::make_real_target(argv[1]);
    ::umask(022);
    if (script.starts_with("@")) {
      serve(*target, std::atoi(script.c_str() + 1));
    } else {
      for (const auto& call : parse_script(script)) std::printf("%s\n", target->run(call).c_str());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  // Locked into the mount: a leak checker at exit would look for /proc in there.
  std::fflush(stdout);
  std::_Exit(0);
}
