// The one event: something passed between a client and a server, as every observer sees it.
//
// Sources make events: a live session, a replayer, a kernel model, a trace reader. Sinks listen: trace writer, ledgers,
// rules, statistics. A sink does not know which source feeds it.
//
// ORDER. Each connection has one sequence, counted from 1 without gaps. A request takes its number when read(2) on the
// device has returned; a reply takes its number BEFORE its write(2) starts. The kernel wakes the waiting caller inside
// write(2), so the next request that this caller sends is always numbered after the reply that let it go: no request
// precedes the reply that enabled it (proven by tests/session/order_test.cc). So does a notification that never waits;
// one that may wait (core/protocol/opcode.h may_wait) takes its number when its write(2) has returned, so what it
// brought about may precede it.
#pragma once

#include <cstdint>

#include "core/protocol/message.h"
#include "core/protocol/opcode.h"

namespace fusereplay {

struct RequestContext;

enum class EventKind : std::uint8_t {
  kRequest = 1,
  kReply = 2,
  kNotification = 3,
  kMark = 4,
};

/// Things that are no messages. A mark has an empty message.
enum class Mark : std::uint8_t {
  kNone = 0,
  kMounted = 1,     // the mount(2) is done; INIT follows or is under way
  kUnmounted = 2,   // read(2) said ENODEV: all counts and handles are void (rule F11)
  kAborted = 3,     // the connection was aborted under the server
  kServerDied = 4,  // the server ended before the kernel did
};

/// One event. Views are valid during on_event only.
struct Event {
  EventKind kind = EventKind::kRequest;
  Mark mark = Mark::kNone;
  std::uint64_t sequence = 0;  // see ORDER above
  std::int64_t begin = 0;      // ns since the epoch (CLOCK_REALTIME): read returned, or write starts
  std::int64_t end = 0;        // ns since the epoch: write returned; equals begin for requests and marks
  std::uint32_t thread = 0;    // kernel thread id that read or wrote it
  std::uint32_t channel = 0;   // which device fd: 0 for the first, then the clones in order
  std::int64_t result = 0;     // what read(2) or write(2) returned: bytes, or a negative errno
  Message message;
  /// For replies in an ordered stream: the outstanding request it answers, null when there is none (rule R1). For
  /// requests: itself. Null in unordered streams. Set by Conversation (core/event/conversation.h).
  const RequestContext* request = nullptr;
};

/// Listens to events. An *ordered* sink is called from one thread at a time with sequences ascending; a *live* sink is
/// called on the threads that serve requests, in any order between threads, and must be fast: no lock held long, no
/// blocking, no allocation. Each class says which it is.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_event(const Event& event) = 0;
  /// Whether it looks at the data of files. Where no sink of a source does, unseen_data() (core/event/unseen_data.h)
  /// may stand for the data in a READ's reply: zeros, as many as there were. Does not change.
  virtual bool wants_file_data() const noexcept { return true; }
};

}  // namespace fusereplay
