// The promise that every trace stands on (core/event/event.h ORDER): no request precedes the reply that enabled it.
// FUSEREPLAY_LONG=1 runs ten million messages.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/session/raw_server.h"
#include "tests/session/recording_sink.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

constexpr unsigned kClients = 4;
constexpr std::uint64_t kMessagesARound = 18;  // about what a round of busy_client.cc causes, replies included
constexpr std::uint64_t kMessagesAMount = 200'000;
constexpr std::uint64_t kMessagesLong = 10'000'000;

struct Slot {
  std::atomic<unsigned> filled{0};
  EventKind kind{};
  Opcode opcode{};
  std::uint32_t pid = 0;
  std::uint64_t unique = 0;
};

/// Puts each event where its number says: live, without a lock, and what was numbered twice or never shows.
class NumberedSink final : public EventSink {
 public:
  explicit NumberedSink(std::size_t capacity) : slots_(capacity) {}

  void on_event(const Event& event) override {
    ++delivered_;
    if (event.sequence == 0 || event.sequence > slots_.size()) return;
    Slot& slot = slots_[event.sequence - 1];
    const RecordedEvent recorded = record(event);
    slot.kind = recorded.kind;
    slot.opcode = recorded.opcode;
    slot.pid = recorded.pid;
    slot.unique = recorded.unique;
    ++slot.filled;
  }

  std::uint64_t delivered() const { return delivered_.load(); }
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  std::vector<Slot> slots_;
  std::atomic<std::uint64_t> delivered_{0};
};

/// Whether the caller sleeps until the reply comes (reference section 0). READ is one here: the files are direct.
bool is_synchronous(Opcode opcode) {
  return expects_reply(opcode) && opcode != Opcode::kInit && opcode != Opcode::kRelease &&
         opcode != Opcode::kReleasedir;
}

/// Walks a conversation in the order of its numbers.
class OrderCheck {
 public:
  void follow(const Slot& slot) {
    if (slot.kind == EventKind::kRequest && is_synchronous(slot.opcode)) {
      request(slot);
    } else if (slot.kind == EventKind::kReply) {
      reply(slot.unique);
    }
  }
  std::uint64_t early_requests() const { return early_requests_; }
  std::uint64_t early_locks() const { return early_locks_; }

 private:
  struct Waiting {
    std::uint32_t pid;
    Opcode opcode;
  };

  void request(const Slot& slot) {
    // Rule K9: a thread asks again only when its reply has come.
    if (!callers_.insert(slot.pid).second) ++early_requests_;
    // Rule K8: MKDIRs exclude each other in one directory; the first one's reply lets the next one in.
    if (slot.opcode == Opcode::kMkdir && mkdirs_++ != 0) ++early_locks_;
    waiting_[slot.unique] = Waiting{slot.pid, slot.opcode};
  }

  void reply(std::uint64_t unique) {
    const auto found = waiting_.find(unique);
    if (found == waiting_.end()) return;  // to an asynchronous request
    callers_.erase(found->second.pid);
    if (found->second.opcode == Opcode::kMkdir) --mkdirs_;
    waiting_.erase(found);
  }

  std::set<std::uint32_t> callers_;  // pids of threads that wait for a reply
  std::map<std::uint64_t, Waiting> waiting_;
  unsigned mkdirs_ = 0;
  std::uint64_t early_requests_ = 0;
  std::uint64_t early_locks_ = 0;
};

class OrderLive : public LiveTest {
 protected:
  /// One mount: 4 device threads, 4 busy clients. The number of messages that passed.
  std::uint64_t converse(Transport transport = Transport::kDevice) {
    RawServer server;
    NumberedSink sink(2 * kMessagesAMount);
    {
      LiveMount mount(server, {.threads = transport == Transport::kDevice ? 4U : 1U,
                               .transport = transport,
                               .observers = {&sink},
                               .mount = {},
                               .deadline = kDeadline});
      std::vector<ChildProcess> clients;
      const std::string rounds = std::to_string(kMessagesAMount / kMessagesARound / kClients);
      for (unsigned i = 0; i < kClients; ++i) {
        clients.push_back(ChildProcess({BUSY_CLIENT, mount.path(), "f" + std::to_string(i), rounds}, ""));
      }
      for (ChildProcess& client : clients) {
        const auto result = client.wait(kDeadline);
        EXPECT_TRUE(result.ok()) << result;
      }
      EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
    }
    check(sink);
    return sink.delivered() - 2;  // marks are no messages
  }

  static constexpr std::chrono::seconds kDeadline{200};

 private:
  void check(const NumberedSink& sink) {
    const std::uint64_t count = sink.delivered();
    ASSERT_LE(count, sink.slots().size());
    OrderCheck order;
    std::uint64_t holes = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (sink.slots()[i].filled != 1) ++holes;
      order.follow(sink.slots()[i]);
    }
    EXPECT_EQ(holes, 0U) << "numbers given twice or never";
    EXPECT_EQ(order.early_requests(), 0U) << "of " << count;
    EXPECT_EQ(order.early_locks(), 0U) << "of " << count;
  }
};

TEST_F(OrderLive, NoRequestPrecedesTheReplyThatEnabledIt) {
  const std::uint64_t goal = std::getenv("FUSEREPLAY_LONG") == nullptr ? kMessagesAMount * 9 / 10 : kMessagesLong;
  std::uint64_t messages = 0;
  while (messages < goal && !HasFailure()) messages += converse();
  std::printf("%llu messages in order\n", static_cast<unsigned long long>(messages));
  RecordProperty("messages", std::to_string(messages));
}

TEST_F(OrderLive, NorDoesItOverRings) {
  const RingSwitch rings;
  if (!rings.obstacle().empty()) GTEST_SKIP() << rings.obstacle();
  EXPECT_GE(converse(Transport::kRing), kMessagesAMount * 9 / 10);
}

}  // namespace
}  // namespace fusereplay::testing
