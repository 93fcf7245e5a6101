// A kernel's place taken by a test: sends requests to a server on any number of threads and records the conversation
// as a live session does (core/event/event.h, ORDER).
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string_view>
#include <vector>

#include "core/async/clock.h"
#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "core/protocol/view.h"
#include "core/server/server.h"
#include "replayer/recorded_events.h"

namespace fusereplay::test {

struct StoredEvent {
  Event event;
  std::vector<std::byte> bytes;
};
using Recording = std::vector<StoredEvent>;

/// A recording as a source.
class RecordingEvents final : public RecordedEvents {
 public:
  explicit RecordingEvents(const Recording& recording) : recording_(recording) {}
  bool next(Event& event) override {
    if (next_ == recording_.size()) return false;
    const StoredEvent& stored = recording_[next_++];
    event = stored.event;
    event.message = Message{.head = stored.bytes, .tail = {}, .owner = nullptr};
    return true;
  }

 private:
  const Recording& recording_;
  std::size_t next_ = 0;
};

/// What the callers of one mount share.
class Mount {
 public:
  static constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

  /// `clock`, if any, gives the events' times; else they are invented.
  explicit Mount(Server& server, const Clock* clock = nullptr) : server_(server), clock_(clock) {}
  Server& server() noexcept { return server_; }
  std::uint64_t next_sequence() noexcept { return sequence_.fetch_add(1) + 1; }
  std::uint64_t next_unique() noexcept { return unique_.fetch_add(2) + 2; }
  std::int64_t time_of(std::uint64_t sequence) const noexcept {
    return clock_ != nullptr ? clock_->realtime() : kStart + static_cast<std::int64_t>(sequence) * 1000;
  }

 private:
  Server& server_;
  const Clock* const clock_;
  std::atomic<std::uint64_t> sequence_{0};
  std::atomic<std::uint64_t> unique_{0};
};

/// The reply to one request.
struct Reply {
  int error = 0;  // positive
  std::vector<std::byte> body;

  bool ok() const noexcept { return error == 0; }
  template <class Struct>
  Struct get(std::size_t offset = 0) const {
    Struct value{};
    if (body.size() >= offset + sizeof(value)) {
      std::memcpy(static_cast<void*>(&value), body.data() + offset, sizeof(value));
    }
    return value;
  }
  std::uint64_t nodeid() const { return ok() ? get<wire::EntryOut>().nodeid : 0; }
  std::uint64_t handle() const { return get<wire::OpenOut>().fh; }
  std::uint64_t created_handle() const { return get<wire::OpenOut>(sizeof(wire::EntryOut)).fh; }
};

/// One thread's calls, one at a time. The server must reply inside handle(), on this thread.
class Caller final : public ReplyChannel {
 public:
  using Fill = std::function<void(MessageBuilder&)>;

  /// `yields`: gives the processor away at random between the steps of a request, so that requests overlap. 0: never.
  Caller(Mount& mount, std::uint32_t thread, std::uint32_t yields = 0);

  Reply call(Opcode opcode, std::uint64_t nodeid, const Fill& fill = {});
  /// The next reply is refused: send() returns this.
  void refuse_next(std::int64_t result) noexcept { refuse_ = result; }

  Reply init();
  Reply named(Opcode opcode, std::uint64_t parent, std::string_view name);  // LOOKUP, UNLINK, RMDIR, REMOVEXATTR
  Reply getattr(std::uint64_t node);
  Reply setattr_mode(std::uint64_t node, std::uint32_t mode);
  Reply truncate(std::uint64_t node, std::uint64_t size);
  Reply mkdir(std::uint64_t parent, std::string_view name);
  Reply create(std::uint64_t parent, std::string_view name, std::uint32_t flags = 2);
  Reply link(std::uint64_t node, std::uint64_t parent, std::string_view name);
  Reply rename(std::uint64_t parent, std::string_view name, std::uint64_t new_parent, std::string_view new_name);
  Reply open(Opcode opcode, std::uint64_t node, std::uint32_t flags = 0);  // OPEN, OPENDIR
  Reply release(Opcode opcode, std::uint64_t node, std::uint64_t handle);  // RELEASE, RELEASEDIR
  Reply read(Opcode opcode, std::uint64_t node, std::uint64_t handle, std::uint64_t offset, std::uint32_t size);
  Reply write(std::uint64_t node, std::uint64_t handle, std::uint64_t offset, std::string_view data);
  Reply setxattr(std::uint64_t node, std::string_view name, std::string_view value);
  Reply getxattr(std::uint64_t node, std::string_view name, std::uint32_t size);
  void forget(std::uint64_t node, std::uint64_t count);
  void batch_forget(const std::vector<wire::ForgetOne>& list);

  std::int64_t send(const Message& message) override;
  const Recording& events() const noexcept { return events_; }

 private:
  void perhaps_yield();

  Mount& mount_;
  const std::uint32_t thread_;
  const std::uint32_t yields_;
  std::mt19937 random_;
  MessageBuilder builder_;
  Recording events_;
  Reply reply_;
  std::int64_t refuse_ = 0;
};

/// The conversation of several callers in the order of its sequence.
Recording merge(const std::vector<const Caller*>& callers);

}  // namespace fusereplay::test
