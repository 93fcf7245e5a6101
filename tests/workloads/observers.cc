#include "tests/workloads/observers.h"

#include <unistd.h>

#include <stdexcept>

#include "core/event/conversation.h"
#include "rules/handle_ledger.h"
#include "rules/lookup_ledger.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay::testing {
namespace {

std::string told(const RuleSet& rules) {
  std::string text;
  for (const Finding& finding : rules.findings()) text += to_string(finding) + '\n';
  return text;
}

std::unique_ptr<TraceWriter> write_to(const std::filesystem::path& path) {
  auto writer = TraceWriter::open(path, describe_host(), {.existing = ExistingTrace::kOverwrite});
  if (!writer) throw std::runtime_error(writer.error().message);
  return std::move(*writer);
}

}  // namespace

void Observers::LastLook::on_event(const Event& event) {
  if (event.mark != Mark::kUnmounted) return;
  counted = rules_.lookups().counted_nodes();
  open = rules_.handles().open_count();
}

Observers::Observers(const std::string& name)
    : trace_(std::filesystem::temp_directory_path() /
             ("fusereplay-" + std::to_string(::getpid()) + "-" + name + ".fusetrace")),
      recorder_(std::make_unique<Recorder>(write_to(trace_), std::vector<EventSink*>{&last_look_, &rules_})) {}

Observers::~Observers() {
  recorder_->finish();
  std::error_code ignored;
  if (clean_) std::filesystem::remove(trace_, ignored);
}

std::string Observers::end(Left left) {
  const RecorderReport& report = recorder_->finish();
  events_ = report.events;
  rules_.finish();
  std::string wrong = told(rules_);
  if (report.missing != 0) wrong += std::to_string(report.missing) + " events were not handed over\n";
  if (report.error) wrong += report.error->message + '\n';
  if (left == Left::kNothing && last_look_.counted + last_look_.open != 0) {
    wrong += "in the end " + std::to_string(last_look_.counted) + " nodes were counted and " +
             std::to_string(last_look_.open) + " handles open\n";
  }
  wrong += judge_trace();
  clean_ = wrong.empty();
  return clean_ ? "" : wrong + "the trace is " + trace_.string() + '\n';
}

std::string Observers::judge_trace() {
  const auto reader = TraceReader::open(trace_);
  if (!reader) return reader.error().message + '\n';
  Conversation conversation;
  RuleSet rules;
  Event event;
  ReadOutcome outcome{};
  while ((outcome = (*reader)->next(event)) == ReadOutcome::kEvent) {
    conversation.follow(event);
    rules.on_event(event);
  }
  rules.finish();
  std::string wrong;
  if (outcome != ReadOutcome::kEnd) wrong += "the trace is not whole: " + (*reader)->error().message + '\n';
  if ((*reader)->events() != events_) wrong += "the trace holds " + std::to_string((*reader)->events()) + " events\n";
  if ((*reader)->raw_records() != 0) wrong += std::to_string((*reader)->raw_records()) + " records are raw\n";
  if (rules.total() != rules_.total()) wrong += "read back:\n" + told(rules);
  return wrong;
}

}  // namespace fusereplay::testing
