#include "cli/findings.h"

#include <iostream>

#include "cli/terminal.h"
#include "core/text/readable.h"

namespace fusereplay {

JsonTarget::JsonTarget(const boost::program_options::variables_map& options) {
  if (options.count("json") != 0) path_ = options["json"].as<std::string>();
}

ExitStatus JsonTarget::write(const Invocation& invocation, std::string_view json) const {
  if (path_.empty()) return ExitStatus::kNothingFound;
  return write_report(invocation, path_, std::string(json) + "\n");
}

void print_findings(std::string_view subject, std::uint64_t events, const RuleSet& rules) {
  const Style& style = stdout_style();
  for (const Finding& finding : rules.findings()) {
    std::cout << style.bad << "finding " << style.reset << to_string(finding) << "\n\n";
  }
  const std::uint64_t kept = rules.findings().size();
  std::cout << subject << ": " << count_text(events, "event") << ", " << (rules.total() == 0 ? style.good : style.bad)
            << count_text(rules.total(), "finding") << style.reset;
  if (kept != rules.total()) std::cout << " (" << kept << " shown)";
  std::cout << '\n';
}

void write_findings(JsonWriter& json, const RuleSet& rules) {
  json.key("findings").begin_array();
  for (const Finding& finding : rules.findings()) {
    json.begin_object().member("rule", finding.rule).member("severity", describe(finding.severity));
    json.member("what", finding.what).member("nodeid", finding.nodeid).member("sequence", finding.sequence);
    json.member("time", finding.time).member("kernel", finding.kernel).member("source", finding.source);
    json.key("requests").begin_array();
    for (const FindingRequest& request : finding.requests) {
      json.begin_object().member("unique", request.unique).member("opcode", opcode_name(request.opcode));
      json.member("request_sequence", request.request_sequence).member("reply_sequence", request.reply_sequence);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().member("total", rules.total());
}

}  // namespace fusereplay
