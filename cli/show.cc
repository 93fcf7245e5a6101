// fusereplay show: a trace, one line a message.
#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cctype>
#include <iostream>
#include <optional>

#include "cli/invocation.h"
#include "cli/message_text.h"
#include "cli/text.h"
#include "cli/trace_input.h"
#include "core/event/conversation.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

/// Which events are shown; all that is set must hold.
struct Filter {
  std::vector<std::string> opcodes;  // names in capitals; empty for all
  std::optional<std::uint64_t> nodeid;
  std::optional<std::uint64_t> unique;
};

std::optional<std::uint64_t> unique_of(const Event& event) {
  if (event.kind == EventKind::kMark || event.kind == EventKind::kNotification) return std::nullopt;
  if (event.kind == EventKind::kRequest) {
    const auto header = read_in_header(event.message.head);
    return header ? std::optional(header->unique) : std::nullopt;
  }
  const auto header = read_out_header(event.message);
  return header ? std::optional(header->unique) : std::nullopt;
}

bool passes(const Filter& filter, const Event& event, const Negotiated& negotiated) {
  if (!filter.opcodes.empty() &&
      std::find(filter.opcodes.begin(), filter.opcodes.end(), event_name(event)) == filter.opcodes.end()) {
    return false;
  }
  if (filter.unique && unique_of(event) != filter.unique) return false;
  return !filter.nodeid || mentions_node(event, *filter.nodeid, negotiated);
}

enum class Form : std::uint8_t { kText, kJson };

void print(const Event& event, std::int64_t start, const Negotiated& negotiated, Form form, DataShown data) {
  if (form == Form::kJson) {
    std::cout << event_json(event, negotiated, data) << '\n';
    return;
  }
  const bool refused = event.kind == EventKind::kReply && event.result < 0;
  const Style& style = stdout_style();
  std::cout << (refused ? style.bad : "") << event_text(event, start, negotiated, data) << (refused ? style.reset : "")
            << '\n';
}

/// "lookup" and "LOOKUP" alike; nothing for what is neither an opcode nor a notification.
std::optional<std::string> known_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const Opcode opcode : all_opcodes()) {
    if (opcode_name(opcode) == name) return name;
  }
  for (const NotifyCode code : all_notify_codes()) {
    if (notify_name(code) == name) return name;
  }
  return std::nullopt;
}

Syntax syntax() {
  Syntax syntax{.synopsis = "TRACE [options]",
                .about =
                    "Shows the messages of a trace, one line each: sequence, seconds since the first, thread/device,\n"
                    "-> request, <- reply, <~ notification, -- mark. Fields that are zero are left out.",
                .options = po::options_description("Options"),
                .operands = {"TRACE"},
                .max_operands = 1};
  syntax.options.add_options()                                                                                      //
      ("help", "this text")                                                                                         //
      ("opcode", po::value<std::vector<std::string>>()->value_name("NAME"), "only these, e.g. LOOKUP; repeatable")  //
      ("nodeid", po::value<std::uint64_t>()->value_name("N"), "only what speaks of this nodeid")                    //
      ("unique", po::value<std::uint64_t>()->value_name("N"), "only this request and its reply")                    //
      ("data", "file data in full, not only its start")                                                             //
      ("json", "one JSON object a line, with every field");
  return syntax;
}

}  // namespace

ExitStatus run_show(const Invocation& invocation) {
  const auto parsed = parse(invocation, syntax());
  if (!parsed) return parsed.error();
  const po::variables_map& options = parsed->options;
  Filter filter;
  if (options.count("opcode") != 0) {
    for (const std::string& name : options["opcode"].as<std::vector<std::string>>()) {
      auto known = known_name(name);
      if (!known)
        return invocation.fail("--opcode " + name + ": no such request; names are the protocol's, e.g. LOOKUP");
      filter.opcodes.push_back(std::move(*known));
    }
  }
  if (options.count("nodeid") != 0) filter.nodeid = options["nodeid"].as<std::uint64_t>();
  if (options.count("unique") != 0) filter.unique = options["unique"].as<std::uint64_t>();

  const std::string& path = parsed->operands[0];
  auto reader = open_trace(invocation, path);
  if (!reader) return reader.error();
  const Form form = options.count("json") != 0 ? Form::kJson : Form::kText;
  const DataShown data = options.count("data") != 0 ? DataShown::kAll : DataShown::kStart;
  std::optional<std::int64_t> start;
  const ExitStatus status =
      read_trace(invocation, path, **reader, [&](const Event& event, const Conversation& conversation) {
        if (!start) start = event.begin;
        if (!passes(filter, event, conversation.negotiated())) return;
        print(event, *start, conversation.negotiated(), form, data);
      });
  std::cout.flush();
  return status;
}

}  // namespace fusereplay
