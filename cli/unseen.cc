#include "cli/unseen.h"

#include "core/event/conversation.h"
#include "core/protocol/flags.h"
#include "core/protocol/view.h"
#include "core/text/readable.h"

namespace fusereplay {

void UnseenOpens::on_event(const Event& event) {
  if (event.kind != EventKind::kReply || event.result < 0 || event.request == nullptr) return;
  const Opcode opcode = event.request->opcode;
  if (opcode != Opcode::kOpen && opcode != Opcode::kCreate && opcode != Opcode::kTmpfile) return;
  const auto header = read_out_header(event.message);
  if (!header || header->error != 0) return;
  const auto reply = ReplyView::parse(event.message, opcode, false);
  if (reply && goes_past_filesystem(reply->fixed<wire::OpenOut>().open_flags)) ++count_;
}

std::string unseen_text(std::uint64_t opens) {
  return count_text(opens, "open") + " went past the filesystem (passthrough): what they read and wrote is not seen";
}

}  // namespace fusereplay
