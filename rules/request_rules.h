// What the client may ask: rules K1, K2, K3, K9, K15, K19. A break means a broken capture, or a broken kernel model.
#pragma once

#include <cstdint>

#include "core/flat_map.h"
#include "rules/reporter.h"
#include "rules/stream_state.h"

namespace fusereplay {

class RequestRules {
 public:
  RequestRules(Reporter& reporter, const StreamState& stream) : reporter_(reporter), stream_(stream) {}

  void on_request(const RequestStep& step);
  void on_reply(const ReplyStep& step);
  /// The connection is gone, or a new one begins.
  void reset() noexcept;

 private:
  struct Waiting {
    std::uint64_t unique = 0;
    std::uint64_t sequence = 0;
    std::uint32_t pid = 0;
    Opcode opcode{};
  };

  void check_first(const RequestStep& step);
  void check_unique(const RequestStep& step);
  void check_interrupt(const RequestStep& step);
  void check_task(const RequestStep& step);
  /// Takes the request that this task waits for out of waiting_; unique 0 where there is none.
  Waiting take_waiting(std::uint32_t pid) noexcept;
  void check_sizes(const RequestStep& step);
  void check_names(const RequestStep& step);
  void check_rename(const RequestStep& step);

  Reporter& reporter_;
  const StreamState& stream_;
  Waiting last_;  // the task that asked last, while it waits: mostly the only one. Unique 0: it does not
  FlatMap<std::uint64_t, Waiting> waiting_;  // by pid: the others
  bool late_start_reported_ = false;
  // Rule K2: uniques ascend in the order of reads, which the sequence shows as long as one thread reads.
  std::uint64_t last_unique_ = 0;         // the highest of all
  std::uint64_t last_queued_unique_ = 0;  // the highest but for forgets
  std::uint32_t reader_thread_ = 0;
  bool reader_known_ = false;
  bool several_readers_ = false;
};

}  // namespace fusereplay
