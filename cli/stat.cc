// fusereplay stat: operations, latencies, errors and files of a trace.
#include <algorithm>
#include <array>
#include <boost/program_options/value_semantic.hpp>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "cli/findings.h"
#include "cli/invocation.h"
#include "cli/statistics.h"
#include "cli/trace_input.h"
#include "cli/unseen.h"
#include "core/result.h"
#include "core/text/json.h"
#include "core/text/readable.h"
#include "traces/event_log.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

constexpr std::size_t kBusiest = 8;

/// What both forms of the report are made of.
struct Report {
  std::string path;
  const TraceReader& reader;
  const Statistics& statistics;
  const EventLog& log;
};

std::string operation_name(Opcode opcode) {
  const std::string_view name = opcode_name(opcode);
  return name.empty() ? "opcode " + std::to_string(static_cast<std::uint32_t>(opcode)) : std::string(name);
}

std::string utc(std::int64_t nanoseconds) {
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

std::uint64_t file_size(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

/// With one decimal.
std::string bytes_a_message(const Report& report) {
  const std::uint64_t events = std::max<std::uint64_t>(report.reader.events(), 1);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f",
                static_cast<double>(file_size(report.path)) / static_cast<double>(events));
  return text.data();
}

std::string_view name_of(PayloadPolicy policy) {
  switch (policy) {
    case PayloadPolicy::kFull:
      return "full";
    case PayloadPolicy::kHash:
      return "hash";
    case PayloadPolicy::kNone:
      return "none";
  }
  return "unknown";
}

void print_overview(const Report& report) {
  const TraceHeader& header = report.reader.header();
  const Statistics& statistics = report.statistics;
  const std::uint64_t size = file_size(report.path);
  std::cout << "trace      " << report.path << ", " << size_text(size) << ", " << bytes_a_message(report)
            << " bytes a message, format " << header.format_version << ", by " << header.writer << '\n'
            << "captured   " << utc(header.start_time) << ", " << duration_text(statistics.span()) << ", Linux "
            << header.kernel_release << ' ' << header.architecture << ", " << count_text(header.cpus, "CPU")
            << ", file data kept: " << name_of(header.payload) << '\n'
            << "events     " << report.reader.events() << ": " << statistics.requests() << " requests, "
            << statistics.replies() << " replies, " << statistics.notifications() << " notifications, "
            << statistics.marks() << " marks; " << report.reader.raw_records() << " kept raw, "
            << report.reader.missing() << " missing\n"
            << "files      " << count_text(statistics.nodes(), "node") << ", "
            << count_text(statistics.opened(), "handle") << " opened, " << size_text(statistics.bytes_read())
            << " read, " << size_text(statistics.bytes_written()) << " written\n";
  if (statistics.opened_past() != 0) std::cout << "unseen     " << unseen_text(statistics.opened_past()) << '\n';
}

void print_operations(const Statistics& statistics) {
  std::printf("\n%-16s %9s %8s %10s %10s %10s %10s\n", "operation", "requests", "errors", "p50", "p90", "p99", "max");
  for (const auto& [opcode, operation] : statistics.operations()) {
    std::printf("%-16s %9" PRIu64 " %8" PRIu64, operation_name(opcode).c_str(), operation.requests,
                operation.error_count() + operation.refused);
    if (operation.latency.count() != 0) {
      std::printf(" %10s %10s %10s %10s", duration_text(operation.latency.percentile(50)).c_str(),
                  duration_text(operation.latency.percentile(90)).c_str(),
                  duration_text(operation.latency.percentile(99)).c_str(),
                  duration_text(operation.latency.max()).c_str());
    }
    std::printf("\n");
  }
}

void print_errors(const Statistics& statistics) {
  bool any = false;
  for (const auto& [opcode, operation] : statistics.operations()) {
    for (const auto& [error, count] : operation.errors) {
      if (!any) std::printf("\n%-16s %9s %s\n", "error of", "replies", "errno");
      any = true;
      std::printf("%-16s %9" PRIu64 " %s\n", operation_name(opcode).c_str(), count, to_string(Errno(error)).c_str());
    }
    if (operation.refused != 0) {
      std::printf("%-16s %9" PRIu64 " refused by the kernel\n", operation_name(opcode).c_str(), operation.refused);
    }
  }
}

void print_busiest(const Statistics& statistics) {
  std::printf("\n%9s %9s  %s\n", "requests", "nodeid", "last found as");
  for (const auto& [nodeid, node] : statistics.busiest(kBusiest)) {
    std::printf("%9" PRIu64 " %9" PRIu64 "  %s\n", node.requests, nodeid,
                nodeid == kRootNodeId ? "/" : quoted_text(statistics.path_of(nodeid)).c_str());
  }
}

void print(const Report& report) {
  print_overview(report);
  std::cout.flush();
  print_operations(report.statistics);
  print_errors(report.statistics);
  print_busiest(report.statistics);
  std::printf("\nevent_log_hash %s\n", report.log.hash().c_str());
  std::fflush(stdout);
}

void write_operations(JsonWriter& json, const Statistics& statistics) {
  json.key("operations").begin_object();
  for (const auto& [opcode, operation] : statistics.operations()) {
    const Histogram& latency = operation.latency;
    json.key(operation_name(opcode)).begin_object();
    json.member("requests", operation.requests).member("replies", latency.count()).member("refused", operation.refused);
    json.key("errors").begin_object();
    for (const auto& [error, count] : operation.errors) json.member(to_string(Errno(error)), count);
    json.end_object();
    json.key("latency_ns").begin_object();
    json.member("p50", latency.percentile(50)).member("p90", latency.percentile(90));
    json.member("p99", latency.percentile(99)).member("max", latency.max()).member("total", latency.total());
    json.end_object().end_object();
  }
  json.end_object();
}

std::string to_json(const Report& report) {
  const Statistics& statistics = report.statistics;
  JsonWriter json;
  json.begin_object().key("trace").name(report.path);
  json.member("payload", name_of(report.reader.header().payload));
  json.member("size", file_size(report.path)).member("span_ns", statistics.span());
  json.member("events", report.reader.events()).member("raw_records", report.reader.raw_records());
  json.member("missing", report.reader.missing()).member("truncated", report.reader.truncated());
  json.member("requests", statistics.requests()).member("replies", statistics.replies());
  json.member("notifications", statistics.notifications()).member("nodes", statistics.nodes());
  json.member("opened", statistics.opened())
      .member("opened_past", statistics.opened_past())
      .member("bytes_read", statistics.bytes_read());
  json.member("bytes_written", statistics.bytes_written());
  write_operations(json, statistics);
  json.key("busiest").begin_array();
  for (const auto& [nodeid, node] : statistics.busiest(kBusiest)) {
    json.begin_object().member("nodeid", nodeid).member("requests", node.requests);
    json.key("path").name(statistics.path_of(nodeid)).end_object();
  }
  json.end_array().member("event_log_hash", report.log.hash()).end_object();
  return json.take();
}

Syntax syntax() {
  Syntax syntax{.synopsis = "TRACE [--json FILE]",
                .about = "What a trace holds. Latency is the time from reading a request to answering it.",
                .options = po::options_description("Options"),
                .operands = {"TRACE"},
                .max_operands = 1};
  syntax.options.add_options()("help", "this text")("json", po::value<std::string>()->value_name("FILE"),
                                                    "write the figures as JSON too; - for stdout, alone");
  return syntax;
}

}  // namespace

ExitStatus run_stat(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  const std::string& path = parsed->operands[0];
  auto reader = open_trace(invocation, path);
  if (!reader) return reader.error();
  Statistics statistics;
  EventLog log;
  const ExitStatus status = read_trace(invocation, path, **reader, [&](const Event& event, const Conversation&) {
    statistics.on_event(event);
    log.on_event(event);
  });
  const Report report{path, **reader, statistics, log};
  const JsonTarget target(parsed->options);
  if (target.output() == Output::kText) print(report);
  return worse(status, target.write(invocation, to_json(report)));
}

}  // namespace fusereplay
