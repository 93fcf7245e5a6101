#include "core/server/operations_server.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>

#include "core/check.h"
#include "core/operations/handlers.h"
#include "core/protocol/reply_check.h"
#include "core/server/outstanding.h"
#include "core/text/readable.h"

namespace fusereplay {

namespace {

using namespace internal;

void log_to_stderr(std::string_view line) {
  std::fprintf(stderr, "fusereplay: %.*s\n", static_cast<int>(line.size()), line.data());
}

/// INIT: the filesystem states its wishes, the reply grants what the kernel offers of them.
struct Init : Handler<void> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept : in(view.fixed<wire::InitIn>()) {}
    wire::InitIn in;
    Connection* connection = nullptr;
  };
  static Async<void> invoke(Operations& operations, const Request&, State& state) {
    const wire::InitIn& in = state.in;
    if (in.major < kProtocolMajor) return Errno(EPROTO);
    if (in.major > kProtocolMajor) return Result<void>{};  // the kernel asks again with our major
    const std::uint64_t high = (in.flags & kInitInitExt) != 0 ? std::uint64_t{in.flags2} << 32 : 0;
    state.connection->open(std::min(in.minor, kProtocolMinor), in.flags | high, in.max_readahead);
    return operations.init(*state.connection);
  }
  static Result<void> encode(ReplyBuilder& reply, State& state) noexcept {
    const Connection& connection = *state.connection;
    const Connection::Limits& limits = connection.limits();
    wire::InitOut out{};
    out.major = kProtocolMajor;
    if (state.in.major == kProtocolMajor) {
      const std::uint64_t flags = raw(connection.granted());
      const bool many_pages = (flags & kInitMaxPages) != 0;
      constexpr std::uint32_t kPage = 4096;
      constexpr std::uint32_t kDefaultMaxPages = 32;  // fs/fuse/fuse_i.h FUSE_DEFAULT_MAX_PAGES_PER_REQ
      out.minor = connection.minor();
      out.max_readahead = limits.max_readahead;
      out.flags = static_cast<std::uint32_t>(flags);
      out.flags2 = static_cast<std::uint32_t>(flags >> 32);
      out.max_background = limits.max_background;
      out.congestion_threshold = limits.congestion_threshold;
      out.max_write =
          std::max(kPage, many_pages ? limits.max_write : std::min(limits.max_write, kDefaultMaxPages * kPage));
      out.time_gran = limits.time_granularity;
      if (many_pages) {
        const std::uint32_t pages = limits.max_pages != 0 ? limits.max_pages : (out.max_write + kPage - 1) / kPage;
        out.max_pages = static_cast<std::uint16_t>(std::min<std::uint32_t>(pages, 65535));
      }
      out.max_stack_depth = connection.has(Capability::kPassthrough) ? 1 : 0;
      out.request_timeout = (flags & kInitRequestTimeout) != 0 ? limits.request_timeout : std::uint16_t{0};
    }
    reply.add(out);
    return {};
  }
};

}  // namespace

template <class H>
constexpr bool kIsForget = std::is_same_v<H, Forget> || std::is_same_v<H, BatchForget>;

class OperationsServer::Impl final : public TaskRunner {
 public:
  Impl(std::unique_ptr<Operations> operations, Options options)
      : operations_(std::move(operations)),
        log_(options.log ? std::move(options.log) : log_to_stderr),
        clock_(options.clock != nullptr ? *options.clock : system_clock_),
        own_pool_(options.executor == nullptr ? std::make_unique<PoolExecutor>(1, "fusereplay-pool", system_clock_)
                                              : nullptr),
        executor_(options.executor != nullptr ? *options.executor : *own_pool_),
        strand_(executor_),
        own_writers_(options.notifications == nullptr && options.executor == nullptr
                         ? std::make_unique<WaitingThreads>("fr-notify")
                         : nullptr),
        writers_(options.notifications != nullptr ? options.notifications : own_writers_.get()),
        connection_(clock_, *this) {}

  void handle(IncomingRequest&& incoming, ReplyChannel& replies);
  void disconnect();
  void spawn(Async<void> task) override;
  void run_write(Work& write) noexcept override {
    if (writers_ != nullptr) {
      writers_->post(write);
    } else {
      executor_.post(write);
    }
  }
  void log(std::string_view line) override { log_(line); }

  const std::string& refusal() const noexcept { return refusal_; }
  Operations& operations() noexcept { return *operations_; }
  Notifier& notifier() noexcept { return connection_.notifier(); }
  std::vector<OutstandingRequest> outstanding_requests() const { return outstanding_requests_.all(); }
  CrashedRequests outstanding_in_crash(std::span<OutstandingRequest> space) const noexcept {
    return outstanding_requests_.all_in_crash(space);
  }
  void report();
  std::size_t outstanding() {
    return outstanding_.load(std::memory_order_relaxed) + connection_.notifier().unfinished();
  }
  std::unique_ptr<Operations> take_operations() noexcept { return std::move(operations_); }

 private:
  template <class H>
  class Call;
  class Spawned;

  /// What is left of a task to run, counted as outstanding; null where it is done already.
  Spawned* adopt(Async<void> task);
  template <class H>
  void call(IncomingRequest&& incoming, ReplyChannel& replies);
  void refuse(const IncomingRequest& incoming, ReplyChannel& replies, MessageError error);
  void handle_retrieved(IncomingRequest&& incoming, ReplyChannel& replies);
  void handle_setxattr(IncomingRequest&& incoming, ReplyChannel& replies);
  /// INIT is about to be answered: what it settled holds for all that follows.
  void settle_init(Result<void>& outcome) {
    const auto settled = connection_.settle();
    if (!settled) {
      refusal_ = settled.error();
      if (outcome) outcome = Errno(ENOTSUP);
    } else if (!outcome) {
      refusal_ = "the filesystem refuses the connection: " + describe(outcome.error());
    }
    if (!refusal_.empty()) log_("no mount: " + refusal_);
    negotiated_.minor = connection_.minor();
    negotiated_.setxattr_ext = connection_.has(Capability{kInitSetxattrExt});
    opens_ = !connection_.has(Capability::kNoOpen);
    opens_directories_ = !connection_.has(Capability::kNoOpendir);
    if (connection_.concurrent()) target_.store(&executor_, std::memory_order_release);
  }

  /// Nobody waits for a FORGET, so nothing but memory limits how many the kernel hands over while a handler holds the
  /// strand: their reader waits for some to have had their turn. The rest stays where it is small, in the kernel.
  void queue_forget() {
    if (queued_forgets_.load(std::memory_order_relaxed) >= kMostForgets && Executor::current() == nullptr)
        [[unlikely]] {
      std::unique_lock lock(forgets_mutex_);
      forgets_taken_.wait(lock, [this] { return queued_forgets_.load(std::memory_order_relaxed) < kMostForgets; });
    }
    queued_forgets_.fetch_add(1, std::memory_order_relaxed);
  }
  void take_forget() noexcept {
    if (queued_forgets_.fetch_sub(1, std::memory_order_relaxed) != kMostForgets) return;
    const std::lock_guard lock(forgets_mutex_);
    forgets_taken_.notify_all();
  }
  bool on_strand() const noexcept { return target_.load(std::memory_order_acquire) == &strand_; }
  /// INIT has been answered.
  void connect(ReplyChannel& replies) {
    connection_.backing_files().connect(replies);
    notifier().open(replies);
  }

  void begin_one() noexcept { outstanding_.fetch_add(1, std::memory_order_relaxed); }
  void end_one() noexcept {
    if (outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1 && disconnecting_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(idle_mutex_);
      idle_.notify_all();
    }
  }

  // Tasks beside the handlers, and requests whose handler has suspended: one that ends at once is not worth two locked
  // instructions. See disconnect() for those that wait for the strand.
  // Before own_pool_, so after it in destruction: a thread of the pool may still be leaving end_one().
  std::atomic<std::size_t> outstanding_{0};
  std::atomic<bool> disconnecting_{false};
  std::mutex idle_mutex_;  // guards nothing but the sleep on idle_
  std::condition_variable idle_;

  static constexpr std::size_t kMostForgets = 16;  // messages, each of up to a large buffer
  std::atomic<std::size_t> queued_forgets_{0};     // for the strand
  std::mutex forgets_mutex_;                       // guards nothing but the sleep on forgets_taken_; innermost
  std::condition_variable forgets_taken_;

  Outstanding outstanding_requests_;

  SystemClock system_clock_;
  std::unique_ptr<Operations> operations_;
  std::function<void(std::string_view)> log_;
  Clock& clock_;
  ReplyPools pools_{BufferPool(4096, 64), BufferPool((std::size_t{1} << 20) + 4096, 16)};
  std::unique_ptr<PoolExecutor> own_pool_;
  Executor& executor_;
  Strand strand_;
  std::unique_ptr<WaitingThreads> own_writers_;
  WaitingWork* writers_;  // null: executor_
  Connection connection_;
  // Where handlers start; the strand until INIT is answered. Written once, by INIT, before any other request is read.
  std::atomic<Executor*> target_{&strand_};
  Negotiated negotiated_;  // likewise, as what follows
  bool opens_ = true;
  bool opens_directories_ = true;
  std::string refusal_;
};

/// One request from its arrival until its reply has been sent and, if need be, undone.
template <class H>
class OperationsServer::Impl::Call final : public Work,
                                           public FrameAllocated,
                                           private Completion<typename H::Value>,
                                           private OwedReply,
                                           private SuspendedCall {
 public:
  using Value = typename H::Value;

  Call(Impl& server, IncomingRequest&& incoming, ReplyChannel& replies) noexcept
      : Completion<Value>(kKind),
        server_(server),
        incoming_(std::move(incoming)),
        replies_(replies),
        request_(view_, incoming_.received, replies) {}

  /// Decodes the request, where it will stay. After an error the call is good for nothing but its bytes.
  tl::expected<void, MessageError> read() {
    if (const auto sound = view_.read(incoming_.bytes, Bytes(), server_.negotiated_); !sound) return sound;
    state_.emplace(view_, server_.pools_);
    if constexpr (std::is_same_v<H, Init>) state_->connection = &server_.connection_;
    return {};
  }
  const IncomingRequest& incoming() const noexcept { return incoming_; }

  void run() noexcept override {
    if constexpr (kIsForget<H>) {
      if (server_.on_strand()) server_.take_forget();
    }
    bool suspended = false;
    try {
      if (!start()) {
        suspended = true;
        server_.begin_one();  // before anyone else can end it
        server_.outstanding_requests_.add(*this);
        if (!this->park()) return;
      }
    } catch (...) {
      this->set_exception(std::current_exception());
    }
    finish(suspended);
  }

 private:
  /// True: the handler has ended.
  bool start() {
    const Outstanding::Running running(server_.outstanding_requests_, view_.header(), incoming_.received);
    Async<Value> task = H::invoke(*server_.operations_, request_, *state_);
    if (!task.ready()) return CompletionBase::run(task.release(*this));
    this->set(task.take_ready());
    return true;
  }

  OutstandingRequest about() const noexcept override {
    return {.state = OutstandingRequest::State::kSuspended,
            .opcode = view_.opcode(),
            .unique = view_.unique(),
            .nodeid = view_.header().nodeid,
            .pid = view_.header().pid,
            .received = incoming_.received};
  }

  static void completed(CompletionBase& base) noexcept {
    static_cast<Call&>(static_cast<Completion<Value>&>(base)).finish(true);
  }
  static OwedReply* owed_reply_of(const CompletionBase& base) noexcept {
    auto& self = const_cast<Call&>(static_cast<const Call&>(static_cast<const Completion<Value>&>(base)));
    return expects_reply(self.view_.opcode()) ? &self : nullptr;
  }
  static void waits_at(CompletionBase& base, SourcePlace place, WaitsFor what) noexcept {
    auto& self = static_cast<Call&>(static_cast<Completion<Value>&>(base));
    if (what == WaitsFor::kInside) {
      self.wait_at(place);
    } else {
      self.handler_at(place);
    }
  }
  static constexpr CompletionKind kKind{&Call::completed, &CompletionBase::itself, &Call::owed_reply_of,
                                        &Call::waits_at};

  // A handler's tasks run one after the other, and this ends after the last: nobody else is here.
  void then(Work& work) noexcept override { after_reply_.push(work); }

  std::string name() const override {
    return std::string(opcode_name(view_.opcode())) + " " + std::to_string(view_.unique());
  }

  /// An exception that escaped the handler becomes EIO.
  void settle_exception() noexcept {
    try {
      std::rethrow_exception(this->exception());
    } catch (const std::exception& exception) {
      server_.log(name() + ": the handler threw: " + exception.what() + "; answered with EIO");
    } catch (...) {
      server_.log(name() + ": the handler threw; answered with EIO");
    }
    this->set(Errno(EIO));
  }

  /// `counted`: it is one of the server's outstanding.
  void finish(bool counted) noexcept {
    if (this->exception()) [[unlikely]]
      settle_exception();
    Result<Value>& value = this->result();
    if (expects_reply(view_.opcode())) {
      reply(value);
    } else if (!value) {
      server_.log(name() + ": the handler failed with " + to_string(value.error()) + ", which goes nowhere");
    }
    Impl& server = server_;
    if (counted) server.outstanding_requests_.remove(*this);
    if constexpr (std::is_same_v<H, Init>) server.connect(replies_);
    while (Work* const work = after_reply_.pop()) work->run();
    delete this;
    if (counted) server.end_one();
  }

  Result<void> encode(ReplyBuilder& builder, Result<Value>& value) {
    builder.start(view_.unique(), 0);
    if constexpr (requires { H::encode(builder, *state_); }) {
      return H::encode(builder, *state_);
    } else if constexpr (requires { H::encode(builder, *state_, *value); }) {
      return H::encode(builder, *state_, *value);
    } else {
      static_assert(std::is_void_v<Value>, "a value needs an encoding");
      return {};
    }
  }

  /// An answer that is all in a file, unread, where the client takes it like that.
  std::optional<std::int64_t> send_file() {
    if constexpr (requires { H::file(*state_); }) {
      if (const FileRange* const file = H::file(*state_)) return replies_.send_file(view_.unique(), *file);
    }
    return std::nullopt;
  }

  std::int64_t send_error(ReplyBuilder& builder, int error) {
    builder.start(view_.unique(), -error);
    return replies_.send(builder.finish());
  }

  void reply(Result<Value>& value) {
    if constexpr (std::is_same_v<H, Init>) server_.settle_init(value);
    ReplyBuilder builder;
    bool granted = value.has_value();  // a success reply went out and was accepted
    if (!value) {
      const int error = value.error().value();
      const bool sendable = error > 0 && error < 512;  // rule R2
      if (!sendable)
        server_.log(name() + ": the handler failed with errno " + std::to_string(error) +
                    ", which is none (1 to 511); answered with EIO");
      send_error(builder, sendable ? error : EIO);
    } else if (const auto sent = send_file()) {
      granted = *sent >= 0;
    } else if (const auto encoded = encode(builder, value); !encoded) {
      granted = false;
      send_error(builder, encoded.error().value());
    } else {
      const Message& message = builder.finish();
      granted = has_sound_form(message) ? replies_.send(message) >= 0 : (send_error(builder, EIO), false);
    }
    settle(value, granted);
  }

  /// Structs are written whole, so only a tail can make a reply that the kernel would refuse.
  bool has_sound_form(const Message& message) const { return message.tail.empty() || tail_is_sound(message); }
  bool tail_is_sound(const Message& message) const {
    const ReplyVerdict verdict = reply_check(&view_, message);
    if (verdict.effect == ReplyEffect::kAccepted) return true;
    server_.log(name() + ": rule " + std::string(verdict.rule) + ": " + std::string(verdict.reason) +
                "; the kernel would refuse this reply, answered with EIO");
    return false;
  }

  /// Takes back what the kernel did not take.
  void settle(Result<Value>& value, bool granted) {
    auto run = [this](Async<void> task) { server_.spawn(std::move(task)); };
    Operations& operations = *server_.operations_;
    if constexpr (requires { H::settle(operations, *state_, run); }) H::settle(operations, *state_, run);
    if (granted) return;
    if constexpr (requires { H::undo(operations, request_, *state_, run); }) {
      H::undo(operations, request_, *state_, run);  // also after an error: entries may be on the page already
    } else if constexpr (requires { H::undo(operations, request_, *state_, *value, run); }) {
      if (value) H::undo(operations, request_, *state_, *value, run);
    }
  }

  Impl& server_;
  IncomingRequest incoming_;
  ReplyChannel& replies_;
  RequestView view_;
  Request request_;
  std::optional<typename H::State> state_;
  WorkQueue after_reply_;
};

/// A task beside the handlers.
class OperationsServer::Impl::Spawned final : public Work, public FrameAllocated, private Completion<void> {
 public:
  Spawned(Impl& server, Async<void> task) : Completion<void>(kKind), server_(server), task_(std::move(task)) {}

  void run() noexcept override {
    if (start(task_.release(*this))) finish();
  }

 private:
  static void completed(CompletionBase& base) noexcept {
    static_cast<Spawned&>(static_cast<Completion<void>&>(base)).finish();
  }
  static constexpr CompletionKind kKind{&Spawned::completed, &CompletionBase::itself, &CompletionBase::owes_none,
                                        &CompletionBase::tells_nobody};
  void finish() noexcept {
    try {
      if (const Result<void> done = take(); !done) {
        server_.log("a task beside the handlers failed with " + to_string(done.error()));
      }
    } catch (...) {
      server_.log("a task beside the handlers threw");
    }
    Impl& server = server_;
    delete this;
    server.end_one();
  }

  Impl& server_;
  Async<void> task_;
};

OperationsServer::Impl::Spawned* OperationsServer::Impl::adopt(Async<void> task) {
  if (task.ready()) {
    if (const Result<void> done = task.take_ready(); !done) {
      log("a task beside the handlers failed with " + to_string(done.error()));
    }
    return nullptr;
  }
  begin_one();
  return new Spawned(*this, std::move(task));
}

void OperationsServer::Impl::spawn(Async<void> task) {
  if (Spawned* spawned = adopt(std::move(task))) target_.load(std::memory_order_acquire)->post(*spawned);
}

template <class H>
void OperationsServer::Impl::call(IncomingRequest&& incoming, ReplyChannel& replies) {
  auto call = std::make_unique<Call<H>>(*this, std::move(incoming), replies);
  if (const auto sound = call->read(); !sound) [[unlikely]] {
    refuse(call->incoming(), replies, sound.error());
    return;
  }
  if constexpr (kIsForget<H>) {
    if (on_strand()) queue_forget();
  }
  target_.load(std::memory_order_acquire)->dispatch(*call.release());  // which deletes itself
}

/// One asks for a report. It is answered on this very thread: all others may hang.
void OperationsServer::Impl::handle_setxattr(IncomingRequest&& incoming, ReplyChannel& replies) {
  const auto header = read_in_header(incoming.bytes);
  RequestView view;
  if (!header || header->nodeid != kRootNodeId || !view.read(incoming.bytes, Bytes(), negotiated_) ||
      view.name(0) != "fuse_stacktrace") {
    return call<Setxattr>(std::move(incoming), replies);
  }
  report();
  ReplyBuilder reply;
  reply.start(view.unique(), 0);
  replies.send(reply.finish());
}

void OperationsServer::Impl::report() {
  const std::int64_t now = clock_.realtime();
  const std::vector<OutstandingRequest> requests = outstanding_requests_.all();
  log(count_text(requests.size(), "request") + " outstanding");
  for (const OutstandingRequest& request : requests) log("  " + describe(request, now));
}

void OperationsServer::Impl::refuse(const IncomingRequest& incoming, ReplyChannel& replies, MessageError error) {
  const auto header = read_in_header(incoming.bytes);
  if (!header) {
    log("a request of " + std::to_string(incoming.bytes.size()) + " bytes is no message; dropped");
    return;
  }
  const auto opcode = static_cast<Opcode>(header->opcode);
  const bool unknown = error == MessageError::kUnknownOpcode;
  if (!unknown) {
    log(std::string(opcode_name(opcode)) + " " + std::to_string(header->unique) + ": " + std::string(describe(error)) +
        "; answered with EIO");
  }
  if (!expects_reply(opcode)) return;
  ReplyBuilder reply;
  reply.start(header->unique, unknown ? -ENOSYS : -EIO);
  replies.send(reply.finish());
}

void OperationsServer::Impl::handle(IncomingRequest&& incoming, ReplyChannel& replies) {
  std::uint32_t opcode = 0;  // none is 0
  if (incoming.bytes.size() >= sizeof(wire::InHeader))
    std::memcpy(&opcode, incoming.bytes.data() + offsetof(wire::InHeader, opcode), sizeof(opcode));
  switch (static_cast<Opcode>(opcode)) {
#define FUSEREPLAY_ROUTE(opcode, handler) \
  case Opcode::opcode:                    \
    return call<handler>(std::move(incoming), replies)
    FUSEREPLAY_ROUTE(kLookup, Lookup);
    FUSEREPLAY_ROUTE(kForget, Forget);
    FUSEREPLAY_ROUTE(kGetattr, Getattr);
    FUSEREPLAY_ROUTE(kSetattr, Setattr);
    FUSEREPLAY_ROUTE(kReadlink, Readlink);
    FUSEREPLAY_ROUTE(kSymlink, Symlink);
    FUSEREPLAY_ROUTE(kMknod, Mknod);
    FUSEREPLAY_ROUTE(kMkdir, Mkdir);
    FUSEREPLAY_ROUTE(kUnlink, Unlink);
    FUSEREPLAY_ROUTE(kRmdir, Rmdir);
    FUSEREPLAY_ROUTE(kRename, Rename);
    FUSEREPLAY_ROUTE(kLink, Link);
    FUSEREPLAY_ROUTE(kRead, Read);
    FUSEREPLAY_ROUTE(kWrite, Write);
    FUSEREPLAY_ROUTE(kStatfs, Statfs);
    FUSEREPLAY_ROUTE(kRelease, ReleaseFile);
    FUSEREPLAY_ROUTE(kFsync, Fsync);
    FUSEREPLAY_ROUTE(kGetxattr, Getxattr);
    FUSEREPLAY_ROUTE(kListxattr, Listxattr);
    FUSEREPLAY_ROUTE(kRemovexattr, Removexattr);
    FUSEREPLAY_ROUTE(kFlush, Flush);
    FUSEREPLAY_ROUTE(kInit, Init);
    FUSEREPLAY_ROUTE(kReaddir, Readdir);
    FUSEREPLAY_ROUTE(kReleasedir, Releasedir);
    FUSEREPLAY_ROUTE(kFsyncdir, Fsyncdir);
    FUSEREPLAY_ROUTE(kGetlk, Getlk);
    FUSEREPLAY_ROUTE(kAccess, Access);
    FUSEREPLAY_ROUTE(kCreate, Create);
    FUSEREPLAY_ROUTE(kBmap, Bmap);
    FUSEREPLAY_ROUTE(kDestroy, Destroy);
    FUSEREPLAY_ROUTE(kIoctl, Ioctl);
    FUSEREPLAY_ROUTE(kPoll, Poll);
    FUSEREPLAY_ROUTE(kBatchForget, BatchForget);
    FUSEREPLAY_ROUTE(kFallocate, Fallocate);
    FUSEREPLAY_ROUTE(kReaddirplus, Readdir);
    FUSEREPLAY_ROUTE(kRename2, Rename2);
    FUSEREPLAY_ROUTE(kLseek, Lseek);
    FUSEREPLAY_ROUTE(kCopyFileRange, CopyFileRange);
    FUSEREPLAY_ROUTE(kSyncfs, Syncfs);
    FUSEREPLAY_ROUTE(kTmpfile, Tmpfile);
    FUSEREPLAY_ROUTE(kStatx, Statx);
    FUSEREPLAY_ROUTE(kCopyFileRange64, CopyFileRange);
#undef FUSEREPLAY_ROUTE
    case Opcode::kOpen:
      return opens_ ? call<Open>(std::move(incoming), replies)
                    : refuse(incoming, replies, MessageError::kUnknownOpcode);
    case Opcode::kOpendir:
      return opens_directories_ ? call<Opendir>(std::move(incoming), replies)
                                : refuse(incoming, replies, MessageError::kUnknownOpcode);
    case Opcode::kSetlk:
    case Opcode::kSetlkw:
      return call<Setlk>(std::move(incoming), replies);
    case Opcode::kSetupmapping:
    case Opcode::kRemovemapping:
    case Opcode::kCuseInit:
      return call<Unsupported>(std::move(incoming), replies);
    case Opcode::kSetxattr:
      return handle_setxattr(std::move(incoming), replies);
    case Opcode::kNotifyReply:
      return handle_retrieved(std::move(incoming), replies);
    case Opcode::kInterrupt:
      // Not answered: whoever watches for it answers the interrupted request (reference 5.1).
      if (const auto view = RequestView::parse(incoming.bytes)) {
        connection_.interrupts().interrupt(view->fixed<wire::InterruptIn>().unique);
      } else {
        refuse(incoming, replies, view.error());
      }
      return;
  }
  refuse(incoming, replies, MessageError::kUnknownOpcode);
}

void OperationsServer::Impl::handle_retrieved(IncomingRequest&& incoming, ReplyChannel& replies) {
  const auto view = RequestView::parse(incoming.bytes);
  if (view && notifier().take_retrieved(*view)) return;
  call<NotifyReply>(std::move(incoming), replies);
}

void OperationsServer::Impl::disconnect() {
  disconnecting_.store(true, std::memory_order_release);
  const auto wait_until_idle = [this] {
    std::unique_lock lock(idle_mutex_);
    idle_.wait(lock, [this] { return outstanding_.load(std::memory_order_acquire) == 0; });
  };
  connection_.interrupts().interrupt_all();
  notifier().close();
  // Requests that wait for their turn on the strand are not counted: what runs after them is.
  struct Fence final : Work {
    explicit Fence(Impl& owner) noexcept : server(owner) {}
    void run() noexcept override { server.end_one(); }
    Impl& server;
  };
  Fence fence(*this);
  begin_one();
  strand_.dispatch(fence);
  wait_until_idle();
  struct AtEnd final : Work {
    explicit AtEnd(Impl& owner) noexcept : server(owner) {}
    // Started here, not posted: a ManualExecutor's owner is inside disconnect() and turns no crank.
    void run() noexcept override {
      if (Spawned* task = server.adopt(server.operations_->destroy())) task->run();
      server.end_one();  // disconnect() may return now, and this work with it
    }
    Impl& server;
  };
  AtEnd at_end(*this);
  begin_one();
  target_.load(std::memory_order_acquire)->dispatch(at_end);  // runs later where the strand is still being left
  wait_until_idle();
  connection_.backing_files().disconnect();
}

OperationsServer::OperationsServer(std::unique_ptr<Operations> operations, Options options)
    : impl_(std::make_unique<Impl>(std::move(operations), std::move(options))) {}
OperationsServer::OperationsServer(std::unique_ptr<Operations> operations)
    : OperationsServer(std::move(operations), Options{}) {}
OperationsServer::~OperationsServer() = default;

void OperationsServer::handle(IncomingRequest request, ReplyChannel& replies) {
  impl_->handle(std::move(request), replies);
}
void OperationsServer::disconnect() {
  impl_->disconnect();
}
std::unique_ptr<Operations> OperationsServer::take_operations() noexcept {
  return impl_->take_operations();
}
Operations& OperationsServer::operations() noexcept {
  return impl_->operations();
}
const std::string& OperationsServer::refusal() const noexcept {
  return impl_->refusal();
}
Notifier& OperationsServer::notifier() noexcept {
  return impl_->notifier();
}
std::vector<OutstandingRequest> OperationsServer::outstanding_requests() const {
  return impl_->outstanding_requests();
}
CrashedRequests OperationsServer::outstanding_requests_in_crash(std::span<OutstandingRequest> space) const noexcept {
  return impl_->outstanding_in_crash(space);
}
void OperationsServer::report() {
  impl_->report();
}
std::size_t OperationsServer::outstanding() const {
  return impl_->outstanding();
}

}  // namespace fusereplay
