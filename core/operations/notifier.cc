#include "core/operations/notifier.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/async/sync.h"
#include "core/protocol/builder.h"
#include "core/protocol/view.h"
#include "core/server/server.h"

namespace fusereplay {
namespace {

std::vector<std::byte> owned(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Failures that say nothing of the filesystem.
bool is_usual(int error) noexcept {
  return error == 0 || error == ENOENT || error == ENOSYS || error == ENOTCONN;
}

}  // namespace

namespace internal {

PostedNotification::PostedNotification(Notifier& notifier, NotifyCode code, std::uint32_t since_minor) noexcept
    : notifier_(notifier), code_(code), error_(notifier.minor_ < since_minor ? ENOSYS : 0) {}

void PostedNotification::run() noexcept {
  switch (step_) {
    case Step::kNew:
      return notifier_.submit(*this);
    case Step::kQueued:
      return notifier_.write_queued(*this);
    case Step::kWritten:
      return task_.resume();  // which destroys this
  }
}

}  // namespace internal

Notification::Notification(std::unique_ptr<internal::PostedNotification> posted) noexcept
    : posted_(std::move(posted)) {}
Notification::Notification(Notification&&) noexcept = default;
Notification::~Notification() = default;

void Notification::post() {
  Notifier& notifier = posted_->notifier_;
  notifier.submit(*posted_.release());
}

Notified Notification::now() {
  if (Executor::current() != nullptr) return Notified(EDEADLK);
  return posted_->notifier_.write_now(*posted_);
}

bool Notification::await_ready() const noexcept {
  return posted_->error_ != 0;
}

bool Notification::suspend(std::coroutine_handle<> task, OwedReply* owed) {
  if (owed != nullptr && !posted_->always_waits_) {
    Notifier& notifier = posted_->notifier_;
    notifier.put_behind(*owed, *posted_.release());
    return false;
  }
  posted_->task_ = task;
  posted_->executor_ = Executor::current();
  FUSEREPLAY_CHECK(posted_->executor_ != nullptr, "a task that waits runs on an executor");
  posted_->notifier_.submit(*posted_);  // the task may go on, and this be gone, before it returns
  return true;
}

Notified Notification::await_resume() const noexcept {
  return Notified(posted_ == nullptr ? EINPROGRESS : posted_->error_);
}

/// One that waits for its NOTIFY_REPLY. In the frame of retrieve().
struct Notifier::Retrieval {
  Retrieval(Notifier& owner, NodeId what, Offset from) : notifier(owner), node(what), offset(from) {
    const std::lock_guard lock(notifier.mutex_);
    number = ++notifier.last_retrieval_;
    notifier.retrievals_.emplace(number, this);
  }
  ~Retrieval() {
    const std::lock_guard lock(notifier.mutex_);
    notifier.retrievals_.erase(number);
  }
  Retrieval(const Retrieval&) = delete;
  Retrieval& operator=(const Retrieval&) = delete;

  Notifier& notifier;
  const NodeId node;
  const Offset offset;
  std::uint64_t number = 0;
  Result<std::vector<std::byte>> data = Errno(ENOTCONN);  // guarded by the Notifier's mutex until `answered`
  AsyncEvent answered;
};

Notifier::~Notifier() {
  FUSEREPLAY_CHECK(unfinished_ == 0 && retrievals_.empty(), "a notifier is closed before it is destroyed");
}

template <typename Fill>
std::unique_ptr<internal::PostedNotification> Notifier::make(NotifyCode code, std::uint32_t since_minor,
                                                             std::vector<std::uint64_t> nodes, const Fill& fill) {
  auto posted = std::make_unique<Posted>(*this, code, since_minor);
  MessageBuilder builder;
  fill(builder.start_notification(code));
  posted->message_ = owned(builder.finish());
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  posted->nodes_ = std::move(nodes);
  return posted;
}

Notification Notifier::name_notification(NodeId parent, std::string_view name, std::uint32_t since_minor,
                                         std::uint32_t flags) {
  return Notification(make(NotifyCode::kInvalEntry, since_minor, {raw(parent)}, [&](MessageBuilder& builder) {
    builder
        .add(wire::NotifyInvalEntryOut{
            .parent = raw(parent), .namelen = static_cast<std::uint32_t>(name.size()), .flags = flags})
        .name(name);
  }));
}

Notification Notifier::inval_entry(NodeId parent, std::string_view name) {
  return name_notification(parent, name, 12, 0);
}

// An older kernel would take the flag for padding, and drop the name.
Notification Notifier::expire_entry(NodeId parent, std::string_view name) {
  return name_notification(parent, name, 38, kExpireOnly);
}

Notification Notifier::delete_entry(NodeId parent, NodeId child, std::string_view name) {
  return Notification(make(NotifyCode::kDelete, 18, {raw(parent), raw(child)}, [&](MessageBuilder& builder) {
    builder
        .add(wire::NotifyDeleteOut{.parent = raw(parent),
                                   .child = raw(child),
                                   .namelen = static_cast<std::uint32_t>(name.size()),
                                   .padding = 0})
        .name(name);
  }));
}

Notification Notifier::inode_notification(NodeId node, std::int64_t offset, std::int64_t length) {
  return Notification(make(NotifyCode::kInvalInode, 12, {raw(node)}, [&](MessageBuilder& builder) {
    builder.add(wire::NotifyInvalInodeOut{.ino = raw(node), .off = offset, .len = length});
  }));
}

// Where the range ends behind the largest offset, the kernel takes it for one without an end.
Notification Notifier::inval_inode(NodeId node, Offset offset, std::uint64_t length) {
  if (offset > INT64_MAX) return inval_attributes(node);  // no page is there
  const bool ends = length <= INT64_MAX - offset;
  return inode_notification(node, static_cast<std::int64_t>(offset), ends ? static_cast<std::int64_t>(length) : 0);
}

Notification Notifier::inval_attributes(NodeId node) {
  return inode_notification(node, -1, 0);
}

Notification Notifier::store(NodeId node, Offset offset, Bytes data) {
  auto posted = make(NotifyCode::kStore, 15, {raw(node)}, [&](MessageBuilder& builder) {
    builder
        .add(wire::NotifyStoreOut{
            .nodeid = raw(node), .offset = offset, .size = static_cast<std::uint32_t>(data.size()), .padding = 0})
        .bytes(data);
  });
  if (data.size() > UINT32_MAX - 4096) posted->error_ = EFBIG;
  return Notification(std::move(posted));
}

Notification Notifier::prune(std::span<const NodeId> nodes) {
  std::vector<std::uint64_t> ids;
  ids.reserve(nodes.size());
  for (const NodeId node : nodes) ids.push_back(raw(node));
  return Notification(make(NotifyCode::kPrune, 45, ids, [&](MessageBuilder& builder) {
    builder.add(wire::NotifyPruneOut{.count = static_cast<std::uint32_t>(ids.size()), .padding = 0, .spare = 0})
        .bytes(std::as_bytes(std::span(ids)));
  }));
}

Async<std::vector<std::byte>> Notifier::retrieve(NodeId node, Offset offset, std::uint32_t size) {
  Retrieval retrieval(*this, node, offset);
  // In no queue: what stands there may wait for the reply of the handler that asks.
  auto posted = make(NotifyCode::kRetrieve, 15, {}, [&](MessageBuilder& builder) {
    builder.add(wire::NotifyRetrieveOut{
        .notify_unique = retrieval.number, .nodeid = raw(node), .offset = offset, .size = size, .padding = 0});
  });
  posted->always_waits_ = true;
  const Notified asked = co_await Notification(std::move(posted));
  if (!asked.done()) co_return Errno(asked.error());
  co_await retrieval.answered.wait();
  co_return std::move(retrieval.data);
}

bool Notifier::take_retrieved(const RequestView& reply) {
  const Offset offset = reply.fixed<wire::NotifyRetrieveIn>().offset;
  const std::lock_guard lock(mutex_);
  const auto asked_here = [&](const auto& entry) {
    return raw(entry.second->node) == reply.nodeid() && entry.second->offset == offset &&
           !entry.second->answered.is_set();
  };
  auto found = retrievals_.find(reply.unique());
  // A recorded answer carries the number of the recorded question, which may have been asked in another order.
  if (found == retrievals_.end() || !asked_here(*found)) {
    found = std::find_if(retrievals_.begin(), retrievals_.end(), asked_here);
  }
  if (found == retrievals_.end()) return false;
  found->second->data = owned(reply.tail());
  found->second->answered.set();
  return true;
}

Notified Notifier::poll(std::uint64_t notify_handle) {
  return write_now(*make(NotifyCode::kPoll, 11, {},
                         [&](MessageBuilder& builder) { builder.add(wire::NotifyPollOut{.kh = notify_handle}); }));
}

Notified Notifier::inc_epoch() {
  return write_now(*make(NotifyCode::kIncEpoch, 44, {}, [](const MessageBuilder&) {}));
}

Notified Notifier::resend() {
  return write_now(*make(NotifyCode::kResend, 40, {}, [](const MessageBuilder&) {}));
}

int Notifier::write(ReplyChannel* channel, const Posted& posted) const {
  if (channel == nullptr) return ENOTCONN;
  const std::int64_t result = channel->send(Message{.head = posted.message_, .tail = {}, .owner = nullptr});
  if (result == -ENODEV || result == -ECONNABORTED) return ENOTCONN;
  return result < 0 ? static_cast<int>(-result) : 0;
}

Notified Notifier::write_now(Posted& posted) {
  if (posted.error_ != 0) return Notified(posted.error_);
  ReplyChannel* channel = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (channel_ == nullptr) return Notified(ENOTCONN);
    channel = channel_;
    ++unfinished_;
  }
  const int error = write(channel, posted);
  end_one();
  return Notified(error);
}

void Notifier::put_behind(OwedReply& reply, Posted& posted) {
  {
    const std::lock_guard lock(mutex_);
    ++behind_replies_;
  }
  posted.behind_reply_ = true;
  reply.then(posted);
}

void Notifier::submit(Posted& posted) noexcept {
  posted.step_ = Posted::Step::kQueued;
  {
    const std::lock_guard lock(mutex_);
    ++unfinished_;
    if (posted.behind_reply_) --behind_replies_;
    if (posted.error_ == 0 && closed_) posted.error_ = ENOTCONN;
    if (posted.error_ == 0) {
      if (channel_ == nullptr) {
        early_.push(posted);
        return;
      }
      if (!enter_queues(posted)) return;
    }
  }
  if (posted.error_ == 0) {
    runner_.run_write(posted);
    return;
  }
  settle(posted);
  end_one();
}

bool Notifier::enter_queues(Posted& posted) {
  for (const std::uint64_t node : posted.nodes_) {
    auto& queue = queues_[node];
    if (!queue.empty()) ++posted.ahead_;
    queue.push_back(&posted);
  }
  return posted.ahead_ == 0;
}

void Notifier::leave_queues(const Posted& posted, WorkQueue& ready) {
  for (const std::uint64_t node : posted.nodes_) {
    const auto queue = queues_.find(node);
    queue->second.pop_front();
    if (queue->second.empty()) {
      queues_.erase(queue);
    } else if (--queue->second.front()->ahead_ == 0) {
      ready.push(*queue->second.front());
    }
  }
}

void Notifier::write_queued(Posted& posted) noexcept {
  ReplyChannel* channel = nullptr;
  {
    const std::lock_guard lock(mutex_);
    channel = channel_;
  }
  posted.error_ = write(channel, posted);
  WorkQueue ready;
  {
    const std::lock_guard lock(mutex_);
    leave_queues(posted, ready);
  }
  while (Work* const next = ready.pop()) runner_.run_write(*next);
  settle(posted);
  end_one();
}

/// Its result is there. Whoever waits for it may end with this.
void Notifier::settle(Posted& posted) noexcept {
  if (posted.task_) {
    posted.step_ = Posted::Step::kWritten;
    posted.executor_->post(posted);
    return;
  }
  if (!is_usual(posted.error_)) {
    runner_.log(std::string(notify_name(posted.code_)) + " that nobody waits for: " + describe(Errno(posted.error_)));
  }
  delete &posted;
}

void Notifier::end_one() noexcept {
  const std::lock_guard lock(mutex_);
  --unfinished_;
  written_.notify_all();
}

std::size_t Notifier::unfinished() const {
  const std::lock_guard lock(mutex_);
  return unfinished_;
}

bool Notifier::wait_until_written(std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return written_.wait_for(lock, patience, [this] { return unfinished_ == 0 && behind_replies_ == 0; });
}

void Notifier::open(ReplyChannel& channel) {
  WorkQueue ready;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    channel_ = &channel;
    while (Work* const work = early_.pop()) {
      if (enter_queues(static_cast<Posted&>(*work))) ready.push(*work);
    }
  }
  while (Work* const work = ready.pop()) runner_.run_write(*work);
}

void Notifier::end() {
  WorkQueue never;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    channel_ = nullptr;
    std::swap(never, early_);
    for (const auto& [number, retrieval] : retrievals_) retrieval->answered.set();
  }
  while (Work* const work = never.pop()) {
    auto& posted = static_cast<Posted&>(*work);
    posted.error_ = ENOTCONN;
    settle(posted);
    end_one();
  }
}

void Notifier::close() {
  end();
  std::unique_lock lock(mutex_);
  written_.wait(lock, [this] { return unfinished_ == 0; });
}

}  // namespace fusereplay
