#include "core/session/crash_guard.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/alternate_stack.h"
#include "core/check.h"
#include "core/text/line_buffer.h"

namespace fusereplay {
namespace {

constexpr std::array kCrashSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t kMostRequests = 256;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kUnderSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kUnderSanitizer = true;
#else
constexpr bool kUnderSanitizer = false;
#endif
#else
constexpr bool kUnderSanitizer = false;
#endif

std::string_view name_of(int signal) noexcept {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

void write_line(LineBuffer& line) noexcept {
  line << "\n";
  std::string_view rest = line.text();
  while (!rest.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  line.clear();
}

}  // namespace

class CrashGuard::Impl {
 public:
  Impl(const OperationsServer& server, std::vector<std::string> advice)
      : server_(server), advice_(std::move(advice)), process_(::getpid()) {
    Impl* none = nullptr;
    FUSEREPLAY_CHECK(current.compare_exchange_strong(none, this), "one crash guard at a time");
    for (const int signal : kCrashSignals) install(signal);
  }
  ~Impl() {
    for (const auto& [signal, action] : replaced_) ::sigaction(signal, &action, nullptr);
    current = nullptr;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

 private:
  // What a handler can reach.
  inline static std::atomic<Impl*> current{nullptr};
  inline static std::atomic<pid_t> telling{0};  // the thread that crashed first

  void install(int signal) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    const bool is_default = (before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_DFL;
    if (!is_default) {
      if (!kUnderSanitizer) {
        std::fprintf(stderr, "fusereplay: %s has a handler already, which stays: a crash by it is not reported\n",
                     name_of(signal).data());
      }
      return;
    }
    struct sigaction action {};
    action.sa_sigaction = &Impl::on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(signal, &action, nullptr);
    replaced_.emplace_back(signal, before);
  }

  static void on_crash(int signal, siginfo_t* info, void*) {
    const pid_t thread = ::gettid();
    pid_t first = 0;
    if (telling.compare_exchange_strong(first, thread)) {
      Impl* const guard = current.load();
      if (guard != nullptr && ::getpid() == guard->process_) guard->tell(signal, *info, thread);
    } else if (first != thread) {
      for (;;) ::pause();  // the first ends us all
    }
    // Pending until the handler returns to what crashed: there the process dies.
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    ::syscall(SYS_tgkill, ::getpid(), thread, signal);
  }

  void tell(int signal, const siginfo_t& info, pid_t thread) noexcept {
    timespec clock{};
    ::clock_gettime(CLOCK_REALTIME, &clock);
    const std::int64_t now = std::int64_t{clock.tv_sec} * 1'000'000'000 + clock.tv_nsec;
    std::array<char, 16> name{};
    ::prctl(PR_GET_NAME, name.data());
    line_ << "fusereplay: crashed by " << name_of(signal);
    if (info.si_code > 0) {
      line_ << " at address 0x";
      line_.digits(reinterpret_cast<std::uintptr_t>(info.si_addr), 16, 1);
    }
    line_ << " on thread " << static_cast<std::uint32_t>(thread) << " (" << name.data() << ")";
    write_line(line_);

    const auto [count, complete] = server_.outstanding_requests_in_crash(requests_);
    line_ << "fusereplay: " << std::uint64_t{count} << (count == 1 ? " request" : " requests") << " outstanding";
    if (!complete) line_ << ", and others that cannot be told now";
    write_line(line_);
    for (std::size_t i = 0; i < count; ++i) {
      const OutstandingRequest& request = requests_[i];
      line_ << "fusereplay:   ";
      describe(line_, request, now);
      const bool here =
          request.state == OutstandingRequest::State::kRunning && request.thread == static_cast<std::uint32_t>(thread);
      if (here) line_ << ", which crashed";
      write_line(line_);
    }
    for (const std::string& advice : advice_) {
      line_ << "fusereplay: " << advice;
      write_line(line_);
    }
  }

  const OperationsServer& server_;
  const std::vector<std::string> advice_;
  const pid_t process_;
  const AlternateStack stack_;
  std::vector<std::pair<int, struct sigaction>> replaced_;
  // The handler's: nothing is allocated in it, and its stack is small.
  LineBuffer line_;
  std::array<OutstandingRequest, kMostRequests> requests_;
};

CrashGuard::CrashGuard(const OperationsServer& server, std::vector<std::string> advice)
    : impl_(std::make_unique<Impl>(server, std::move(advice))) {}
CrashGuard::~CrashGuard() = default;

std::string after_crash(const std::string& mountpoint, const MountOptions& options) {
  const std::string place = "'" + std::filesystem::absolute(mountpoint).string() + "'";
  if (mountpoint.starts_with("/dev/fd/")) return "the mount stays, without a server, for who made it to unmount";
  const auto plan = internal::plan_mount(options);
  if (plan && plan->auto_unmount) return place + " is unmounted when this process is gone (auto_unmount)";
  return place + " stays mounted, without a server; free it with: fusermount3 -u " + place;
}

}  // namespace fusereplay
