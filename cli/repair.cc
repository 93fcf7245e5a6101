// fusereplay repair: a whole trace from one that was cut off or damaged.
#include "traces/repair.h"

#include <boost/program_options/value_semantic.hpp>
#include <iostream>

#include "cli/invocation.h"
#include "core/text/readable.h"
#include "recorder/ring_drain.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

Syntax syntax() {
  Syntax syntax{
      .synopsis = "TRACE NEW-TRACE [--overwrite]",
      .about =
          "Writes a new trace with every sound block of a trace that was cut off or damaged, and with what its\n"
          "recorder had captured and not yet written when it was killed (TRACE.rings). TRACE stays as it is.",
      .options = po::options_description("Options"),
      .operands = {"TRACE", "NEW-TRACE"},
      .max_operands = 2};
  syntax.options.add_options()("help", "this text")("overwrite", "replace NEW-TRACE if it exists");
  return syntax;
}

void print_report(const std::string& path, const RepairReport& report, const RingDrain& rings) {
  std::cout << path << ": " << count_text(report.events, "event");
  if (rings.rings() != 0)
    std::cout << ", " << report.late_events << " of them from " << count_text(rings.rings(), "ring");
  if (report.was_whole) std::cout << "; nothing was wrong";
  std::cout << '\n';
  if (report.lost_bytes != 0) std::cout << count_text(report.lost_bytes, "byte") << " that are no block left out\n";
  if (report.lost_blocks != 0) std::cout << count_text(report.lost_blocks, "damaged block") << " left out\n";
  if (rings.lost() != 0) std::cout << count_text(rings.lost(), "event") << " too large to be kept by a ring lost\n";
  std::cout.flush();
}

}  // namespace

ExitStatus run_repair(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  const std::string& from = parsed->operands[0];
  const std::string& to = parsed->operands[1];
  RingDrain rings(ring_directory(from));
  const auto existing = parsed->options.count("overwrite") != 0 ? ExistingTrace::kOverwrite : ExistingTrace::kRefuse;
  const auto report = repair_trace(from, to, rings, existing);
  if (!report) return invocation.fail(report.error().message);
  print_report(to, *report, rings);
  if (report->missing == 0) return ExitStatus::kNothingFound;
  return invocation.fail(to + ": " + count_text(report->missing, "event") + " lost", ExitStatus::kCaptureIncomplete);
}

}  // namespace fusereplay
