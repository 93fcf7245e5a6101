#include "core/server/operations_server.h"
#include "replayer/replayer.h"

namespace fusereplay {
namespace {

/// A filesystem with everything it runs on.
struct Stage {
  explicit Stage(std::unique_ptr<Operations> filesystem)
      : server(std::move(filesystem), OperationsServer::Options{.executor = &executor, .clock = &clock, .log = {}}) {}
  ManualClock clock;
  ManualExecutor executor{clock};
  OperationsServer server;
};

}  // namespace

ReplayReport replay(std::unique_ptr<Operations> filesystem, RecordedEvents& source, std::span<EventSink* const> sinks,
                    const ReplayOptions& options) {
  auto stage = std::make_unique<Stage>(std::move(filesystem));
  Replayer replayer(stage->server, stage->executor, stage->clock, options);
  for (EventSink* sink : sinks) replayer.add_sink(*sink);
  ReplayReport report = replayer.run(source);
  // Suspended handlers hold on to the stage and can neither end nor be ended.
  if (report.end == ReplayEnd::kHung) static_cast<void>(stage.release());
  return report;
}

}  // namespace fusereplay
