#include "core/session/serve.h"

#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "core/server/operations_server.h"
#include "core/session/background.h"
#include "core/session/crash_guard.h"
#include "core/session/session.h"
#include "core/session/signals.h"

namespace fusereplay {
namespace {

constexpr int kCleanEnd = 0;
constexpr int kBadUsage = 2;
constexpr int kFailed = 3;

int fail(const ServeOptions& options, std::string_view why, int status) {
  std::fprintf(stderr, "%s: %.*s\n", options.name.c_str(), static_cast<int>(why.size()), why.data());
  return status;
}

/// At the commas that have no backslash; backslashes stay for Mount.
void split(std::string_view list, std::vector<std::string>& options) {
  std::string option;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || list[i] == ',') {
      if (!option.empty()) options.push_back(std::move(option));
      option.clear();
    } else {
      option += list[i];
      if (list[i] == '\\' && i + 1 < list.size()) option += list[++i];
    }
  }
}

SessionOptions session_options(const ServeOptions& options) {
  SessionOptions session;
  session.mountpoint = options.mountpoint;
  session.mount.fsname = session.mount.subtype = options.name;
  for (const std::string& option : options.mount_options) {
    if (option == "io_uring") {
      session.transport = Transport::kRing;
    } else {
      session.mount.options.push_back(option);
    }
  }
  session.threads = options.threads;
  return session;
}

}  // namespace

ServeArguments parse_serve_arguments(int argc, char** argv) {
  ServeArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-o" && i + 1 < argc) {
      split(argv[++i], arguments.options);
    } else if (word == "--log" && i + 1 < argc) {
      arguments.log = argv[++i];
    } else if (word == "-b" || word == "-f") {
      arguments.ground = word == "-b" ? Ground::kBackground : Ground::kForeground;
    } else if (word.empty() || word.front() == '-' || !arguments.mountpoint.empty()) {
      return {};
    } else {
      arguments.mountpoint = word;
    }
  }
  return arguments;
}

int serve(std::unique_ptr<Operations> operations, const ServeOptions& options) {
  std::unique_ptr<Background> background;
  if (options.ground == Ground::kBackground) {
    auto started = Background::start(options.log);
    if (!started) return fail(options, started.error(), kFailed);
    background = std::move(*started);
  }
  HeldEndSignals held;  // before any thread that could take them
  OperationsServer server(std::move(operations));
  SessionOptions of_session = session_options(options);
  const CrashGuard crashes(server, {after_crash(of_session.mountpoint, of_session.mount)});
  Session session(server, std::move(of_session));
  if (const auto started = session.start(); !started) {
    const bool usage = started.error().kind == MountErrorKind::kBadOption;
    return fail(options, started.error().message, usage ? kBadUsage : kFailed);
  }
  const SignalGuard signals(session, [&] { server.report(); });
  held.release();
  if (session.wait_until_ready() && background) background->ready();
  const EndReason reason = session.wait();
  if (reason == EndReason::kUnmounted) return kCleanEnd;
  if (server.refusal().empty()) return fail(options, describe(reason), kFailed);
  return kFailed;  // the server has said why
}

}  // namespace fusereplay
