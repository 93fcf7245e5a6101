#include "tests/simulator/real_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "core/protocol/view.h"

namespace fusereplay::testing {

void HoldingServer::handle(IncomingRequest request, ReplyChannel& replies) {
  const auto opcode = static_cast<Opcode>(read_in_header(request.bytes)->opcode);
  {
    const std::lock_guard lock(mutex_);
    channel_ = &replies;
    if (std::find(opcodes_.begin(), opcodes_.end(), opcode) != opcodes_.end()) {
      held_.push_back({opcode, std::move(request), &replies});
      return;
    }
  }
  inner_.handle(std::move(request), replies);
}

void HoldingServer::disconnect() {
  const std::vector<Held> dropped = [this] {
    const std::lock_guard lock(mutex_);
    return std::exchange(held_, {});
  }();
  inner_.disconnect();
}

void HoldingServer::hold(Opcode opcode) {
  const std::lock_guard lock(mutex_);
  opcodes_.push_back(opcode);
}

void HoldingServer::let_go(Opcode opcode) {
  std::vector<Held> freed;
  {
    const std::lock_guard lock(mutex_);
    std::erase(opcodes_, opcode);
    for (auto held = held_.begin(); held != held_.end();) {
      if (held->opcode != opcode) {
        ++held;
        continue;
      }
      freed.push_back(std::move(*held));
      held = held_.erase(held);
    }
  }
  for (Held& held : freed) inner_.handle(std::move(held.request), *held.replies);
}

std::int64_t HoldingServer::notify(const std::vector<std::byte>& message) {
  ReplyChannel* channel = nullptr;
  {
    const std::lock_guard lock(mutex_);
    channel = channel_;
  }
  return channel->send(Message{.head = message, .tail = {}, .owner = nullptr});
}

struct RealStage::Actor {
  Actor(const std::string& directory, std::pair<UniqueFd, UniqueFd> ends)
      : child({CALL_RUNNER, directory, "@" + std::to_string(ends.second.get())}, ""), socket(std::move(ends.first)) {}

  /// What it has said of its calls.
  void listen() {
    char buffer[4096];
    while (true) {
      const ssize_t size = ::recv(socket.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
      if (size <= 0) {
        if (size == 0 && waiting) {
          waiting = false;
          result = "dead";
        }
        return;
      }
      result.assign(buffer, static_cast<std::size_t>(size));
      waiting = false;
    }
  }

  ChildProcess child;
  UniqueFd socket;
  bool waiting = false;
  std::string result;
};

namespace {

/// Both ends of a socket of whole messages; the child inherits the second.
std::pair<UniqueFd, UniqueFd> make_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) throw std::system_error(errno, std::generic_category());
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// State, and how often it has given up the processor, of a thread: two equal ones in a row are of a thread that
/// sleeps.
std::string sleep_of(const std::string& task) {
  std::ifstream file("/proc/" + task + "/status");
  std::string all;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("State:") || line.starts_with("voluntary_ctxt")) all += line;
  }
  return all;
}

bool sleeps(const std::string& state) {
  return state.find("S (sleeping)") != std::string::npos || state.find("D (disk sleep)") != std::string::npos ||
         state.empty() || state.find("Z (zombie)") != std::string::npos;
}

}  // namespace

RealStage::RealStage(const std::string& directory, HoldingServer& server, StepLog& log, std::size_t processes)
    : Stage(log), server_(server), step_log_(log) {
  actors_.emplace_back();
  for (std::size_t i = 0; i < processes; ++i) {
    actors_.push_back(std::make_unique<Actor>(directory, make_socket()));
    actors_.back()->waiting = true;  // until it says that it is ready
  }
  settle();
}

RealStage::~RealStage() {
  if (notifier_.joinable()) notifier_.join();
}

void RealStage::start(std::size_t process, const Call& call) {
  Actor& actor = *actors_.at(process);
  std::string line = call.name;
  for (const std::string& argument : call.arguments) line += " " + argument;
  actor.waiting = true;
  if (::send(actor.socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    throw std::system_error(errno, std::generic_category(), "a process of the script");
  }
}

void RealStage::signal(std::size_t process) {
  actors_.at(process)->child.signal(SIGUSR1);
}
void RealStage::kill(std::size_t process) {
  actors_.at(process)->child.signal(SIGKILL);
}

void RealStage::notify(std::vector<std::byte> message) {
  if (notifier_.joinable()) notifier_.join();
  std::promise<std::string> promise;
  telling_ = promise.get_future();
  notifier_ = std::thread([this, message = std::move(message), promise = std::move(promise)]() mutable {
    pthread_setname_np(pthread_self(), "test-notifier");
    const std::int64_t result = server_.notify(message);
    promise.set_value(result < 0 ? to_string(Errno(static_cast<int>(-result))) : "ok");
  });
}

std::string RealStage::snapshot() const {
  std::string all = std::to_string(step_log_.count());
  for (const auto& actor : actors_) {
    if (actor == nullptr) continue;
    const std::string state = sleep_of(std::to_string(actor->child.pid()));
    if (!sleeps(state)) return {};
    all += state;
  }
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::string id = thread.path().filename();
    if (id == std::to_string(::gettid())) continue;
    const std::string state = sleep_of("self/task/" + id);
    if (!sleeps(state)) return {};
    all += state;
  }
  return all;
}

// Everybody sleeps, the server's threads too, and three times in a row the same sleep.
void RealStage::settle() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  std::string before;
  int same = 0;
  while (same < 2 && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::string now = snapshot();
    same = !now.empty() && now == before ? same + 1 : 0;
    before = std::move(now);
  }
  for (const auto& actor : actors_) {
    if (actor != nullptr) actor->listen();
  }
}

std::optional<std::string> RealStage::result(std::size_t process) {
  const Actor& actor = *actors_.at(process);
  if (actor.waiting) return std::nullopt;
  return actor.result;
}

std::optional<std::string> RealStage::told() {
  if (telling_.valid()) {
    if (telling_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
    told_ = telling_.get();
  }
  return told_;
}

}  // namespace fusereplay::testing
