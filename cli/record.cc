// fusereplay record: a live mount with capture.
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/findings.h"
#include "cli/invocation.h"
#include "cli/run_child.h"
#include "cli/unseen.h"
#include "cli/version.h"
#include "core/server/operations_server.h"
#include "core/session/crash_guard.h"
#include "core/session/session.h"
#include "core/session/signals.h"
#include "core/text/json.h"
#include "core/text/readable.h"
#include "recorder/recorder.h"
#include "recorder/ring_file.h"
#include "rules/rule_set.h"
#include "traces/event_log.h"
#include "traces/payload.h"
#include "traces/writer.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

constexpr unsigned kMaxThreads = 64;

Syntax syntax() {
  Syntax syntax{.synopsis = "[-o TRACE] [--run CMD] [--check] MOUNTPOINT --fs NAME[:ARG]",
                .about =
                    "Mounts a filesystem and records what the kernel asks and what it answers. Ends when CMD ends, by "
                    "umount, or\n"
                    "by Ctrl-C; a second Ctrl-C ends it by force.",
                .options = po::options_description("Options"),
                .operands = {"MOUNTPOINT"},
                .max_operands = 1};
  syntax.options.add_options()  //
      ("help", "this text")     //
      ("output,o", po::value<std::string>()->value_name("TRACE"), "record to this file")(
          "overwrite",
          "replace TRACE if it exists")                                                      //
      ("fs", po::value<std::string>()->value_name("NAME[:ARG]"), "the filesystem to mount")  //
      ("run", po::value<std::string>()->value_name("CMD"),
       "run CMD by sh inside the mount, {} being the mount point; then unmount")                        //
      ("check", "check the conversation while it is recorded")                                          //
      ("threads", po::value<unsigned>()->default_value(1)->value_name("N"), "device threads, 1 to 64")  //
      ("io-uring", "over io_uring, a queue for each CPU; the kernel must offer it")                     //
      ("mount-option", po::value<std::vector<std::string>>()->value_name("OPT"),
       "as behind mount -o: allow_other, max_read=65536; repeatable")  //
      ("payload", po::value<std::string>()->default_value("full")->value_name("HOW"),
       "what to keep of the data of files: full, hash (enough to replay and compare), none")  //
      ("json", po::value<std::string>()->value_name("FILE"), "write the report as JSON too; - for stdout, alone");
  return syntax;
}

/// The command line, understood.
struct Settings {
  std::string mountpoint;
  std::string filesystem;
  std::optional<std::string> trace;
  ExistingTrace existing = ExistingTrace::kRefuse;
  std::optional<std::string> command;
  bool check = false;
  unsigned threads = 1;
  Transport transport = Transport::kDevice;
  std::vector<std::string> mount_options;
  PayloadPolicy payload = PayloadPolicy::kFull;
};

std::optional<PayloadPolicy> payload_policy(std::string_view name) {
  if (name == "full") return PayloadPolicy::kFull;
  if (name == "hash") return PayloadPolicy::kHash;
  if (name == "none") return PayloadPolicy::kNone;
  return std::nullopt;
}

tl::expected<Settings, ExitStatus> understand(const Invocation& invocation, const Parsed& parsed) {
  const po::variables_map& options = parsed.options;
  Settings settings;
  settings.mountpoint = parsed.operands[0];
  if (options.count("fs") == 0) {
    return tl::unexpected(invocation.fail("no filesystem given; use --fs NAME[:ARG], see --help for the names"));
  }
  settings.filesystem = options["fs"].as<std::string>();
  if (options.count("output") != 0) settings.trace = options["output"].as<std::string>();
  if (options.count("overwrite") != 0) settings.existing = ExistingTrace::kOverwrite;
  if (options.count("run") != 0) settings.command = options["run"].as<std::string>();
  settings.check = options.count("check") != 0;
  settings.threads = options["threads"].as<unsigned>();
  if (options.count("io-uring") != 0) settings.transport = Transport::kRing;
  if (options.count("mount-option") != 0) {
    settings.mount_options = options["mount-option"].as<std::vector<std::string>>();
  }
  const auto& payload = options["payload"].as<std::string>();
  const auto policy = payload_policy(payload);
  if (!policy) return tl::unexpected(invocation.fail("--payload " + payload + ": give full, hash or none"));
  settings.payload = *policy;
  if (!settings.trace && !settings.check) {
    return tl::unexpected(invocation.fail("nothing to do with what is captured; give -o TRACE, --check or both"));
  }
  if (settings.threads < 1 || settings.threads > kMaxThreads) {
    return tl::unexpected(invocation.fail("--threads " + std::to_string(settings.threads) + ": give 1 to 64"));
  }
  return settings;
}

/// What the observers behind the recorder know at the end.
struct Observers {
  explicit Observers(PayloadPolicy payload) : kept(payload, log) {}
  EventLog log;
  AsKept kept;                     // the log's hash is that of what the trace gives back
  std::unique_ptr<RuleSet> rules;  // with --check
  UnseenOpens unseen;

  std::vector<EventSink*> sinks() {
    std::vector<EventSink*> all = {&kept, &unseen};
    if (rules != nullptr) all.push_back(rules.get());
    return all;
  }
};

/// Everything that is known when the mount is gone.
struct Outcome {
  EndReason reason = EndReason::kUnmounted;
  std::optional<ChildStatus> child;  // with --run
  bool child_started = true;
};

tl::expected<std::unique_ptr<TraceWriter>, ExitStatus> open_writer(const Invocation& invocation,
                                                                   const Settings& settings) {
  if (!settings.trace) return nullptr;
  TraceHeader header = describe_host();
  header.writer = "fusereplay " + std::string(kVersion);
  header.mount_options = settings.mount_options;
  header.mount_point = settings.mountpoint;
  header.command = {invocation.program, invocation.verb};
  header.command.insert(header.command.end(), invocation.arguments.begin(), invocation.arguments.end());
  auto writer = TraceWriter::open(*settings.trace, std::move(header),
                                  {.existing = settings.existing, .payload = settings.payload});
  if (!writer) return tl::unexpected(invocation.fail(writer.error().message));
  return std::move(*writer);
}

/// The directory for the rings' files, made; empty where none is wanted or can be.
tl::expected<std::filesystem::path, ExitStatus> make_rings(const Invocation& invocation, const Settings& settings) {
  if (!settings.trace) return {};
  const std::filesystem::path rings = ring_directory(*settings.trace);
  std::error_code error;
  if (std::filesystem::exists(rings, error)) {
    if (settings.existing == ExistingTrace::kRefuse) {
      return tl::unexpected(invocation.fail(rings.string() +
                                            " exists: a recording was killed; keep what it holds with " +
                                            invocation.program + " repair, then remove it"));
    }
    std::filesystem::remove_all(rings, error);
  }
  if (std::filesystem::create_directory(rings, error)) return rings;
  return {};
}

std::vector<std::string> crash_advice(const Invocation& invocation, const Settings& settings,
                                      const MountOptions& mount) {
  std::vector<std::string> advice;
  if (settings.trace) {
    advice.push_back("what was captured is in '" + *settings.trace + "' and '" +
                     ring_directory(*settings.trace).string() + "'; put it together with: " + invocation.program +
                     " repair '" + *settings.trace + "' NEW-TRACE");
  }
  advice.push_back(after_crash(settings.mountpoint, mount));
  return advice;
}

/// From mounting to the end of the mount.
tl::expected<Outcome, ExitStatus> serve(const Invocation& invocation, const Settings& settings,
                                        OperationsServer& server, Session& session, HeldEndSignals& held) {
  if (const auto started = session.start(); !started) return tl::unexpected(invocation.fail(started.error().message));
  const SignalGuard guard(session, [&] { server.report(); });
  held.release();
  Outcome outcome;
  if (!session.wait_until_ready()) {
    outcome.reason = session.wait();
    return outcome;
  }
  if (!settings.command) {
    std::cerr << session.mount().mountpoint() << ": mounted; umount or Ctrl-C ends it" << std::endl;
  } else {
    const std::string& mountpoint = session.mount().mountpoint();
    auto child =
        run_child(expand_command(*settings.command, mountpoint), mountpoint, [&] { return guard.received() != 0; });
    if (child) {
      outcome.child = *child;
    } else {
      outcome.child_started = false;
      invocation.fail("--run: the command did not start in " + mountpoint + ": " + describe(child.error()));
    }
    if (const auto unmounted = session.unmount(); !unmounted) {
      invocation.fail(mountpoint + ": still in use (" + to_string(unmounted.error()) +
                      "); waiting until it is unmounted, Ctrl-C ends it by force");
    }
  }
  outcome.reason = session.wait();
  return outcome;
}

ExitStatus judge(const Outcome& outcome, const RecorderReport& report, const Observers& observers) {
  ExitStatus status = ExitStatus::kNothingFound;
  if (outcome.reason != EndReason::kUnmounted) status = ExitStatus::kServerFailed;
  if (!outcome.child_started) status = worse(status, ExitStatus::kServerFailed);
  if (outcome.child && outcome.child->value != 0) status = worse(status, ExitStatus::kFindings);
  if (observers.rules != nullptr && observers.rules->total() != 0) status = worse(status, ExitStatus::kFindings);
  if (report.error || report.missing != 0) status = worse(status, ExitStatus::kCaptureIncomplete);
  return status;
}

void report_problems(const Invocation& invocation, const Settings& settings, const Outcome& outcome,
                     const RecorderReport& report) {
  // Why INIT was refused, the server has said.
  if (outcome.reason == EndReason::kAborted) {
    invocation.fail(settings.mountpoint + ": the mount ended early: " + std::string(describe(outcome.reason)));
  }
  if (report.error) invocation.fail(report.error->message);
  if (report.missing != 0) invocation.fail(count_text(report.missing, "event") + " lost at capture");
  if (report.rings_in_memory != 0) {
    invocation.fail(
        "no room for ring files next to the trace: had the recording been killed, its last events were lost");
  }
}

void print_report(const Settings& settings, const Outcome& outcome, const RecorderReport& report,
                  const Observers& observers) {
  if (outcome.child) std::cout << "--run: " << to_string(*outcome.child) << '\n';
  if (settings.trace) {
    std::cout << *settings.trace << ": " << count_text(report.trace.events, "event") << ", "
              << size_text(report.trace.bytes) << '\n';
  }
  if (observers.unseen.count() != 0) std::cout << unseen_text(observers.unseen.count()) << '\n';
  if (observers.rules != nullptr) print_findings("check", report.events, *observers.rules);
  std::cout << "event_log_hash " << observers.log.hash() << std::endl;
}

std::string json_report(const Settings& settings, const Outcome& outcome, const RecorderReport& report,
                        const Observers& observers) {
  JsonWriter json;
  json.begin_object().member("events", report.events).member("missing", report.missing);
  json.member("ended", describe(outcome.reason)).member("event_log_hash", observers.log.hash());
  if (settings.trace) {
    json.key("trace").name(*settings.trace).member("bytes", report.trace.bytes);
    json.member("raw_records", report.trace.raw_records);
  }
  json.member("opened_past", observers.unseen.count());
  if (outcome.child) json.member("run_status", outcome.child->value);
  if (observers.rules != nullptr) write_findings(json, *observers.rules);
  json.end_object();
  return json.take();
}

}  // namespace

ExitStatus run_record(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  auto settings = understand(invocation, *parsed);
  if (!settings) return settings.error();
  auto made = make_filesystem(invocation, settings->filesystem);
  if (!made) return made.error();
  const std::vector<std::string>& wanted = made->filesystem->mount_options;
  settings->mount_options.insert(settings->mount_options.begin(), wanted.begin(), wanted.end());

  Observers observers(settings->payload);
  if (settings->check) observers.rules = std::make_unique<RuleSet>();
  const auto rings = make_rings(invocation, *settings);
  if (!rings) return rings.error();
  auto writer = open_writer(invocation, *settings);
  if (!writer) {
    std::error_code ignored;
    if (!rings->empty()) std::filesystem::remove(*rings, ignored);
    return writer.error();
  }
  HeldEndSignals held;  // before any thread that could take them
  OperationsServer server(std::move(made->operations));
  RecorderOptions recorder_options;
  recorder_options.rings = *rings;
  Recorder recorder(std::move(*writer), observers.sinks(), recorder_options);
  const MountOptions mount{.subtype = made->filesystem->name, .options = settings->mount_options};
  const CrashGuard crashes(server, crash_advice(invocation, *settings, mount));
  Session session(server, {.mountpoint = settings->mountpoint,
                           .mount = mount,
                           .threads = settings->threads,
                           .transport = settings->transport,
                           .observers = {&recorder}});
  const auto outcome = serve(invocation, *settings, server, session, held);
  const RecorderReport& report = recorder.finish();
  if (!outcome) {
    // There was no mount, so there is nothing to keep: a file left here would only be in the way of the next try.
    if (settings->trace) ::unlink(settings->trace->c_str());
    return outcome.error();
  }
  if (observers.rules != nullptr) observers.rules->finish();

  report_problems(invocation, *settings, *outcome, report);
  const JsonTarget target(parsed->options);
  if (target.output() == Output::kText) print_report(*settings, *outcome, report, observers);
  return worse(judge(*outcome, report, observers),
               target.write(invocation, json_report(*settings, *outcome, report, observers)));
}

}  // namespace fusereplay
