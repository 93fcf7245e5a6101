// What a server may answer, entries and attributes apart: rules R1 to R3, R9, R11 to R15, R17, R20.
#pragma once

#include <cstdint>
#include <vector>

#include "core/flat_map.h"
#include "rules/reporter.h"
#include "rules/stream_state.h"

namespace fusereplay {

class ReplyRules {
 public:
  ReplyRules(Reporter& reporter, const StreamState& stream) : reporter_(reporter), stream_(stream) {}

  void on_request(const RequestStep& step);
  void on_reply(const ReplyStep& step);
  /// The stream has ended: requests that nobody tried to answer, if the mount ended in peace.
  void finish(const Event& last_event);
  /// A new connection begins.
  void reset() noexcept;

 private:
  /// A request, as long as it is remembered.
  struct Seen {
    std::uint64_t unique = 0;
    std::uint64_t sequence = 0;
    std::uint64_t nodeid = 0;
    Opcode opcode{};
    bool untried = false;  // outstanding, and no reply was tried
  };
  static constexpr std::size_t kFirstRemembered = 16;  // powers of two
  static constexpr std::size_t kMostRemembered = 1024;

  Seen& remembered(std::uint64_t unique) noexcept { return history_[(unique >> 1) & (history_.size() - 1)]; }
  void grow_history();
  void remember(const Seen& seen);
  /// A reply was tried, or the request was sent again.
  void set_tried(std::uint64_t unique) noexcept;
  void report_unwanted(const ReplyStep& step);
  void check_form(const ReplyStep& step);
  void check_interrupt_reply(const ReplyStep& step);
  void check_body(const ReplyStep& step);
  void check_write(const ReplyStep& step);
  void check_dirents(const ReplyStep& step);
  void check_offsets(const ReplyStep& step);
  void check_xattr_list(const ReplyStep& step);
  void check_lock(const ReplyStep& step);
  void check_open_flags(const ReplyStep& step);
  void check_init(const ReplyStep& step);

  Reporter& reporter_;
  const StreamState& stream_;
  // By unique, the latest of each place: names what a late reply answers. Grows until it has kMostRemembered places.
  std::vector<Seen> history_ = std::vector<Seen>(kFirstRemembered);
  FlatMap<std::uint64_t, Seen> untried_;  // by unique: those untried that a later one took the place of
  std::vector<std::uint64_t> offsets_;    // of one listing, kept for its storage
};

}  // namespace fusereplay
