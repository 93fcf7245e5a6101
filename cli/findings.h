// How findings are shown, and where a verb's JSON goes.
#pragma once

#include <boost/program_options/variables_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/invocation.h"
#include "core/text/json.h"
#include "rules/rule_set.h"

namespace fusereplay {

/// What goes to stdout: the text for people, or nothing because the JSON does.
enum class Output : std::uint8_t { kText, kJsonOnly };

/// The --json option of a verb.
class JsonTarget {
 public:
  explicit JsonTarget(const boost::program_options::variables_map& options);
  Output output() const noexcept { return path_ == "-" ? Output::kJsonOnly : Output::kText; }
  /// Writes the report where --json says; nowhere without it. Failures are reported here.
  ExitStatus write(const Invocation& invocation, std::string_view json) const;

 private:
  std::string path_;  // empty without --json
};

/// "check: ..., 2 findings" and the findings, on stdout.
void print_findings(std::string_view subject, std::uint64_t events, const RuleSet& rules);
/// Members "findings" (those kept) and "total" (all) of the current object.
void write_findings(JsonWriter& json, const RuleSet& rules);

}  // namespace fusereplay
