#include "core/server/threaded_server.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/protocol/view.h"

namespace fusereplay {

ThreadedServer::ThreadedServer(std::unique_ptr<Server> server, Options options)
    : server_(std::move(server)), patience_(options.patience) {
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) {
    threads_.emplace_back([this] { run(); });
    ::pthread_setname_np(threads_.back().native_handle(), "fr-server");
  }
}

ThreadedServer::~ThreadedServer() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadedServer::handle(IncomingRequest request, ReplyChannel& replies) {
  replies_ = &replies;
  const auto header = read_in_header(request.bytes);
  FUSEREPLAY_CHECK(header.has_value(), "clients send whole requests");
  // The client's buffer is its own again when this returns.
  if (!request.buffer) {
    request.buffer = BufferRef::allocate(request.bytes.size());
    std::copy(request.bytes.begin(), request.bytes.end(), request.buffer->data());
    request.bytes = Bytes(request.buffer->data(), request.bytes.size());
  }
  {
    const std::lock_guard lock(mutex_);
    if (expects_reply(static_cast<Opcode>(header->opcode))) awaited_.insert(header->unique);
    requests_.push_back(std::move(request));
  }
  work_.notify_one();
}

void ThreadedServer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return closed_ || !requests_.empty(); });
    if (closed_) return;
    IncomingRequest request = std::move(requests_.front());
    requests_.pop_front();
    ++handling_;
    lock.unlock();
    server_->handle(std::move(request), channel_);
    lock.lock();
    --handling_;
    stuck_ = std::min(stuck_, handling_);
    progress_.notify_one();
  }
}

std::int64_t ThreadedServer::hand_over(const Message& message) {
  Sending sending{.message = &message};
  std::unique_lock lock(mutex_);
  if (closed_) return -ENOENT;
  outbox_.push_back(&sending);
  progress_.notify_one();
  passed_on_.wait(lock, [&] { return sending.done; });
  return sending.result;
}

ServerProgress ThreadedServer::run_one() {
  std::unique_lock lock(mutex_);
  if (!progress_.wait_for(lock, patience_, [&] { return !outbox_.empty() || idle(); })) {
    awaited_.clear();
    stuck_ = handling_;
    obstacle_ = "the server has not answered for " + std::to_string(patience_.count()) + " ms";
    return ServerProgress::kIdle;
  }
  if (outbox_.empty()) return ServerProgress::kIdle;
  Sending& sending = *outbox_.front();
  outbox_.pop_front();
  lock.unlock();
  const auto header = read_out_header(*sending.message);
  const std::int64_t result = replies_->send(*sending.message);
  lock.lock();
  // A reply whose header was refused leaves its request as it was (reference 3.1).
  const bool out_of_range = header && (header->error > 0 || header->error <= -512);
  if (header && !(result == -EINVAL && out_of_range)) awaited_.erase(header->unique);
  sending.result = result;
  sending.done = true;
  passed_on_.notify_all();
  return ServerProgress::kDone;
}

std::string ThreadedServer::obstacle() const {
  const std::lock_guard lock(mutex_);
  return obstacle_;
}

void ThreadedServer::disconnect() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Sending* sending : outbox_) {
      sending->result = -ENOENT;
      sending->done = true;
    }
    outbox_.clear();
    requests_.clear();
  }
  work_.notify_all();
  passed_on_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  server_->disconnect();
}

}  // namespace fusereplay
