// What a conversation consisted of: operations, latencies, errors, files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/histogram.h"
#include "core/event/event.h"

namespace fusereplay {

/// One kind of request.
struct OperationStatistics {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;                     // replies that the kernel did not take
  std::map<std::int32_t, std::uint64_t> errors;  // by positive errno
  Histogram latency;                             // ns from the end of read(2) to the start of the reply's write(2)

  std::uint64_t error_count() const noexcept;
};

/// A node that requests were sent to.
struct NodeStatistics {
  std::uint64_t requests = 0;
  std::uint64_t parent = 0;  // and the name under which it was last found there
  std::string name;
};

/// An *ordered* sink; Event::request must be set. Of more nodes than kMostNodes at once those with fewest requests are
/// given up, so that memory does not grow with the conversation.
class Statistics : public EventSink {
 public:
  Statistics() = default;
  void on_event(const Event& event) override;

  const std::map<Opcode, OperationStatistics>& operations() const noexcept { return operations_; }
  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t replies() const noexcept { return replies_; }
  std::uint64_t notifications() const noexcept { return notifications_; }
  std::uint64_t marks() const noexcept { return marks_; }
  std::uint64_t opened() const noexcept { return opened_; }  // handles granted
  /// Of these, those whose reads and writes the kernel makes by itself.
  std::uint64_t opened_past() const noexcept { return opened_past_; }
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }        // by READ
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }  // by WRITE, as acknowledged
  std::int64_t span() const noexcept { return last_ - first_; }            // ns from the first event to the last
  /// Nodes seen; one that was given up counts again when it comes back.
  std::size_t nodes() const noexcept { return nodes_.size() + given_up_; }

  /// The `count` nodes with most requests, busiest first.
  std::vector<std::pair<std::uint64_t, NodeStatistics>> busiest(std::size_t count) const;
  /// "/dir/file" as last known; "node 17" where the trace never told a name.
  std::string path_of(std::uint64_t nodeid) const;

 private:
  static constexpr std::size_t kMostNodes = 65'536;

  NodeStatistics& node(std::uint64_t nodeid);
  void on_request(const Event& event);
  void on_reply(const Event& event);
  void on_success(const Event& event);

  std::map<Opcode, OperationStatistics> operations_;
  std::unordered_map<std::uint64_t, NodeStatistics> nodes_;
  std::size_t given_up_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t replies_ = 0;
  std::uint64_t notifications_ = 0;
  std::uint64_t marks_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t opened_past_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
};

}  // namespace fusereplay
