#include "testing/calling_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "core/check.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kShared = std::size_t{1} << 30;  // of address space: pages come when they are touched
constexpr int kSocket = 3;                             // in the process
constexpr int kInterruption = SIGUSR1;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

struct CallingProcess::Command {
  long number;
  Numbers arguments;
  std::int64_t result;
};

CallingProcess::CallingProcess(std::chrono::milliseconds deadline, std::function<void()> set_free)
    : deadline_(deadline), set_free_(std::move(set_free)) {
  void* const shared =
      ::mmap(nullptr, kShared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  command_ = static_cast<Command*>(shared);
  forget_memory();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  socket_ = UniqueFd(ends[0]);
  UniqueFd other(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) serve(other.get(), command_);
}

CallingProcess::~CallingProcess() {
  end();
  ::munmap(command_, kShared);
}

/// Nothing here may allocate or lock: other threads of the program may have been doing so when it was forked.
void CallingProcess::serve(int socket, Command* command) {
  if (socket != kSocket) {
    if (::dup2(socket, kSocket) != kSocket) ::_exit(1);
  } else {
    ::fcntl(kSocket, F_SETFD, 0);
  }
  ::syscall(SYS_close_range, kSocket + 1, ~0U, 0);
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  ::sigaction(kInterruption, &nothing, nullptr);  // without SA_RESTART
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, kInterruption);
  ::sigprocmask(SIG_UNBLOCK, &wanted, nullptr);
  char byte = 0;
  for (ssize_t got = 0; (got = ::read(kSocket, &byte, 1)) != 0;) {
    if (got < 0 && errno == EINTR) continue;  // one that came after the call
    if (got < 0) break;
    const long(&arguments)[6] = command->arguments.values;
    const long result =
        ::syscall(command->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    command->result = result == -1 ? -errno : result;
    if (::write(kSocket, &byte, 1) != 1) break;
  }
  ::_exit(0);
}

std::byte* CallingProcess::allocate(std::size_t size) {
  std::byte* const at = reinterpret_cast<std::byte*>(command_) + used_;
  used_ += (size + kPage) / kPage * kPage;
  FUSEREPLAY_CHECK(used_ <= kShared, "a call has less than a gigabyte of arguments");
  std::memset(at, 0, size);
  return at;
}

char* CallingProcess::text(std::string_view text) {
  std::byte* const at = allocate(text.size() + 1);
  std::memcpy(at, text.data(), text.size());
  return reinterpret_cast<char*>(at);
}

void CallingProcess::forget_memory() noexcept {
  used_ = kPage;
}

void CallingProcess::interrupt() const {
  ::kill(pid_, kInterruption);
}

void CallingProcess::tell() {
  const char byte = 0;
  FUSEREPLAY_CHECK(::send(socket_.get(), &byte, 1, MSG_NOSIGNAL) == 1, "the calling process is there");
}

void CallingProcess::await(int fd) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  const auto limit = deadline_.count();
  int ready = 0;
  while ((ready = ::poll(&readable, 1, static_cast<int>(limit))) < 0 && errno == EINTR) {
  }
  if (ready == 0) set_free_();
}

std::int64_t CallingProcess::run(long number, const Numbers& arguments) {
  FUSEREPLAY_CHECK(socket_.valid(), "the calling process has not been ended");
  command_->number = number;
  command_->arguments = arguments;
  tell();
  await(socket_.get());
  char byte = 0;
  FUSEREPLAY_CHECK(::recv(socket_.get(), &byte, 1, 0) == 1, "the calling process is there");
  return command_->result;
}

UniqueFd CallingProcess::take_descriptor(int fd) {
  auto* const message = make<msghdr>();
  auto* const vector = make<iovec>();
  auto* const control = reinterpret_cast<cmsghdr*>(allocate(CMSG_SPACE(sizeof(int))));
  *vector = {.iov_base = allocate(1), .iov_len = 1};
  message->msg_iov = vector;
  message->msg_iovlen = 1;
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof(int));
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(control), &fd, sizeof(fd));
  command_->number = SYS_sendmsg;
  command_->arguments = {{kSocket, as_long(message), 0, 0, 0, 0}};
  tell();
  await(socket_.get());
  if (::recvmsg(socket_.get(), message, MSG_CMSG_CLOEXEC) != 1) fail("recvmsg");
  int taken = -1;
  std::memcpy(&taken, CMSG_DATA(control), sizeof(taken));
  char byte = 0;
  FUSEREPLAY_CHECK(::recv(socket_.get(), &byte, 1, 0) == 1, "the calling process is there");
  call(SYS_close, fd);
  return UniqueFd(taken);
}

void CallingProcess::end() {
  if (!socket_.valid()) return;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  socket_.reset();
  await(process.get());
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace fusereplay::testing
