// fusereplay replay: the recorded conversation again, without a kernel.
#include <boost/program_options/value_semantic.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/findings.h"
#include "cli/invocation.h"
#include "cli/replay_time.h"
#include "cli/story.h"
#include "cli/terminal.h"
#include "cli/trace_input.h"
#include "cli/unseen.h"
#include "core/text/json.h"
#include "core/text/readable.h"
#include "replayer/expected.h"
#include "replayer/prepare.h"
#include "replayer/replayer.h"
#include "rules/rule_set.h"
#include "traces/event_log.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

Syntax syntax() {
  Syntax syntax{
      .synopsis = "TRACE --fs NAME[:ARG] [options]",
      .about =
          "Plays the recorded requests against a new filesystem and compares its answers with the recorded ones.\n"
          "How much is compared is the profile's affair (docs/replay.md): exact, everything but ids; portable, what "
          "every\n"
          "filesystem must do alike; outcome, success or errno.",
      .options = po::options_description("Options"),
      .operands = {"TRACE"},
      .max_operands = 1};
  syntax.options.add_options()                                                             //
      ("help", "this text")                                                                //
      ("fs", po::value<std::string>()->value_name("NAME[:ARG]"), "the filesystem to ask")  //
      ("compare", po::value<std::string>()->value_name("PROFILE"),
       "exact, portable or outcome; without it exact for the filesystem that was recorded, else portable")  //
      ("check", "check the rules over the new conversation too")                                            //
      ("prepare", "first make the tree that the trace presumes: for traces recorded over an existing one")  //
      ("expected", po::value<std::string>()->value_name("FILE"),
       "differences that are known; one that no longer occurs is an error, too")  //
      ("write-expected", po::value<std::string>()->value_name("FILE"),
       "write the differences found to a file for --expected; - for stdout")  //
      ("stop-after", po::value<std::uint64_t>()->default_value(0)->value_name("N"),
       "end after N differences; 0: never")  //
      ("story", po::value<std::uint64_t>()->default_value(8)->value_name("N"),
       "show the last N exchanges before each difference that named the same inode or name; 0: none")  //
      ("time", po::value<std::string>()->default_value("real")->value_name("real|recorded|frozen"),
       "what code that asks libc for the time is told; Request::time() and Connection::clock() always show the "
       "recorded instants")  //
      ("json", po::value<std::string>()->value_name("FILE"), "write the report as JSON too; - for stdout, alone");
  return syntax;
}

/// What listens to the new conversation.
struct Observers {
  EventLog log;
  std::unique_ptr<RuleSet> rules;  // with --check
};

std::string_view describe(ReplayEnd end) {
  switch (end) {
    case ReplayEnd::kComplete:
      return "complete";
    case ReplayEnd::kStopped:
      return "stopped";
    case ReplayEnd::kHung:
      return "hung";
  }
  return "unknown";
}

std::string_view describe(CompareProfile profile) {
  switch (profile) {
    case CompareProfile::kExact:
      return "exact";
    case CompareProfile::kPortable:
      return "portable";
    case CompareProfile::kOutcome:
      return "outcome";
  }
  return "unknown";
}

/// The name given to --fs when the trace was recorded; empty where it was recorded in another way.
std::string_view recorded_filesystem(const TraceHeader& header) {
  constexpr std::string_view kOption = "--fs";
  for (std::size_t i = 0; i < header.command.size(); ++i) {
    std::string_view word = header.command[i];
    if (word == kOption && i + 1 < header.command.size()) {
      word = header.command[i + 1];
    } else if (word.starts_with("--fs=")) {
      word.remove_prefix(kOption.size() + 1);
    } else {
      continue;
    }
    return word.substr(0, word.find(':'));
  }
  return {};
}

/// What --compare says, or what suits the filesystem.
tl::expected<CompareProfile, ExitStatus> choose_profile(const Invocation& invocation, const po::variables_map& options,
                                                        const TraceHeader& header) {
  if (options.count("compare") == 0) {
    const std::string_view spec = options["fs"].as<std::string>();
    const bool same = spec.substr(0, spec.find(':')) == recorded_filesystem(header);
    return same ? CompareProfile::kExact : CompareProfile::kPortable;
  }
  const auto& name = options["compare"].as<std::string>();
  for (const auto profile : {CompareProfile::kExact, CompareProfile::kPortable, CompareProfile::kOutcome}) {
    if (name == describe(profile)) return profile;
  }
  return tl::unexpected(invocation.fail("--compare " + name + ": use exact, portable or outcome"));
}

/// What --expected names; nothing without it.
tl::expected<std::optional<ExpectedDifferences>, ExitStatus> read_expected(const Invocation& invocation,
                                                                           const po::variables_map& options) {
  if (options.count("expected") == 0) return std::nullopt;
  const auto& path = options["expected"].as<std::string>();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return tl::unexpected(invocation.fail("cannot read expected differences from " + path));
  auto expected = ExpectedDifferences::parse(text.str());
  if (!expected) return tl::unexpected(invocation.fail(path + ", " + expected.error()));
  return std::move(*expected);
}

/// Expected differences that did not occur are findings of their own.
ExitStatus judge_expected(const std::optional<ExpectedDifferences>& expected, const ReplayReport& report) {
  if (!expected || report.end != ReplayEnd::kComplete) return ExitStatus::kNothingFound;
  const std::vector<std::string> missing = expected->missing();
  for (const std::string& line : missing) std::cerr << "expected difference no longer occurs: " << line << '\n';
  return missing.empty() ? ExitStatus::kNothingFound : ExitStatus::kFindings;
}

ExitStatus write_expected(const Invocation& invocation, const po::variables_map& options, const ReplayReport& report) {
  if (options.count("write-expected") == 0) return ExitStatus::kNothingFound;
  std::string text;
  for (const RootCause& cause : report.causes) text += ExpectedDifferences::line_of(cause.divergence) + '\n';
  return write_report(invocation, options["write-expected"].as<std::string>(), text);
}

/// The exchanges before each cause, see tell_stories().
using Stories = std::vector<std::vector<std::string>>;

/// What differs first, both exchanges side by side, what came before, and under it what follows.
void print_cause(const RootCause& cause, const std::vector<std::string>& story, const Style& style) {
  const Divergence& first = cause.divergence;
  std::cout << style.bad << "differs " << style.reset << describe(first) << '\n';
  if (!first.recorded_reply.empty()) std::cout << "        recorded  " << first.recorded_reply << '\n';
  if (!first.live_reply.empty()) std::cout << "        live      " << first.live_reply << '\n';
  for (std::size_t i = 0; i < story.size(); ++i) {
    std::cout << (i == 0 ? "        before    " : "                  ") << story[i] << '\n';
  }
  for (const Divergence& follower : cause.followers) {
    std::cout << "    follows (" << describe(follower.link) << ") " << describe(follower) << '\n';
  }
  if (cause.follower_count > cause.followers.size()) {
    std::cout << "    ... and " << cause.follower_count - cause.followers.size() << " more that follow\n";
  }
}

void print_report(const std::string& path, const ReplayReport& report, const Stories& stories,
                  const Observers& observers, CompareProfile profile) {
  const Style& style = stdout_style();
  const ReplayCounts& counts = report.counts;
  for (std::size_t i = 0; i < report.causes.size(); ++i) print_cause(report.causes[i], stories[i], style);
  if (counts.causes > report.causes.size()) {
    std::cout << "... and " << count_text(counts.causes - report.causes.size(), "difference") << " more\n";
  }
  if (observers.rules != nullptr) print_findings("check", counts.events, *observers.rules);
  std::cout << path << ": " << count_text(counts.requests, "request") << " replayed, " << counts.replies
            << " replies compared, " << (counts.divergences == 0 ? style.good : style.bad)
            << count_text(counts.causes, "difference") << style.reset;
  if (counts.divergences > counts.causes) std::cout << " and " << counts.divergences - counts.causes << " that follow";
  std::cout << " (" << describe(profile) << ")\n";
  if (counts.synthetic != 0) std::cout << count_text(counts.synthetic, "request") << " beyond the recording\n";
  if (counts.expected != 0) std::cout << count_text(counts.expected, "expected difference") << '\n';
  if (counts.withheld != 0) std::cout << count_text(counts.withheld, "request") << " withheld\n";
  if (counts.overlapping != 0) {
    std::cout << count_text(counts.overlapping, "request") << " overlapped others; tolerated for it: "
              << count_text(counts.tolerated_concurrent_attributes, "attribute") << ", "
              << count_text(counts.tolerated_usage, "total") << '\n';
  }
  if (counts.opened_past != 0) {
    std::cout << unseen_text(counts.opened_past) << ", and was not replayed; "
              << count_text(counts.tolerated_unseen, "answer") << " that may differ for it tolerated\n";
  }
  if (counts.compared_by_size != 0) {
    std::cout << "data of " << count_text(counts.compared_by_size, "READ")
              << " compared by size: the trace does not keep it\n";
  }
  if (counts.unbound_ids != 0) std::cout << count_text(counts.unbound_ids, "id") << " that no reply had made\n";
  if (counts.unanswered != 0) {
    std::cout << count_text(counts.unanswered, "request") << " without a recorded reply left out\n";
  }
  std::cout << "event_log_hash " << observers.log.hash() << std::endl;
}

void write_counts(JsonWriter& json, const ReplayCounts& counts) {
  json.key("counts").begin_object();
  json.member("events", counts.events).member("requests", counts.requests).member("replies", counts.replies);
  json.member("overlapping", counts.overlapping).member("retried", counts.retried);
  json.member("brought_forward", counts.brought_forward).member("unanswered", counts.unanswered);
  json.member("stray_replies", counts.stray_replies).member("unbound_ids", counts.unbound_ids);
  json.member("unreadable", counts.unreadable);
  json.member("tolerated_concurrent_attributes", counts.tolerated_concurrent_attributes);
  json.member("tolerated_usage", counts.tolerated_usage).member("tolerated_ignored", counts.tolerated_ignored);
  json.member("opened_past", counts.opened_past).member("tolerated_unseen", counts.tolerated_unseen);
  json.member("compared_by_size", counts.compared_by_size);
  json.member("recorded_notifications", counts.recorded_notifications);
  json.member("live_notifications", counts.live_notifications).member("withheld", counts.withheld);
  json.member("synthetic", counts.synthetic).member("expected", counts.expected);
  json.member("divergences", counts.divergences).member("causes", counts.causes);
  json.end_object();
}

void write_divergence(JsonWriter& json, const Divergence& divergence) {
  json.member("sequence", divergence.sequence).member("request_sequence", divergence.request_sequence);
  json.member("unique", divergence.unique).member("nodeid", divergence.nodeid);
  json.member("opcode", opcode_name(divergence.opcode)).member("field", divergence.field);
  json.member("recorded", divergence.recorded).member("live", divergence.live).member("request", divergence.request);
  json.member("recorded_reply", divergence.recorded_reply).member("live_reply", divergence.live_reply);
}

std::string json_report(const std::string& path, const ReplayReport& report, const Stories& stories,
                        const Observers& observers, CompareProfile profile) {
  JsonWriter json;
  json.begin_object().key("trace").name(path).member("end", describe(report.end));
  json.member("compare", describe(profile)).member("event_log_hash", observers.log.hash());
  write_counts(json, report.counts);
  json.key("causes").begin_array();
  for (std::size_t i = 0; i < report.causes.size(); ++i) {
    const RootCause& cause = report.causes[i];
    json.begin_object();
    write_divergence(json, cause.divergence);
    json.key("story").begin_array();
    for (const std::string& line : stories[i]) json.value(line);
    json.end_array();
    json.member("follower_count", cause.follower_count).key("followers").begin_array();
    for (const Divergence& follower : cause.followers) {
      json.begin_object().member("link", describe(follower.link));
      write_divergence(json, follower);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  if (observers.rules != nullptr) write_findings(json, *observers.rules);
  json.end_object();
  return json.take();
}

ExitStatus judge(const Invocation& invocation, const ReplayReport& report, const Observers& observers) {
  ExitStatus status = report.counts.divergences == 0 ? ExitStatus::kNothingFound : ExitStatus::kFindings;
  if (observers.rules != nullptr && observers.rules->total() != 0) status = worse(status, ExitStatus::kFindings);
  if (report.end == ReplayEnd::kHung) {
    status = invocation.fail("the filesystem hangs: requests stay unanswered and nothing is left to run",
                             ExitStatus::kServerFailed);
  }
  return status;
}

/// --prepare: a pass over the trace, before its replay.
tl::expected<PresumedTree, ExitStatus> collect_tree(const Invocation& invocation, const std::string& path) {
  auto reader = open_trace(invocation, path);
  if (!reader) return tl::unexpected(reader.error());
  if ((*reader)->header().payload != PayloadPolicy::kFull) {
    return tl::unexpected(
        invocation.fail(path + ": --prepare needs the data of files, which this trace does not keep"));
  }
  TraceEvents events(**reader);
  return PresumedTree::collect(events);
}

}  // namespace

ExitStatus run_replay(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  const po::variables_map& options = parsed->options;
  if (options.count("fs") == 0) {
    return invocation.fail("no filesystem given; use --fs NAME[:ARG], see --help for the names");
  }
  const std::string& path = parsed->operands[0];
  auto reader = open_trace(invocation, path);
  if (!reader) return reader.error();
  const auto libc_time = take_libc_time(invocation, options["time"].as<std::string>(), path);
  if (!libc_time) return libc_time.error();
  const auto profile = choose_profile(invocation, options, (*reader)->header());
  if (!profile) return profile.error();
  auto made = make_filesystem(invocation, options["fs"].as<std::string>());
  if (!made) return made.error();

  Observers observers;
  std::vector<EventSink*> sinks = {&observers.log};
  if (options.count("check") != 0) {
    observers.rules = std::make_unique<RuleSet>();
    sinks.push_back(observers.rules.get());
  }
  ReplayOptions replay_options;
  replay_options.tolerances = Tolerances::of(*profile);
  auto expected = read_expected(invocation, options);
  if (!expected) return expected.error();
  if (*expected) replay_options.expected = &**expected;
  replay_options.payload = (*reader)->header().payload;
  replay_options.time = libc_time->source.get();
  replay_options.stop_after = options["stop-after"].as<std::uint64_t>();

  PresumedTree tree;
  std::string unprepared;
  if (options.count("prepare") != 0) {
    auto collected = collect_tree(invocation, path);
    if (!collected) return collected.error();
    tree = std::move(*collected);
    replay_options.after_init = [&](Server& server, ManualExecutor& executor) {
      const auto done = prepare(tree, server, executor);
      if (!done) unprepared = done.error();
      return done.has_value();
    };
  }

  TraceEvents events(**reader);
  const ReplayReport report = replay(std::move(made->operations), events, sinks, replay_options);
  if (!unprepared.empty()) return invocation.fail(unprepared, ExitStatus::kServerFailed);
  if (observers.rules != nullptr) observers.rules->finish();
  if (libc_time->time != nullptr && libc_time->time->overrun() != 0) {
    std::cerr << "fusereplay replay: libc was asked for the time more often than foreseen in "
              << count_text(libc_time->time->overrun(), "request") << "; its last answers there were too old\n";
  }
  const JsonTarget target(options);
  const Stories stories = tell_stories(path, report.causes, options["story"].as<std::uint64_t>());
  if (target.output() == Output::kText) print_report(path, report, stories, observers, *profile);
  ExitStatus status = worse(judge(invocation, report, observers), judge_expected(*expected, report));
  status = worse(status, write_expected(invocation, options, report));
  if (report.end == ReplayEnd::kComplete) {
    status = worse(status, judge_end(invocation, path, **reader, events.outcome()));
  }
  return worse(status, target.write(invocation, json_report(path, report, stories, observers, *profile)));
}

}  // namespace fusereplay
