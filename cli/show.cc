// fusereplay show: a trace, one line a message.
#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cctype>
#include <charconv>
#include <iostream>
#include <optional>

#include "cli/invocation.h"
#include "cli/terminal.h"
#include "cli/trace_input.h"
#include "core/event/conversation.h"
#include "core/text/message_text.h"
#include "traces/payload.h"

namespace fusereplay {

namespace {

namespace po = boost::program_options;

/// Which part of the trace is looked at.
struct Range {
  std::uint64_t first = 0;  // sequence numbers
  std::uint64_t last = UINT64_MAX;
  std::optional<double> seconds;         // after the first event
  std::optional<std::uint64_t> request;  // and its reply

  bool all() const noexcept { return first == 0 && last == UINT64_MAX && !seconds && !request; }
};

/// Which events of it are shown; all that is set must hold.
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

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "A..B", "A.." or "A".
bool read_sequences(std::string_view text, Range& range) {
  const auto dots = text.find("..");
  const auto first = number(text.substr(0, dots));
  if (!first) return false;
  range.first = range.last = *first;
  if (dots == std::string_view::npos) return true;
  const std::string_view rest = text.substr(dots + 2);
  const auto last = rest.empty() ? std::optional(UINT64_MAX) : number(rest);
  if (!last || *last < *first) return false;
  range.last = *last;
  return true;
}

/// The events of the trace, or of a part of it that is found without reading what stands before.
class Part {
 public:
  Part(TraceReader& reader, const Range& range) : reader_(reader), range_(range) {}

  /// Hands each event of the part to visit(event, start of the trace, what its INIT settled).
  template <class Visit>
  ReadOutcome each(Visit visit) {
    Event event;
    ReadOutcome outcome = reader_.next(event);
    if (outcome != ReadOutcome::kEvent) return outcome;
    const std::int64_t start = event.begin;
    if (!range_.all()) outcome = seek(event, start);
    Progress progress("show");
    for (; outcome == ReadOutcome::kEvent; outcome = reader_.next(event)) {
      conversation_.follow(event);
      progress.at(reader_.events());
      if (event.sequence > last_) return ReadOutcome::kEnd;
      if (wanted(event)) visit(event, start, range_.all() ? conversation_.negotiated() : beginning_.negotiated());
    }
    return outcome;
  }

 private:
  /// Messages in which INIT and its reply are looked for.
  static constexpr int kBeginning = 16;

  ReadOutcome seek(Event& event, std::int64_t start) {
    ReadOutcome outcome = ReadOutcome::kEvent;
    for (int i = 0; i < kBeginning && outcome == ReadOutcome::kEvent; ++i) {
      beginning_.follow(event);
      outcome = reader_.next(event);
    }
    if (outcome == ReadOutcome::kDamaged) return outcome;
    first_ = range_.request.value_or(range_.first);
    last_ = range_.last;
    if (range_.seconds) {
      instant_ = start + static_cast<std::int64_t>(*range_.seconds * 1e9);
      reader_.seek_time(*instant_);
    } else {
      reader_.seek_sequence(first_);
    }
    return reader_.next(event);
  }

  bool wanted(const Event& event) {
    if (event.sequence < first_ || (instant_ && event.begin < *instant_)) return false;
    instant_.reset();
    if (!range_.request) return true;
    if (event.sequence == first_) {
      request_ = unique_of(event);
      if (!request_ || event.kind != EventKind::kRequest) last_ = event.sequence;
      return true;
    }
    const bool reply = event.kind == EventKind::kReply && unique_of(event) == request_;
    if (reply) last_ = event.sequence;
    return reply;
  }

  TraceReader& reader_;
  const Range range_;
  Conversation beginning_;
  Conversation conversation_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = UINT64_MAX;
  std::optional<std::int64_t> instant_;
  std::optional<std::uint64_t> request_;  // its unique
};

Syntax syntax() {
  Syntax syntax{.synopsis = "TRACE [options]",
                .about =
                    "Shows the messages of a trace, one line each: sequence, seconds since the first, thread/device,\n"
                    "-> request, <- reply, <~ notification, -- mark. Fields that are zero are left out.",
                .options = po::options_description("Options"),
                .operands = {"TRACE"},
                .max_operands = 1};
  syntax.options.add_options()                                                                                        //
      ("help", "this text")                                                                                           //
      ("opcode", po::value<std::vector<std::string>>()->value_name("NAME"), "only these, e.g. LOOKUP; repeatable")    //
      ("nodeid", po::value<std::uint64_t>()->value_name("N"), "only what speaks of this nodeid")                      //
      ("unique", po::value<std::uint64_t>()->value_name("N"), "only this request and its reply")                      //
      ("seq", po::value<std::string>()->value_name("A..B"), "only messages A to B; A.. or A alone too")               //
      ("at", po::value<double>()->value_name("SECONDS"), "only from this second on, counted from the first message")  //
      ("request", po::value<std::uint64_t>()->value_name("N"), "only message N, a request, and its reply")            //
      ("data", "file data in full, not only its start")                                                               //
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

  Range range;
  if (options.count("seq") != 0 && !read_sequences(options["seq"].as<std::string>(), range)) {
    return invocation.fail("--seq " + options["seq"].as<std::string>() + ": give A..B, numbers of messages");
  }
  if (options.count("at") != 0) {
    range.seconds = options["at"].as<double>();
    if (!(*range.seconds >= 0 && *range.seconds < 1e9)) return invocation.fail("--at: give seconds, 0 or more");
  }
  if (options.count("request") != 0) range.request = options["request"].as<std::uint64_t>();
  if (options.count("seq") + options.count("at") + options.count("request") > 1) {
    return invocation.fail("--seq, --at and --request each name a part of the trace: give one of them");
  }

  const std::string& path = parsed->operands[0];
  auto reader = open_trace(invocation, path);
  if (!reader) return reader.error();
  const Form form = options.count("json") != 0 ? Form::kJson : Form::kText;
  const DataShown wanted = options.count("data") != 0 ? DataShown::kAll : DataShown::kStart;
  const bool sizes_only = (*reader)->header().payload == PayloadPolicy::kNone;
  Part part(**reader, range);
  const ReadOutcome outcome = part.each([&](const Event& event, std::int64_t start, const Negotiated& negotiated) {
    if (!passes(filter, event, negotiated)) return;
    const bool kept = !sizes_only || payload_of(event).bytes.empty();
    print(event, start, negotiated, form, kept ? wanted : DataShown::kSize);
  });
  std::cout.flush();
  return range.all() || outcome == ReadOutcome::kDamaged ? judge_end(invocation, path, **reader, outcome)
                                                         : ExitStatus::kNothingFound;
}

}  // namespace fusereplay
