#include "testing/conversation_log.h"

#include <ostream>
#include <utility>

#include "core/text/message_text.h"
#include "core/text/readable.h"

namespace fusereplay::testing {

std::ostream& operator<<(std::ostream& out, const AskedRequest& request) {
  out << opcode_name(request.opcode) << " nodeid=" << request.nodeid;
  for (const std::string& name : request.names) out << ' ' << quoted_text(name);
  return out;
}

void ConversationLog::on_event(const Event& event) {
  Event followed = event;
  conversation_.follow(followed);  // for what INIT settled; who sends has its own
  if (events_++ == 0) start_ = event.begin;
  if (lines_.size() == kLines) lines_.pop_front();
  lines_.push_back(event_text(followed, start_, conversation_.negotiated(), DataShown::kStart));
  if (event.kind != EventKind::kRequest || !followed.request->known) return;
  const RequestView& view = followed.request->view;
  AskedRequest asked{
      .opcode = followed.request->opcode, .nodeid = view.nodeid(), .names = {}, .pid = view.header().pid};
  for (std::size_t i = 0; i < view.layout().names; ++i) asked.names.emplace_back(view.name(i));
  asked_.push_back(std::move(asked));
}

std::vector<AskedRequest> ConversationLog::take_asked() {
  return std::exchange(asked_, {});
}

std::string ConversationLog::text() const {
  std::string text;
  if (events_ > lines_.size()) text = "(" + std::to_string(events_ - lines_.size()) + " messages before)\n";
  for (const std::string& line : lines_) text += line + '\n';
  return text;
}

}  // namespace fusereplay::testing
