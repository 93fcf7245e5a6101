// PROPERTY: whoever waits can be interrupted.
//
// A handler that waits keeps its caller inside the kernel, where no signal ends the wait, not even SIGKILL once the
// request has been read (fs/fuse/dev.c request_wait_answer): the kernel sends an INTERRUPT, and the filesystem must end
// the request, with EINTR. That is all: the same wait of a mutex, an event or a time ends by itself with the forms that
// take the request (Connection::interrupts()). An INTERRUPT that comes before the wait is remembered, one that comes
// when the reply is on its way is nobody's (reference 5.1).
#pragma once

#include <fcntl.h>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// A read of /queue waits for what is put there. /door can be open once at a time: open(2) waits. flock(2) of both
/// waits too, for a lock there is only one of. Each fsync(2) takes an hour.
class InterruptFs final : public Operations {
 public:
  /// From outside, while no handler runs.
  void put(std::string message) {
    messages_.push_back(std::move(message));
    filled_.set();
  }
  /// Called by handlers before they wait, or, where there is nothing to wait for, before they end.
  void when_waiting(std::function<void()> hook) { hook_ = std::move(hook); }

  Async<void> init(Connection& connection) override {
    interrupts_ = &connection.interrupts();
    return connection.require(Capability::kFlockLocks);
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name != "queue" && name != "door") return Errno(ENOENT);
    const NodeId node = name == "queue" ? kQueue : kDoor;
    return Entry{.node = node, .attributes = attributes(node)};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node)};
  }

  // Reads through the page cache go out for the cache, not for their caller: those are never interrupted.
  Async<Opened> open(const Request& request, NodeId node, std::uint32_t) override {
    if (node == kQueue) co_return Opened{.flags = kFopenDirectIo};
    hook_();
    auto through = co_await interrupts_->lock_interruptible(request, door_);
    inside_ = std::move(through);
    co_return Opened{};
  }
  Async<void> release(NodeId node, FileHandle, const Release& how) override {
    if (node == kDoor) inside_.unlock();
    if (how.drops_flock()) flocks_.erase(how.lock_owner);
    return Result<void>();
  }

  Async<void> read(const Request& request, NodeId, FileHandle, Offset, DataWriter& out) override {
    hook_();
    while (messages_.empty()) {
      filled_.reset();
      co_await interrupts_->wait_interruptible(request, filled_);
    }
    out.append(std::as_bytes(std::span(messages_.front())));
    messages_.pop_front();
    co_return {};
  }
  Async<void> fsync(const Request& request, NodeId, FileHandle, SyncKind) override {
    hook_();
    co_await interrupts_->sleep_interruptible(request, kHour);
    co_return {};
  }
  Async<void> flock(const Request& request, NodeId, FileHandle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override {
    flocks_.erase(owner);
    if (lock.type == F_UNLCK) co_return {};
    AsyncMutex::Lock held = only_one_.try_lock();
    if (!held && wait == LockWait::kNo) co_return Errno(EAGAIN);
    hook_();
    if (!held) held = co_await interrupts_->lock_interruptible(request, only_one_);
    flocks_[owner] = std::move(held);
    co_return {};
  }

 private:
  static constexpr NodeId kQueue{2};
  static constexpr NodeId kDoor{3};
  static constexpr std::int64_t kHour = 3'600'000'000'000;

  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }

  Interrupts* interrupts_ = nullptr;
  std::function<void()> hook_ = [] {};
  std::deque<std::string> messages_;
  AsyncEvent filled_;
  AsyncMutex door_;
  AsyncMutex::Lock inside_;
  AsyncMutex only_one_;
  std::map<LockOwner, AsyncMutex::Lock> flocks_;
};

}  // namespace fusereplay
