#include "cli/trace_input.h"

#include <filesystem>

#include "cli/terminal.h"
#include "core/text/readable.h"
#include "recorder/ring_file.h"

namespace fusereplay {

tl::expected<std::unique_ptr<TraceReader>, ExitStatus> open_trace(const Invocation& invocation,
                                                                  const std::string& path) {
  auto reader = TraceReader::open(path);
  if (!reader) return tl::unexpected(invocation.fail(reader.error().message));
  return std::move(*reader);
}

ExitStatus read_trace(const Invocation& invocation, const std::string& path, TraceReader& reader,
                      const std::function<void(const Event&, const Conversation&)>& visit) {
  Progress progress(path);
  Conversation conversation;
  Event event;
  ReadOutcome outcome = reader.next(event);
  while (outcome == ReadOutcome::kEvent) {
    conversation.follow(event);
    visit(event, conversation);
    progress.at(reader.events());
    outcome = reader.next(event);
  }
  return judge_end(invocation, path, reader, outcome);
}

ExitStatus judge_end(const Invocation& invocation, const std::string& path, const TraceReader& reader,
                     ReadOutcome outcome) {
  if (outcome == ReadOutcome::kDamaged) return invocation.fail(reader.error().message);
  if (outcome == ReadOutcome::kTruncated) {
    std::error_code error;
    const std::string rings = ring_directory(path).string();
    const bool more = std::filesystem::exists(rings, error);
    return invocation.fail(path + ": the capture was cut off after " + count_text(reader.events(), "event") +
                               (more ? "; " + rings + " holds what was not written yet: use " + invocation.program +
                                           " repair " + path + " NEW-TRACE"
                                     : "; what is there was read"),
                           ExitStatus::kCaptureIncomplete);
  }
  if (reader.missing() != 0) {
    return invocation.fail(path + ": " + count_text(reader.missing(), "event") + " lost at capture",
                           ExitStatus::kCaptureIncomplete);
  }
  return ExitStatus::kNothingFound;
}

}  // namespace fusereplay
