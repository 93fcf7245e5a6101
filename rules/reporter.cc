#include "rules/reporter.h"

#include <numeric>

namespace fusereplay {

std::uint64_t Reporter::total() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void Reporter::keep(RuleId id, const Event& event, const RequestContext* request, std::uint64_t nodeid,
                    std::string what) {
  const RuleInfo& rule = rule_info(id);
  Finding finding;
  finding.id = id;
  finding.rule = rule.number;
  finding.severity = rule.severity;
  finding.what = std::move(what);
  if (request != nullptr) {
    finding.requests.push_back({.unique = request->unique,
                                .opcode = request->opcode,
                                .request_sequence = request->sequence,
                                .reply_sequence = event.kind == EventKind::kReply ? event.sequence : 0});
  }
  finding.nodeid = nodeid;
  finding.sequence = event.sequence;
  finding.time = event.begin;
  finding.kernel = rule.kernel;
  finding.source = rule.source;
  findings_.push_back(std::move(finding));
  if (sink_ != nullptr) sink_->on_finding(findings_.back());
}

}  // namespace fusereplay
