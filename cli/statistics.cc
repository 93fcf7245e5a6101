#include "cli/statistics.h"

#include <algorithm>
#include <numeric>

#include "core/event/conversation.h"
#include "core/protocol/flags.h"

namespace fusereplay {

std::uint64_t OperationStatistics::error_count() const noexcept {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& error) { return sum + error.second; });
}

void Statistics::on_event(const Event& event) {
  if (first_ == 0) first_ = event.begin;
  last_ = std::max({last_, event.begin, event.end});
  switch (event.kind) {
    case EventKind::kRequest:
      on_request(event);
      break;
    case EventKind::kReply:
      on_reply(event);
      break;
    case EventKind::kNotification:
      ++notifications_;
      break;
    case EventKind::kMark:
      ++marks_;
      break;
  }
}

NodeStatistics& Statistics::node(std::uint64_t nodeid) {
  if (nodes_.size() >= kMostNodes && nodes_.count(nodeid) == 0) {
    std::vector<std::uint64_t> requests;
    requests.reserve(nodes_.size());
    for (const auto& [id, known] : nodes_) requests.push_back(known.requests);
    std::nth_element(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(requests.size() / 2),
                     requests.end());
    const std::uint64_t most = requests[requests.size() / 2];
    given_up_ += std::erase_if(nodes_, [&](const auto& entry) { return entry.second.requests <= most; });
  }
  return nodes_[nodeid];
}

void Statistics::on_request(const Event& event) {
  ++requests_;
  const auto header = read_in_header(event.message.head);
  if (!header) return;
  ++operations_[static_cast<Opcode>(header->opcode)].requests;
  if (header->nodeid != 0) ++node(header->nodeid).requests;
}

void Statistics::on_reply(const Event& event) {
  ++replies_;
  const auto header = read_out_header(event.message);
  if (event.request == nullptr || !header) return;
  OperationStatistics& operation = operations_[event.request->opcode];
  operation.latency.add(event.begin - event.request->begin);
  if (event.result < 0) {
    ++operation.refused;
  } else if (header->error != 0) {
    ++operation.errors[-header->error];
  } else if (event.request->known) {
    on_success(event);
  }
}

void Statistics::on_success(const Event& event) {
  const RequestContext& request = *event.request;
  const auto reply = ReplyView::parse(event.message, request.opcode, request.asks_size);
  if (!reply) return;
  for (const StructId id : reply->layout().structs) {
    if (id == StructId::kOpenOut) {
      ++opened_;
      const bool file = request.opcode != Opcode::kOpendir;
      if (file && goes_past_filesystem(reply->fixed<wire::OpenOut>().open_flags)) ++opened_past_;
    }
    if (id == StructId::kWriteOut) bytes_written_ += reply->fixed<wire::WriteOut>().size;
    if (id == StructId::kEntryOut && request.view.layout().names > 0) {
      const auto entry = reply->fixed<wire::EntryOut>();
      if (entry.nodeid == 0) continue;
      NodeStatistics& found = node(entry.nodeid);
      found.parent = request.view.nodeid();
      found.name = request.view.name(0);
    }
  }
  if (request.opcode == Opcode::kRead) bytes_read_ += reply->tail().size();
}

std::vector<std::pair<std::uint64_t, NodeStatistics>> Statistics::busiest(std::size_t count) const {
  std::vector<std::pair<std::uint64_t, NodeStatistics>> sorted(nodes_.begin(), nodes_.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.requests != b.second.requests ? a.second.requests > b.second.requests : a.first < b.first;
  });
  if (sorted.size() > count) sorted.resize(count);
  return sorted;
}

std::string Statistics::path_of(std::uint64_t nodeid) const {
  constexpr std::size_t kMaxDepth = 128;  // a hostile trace may name a cycle
  std::string path;
  for (std::size_t depth = 0; nodeid != kRootNodeId; ++depth) {
    const auto node = nodes_.find(nodeid);
    if (node == nodes_.end() || node->second.parent == 0 || depth == kMaxDepth) {
      return "node " + std::to_string(nodeid) + path;
    }
    path.insert(0, "/" + node->second.name);
    nodeid = node->second.parent;
  }
  return path.empty() ? "/" : path;
}

}  // namespace fusereplay
