#include "cli/replay_time.h"

#include "cli/trace_input.h"

namespace fusereplay {

tl::expected<ReplayLibcTime, ExitStatus> take_libc_time(const Invocation& invocation, const std::string& mode,
                                                        const std::string& trace) {
  if (mode == "real") return ReplayLibcTime{};
  if (mode != "recorded" && mode != "frozen") {
    return tl::unexpected(invocation.fail("--time is '" + mode + "'; use real, recorded or frozen"));
  }
  if (!LibcTime::restarted()) {
    std::vector<std::string> arguments = {invocation.program, invocation.verb};
    arguments.insert(arguments.end(), invocation.arguments.begin(), invocation.arguments.end());
    return tl::unexpected(invocation.fail(LibcTime::restart(arguments)));
  }
  auto time = LibcTime::take();
  if (!time) return tl::unexpected(invocation.fail(time.error()));
  RecordedInstants instants;
  if (mode == "recorded") {
    auto reader = open_trace(invocation, trace);
    if (!reader) return tl::unexpected(reader.error());
    TraceEvents events(**reader);
    instants = RecordedInstants::collect(events);
  }
  ReplayLibcTime taken;
  taken.time = std::move(*time);
  taken.source = std::make_unique<LibcReplayTime>(
      *taken.time, mode == "recorded" ? LibcTimeMode::kRecorded : LibcTimeMode::kFrozen, std::move(instants));
  return taken;
}

}  // namespace fusereplay
