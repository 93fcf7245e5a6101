#include "examples/serve.h"

#include <cstdio>
#include <string_view>

#include "core/server/operations_server.h"
#include "core/session/session.h"
#include "core/session/signals.h"

namespace fusereplay {

ServeArguments parse_serve_arguments(int argc, char** argv) {
  ServeArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-o" && i + 1 < argc) {
      std::string_view list = argv[++i];
      while (!list.empty()) {
        const std::string_view option = list.substr(0, list.find(','));
        if (!option.empty()) arguments.options.emplace_back(option);
        list.remove_prefix(option.size() < list.size() ? option.size() + 1 : list.size());
      }
    } else if (word.empty() || word.front() == '-' || !arguments.mountpoint.empty()) {
      return {};
    } else {
      arguments.mountpoint = word;
    }
  }
  return arguments;
}

int serve(std::unique_ptr<Operations> operations, const ServeOptions& options) {
  OperationsServer server(std::move(operations));
  SessionOptions session_options;
  session_options.mountpoint = options.mountpoint;
  session_options.mount.fsname = session_options.mount.subtype = options.name;
  for (const std::string& option : options.mount_options) {
    if (option == "io_uring") {
      session_options.transport = Transport::kRing;
    } else {
      session_options.mount.options.push_back(option);
    }
  }
  session_options.threads = options.threads;
  Session session(server, std::move(session_options));
  if (const auto started = session.start(); !started) {
    std::fprintf(stderr, "%s: %s\n", options.name.c_str(), started.error().message.c_str());
    return 3;
  }
  const SignalGuard signals(session, [&] { server.report(); });
  const EndReason reason = session.wait();
  if (reason == EndReason::kUnmounted) return 0;
  const std::string_view text = describe(reason);
  std::fprintf(stderr, "%s: %.*s\n", options.name.c_str(), static_cast<int>(text.size()), text.data());
  return 3;
}

}  // namespace fusereplay
