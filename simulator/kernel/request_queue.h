// The kernel's end of /dev/fuse: requests wait here, are read by the server, and are ended by its replies
// (fs/fuse/dev.c). Everything it does is one ordered stream of events.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/async/clock.h"
#include "core/async/executor.h"
#include "core/check.h"
#include "core/event/buffer.h"
#include "core/event/conversation.h"
#include "core/event/event.h"
#include "core/protocol/layout.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/view.h"
#include "core/protocol/wire.h"
#include "core/result.h"
#include "core/server/server.h"
#include "simulator/kernel/fifo.h"
#include "simulator/kernel/scheduler.h"

namespace fusereplay::kernel {

class RequestQueue;

/// Told when a background request has ended, inside the write of its reply: fuse_args.end in the kernel.
class RequestEnd {
 public:
  virtual void on_end(class PendingRequest& request) noexcept = 0;

 protected:
  ~RequestEnd() = default;
};

/// One request from its making to its end, and the reply's parts (struct fuse_req). Made by RequestQueue::make().
class PendingRequest {
 public:
  template <class Struct>
  PendingRequest& add(const Struct& value) {
    static_assert(FieldTable<Struct>::kId != StructId::kNone);
    std::memcpy(space(sizeof(Struct)), &value, sizeof(Struct));
    return *this;
  }
  /// The name and its NUL.
  PendingRequest& name(std::string_view name);
  PendingRequest& bytes(Bytes bytes);

  Opcode opcode() const noexcept { return opcode_; }
  std::uint64_t unique() const noexcept { return unique_; }
  std::uint64_t nodeid() const noexcept { return nodeid_; }
  std::uint32_t pid() const noexcept { return pid_; }
  bool done() const noexcept { return state_ == State::kDone; }
  /// 0, or a positive errno. Once done.
  int error() const noexcept { return error_; }
  /// The reply's struct at `offset`; what a short reply leaves out is zero. After a success.
  template <class Struct>
  Struct out(std::size_t offset = 0) const noexcept {
    static_assert(sizeof(Struct) <= sizeof(fixed_));
    Struct value;
    std::memcpy(&value, fixed_.data() + offset, sizeof(Struct));
    return value;
  }
  /// The reply's variable part. After a success; that of a background request only inside RequestEnd::on_end().
  Bytes data() const noexcept { return data_; }

 private:
  friend class RequestQueue;
  enum class State : std::uint8_t { kNew, kPending, kSent, kDone };

  std::byte* space(std::size_t size);
  void take_body(const Message& message);

  Opcode opcode_{};
  State state_ = State::kNew;
  bool background_ = false;
  bool dropped_ = false;      // its maker looks no more: recycled at its end
  bool interrupted_ = false;  // FR_INTERRUPTED: an INTERRUPT follows once it is read
  bool held_ = false;         // read, but not yet passed on
  int error_ = 0;
  std::uint64_t unique_ = 0;
  std::uint64_t nodeid_ = 0;
  std::uint32_t pid_ = 0;
  std::vector<std::uint32_t> groups_;
  BufferRef buffer_;
  std::size_t size_ = 0;
  RequestContext context_;  // once it is read: what observers are shown
  RequestEnd* end_ = nullptr;
  std::array<std::byte, sizeof(wire::StatxOut)> fixed_{};
  std::vector<std::byte> copy_;
  Bytes data_;  // of copy_, or of a reply that is being written
  RequestQueue* queue_ = nullptr;
};

/// What a caller is known by in a request's header.
struct HeaderCredentials {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  std::span<const std::uint32_t> groups = {};  // in no header: for groups_of()
};

/// Takes the notifications a server sends; returns what the kernel's handler does: 0 or a negative errno.
class NotificationHandler {
 public:
  virtual int on_notification(const Message& message) = 0;

 protected:
  ~NotificationHandler() = default;
};

/// A request whose reply has not come.
struct OutstandingRequest {
  Opcode opcode{};
  std::uint64_t unique = 0;
  std::uint64_t nodeid = 0;
  std::uint32_t pid = 0;
  bool read_by_server = false;
};

/// One connection. Everything happens on the thread that calls: the server must reply there too, inside handle(), in
/// work that `executor` runs, or in its own Server::work().
///
/// ORDER. INTERRUPTs are read first. Requests draw their unique when they are queued, FORGETs when they are read
/// (fuse_get_unique). The server reads whenever the kernel waits for something: forgets and requests take turns as in
/// fuse_dev_do_read (16 forgets, then 8 requests, while both wait). A reply is judged by reply_check and by whether its
/// request is outstanding.
class RequestQueue final : public ReplyChannel, public ServerStep {
 public:
  /// All must outlive the queue. `executor` may be null: the server then replies inside handle().
  RequestQueue(Server& server, ManualExecutor* executor, Clock& clock, Scheduler& scheduler);
  ~RequestQueue() override;
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  struct Recycle {
    void operator()(PendingRequest* request) const noexcept;
  };
  using Request = std::unique_ptr<PendingRequest, Recycle>;

  /// A request with an empty body.
  Request make(Opcode opcode, std::uint64_t nodeid, const HeaderCredentials& credentials);
  /// Queues it and waits for its end (fuse_simple_request). The reply is in the request. 0 or a positive errno:
  /// ENOTCONN once the connection is gone, ECONNREFUSED after a failed INIT, EDEADLK when nothing is left that could
  /// bring the reply: see Scheduler::dead_ends(). A signal to the caller makes an INTERRUPT; a fatal one takes the
  /// request back if it was not read, unless it is forced (request_wait_answer): EINTR.
  int call(PendingRequest& request);
  /// Queues it and goes on (fuse_simple_background). `end` may be null and must outlive the request's end.
  void send_background(Request request, RequestEnd* end);
  /// Queues one that gets no reply and goes on: the FORGET that READDIRPLUS sends (fuse_force_forget).
  void send_unanswered(Request request);
  /// The same, under a number that the server chose: the answer to a NOTIFY_RETRIEVE.
  void send_numbered(Request request, std::uint64_t unique);
  /// What the server has read and not answered is to be read again, first of all and under a new number (fuse_resend).
  void resend();
  /// Queues a FORGET (fuse_queue_forget); dropped once the connection is gone (rule R6 of the reference).
  void forget(std::uint64_t nodeid, std::uint64_t nlookup);

  /// Requests of this opcode are read, but not yet passed to the server: as by a thread of it that is slow.
  void hold(Opcode opcode) { held_opcodes_.push_back(opcode); }
  /// Passes on what was read of this opcode, in that order, and holds no more of it.
  void let_go(Opcode opcode);
  /// Passes on that one. False: it is not held.
  bool let_go(std::uint64_t unique);
  /// One thing for the server to do: reads a message, or runs work it left behind.
  bool step() override;

  /// The connection is gone: every outstanding request ends with ECONNABORTED, forgets are dropped
  /// (fuse_abort_conn). `mark` tells the observers why.
  void abort(Mark mark);
  /// After abort(): tells the server that nobody waits any more for what it has not answered. No kernel does this, and
  /// observers do not see it.
  void interrupt_abandoned();
  bool connected() const noexcept { return connected_; }
  /// The INIT reply was refused: all requests fail with ECONNREFUSED from now on.
  void set_init_failed() noexcept { init_failed_ = true; }
  void set_max_background(std::uint32_t limit) noexcept { max_background_ = limit; }
  /// What INIT settled of the requests' form.
  void set_negotiated(const Negotiated& negotiated) noexcept { negotiated_ = negotiated; }
  void set_notification_handler(NotificationHandler* handler) noexcept { notifications_ = handler; }

  void add_observer(EventSink* sink) { observers_.push_back(sink); }
  void mark(Mark mark);
  Result<std::vector<std::uint32_t>> groups_of(std::uint32_t pid) const override;

  /// The write of the next reply fails so. ENOENT: as if the request were gone, its caller gets ECONNABORTED; EINVAL
  /// and EFAULT: its caller gets EIO (reference 3.1).
  void refuse_next_reply(Errno error) { refuse_next_ = error; }

  std::vector<OutstandingRequest> outstanding() const;
  /// Nothing is queued, and nothing the server has read is unanswered.
  bool quiet() const noexcept;
  std::int64_t send(const Message& message) override;

 private:
  struct Forget {
    std::uint64_t nodeid;
    std::uint64_t nlookup;
  };

  struct Unanswered;

  bool turn_server();
  bool read_one();
  void read_interrupt();
  void read_request();
  void read_forgets();
  void queue_interrupt(PendingRequest& request);
  int wait_for_answer(PendingRequest& request);
  std::int64_t take_interrupt_reply(const Message& message, const wire::OutHeader& header, PendingRequest& request);
  void enqueue(PendingRequest& request);
  void flush_background();
  void complete_header(PendingRequest& request);
  void deliver(PendingRequest& request);
  void pass_on(PendingRequest& request);
  Event new_event(EventKind kind, const Message& message) const;
  void emit(Event& event, const RequestContext* request = nullptr);
  ReplyVerdict take_refusal() noexcept;
  std::int64_t take_reply(const Message& message, const wire::OutHeader& header);
  void end(PendingRequest& request, int error);
  PendingRequest* find(std::uint64_t unique) noexcept;
  std::uint64_t next_unique() noexcept { return unique_ += 2; }
  void recycle(PendingRequest* request) noexcept;

  Server& server_;
  ServerWork* const work_;  // null: it does all inside handle() or in `executor_`
  ManualExecutor* executor_;
  Clock& clock_;
  Scheduler& scheduler_;
  BufferPool small_buffers_;
  std::vector<std::unique_ptr<PendingRequest>> idle_;
  Fifo<PendingRequest*> pending_;
  std::vector<PendingRequest*> sent_;  // read and not answered; few at a time
  Fifo<PendingRequest*> waiting_background_;
  Fifo<Forget> forgets_;
  Fifo<std::uint64_t> interrupts_;  // uniques of what they interrupt
  std::vector<Opcode> held_opcodes_;
  std::vector<std::uint64_t> abandoned_;  // uniques that the server had read when the connection ended
  NotificationHandler* notifications_ = nullptr;
  std::vector<EventSink*> observers_;
  Negotiated negotiated_;
  std::uint64_t sequence_ = 0;
  std::uint64_t unique_ = 0;
  int forget_batch_ = 0;
  std::uint32_t active_background_ = 0;
  std::uint32_t max_background_ = 12;  // fs/fuse/inode.c FUSE_DEFAULT_MAX_BACKGROUND
  bool connected_ = true;
  bool init_failed_ = false;
  bool no_interrupt_ = false;  // the server answered one with ENOSYS
  std::optional<Errno> refuse_next_;
};

}  // namespace fusereplay::kernel
