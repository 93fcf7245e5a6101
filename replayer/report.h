// What a replay found: every difference under the one that it follows from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/protocol/opcode.h"

namespace fusereplay {

/// Why a difference stands where it does (replayer/causes.h).
enum class DivergenceLink : std::uint8_t {
  kCause,       // nothing before it explains it
  kSameObject,  // it involves an inode or a name that its cause, or a follower of that, left different
  kSameField,   // the same kind of difference elsewhere
};

/// One reply that differs from the recorded one.
struct Divergence {
  std::uint64_t sequence = 0;          // of the recorded reply
  std::uint64_t request_sequence = 0;  // of the recorded request
  std::uint64_t unique = 0;
  std::uint64_t nodeid = 0;  // the request's, as recorded
  Opcode opcode{};
  DivergenceLink link = DivergenceLink::kCause;
  std::string field;     // "error", "attr.size", "entries[2].name", "data[17]", "reply" where there was none, "nodeid"
                         // where no live node stands for the one that is asked about
  std::string recorded;  // its value, as a person reads it
  std::string live;
  std::string request;         // one line, as it was delivered: with live ids
  std::string recorded_reply;  // one line; empty where there was none
  std::string live_reply;      // the same
  // What a cause is about; empty for a follower.
  std::vector<std::uint64_t> nodes;  // as recorded
  std::vector<std::uint64_t> names;  // of directory entries, name_key() (replayer/causes.h)
};

/// A difference that nothing before it explains, and what follows from it.
struct RootCause {
  Divergence divergence;
  std::vector<Divergence> followers;  // the first ReplayOptions::kept_followers, in the order found
  std::uint64_t follower_count = 0;   // all of them
};

/// What was seen. All counts are the same in every replay of the same trace against the same server.
struct ReplayCounts {
  std::uint64_t events = 0;           // recorded events taken
  std::uint64_t requests = 0;         // delivered to the server
  std::uint64_t replies = 0;          // compared
  std::uint64_t overlapping = 0;      // requests that overlapped another one
  std::uint64_t retried = 0;          // attempts whose reply was refused because another order was needed
  std::uint64_t brought_forward = 0;  // changing requests delivered early to explain another's reply
  std::uint64_t unanswered = 0;       // recorded requests without a recorded reply: not delivered
  std::uint64_t stray_replies = 0;    // recorded replies to no request: the kernel refused them
  std::uint64_t unbound_ids = 0;      // ids in requests that no reply had made: passed on as they were
  std::uint64_t synthetic = 0;        // requests beyond the recording, see replayer/synthetic.h; not in `requests`
  std::uint64_t withheld = 0;         // requests on what a difference left without a live counterpart: not delivered
  std::uint64_t unreadable = 0;       // recorded messages not laid out as 7.45 says: passed on, compared as bytes
  std::uint64_t tolerated_concurrent_attributes = 0;  // fields, see Tolerances::concurrent
  std::uint64_t tolerated_usage = 0;                  // fields
  std::uint64_t tolerated_ignored = 0;                // fields that differed where each implementation may choose
  std::uint64_t opened_past = 0;       // opens whose reads and writes the recorded kernel made by itself: not seen
  std::uint64_t tolerated_unseen = 0;  // attributes, and READs, of what may have been written by these
  std::uint64_t compared_by_size = 0;  // READs: the trace does not keep all it takes to say more
  std::uint64_t recorded_notifications = 0;
  std::uint64_t live_notifications = 0;  // not compared: when a server sends one is its own affair
  std::uint64_t divergences = 0;         // causes and followers
  std::uint64_t expected = 0;  // differences of ReplayOptions::expected and what follows; not in `divergences`
  std::uint64_t causes = 0;
};

enum class ReplayEnd : std::uint8_t {
  kComplete,  // every event of the source was replayed
  kStopped,   // ReplayOptions::stop_after divergences were found
  kHung,      // the server left requests unanswered with nothing left to run; it was not disconnected
};

struct ReplayReport {
  ReplayEnd end = ReplayEnd::kComplete;
  ReplayCounts counts;
  std::vector<RootCause> causes;  // the first ReplayOptions::kept_causes of them, in the order found

  bool same() const noexcept { return counts.divergences == 0 && end == ReplayEnd::kComplete; }
};

/// "seq 42 GETATTR unique 18 nodeid 3: attr.size was 4096, is 0".
std::string describe(const Divergence& divergence);
/// "same inode or name", "same field": why a follower is one. Empty for a cause.
std::string_view describe(DivergenceLink link) noexcept;

}  // namespace fusereplay
