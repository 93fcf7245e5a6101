// Recording from a memfs and replaying against one.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "replayer/replayer.h"
#include "tests/replayer/conversation.h"

namespace fusereplay::test {

/// A memfs that can be looked at while its server lives.
struct Stage {
  explicit Stage(const MemfsOptions& options = {}) : Stage(std::make_unique<Memfs>(options)) {}
  explicit Stage(std::unique_ptr<Operations> filesystem)
      : server(std::move(filesystem),
               OperationsServer::Options{.executor = &executor, .clock = &clock, .log = [](auto) {}}) {}
  Memfs& memfs() { return static_cast<Memfs&>(server.operations()); }

  ManualClock clock;
  ManualExecutor executor{clock};
  OperationsServer server;
};

/// Records what `script` does on one thread, INIT first.
inline Recording record(const std::function<void(Caller&)>& script) {
  Stage stage;
  Mount mount(stage.server);
  Caller caller(mount, 1);
  caller.init();
  script(caller);
  stage.server.disconnect();
  return caller.events();
}

/// Replays against a fresh memfs.
inline ReplayReport replay_on_memfs(const Recording& recording, const std::vector<EventSink*>& sinks = {},
                                    const ReplayOptions& options = {}) {
  RecordingEvents source(recording);
  return replay(std::make_unique<Memfs>(), source, sinks, options);
}

/// What the report says, for a failed expectation.
inline std::string explain(const ReplayReport& report) {
  std::string text;
  for (const RootCause& cause : report.causes) {
    text += describe(cause.divergence) + "\n";
    for (const Divergence& follower : cause.followers) text += "    " + describe(follower) + "\n";
  }
  return text;
}

}  // namespace fusereplay::test
