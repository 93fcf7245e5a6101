#include "simulator/kernel/request_queue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/protocol/layout.h"

namespace fusereplay::kernel {
namespace {

constexpr std::size_t kSmallBuffer = 4096 + 256;
constexpr int kForgetsInARow = 16;  // fs/fuse/dev.c fuse_dev_do_read: forget_batch
constexpr int kRequestsInARow = 8;
/// args.force: not given up for a fatal signal.
bool is_forced(Opcode opcode) noexcept {
  return opcode == Opcode::kInit || opcode == Opcode::kFlush;
}
constexpr std::size_t kForgetsInABatch =
    (kMinReadBuffer - sizeof(wire::InHeader) - sizeof(wire::BatchForgetIn)) / sizeof(wire::ForgetOne);

}  // namespace

std::byte* PendingRequest::space(std::size_t size) {
  if (size_ + size > buffer_->capacity()) {
    BufferRef larger = BufferRef::allocate(std::max(2 * buffer_->capacity(), size_ + size));
    std::memcpy(larger->data(), buffer_->data(), size_);
    buffer_ = std::move(larger);
  }
  std::byte* const at = buffer_->data() + size_;
  size_ += size;
  return at;
}

PendingRequest& PendingRequest::name(std::string_view name) {
  std::byte* const at = space(name.size() + 1);
  std::memcpy(at, name.data(), name.size());
  at[name.size()] = std::byte{0};
  return *this;
}

PendingRequest& PendingRequest::bytes(Bytes bytes) {
  if (!bytes.empty()) std::memcpy(space(bytes.size()), bytes.data(), bytes.size());
  return *this;
}

/// A caller that waits for a reply.
struct RequestQueue::Unanswered final : WaitReason {
  Unanswered(const RequestQueue& where, const PendingRequest& what) noexcept : queue(where), request(what) {}
  std::string describe() const override {
    std::string line = std::string(opcode_name(request.opcode_)) + " " + std::to_string(request.unique_) +
                       " of nodeid " + std::to_string(request.nodeid_) + " for pid " + std::to_string(request.pid_) +
                       (request.held_ ? " is held by the test" : " was never answered");
    for (const OutstandingRequest& other : queue.outstanding()) {
      if (other.unique == request.unique_) continue;
      line += ", nor was " + std::string(opcode_name(other.opcode)) + " " + std::to_string(other.unique);
    }
    if (queue.work_ != nullptr) line += ": " + queue.work_->obstacle();
    return line;
  }

  const RequestQueue& queue;
  const PendingRequest& request;
};

RequestQueue::RequestQueue(Server& server, ManualExecutor* executor, Clock& clock, Scheduler& scheduler)
    : server_(server),
      work_(server.work()),
      executor_(executor),
      clock_(clock),
      scheduler_(scheduler),
      small_buffers_(kSmallBuffer, 64) {
  scheduler_.set_server(this);
}

RequestQueue::~RequestQueue() = default;

void RequestQueue::Recycle::operator()(PendingRequest* request) const noexcept {
  using State = PendingRequest::State;
  if (request->state_ == State::kPending || request->state_ == State::kSent) {
    request->dropped_ = true;
  } else {
    request->queue_->recycle(request);
  }
}

void RequestQueue::recycle(PendingRequest* request) noexcept {
  if (request->buffer_->capacity() > kSmallBuffer) request->buffer_ = {};
  idle_.emplace_back(request);
}

RequestQueue::Request RequestQueue::make(Opcode opcode, std::uint64_t nodeid, const HeaderCredentials& credentials) {
  if (idle_.empty()) {
    idle_.push_back(std::make_unique<PendingRequest>());
    idle_.back()->queue_ = this;
  }
  Request request(idle_.back().release());
  idle_.pop_back();
  request->opcode_ = opcode;
  request->state_ = PendingRequest::State::kNew;
  request->background_ = false;
  request->dropped_ = request->interrupted_ = request->held_ = false;
  request->error_ = 0;
  request->unique_ = 0;
  request->nodeid_ = nodeid;
  request->pid_ = credentials.pid;
  request->groups_.assign(credentials.groups.begin(), credentials.groups.end());
  request->end_ = nullptr;
  if (!request->buffer_.unique()) request->buffer_ = small_buffers_.get();  // somebody may still look at the last one's
  request->size_ = 0;
  wire::InHeader header{};
  header.opcode = static_cast<std::uint32_t>(opcode);
  header.nodeid = nodeid;
  header.uid = credentials.uid;
  header.gid = credentials.gid;
  header.pid = credentials.pid;
  std::memcpy(request->space(sizeof(header)), &header, sizeof(header));
  return request;
}

int RequestQueue::call(PendingRequest& request) {
  if (!connected_) return request.error_ = ENOTCONN;
  if (init_failed_) return request.error_ = ECONNREFUSED;  // fs/fuse/dev.c fuse_get_req: conn_error
  if (scheduler_.current().broken()) return request.error_ = EDEADLK;
  enqueue(request);
  const bool next = pending_.size() == 1 && forgets_.empty() && interrupts_.empty();
  if (next && scheduler_.alone() && scheduler_.current().signal() == Signal::kNone) {
    // What waiting for it would do first.
    scheduler_.run_as_server([this] { read_request(); });
    if (request.done()) return request.error_;
  }
  return wait_for_answer(request);
}

// fs/fuse/dev.c request_wait_answer.
int RequestQueue::wait_for_answer(PendingRequest& request) {
  const Task& task = scheduler_.current();
  const Unanswered reason(*this, request);
  const auto wait = [&](Signal least) {
    return scheduler_.wait_until([&] { return request.done() || task.signal() >= least; }, reason);
  };
  if (!no_interrupt_) {
    if (!wait(Signal::kHandled)) return EDEADLK;
    if (request.done()) return request.error_;
    request.interrupted_ = true;
    if (request.state_ == PendingRequest::State::kSent) queue_interrupt(request);
  }
  if (!is_forced(request.opcode_)) {
    if (!wait(Signal::kFatal)) return EDEADLK;
    if (!request.done() && request.state_ == PendingRequest::State::kPending) {
      pending_.erase(&request);
      request.state_ = PendingRequest::State::kNew;
      return request.error_ = EINTR;
    }
  }
  const bool came = scheduler_.wait_until([&] { return request.done(); }, reason);
  return came ? request.error_ : EDEADLK;
}

// fuse_dev_queue_interrupt.
void RequestQueue::queue_interrupt(PendingRequest& request) {
  if (std::find(interrupts_.begin(), interrupts_.end(), request.unique_) == interrupts_.end()) {
    interrupts_.push_back(request.unique_);
  }
}

void RequestQueue::send_background(Request request, RequestEnd* end) {
  request->end_ = end;
  request->background_ = true;
  if (!connected_ || init_failed_) {
    this->end(*request, ENOTCONN);
    return;
  }
  request->state_ = PendingRequest::State::kPending;
  request->dropped_ = true;
  waiting_background_.push_back(request.release());
  flush_background();
}

void RequestQueue::send_unanswered(Request request) {
  if (!connected_ || init_failed_) return;
  enqueue(*request);
  static_cast<void>(request.release());  // until it is read
}

void RequestQueue::send_numbered(Request request, std::uint64_t unique) {
  if (!connected_) return;
  request->unique_ = unique;
  request->state_ = PendingRequest::State::kPending;
  pending_.push_back(request.release());
}

void RequestQueue::resend() {
  std::vector<PendingRequest*> again(sent_.begin(), sent_.end());
  sent_.clear();
  for (auto request = again.rbegin(); request != again.rend(); ++request) {
    interrupts_.erase((*request)->unique_);
    (*request)->unique_ |= kUniqueResendBit;
    (*request)->state_ = PendingRequest::State::kPending;
    (*request)->held_ = false;
    pending_.push_front(*request);
  }
}

// fs/fuse/dev.c flush_bg_queue: a background request gets its unique when it leaves the background queue.
void RequestQueue::flush_background() {
  while (active_background_ < max_background_ && !waiting_background_.empty()) {
    PendingRequest* const request = waiting_background_.front();
    waiting_background_.pop_front();
    ++active_background_;
    enqueue(*request);
  }
}

void RequestQueue::enqueue(PendingRequest& request) {
  request.unique_ = next_unique();
  request.state_ = PendingRequest::State::kPending;
  pending_.push_back(&request);
}

void RequestQueue::forget(std::uint64_t nodeid, std::uint64_t nlookup) {
  if (connected_ && nlookup != 0) forgets_.push_back({nodeid, nlookup});
}

bool RequestQueue::step() {
  if (read_one()) return true;
  if (executor_ != nullptr && executor_->run_one()) return true;
  return work_ != nullptr && turn_server();
}

/// A server that ended is as the last close(2) of its device: fs/fuse/dev.c fuse_dev_release.
bool RequestQueue::turn_server() {
  if (!connected_) return false;
  const ServerProgress progress = work_->run_one();
  if (progress == ServerProgress::kGone) {
    scheduler_.add_dead_end(work_->obstacle());
    abort(Mark::kServerDied);
  }
  return progress != ServerProgress::kIdle;
}

// fs/fuse/dev.c fuse_dev_do_read: forgets and requests take turns by forget_batch.
bool RequestQueue::read_one() {
  if (!interrupts_.empty()) {
    read_interrupt();
    return true;
  }
  if (!connected_ || (forgets_.empty() && pending_.empty())) return false;
  if (!forgets_.empty() && (pending_.empty() || forget_batch_-- > 0)) {
    read_forgets();
    return true;
  }
  if (!forgets_.empty() && forget_batch_ <= -kRequestsInARow) forget_batch_ = kForgetsInARow;
  read_request();
  return true;
}

// fuse_read_interrupt.
void RequestQueue::read_interrupt() {
  const std::uint64_t unique = interrupts_.front();
  interrupts_.pop_front();
  const Request message = make(Opcode::kInterrupt, 0, {});
  message->unique_ = unique | kUniqueInterruptBit;
  message->add(wire::InterruptIn{.unique = unique});
  deliver(*message);
}

void RequestQueue::read_request() {
  PendingRequest* const request = pending_.front();
  pending_.pop_front();
  if (!expects_reply(request->opcode_)) {
    request->state_ = PendingRequest::State::kDone;
    const Request unanswered(request);
    deliver(*request);
    return;
  }
  request->state_ = PendingRequest::State::kSent;
  sent_.push_back(request);
  if (request->interrupted_) queue_interrupt(*request);
  request->held_ = std::find(held_opcodes_.begin(), held_opcodes_.end(), request->opcode_) != held_opcodes_.end();
  deliver(*request);
}

void RequestQueue::let_go(Opcode opcode) {
  std::erase(held_opcodes_, opcode);
  std::vector<std::uint64_t> uniques;
  for (const PendingRequest* request : sent_) {
    if (request->held_ && request->opcode_ == opcode) uniques.push_back(request->unique_);
  }
  for (const std::uint64_t unique : uniques) let_go(unique);
}

bool RequestQueue::let_go(std::uint64_t unique) {
  PendingRequest* const request = find(unique);
  if (request == nullptr || !request->held_) return false;
  request->held_ = false;
  pass_on(*request);
  return true;
}

// fs/fuse/dev.c fuse_read_single_forget, fuse_read_batch_forget.
void RequestQueue::read_forgets() {
  const std::size_t count = std::min(forgets_.size(), kForgetsInABatch);
  const bool batch = count > 1;
  Request message = make(batch ? Opcode::kBatchForget : Opcode::kForget, batch ? 0 : forgets_.front().nodeid, {});
  message->unique_ = next_unique();
  if (batch) {
    message->add(wire::BatchForgetIn{.count = static_cast<std::uint32_t>(count), .dummy = 0});
    for (std::size_t i = 0; i < count; ++i) {
      message->add(wire::ForgetOne{.nodeid = forgets_[i].nodeid, .nlookup = forgets_[i].nlookup});
    }
  } else {
    message->add(wire::ForgetIn{.nlookup = forgets_.front().nlookup});
  }
  forgets_.pop_front(count);
  deliver(*message);
}

void RequestQueue::complete_header(PendingRequest& request) {
  const Bytes bytes(request.buffer_->data(), request.size_);
  const auto length = static_cast<std::uint32_t>(request.size_);
  std::memcpy(request.buffer_->data() + offsetof(wire::InHeader, len), &length, sizeof(length));
  std::memcpy(request.buffer_->data() + offsetof(wire::InHeader, unique), &request.unique_, sizeof(request.unique_));
  RequestContext& context = request.context_;
  context.view = RequestView();
  const auto sound = context.view.read(bytes, {}, negotiated_);
  FUSEREPLAY_CHECK(sound.has_value(), "the kernel's requests are well formed");
  context.opcode = request.opcode_;
  context.unique = request.unique_;
  context.sequence = sequence_ + 1;
  context.begin = clock_.realtime();
  context.known = true;
  context.asks_size = asks_size(context.view);
}

void RequestQueue::deliver(PendingRequest& request) {
  complete_header(request);
  Event event =
      new_event(EventKind::kRequest,
                {.head = Bytes(request.buffer_->data(), request.size_), .tail = {}, .owner = &request.buffer_});
  event.result = static_cast<std::int64_t>(request.size_);
  emit(event, &request.context_);
  if (!request.held_) pass_on(request);
}

/// The request may be ended, and made anew, while the server looks at it.
void RequestQueue::pass_on(PendingRequest& request) {
  IncomingRequest incoming;
  incoming.buffer = request.buffer_;
  incoming.bytes = Bytes(request.buffer_->data(), request.size_);
  incoming.received = clock_.realtime();
  server_.handle(std::move(incoming), *this);
}

Event RequestQueue::new_event(EventKind kind, const Message& message) const {
  Event event;
  event.kind = kind;
  event.begin = event.end = clock_.realtime();
  event.message = message;
  return event;
}

void RequestQueue::emit(Event& event, const RequestContext* request) {
  event.sequence = ++sequence_;
  event.request = request;
  for (EventSink* sink : observers_) sink->on_event(event);
}

Result<std::vector<std::uint32_t>> RequestQueue::groups_of(std::uint32_t pid) const {
  const auto asks = [&](const PendingRequest* request) { return request->pid_ == pid; };
  const auto found = std::find_if(sent_.begin(), sent_.end(), asks);
  if (pid == 0 || found == sent_.end()) return Errno(ESRCH);
  return (*found)->groups_;
}

void RequestQueue::mark(Mark mark) {
  Event event = new_event(EventKind::kMark, {});
  event.mark = mark;
  emit(event);
}

PendingRequest* RequestQueue::find(std::uint64_t unique) noexcept {
  for (PendingRequest* request : sent_) {
    if (request->unique_ == unique) return request;
  }
  return nullptr;
}

std::int64_t RequestQueue::send(const Message& message) {
  const auto header = read_out_header(message);
  if (header && header->len == message.size() && header->unique == 0) {
    Event event = new_event(EventKind::kNotification, message);
    const auto view = NotificationView::parse(message);
    int result = view ? 0 : -EINVAL;
    if (!connected_) result = -ENOENT;
    if (result == 0) result = notifications_ != nullptr ? notifications_->on_notification(message) : -EINVAL;
    event.result = result == 0 ? static_cast<std::int64_t>(message.size()) : result;
    emit(event);
    return event.result;
  }
  return take_reply(message, header ? *header : wire::OutHeader{});
}

std::int64_t RequestQueue::take_reply(const Message& message, const wire::OutHeader& header) {
  PendingRequest* const request = find(header.unique & ~kUniqueInterruptBit);
  if (request != nullptr && (header.unique & kUniqueInterruptBit) != 0) {
    return take_interrupt_reply(message, header, *request);
  }
  const bool gone = refuse_next_ == Errno(ENOENT);
  const ReplyVerdict verdict =
      refuse_next_ ? take_refusal() : reply_check(request == nullptr ? nullptr : &request->context_.view, message);
  Event event = new_event(EventKind::kReply, message);
  event.result = verdict.write_result;
  emit(event, request == nullptr ? nullptr : &request->context_);

  if (gone) {
    if (request != nullptr) end(*request, ECONNABORTED);
  } else if (verdict.effect == ReplyEffect::kCompletedWithEio) {
    if (request != nullptr) end(*request, EIO);
  } else if (verdict.effect == ReplyEffect::kAccepted) {
    if (header.error == 0) request->take_body(message);
    end(*request, -header.error);
  }
  return verdict.write_result;
}

ReplyVerdict RequestQueue::take_refusal() noexcept {
  const int error = std::exchange(refuse_next_, std::nullopt)->value();
  return {.write_result = -error,
          .effect = error == ENOENT ? ReplyEffect::kUnknown : ReplyEffect::kCompletedWithEio,
          .rule = {},
          .reason = {}};
}

// fuse_dev_do_write: what is said to an INTERRUPT, while what it interrupts is outstanding.
std::int64_t RequestQueue::take_interrupt_reply(const Message& message, const wire::OutHeader& header,
                                                PendingRequest& request) {
  const ReplyVerdict verdict = reply_check(&request.context_.view, message);
  Event event = new_event(EventKind::kReply, message);
  event.result = verdict.write_result;
  emit(event);
  if (verdict.write_result < 0) return verdict.write_result;
  if (header.error == -ENOSYS) no_interrupt_ = true;
  if (header.error == -EAGAIN) queue_interrupt(request);
  return verdict.write_result;
}

// fs/fuse/dev.c fuse_copy_out_args: what a short last argument leaves out is not there, or zero in INIT's.
void PendingRequest::take_body(const Message& message) {
  const std::size_t fixed = reply_layout(opcode_, context_.asks_size)->fixed_size();
  const Bytes head = message.head.subspan(sizeof(wire::OutHeader));
  const std::size_t there = std::min(fixed, head.size());
  std::memcpy(fixed_.data(), head.data(), there);
  if (there < fixed) std::memset(fixed_.data() + there, 0, fixed - there);
  const Bytes rest = head.subspan(there);
  if (rest.empty() && (message.tail.empty() || end_ != nullptr)) {
    data_ = message.tail;
    return;
  }
  copy_.assign(rest.begin(), rest.end());
  copy_.insert(copy_.end(), message.tail.begin(), message.tail.end());
  data_ = copy_;
}

void RequestQueue::end(PendingRequest& request, int error) {
  std::erase(sent_, &request);
  if (!interrupts_.empty()) interrupts_.erase(request.unique_);
  const bool was_active = request.background_ && request.state_ != PendingRequest::State::kNew;
  request.state_ = PendingRequest::State::kDone;
  request.error_ = error;
  if (request.end_ != nullptr) request.end_->on_end(request);
  if (request.dropped_) recycle(&request);
  if (was_active) {
    --active_background_;
    flush_background();
  }
}

void RequestQueue::abort(Mark mark) {
  if (!connected_) return;
  connected_ = false;
  this->mark(mark);
  forgets_.clear();
  interrupts_.clear();
  std::vector<PendingRequest*> all(sent_.begin(), sent_.end());
  for (const PendingRequest* request : sent_) abandoned_.push_back(request->unique_);
  all.insert(all.end(), pending_.begin(), pending_.end());
  active_background_ += static_cast<std::uint32_t>(waiting_background_.size());
  all.insert(all.end(), waiting_background_.begin(), waiting_background_.end());
  pending_.clear();
  waiting_background_.clear();
  for (PendingRequest* request : all) end(*request, ECONNABORTED);
}

void RequestQueue::interrupt_abandoned() {
  for (const std::uint64_t unique : std::exchange(abandoned_, {})) {
    const Request message = make(Opcode::kInterrupt, 0, {});
    message->unique_ = unique | kUniqueInterruptBit;
    message->add(wire::InterruptIn{.unique = unique});
    complete_header(*message);
    pass_on(*message);
  }
  scheduler_.settle();
}

std::vector<OutstandingRequest> RequestQueue::outstanding() const {
  std::vector<OutstandingRequest> all;
  const auto add = [&](const auto& requests, bool read) {
    for (const PendingRequest* request : requests) {
      all.push_back({.opcode = request->opcode_,
                     .unique = request->unique_,
                     .nodeid = request->nodeid_,
                     .pid = request->pid_,
                     .read_by_server = read});
    }
  };
  add(sent_, true);
  add(pending_, false);
  add(waiting_background_, false);
  return all;
}

bool RequestQueue::quiet() const noexcept {
  return sent_.empty() && pending_.empty() && waiting_background_.empty() && forgets_.empty();
}

}  // namespace fusereplay::kernel
