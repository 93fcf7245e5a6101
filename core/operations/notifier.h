// What a filesystem tells the kernel without being asked: that something has changed behind its back, that a poll may
// look again (reference section 4; fs/fuse/dev.c fuse_notify).
//
//   co_await notifier.inval_entry(parent, name);             // in a handler, or in a task beside the handlers
//   notifier.inval_inode(node).post();                       // anywhere; nobody waits
//   const Notified told = notifier.inval_inode(node).now();  // on a thread of your own; waits
//
// THE DEADLOCK. Inside write(2) most notifications wait for what requests hold while they are outstanding: the lock of
// a directory, pages that are being read. Whoever waits for that write while the kernel waits for a reply that depends
// on it hangs, and the mount with it. The message does not say what its caller holds: GETATTR, which locks nothing, may
// come from the middle of a truncate(2). Hence three ways, each of which cannot hang by itself:
//
// IN A HANDLER THAT OWES A REPLY co_await never waits. The notification goes to the kernel behind the reply, and
// Notified::queued() is all that can be said of it. This holds for every handler and every notification, however deep
// in the tasks that the handler awaits, on whatever thread, with whatever locks held. So what a reply says and a
// notification takes back, the kernel hears in that order.
//
// IN A TASK THAT OWES NONE (Connection::spawn; forget, retrieve_reply and destroy) co_await waits until the kernel has
// done it, and holds no thread meanwhile. The task must not hold what a handler needs, nor may a handler wait for the
// task: the reply may be what the kernel waits for.
//
// now() waits on the calling thread, and refuses with EDEADLK on one that runs handlers or tasks: others may wait for
// that thread. For threads of the filesystem's own; what they hold meanwhile, no handler may need.
//
// ORDER. What concerns one node (of a name: its directory) is written in the order in which it was queued; the rest in
// any order, so that nothing waits for what waits for something else. now(), retrieve() and what never waits go by
// themselves. Before INIT is answered everything queues.
//
// RESULTS. ENOENT: the kernel has no such node or name, and nothing had to be done. ENOSYS: the connection's protocol
// is too old for it; nothing was written. ENOTCONN: the connection has ended, or not begun. What nobody waits for is
// logged when it fails otherwise.
#pragma once

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/async/async.h"
#include "core/async/owed_reply.h"
#include "core/operations/task_runner.h"
#include "core/operations/types.h"

namespace fusereplay {

class Notification;
class Notifier;
class ReplyChannel;
class RequestView;

/// What came of a notification. It may be ignored.
class Notified {
 public:
  /// 0, EINPROGRESS for one that is queued, or what failed.
  explicit constexpr Notified(int error) noexcept : error_(error) {}

  /// The kernel has done it.
  constexpr bool done() const noexcept { return error_ == 0; }
  /// It follows the reply of the handler that asked.
  constexpr bool queued() const noexcept { return error_ == EINPROGRESS; }
  /// See RESULTS; EDEADLK from now(): not on this thread; from DELETE: ENOTEMPTY, EBUSY. 0 or EINPROGRESS otherwise.
  constexpr int error() const noexcept { return error_; }
  constexpr bool operator==(const Notified&) const noexcept = default;

 private:
  int error_;
};

namespace internal {

/// One notification on its way. Owned by its Notification while that waits, else by itself.
class PostedNotification final : public Work {
 public:
  PostedNotification(Notifier& notifier, NotifyCode code, std::uint32_t since_minor) noexcept;
  void run() noexcept override;

 private:
  friend class fusereplay::Notification;
  friend class fusereplay::Notifier;
  enum class Step : std::uint8_t { kNew, kQueued, kWritten };

  Notifier& notifier_;
  const NotifyCode code_;
  Step step_ = Step::kNew;
  bool behind_reply_ = false;
  bool always_waits_ = false;         // for its result, even where a reply is owed
  int error_ = 0;                     // before it is written: why it will not be
  std::size_t ahead_ = 0;             // of nodes_, those where another is to be written first
  std::vector<std::uint64_t> nodes_;  // ascending
  std::vector<std::byte> message_;
  Executor* executor_ = nullptr;  // of task_
  std::coroutine_handle<> task_;  // that waits; null: nobody does
};

}  // namespace internal

/// One notification, not yet sent: await it, post() it or send it now(). Once.
class [[nodiscard]] Notification {
 public:
  Notification(Notification&&) noexcept;
  Notification& operator=(Notification&&) = delete;
  ~Notification();

  /// Queues it. Any thread, handlers too; it may then be written before the handler's reply.
  void post();
  /// Writes it. See the top of this file.
  [[nodiscard]] Notified now();

  /// co_await gives a Notified. See the top of this file.
  bool await_ready() const noexcept;
  template <class T>
  bool await_suspend(std::coroutine_handle<internal::AsyncPromise<T>> task) {
    return suspend(task, task.promise().completion->owed_reply());
  }
  Notified await_resume() const noexcept;

 private:
  friend class Notifier;
  explicit Notification(std::unique_ptr<internal::PostedNotification> posted) noexcept;
  /// False: there is nothing to wait for.
  bool suspend(std::coroutine_handle<> task, OwedReply* owed);

  std::unique_ptr<internal::PostedNotification> posted_;  // null: it waits for a reply
};

/// One connection's. Thread-safe; at any time, from init() on.
class Notifier {
 public:
  /// `minor`: of the protocol, once INIT is read. Both outlive it.
  Notifier(const std::uint32_t& minor, TaskRunner& runner) noexcept : minor_(minor), runner_(runner) {}
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// The name is dropped, with all below it; also one that is known not to exist. Waits for the directory's lock.
  Notification inval_entry(NodeId parent, std::string_view name);
  /// The name is asked for anew before its next use, and not dropped (from 7.38 on). Waits for the directory's lock.
  Notification expire_entry(NodeId parent, std::string_view name);
  /// The name has been removed, and with it the node: who watches (inotify) is told. ENOENT also where the name is
  /// another node's. Waits for the locks of both. 7.18
  Notification delete_entry(NodeId parent, NodeId child, std::string_view name);
  /// The attributes must be asked for anew; the data from `offset` on are dropped, `length` bytes or, with 0, to the
  /// end. Waits for pages that are being read, and for the WRITEs of those that are dirty.
  Notification inval_inode(NodeId node, Offset offset = 0, std::uint64_t length = 0);
  /// The attributes alone.
  Notification inval_attributes(NodeId node);
  /// Puts data into the cache, and makes the file longer where they end behind its end. EINVAL where the node is no
  /// regular file. Waits for pages that are being read. `data` is copied. 7.15
  Notification store(NodeId node, Offset offset, Bytes data);
  /// Names of these nodes that nobody uses are dropped, and with them the nodes. Unknown ones are skipped. 7.45
  Notification prune(std::span<const NodeId> nodes);

  /// Of what is cached from `offset` on, as much as is there in one piece, at most `size`; it may be empty. It locks
  /// nothing, so it waits for its answer in a handler too. The answer is a request, NOTIFY_REPLY: it comes to the one
  /// who asked; Operations::retrieve_reply() gets those that nobody here asked for. 7.15
  Async<std::vector<std::byte>> retrieve(NodeId node, Offset offset, std::uint32_t size);

  // These never wait: they are written at once, on any thread, in handlers too.

  /// Who polls looks again: PollRequest::notify_handle.
  Notified poll(std::uint64_t notify_handle);
  /// All names and cached listings must be asked for anew. 7.44
  Notified inc_epoch();
  /// Every request that has been read and not answered comes again, under a new number, also those whose handlers are
  /// running: their replies will be refused, and undone. 7.40
  Notified resend();

  /// Notifications that are queued or being written. Those that wait for a handler's reply are not counted.
  std::size_t unfinished() const;
  /// Waits until there are none, behind replies neither, at most so long; false where it was too long. Not in a handler
  /// or task.
  bool wait_until_written(std::chrono::milliseconds patience) const;

  // For the server.

  /// INIT has been answered: `channel` takes notifications, and outlives close().
  void open(ReplyChannel& channel);
  /// A NOTIFY_REPLY. True: somebody here waits for it.
  bool take_retrieved(const RequestView& reply);
  /// The connection has ended: what is queued, and what comes, fails with ENOTCONN.
  void end();
  /// end(), and waits for what is being written.
  void close();

 private:
  friend class Notification;
  friend class internal::PostedNotification;
  using Posted = internal::PostedNotification;
  struct Retrieval;

  /// `fill` adds what follows the header to a MessageBuilder.
  template <typename Fill>
  std::unique_ptr<Posted> make(NotifyCode code, std::uint32_t since_minor, std::vector<std::uint64_t> nodes,
                               const Fill& fill);
  Notification name_notification(NodeId parent, std::string_view name, std::uint32_t since_minor, std::uint32_t flags);
  Notification inode_notification(NodeId node, std::int64_t offset, std::int64_t length);
  void put_behind(OwedReply& reply, Posted& posted);
  void submit(Posted& posted) noexcept;
  void write_queued(Posted& posted) noexcept;
  Notified write_now(Posted& posted);
  int write(ReplyChannel* channel, const Posted& posted) const;
  /// With mutex_ locked. True: none is ahead.
  bool enter_queues(Posted& posted);
  void leave_queues(const Posted& posted, WorkQueue& ready);
  void settle(Posted& posted) noexcept;
  void end_one() noexcept;

  const std::uint32_t& minor_;
  TaskRunner& runner_;

  mutable std::mutex mutex_;  // guards all below; innermost but for AsyncEvent's
  mutable std::condition_variable written_;
  ReplyChannel* channel_ = nullptr;  // null: INIT is not answered, or the connection has ended
  bool closed_ = false;
  WorkQueue early_;                                                // queued before open()
  std::unordered_map<std::uint64_t, std::deque<Posted*>> queues_;  // by node, the first of each may be written
  std::size_t unfinished_ = 0;
  std::size_t behind_replies_ = 0;
  std::map<std::uint64_t, Retrieval*> retrievals_;  // by number
  std::uint64_t last_retrieval_ = 0;
};

}  // namespace fusereplay
