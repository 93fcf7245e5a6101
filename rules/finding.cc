#include "rules/finding.h"

#include "rules/text.h"

namespace fusereplay {

std::string_view describe(Severity severity) noexcept {
  switch (severity) {
    case Severity::kTolerated:
      return "tolerated";
    case Severity::kReplyDropped:
      return "the reply is dropped";
    case Severity::kErrorToCaller:
      return "an error to the caller";
    case Severity::kLeak:
      return "a leak";
    case Severity::kSilentDamage:
      return "silent damage";
    case Severity::kInodeBad:
      return "the inode is made bad";
    case Severity::kCallerHangs:
      return "the caller hangs";
    case Severity::kMountDead:
      return "the mount is dead";
    case Severity::kImpossible:
      return "impossible";
  }
  return "";
}

std::string quoted(std::string_view name) {
  constexpr std::size_t kShown = 80;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : name.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += name.size() > kShown ? "...\"" : "\"";
  return out;
}

std::string to_string(const Finding& finding) {
  std::string out = text(finding.rule, ": ", finding.what);
  for (const FindingRequest& request : finding.requests) {
    append_text(out, "\n  request: ");
    append_text(out, request.opcode);
    append_text(out, text(" unique ", request.unique));
    if (request.request_sequence != 0) append_text(out, text(", read as #", request.request_sequence));
    if (request.reply_sequence != 0) append_text(out, text(", answered as #", request.reply_sequence));
  }
  if (finding.nodeid != 0) append_text(out, text("\n  nodeid: ", finding.nodeid));
  append_text(out, text("\n  kernel: ", finding.kernel, "\n  source: ", finding.source));
  return out;
}

}  // namespace fusereplay
