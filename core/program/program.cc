#include "core/program/program.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/result.h"

namespace fusereplay {
namespace {

/// What carries 32 pages, which is what a server gets that does not settle MAX_PAGES (FUSE_DEFAULT_MAX_PAGES_PER_REQ).
constexpr std::size_t kSmallestBuffer = 160 * 1024;

std::string failed(const char* what) {
  return std::string(what) + ": " + describe(Errno::last());
}

struct Sockets {
  UniqueFd ours;
  UniqueFd theirs;
  std::size_t buffer = 0;
};

/// The send buffer of each end, as it is read back: the kernel doubles what is set.
tl::expected<Sockets, std::string> make_sockets(std::size_t buffer) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return tl::unexpected(failed("socketpair"));
  }
  Sockets sockets{.ours = UniqueFd(pair[0]), .theirs = UniqueFd(pair[1]), .buffer = buffer};
  const int half = static_cast<int>(buffer / 2);
  for (const int fd : pair) {
    int granted = 0;
    socklen_t size = sizeof(granted);
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half)) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &granted, &size) != 0) {
      return tl::unexpected(failed("SO_SNDBUF"));
    }
    sockets.buffer = std::min(sockets.buffer, static_cast<std::size_t>(granted));
  }
  if (sockets.buffer < kSmallestBuffer) {
    return tl::unexpected("a socket buffer of " + std::to_string(sockets.buffer) +
                          " bytes is too small: " + std::to_string(kSmallestBuffer) + " are needed");
  }
  if (::fcntl(sockets.ours.get(), F_SETFL, O_NONBLOCK) != 0) return tl::unexpected(failed("O_NONBLOCK"));
  return sockets;
}

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

/// libfuse's fuse_send_data_iov() writes in one piece where vmsplice(2) fails. Where filters are forbidden, a message
/// in pieces is still told by its length.
void deny_vmsplice() {
  std::array<sock_filter, 6> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vmsplice, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/// What the child needs, made before fork(2): nothing is allocated after it.
struct ChildPlan {
  std::vector<char*> arguments;
  const char* directory;
  pid_t parent;
  int device;
  int input;
  int output;
  int report;  // takes the errno of what failed
};

[[noreturn]] void fail(const ChildPlan& plan) {
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(plan.report, &error, sizeof(error));
  ::_exit(127);
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0 ||
      ::fcntl(plan.device, F_SETFD, 0) != 0) {
    fail(plan);
  }
  if (*plan.directory != '\0' && ::chdir(plan.directory) != 0) fail(plan);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  deny_vmsplice();
  ::execvp(plan.arguments.front(), plan.arguments.data());
  fail(plan);
}

}  // namespace

std::string describe(const ProgramEnd& end) {
  if (end.gave_up) return "did not end when it was asked to, and was killed";
  if (end.signal != 0) {
    return "was ended by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) + ")";
  }
  return "ended with status " + std::to_string(end.status);
}

tl::expected<Program, std::string> Program::start(const ProgramSetup& setup) {
  if (setup.command.empty()) return tl::unexpected(std::string("no command"));
  auto sockets = make_sockets(setup.socket_buffer);
  if (!sockets) return tl::unexpected(sockets.error());
  const std::string mount_point = "/dev/fd/" + std::to_string(sockets->theirs.get());
  std::vector<std::string> command = setup.command;
  for (std::string& argument : command) {
    for (std::size_t at = 0; (at = argument.find("{}", at)) != std::string::npos; at += mount_point.size()) {
      argument.replace(at, 2, mount_point);
    }
  }

  Program program;
  program.output_ = UniqueFd(::memfd_create("fusereplay-output", MFD_CLOEXEC));
  const UniqueFd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> pipe{};
  if (!program.output_.valid() || !input.valid() || ::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return tl::unexpected(failed("preparing the program's descriptors"));
  }
  const UniqueFd report(pipe[0]);
  UniqueFd report_end(pipe[1]);

  ChildPlan plan{.arguments = {},
                 .directory = setup.directory.c_str(),
                 .parent = ::getpid(),
                 .device = sockets->theirs.get(),
                 .input = input.get(),
                 .output = program.output_.get(),
                 .report = report_end.get()};
  for (std::string& argument : command) plan.arguments.push_back(argument.data());
  plan.arguments.push_back(nullptr);
  program.pid_ = ::fork();
  if (program.pid_ < 0) return tl::unexpected(failed("fork"));
  if (program.pid_ == 0) run_child(plan);

  program.process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, program.pid_, 0)));
  if (!program.process_.valid()) return tl::unexpected(failed("pidfd_open"));
  report_end.reset();
  int error = 0;
  if (::read(report.get(), &error, sizeof(error)) == sizeof(error)) {
    return tl::unexpected("cannot run '" + command.front() + "': " + describe(Errno(error)));
  }
  program.device_ = std::move(sockets->ours);
  program.socket_buffer_ = sockets->buffer;
  return program;
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      device_(std::move(other.device_)),
      process_(std::move(other.process_)),
      output_(std::move(other.output_)),
      socket_buffer_(other.socket_buffer_),
      killed_(other.killed_),
      end_(other.end_) {}

Program::~Program() {
  if (pid_ < 0 || end_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // should it not have made its group yet
  reap(0);
}

std::string Program::output() const {
  struct ::stat stat {};
  if (::fstat(output_.get(), &stat) != 0) return {};
  std::string text(static_cast<std::size_t>(stat.st_size), '\0');
  const auto size = ::pread(output_.get(), text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

void Program::reap(int options) {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(pid_, &status, options);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return;
  ProgramEnd end;
  end.gave_up = killed_;
  if (got == pid_ && WIFEXITED(status)) end.status = WEXITSTATUS(status);
  if (got == pid_ && WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end_ = end;
}

std::optional<ProgramEnd> Program::end() {
  if (!end_) reap(WNOHANG);
  return end_;
}

ProgramEnd Program::stop(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  if (!end()) ::kill(-pid_, SIGTERM);
  std::vector<std::byte> thrown_away(socket_buffer_);
  while (!end()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    std::array<pollfd, 2> watched = {{{.fd = process_.get(), .events = POLLIN, .revents = 0},
                                      {.fd = device_.get(), .events = POLLIN, .revents = 0}}};
    const bool closed = ::recv(device_.get(), thrown_away.data(), thrown_away.size(), MSG_DONTWAIT) == 0;
    ::poll(watched.data(), closed ? 1 : 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (Clock::now() >= deadline) {
      killed_ = true;
      ::kill(-pid_, SIGKILL);
      reap(0);
    }
  }
  device_.reset();
  return *end_;
}

}  // namespace fusereplay
