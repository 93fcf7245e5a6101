#include "cli/run_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/unique_fd.h"

namespace fusereplay {

namespace {

/// Within single quotes, where the shell takes everything as it is.
std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

/// posix_spawn's attributes and actions, destroyed with it.
class SpawnSettings {
 public:
  explicit SpawnSettings(const char* directory) {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    close_what_exec_would();
    ::posix_spawn_file_actions_addchdir_np(&actions_, directory);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const noexcept { return &actions_; }

 private:
  /// The chdir() asks the filesystem. If we are killed meanwhile, the child must not hold the device, or the connection
  /// would live on and the child wait for ever.
  void close_what_exec_would() {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
      const int fd = std::atoi(entry.path().filename().c_str());
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags >= 0 && (flags & FD_CLOEXEC) != 0) ::posix_spawn_file_actions_addclose(&actions_, fd);
    }
  }

  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

/// Returns when the child has ended; passes the interruption on to it.
void await_end(pid_t child, const std::function<bool()>& interrupted) {
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!handle.valid()) return;  // waitpid alone will do
  constexpr int kMilliseconds = 50;
  bool told = false;
  pollfd waiting{handle.get(), POLLIN, 0};
  while (::poll(&waiting, 1, kMilliseconds) <= 0) {
    if (!told && interrupted()) {
      ::kill(child, SIGTERM);
      told = true;
    }
  }
}

}  // namespace

std::string expand_command(const std::string& command, const std::string& mountpoint) {
  std::string result;
  std::size_t from = 0;
  for (std::size_t at = command.find("{}"); at != std::string::npos; at = command.find("{}", from)) {
    result.append(command, from, at - from).append(shell_quoted(mountpoint));
    from = at + 2;
  }
  return result.append(command, from);
}

std::string to_string(const ChildStatus& status) {
  if (status.signal == 0) return "exit status " + std::to_string(status.value);
  return "signal " + std::to_string(status.signal) + " (" + ::strsignal(status.signal) + ")";
}

Result<ChildStatus> run_child(const std::string& command, const std::string& directory,
                              const std::function<bool()>& interrupted) {
  const SpawnSettings settings(directory.c_str());
  std::string shell = "sh";
  std::string option = "-c";
  std::string text = command;
  const std::array<char*, 4> arguments = {shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, "/bin/sh", settings.actions(), settings.attributes(), arguments.data(), environ);
  if (error != 0) return Errno(error);
  await_end(child, interrupted);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Errno::last();
  }
  if (WIFSIGNALED(status)) return ChildStatus{.value = 128 + WTERMSIG(status), .signal = WTERMSIG(status)};
  return ChildStatus{.value = WEXITSTATUS(status)};
}

}  // namespace fusereplay
