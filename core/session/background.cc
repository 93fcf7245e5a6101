#include "core/session/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "core/check.h"
#include "core/result.h"

namespace fusereplay {
namespace {

[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    ::signal(WTERMSIG(status), SIG_DFL);
    ::raise(WTERMSIG(status));
    ::_exit(128 + WTERMSIG(status));  // blocked here
  }
  ::_exit(WEXITSTATUS(status));
}

[[noreturn]] void await(pid_t child, int ready) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(ready, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) ::_exit(0);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) FUSEREPLAY_CHECK(errno == EINTR, "our own child");
  end_as(status);
}

}  // namespace

tl::expected<std::unique_ptr<Background>, std::string> Background::start(const std::string& log) {
  const auto failed = [](const std::string& what) { return tl::unexpected(what + ": " + describe(Errno::last())); };
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return failed("/dev/null");
  UniqueFd target;
  if (!log.empty()) {
    target.reset(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!target.valid()) return failed("cannot log to '" + log + "'");
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe");
  const UniqueFd ready(ends[0]);
  UniqueFd parent(ends[1]);
  std::fflush(nullptr);  // or both would write what is buffered
  const pid_t child = ::fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    return std::unique_ptr<Background>(new Background(std::move(parent), std::move(null), std::move(target)));
  }
  parent.reset();
  await(child, ready.get());
}

void Background::ready() {
  FUSEREPLAY_CHECK(parent_.valid(), "a process goes to the background once");
  std::fflush(nullptr);
  ::setsid();
  FUSEREPLAY_CHECK(::chdir("/") == 0, "there is a root");
  const int messages = log_.valid() ? log_.get() : null_.get();
  FUSEREPLAY_CHECK(::dup2(null_.get(), STDIN_FILENO) >= 0 && ::dup2(null_.get(), STDOUT_FILENO) >= 0 &&
                       ::dup2(messages, STDERR_FILENO) >= 0,
                   "open descriptors");
  const char byte = 'r';
  // Whoever has killed the parent meanwhile does not want to know.
  [[maybe_unused]] const ssize_t written = ::write(parent_.get(), &byte, 1);
  parent_.reset();
}

}  // namespace fusereplay
