// fusereplay check: the rules over recorded conversations.
#include <boost/program_options/value_semantic.hpp>
#include <iostream>

#include "cli/findings.h"
#include "cli/invocation.h"
#include "cli/trace_input.h"
#include "cli/unseen.h"
#include "core/text/json.h"
#include "rules/rule_set.h"
#include "traces/event_log.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

Syntax syntax() {
  Syntax syntax{.synopsis = "TRACE... [--json FILE]",
                .about =
                    "Checks that both sides kept the contract of the protocol: lookup counts, handles, replies. Each\n"
                    "finding names the rule, the requests, what a kernel does about it, and where that is decided.",
                .options = po::options_description("Options"),
                .operands = {"TRACE"},
                .max_operands = SIZE_MAX};
  syntax.options.add_options()("help", "this text")("json", po::value<std::string>()->value_name("FILE"),
                                                    "write the findings as JSON too; - for stdout, alone");
  return syntax;
}

/// Checks one trace, prints what was found unless `json_only`, appends it to `json`.
ExitStatus check_trace(const Invocation& invocation, const std::string& path, Output output, JsonWriter& json) {
  auto reader = open_trace(invocation, path);
  if (!reader) return reader.error();
  RuleSet rules;
  EventLog log;
  UnseenOpens unseen;
  ExitStatus status = read_trace(invocation, path, **reader, [&](const Event& event, const Conversation&) {
    rules.on_event(event);
    log.on_event(event);
    unseen.on_event(event);
  });
  rules.finish();
  if (rules.total() != 0) status = worse(status, ExitStatus::kFindings);
  if (output == Output::kText) {
    print_findings(path, (*reader)->events(), rules);
    if (unseen.count() != 0) std::cout << unseen_text(unseen.count()) << '\n';
    std::cout << "event_log_hash " << log.hash() << '\n';
  }
  json.begin_object().key("trace").name(path);
  json.member("events", (*reader)->events()).member("missing", (*reader)->missing());
  json.member("truncated", (*reader)->truncated()).member("event_log_hash", log.hash());
  json.member("opened_past", unseen.count());
  write_findings(json, rules);
  json.end_object();
  return status;
}

}  // namespace

ExitStatus run_check(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  const JsonTarget target(parsed->options);
  JsonWriter json;
  json.begin_object().key("traces").begin_array();
  ExitStatus status = ExitStatus::kNothingFound;
  for (const std::string& path : parsed->operands) {
    status = worse(status, check_trace(invocation, path, target.output(), json));
  }
  json.end_array().end_object();
  return worse(status, target.write(invocation, json.take()));
}

}  // namespace fusereplay
