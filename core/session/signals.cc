#include "core/session/signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/unique_fd.h"

namespace fusereplay {
namespace {

constexpr std::array kEndSignals = {SIGINT, SIGTERM, SIGHUP};
constexpr unsigned char kGuardEnds = 0;  // no signal has this number

// What a handler can reach. A process has one set of handlers, hence one guard.
std::atomic<int> pipe_to_guard{-1};
std::atomic<pid_t> guarded_process{0};

/// A child between fork and execve still has the handler, and must not speak for its parent.
void pass_on(int signal) {
  const int saved = errno;
  if (::getpid() == guarded_process.load()) {
    const auto byte = static_cast<unsigned char>(signal);
    // A full pipe already holds more signals than the guard tells apart.
    [[maybe_unused]] const ssize_t written = ::write(pipe_to_guard.load(), &byte, 1);
  }
  errno = saved;
}

void do_nothing(int) {}

/// Handlers put in place, and what they replaced.
class Handlers {
 public:
  explicit Handlers(bool reports) {
    for (const int signal : kEndSignals) replace(signal, &pass_on);
    if (reports) replace(SIGUSR1, &pass_on);
    replace(SIGPIPE, &do_nothing);
  }
  ~Handlers() {
    for (const auto& [signal, action] : replaced_) ::sigaction(signal, &action, nullptr);
  }
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;

 private:
  void replace(int signal, void (*handler)(int)) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) return;
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
    replaced_.emplace_back(signal, before);
  }

  std::vector<std::pair<int, struct sigaction>> replaced_;
};

/// The pipe from the handlers to the guard's thread, known to the handlers while it lives.
class SignalPipe {
 public:
  SignalPipe() {
    int ends[2];
    FUSEREPLAY_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "no descriptor left for the signal guard");
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
    ::fcntl(write_end_.get(), F_SETFL, O_NONBLOCK);
    int none = -1;
    FUSEREPLAY_CHECK(pipe_to_guard.compare_exchange_strong(none, write_end_.get()), "one signal guard at a time");
    guarded_process = ::getpid();
  }
  ~SignalPipe() { pipe_to_guard = -1; }
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  void send(unsigned char byte) {
    while (::write(write_end_.get(), &byte, 1) < 0) {
      FUSEREPLAY_CHECK(errno == EAGAIN || errno == EINTR, "a pipe that we hold open");
      std::this_thread::yield();  // full of signals, which the guard's thread is reading
    }
  }
  unsigned char receive() {
    unsigned char byte = kGuardEnds;
    while (::read(read_end_.get(), &byte, 1) < 0) FUSEREPLAY_CHECK(errno == EINTR, "a pipe that we hold open");
    return byte;
  }

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
};

void report(const Session& session, const char* what, Errno error) {
  std::fprintf(stderr, "fusereplay: cannot %s '%s': %s\n", what, session.mount().mountpoint().c_str(),
               describe(error).c_str());
}

}  // namespace

HeldEndSignals::HeldEndSignals() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int signal : kEndSignals) ::sigaddset(&held, signal);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

void HeldEndSignals::release() {
  if (std::exchange(held_, false)) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

class SignalGuard::Impl {
 public:
  Impl(Session& session, std::function<void()> report)
      : session_(session), report_(std::move(report)), thread_([this] { run(); }), handlers_(report_ != nullptr) {}
  ~Impl() {
    pipe_.send(kGuardEnds);
    thread_.join();
    if (unmounting_.joinable()) unmounting_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int received() const noexcept { return received_.load(); }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "signals");
    while (const unsigned char signal = pipe_.receive()) {
      if (signal == SIGUSR1) {
        report_();
      } else if (received_ == 0) {
        received_ = signal;
        // On a thread of its own: unmounting waits for the filesystem, and a second signal must still be heard.
        unmounting_ = std::thread([this] { unmount(); });
      } else if (const auto aborted = session_.abort(); !aborted) {
        report(session_, "abort the connection of", aborted.error());
        end_by(signal);
      }
    }
  }

  /// Nothing else would: the kernel ends a connection whose last device is closed.
  static void end_by(int signal) {
    ::signal(signal, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
  }

  void unmount() {
    ::pthread_setname_np(::pthread_self(), "unmount");
    if (const auto unmounted = session_.unmount(); !unmounted) report(session_, "unmount", unmounted.error());
  }

  Session& session_;
  const std::function<void()> report_;
  SignalPipe pipe_;
  std::atomic<int> received_{0};
  std::thread unmounting_;  // touched by thread_ only, until that is joined
  std::thread thread_;
  Handlers handlers_;  // last in, first out: a handler needs the pipe
};

SignalGuard::SignalGuard(Session& session, std::function<void()> report)
    : impl_(std::make_unique<Impl>(session, std::move(report))) {}
SignalGuard::~SignalGuard() = default;
int SignalGuard::received() const noexcept {
  return impl_->received();
}

}  // namespace fusereplay
