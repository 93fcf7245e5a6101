#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fusereplay::testing {
namespace {

void must(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

/// What posix_spawn is told, freed in the end.
class SpawnPlan {
 public:
  SpawnPlan(int output, const std::string& directory) {
    must(::posix_spawn_file_actions_init(&actions_), "spawn actions");
    must(::posix_spawnattr_init(&attributes_), "spawn attributes");
    if (!directory.empty()) must(::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()), "chdir");
    must(::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0), "stdin");
    must(::posix_spawn_file_actions_adddup2(&actions_, output, 1), "stdout");
    must(::posix_spawn_file_actions_adddup2(&actions_, output, 2), "stderr");
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    must(::posix_spawnattr_setsigmask(&attributes_, &none), "signal mask");
    must(::posix_spawnattr_setsigdefault(&attributes_, &all), "signal defaults");
    must(::posix_spawnattr_setpgroup(&attributes_, 0), "process group");
    must(::posix_spawnattr_setflags(&attributes_,
                                    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
         "spawn flags");
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  pid_t start(std::vector<std::string>& arguments) {
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    pid_t pid = -1;
    must(::posix_spawnp(&pid, words[0], &actions_, &attributes_, words.data(), environ), words[0]);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ChildResult& result) {
  if (result.timed_out) out << "killed after its time was up; ";
  if (result.signal != 0) {
    out << "signal " << result.signal;
  } else {
    out << "exit code " << result.exit_code;
  }
  return out << "; output:\n" << result.output;
}

ChildProcess::ChildProcess(std::vector<std::string> arguments, const std::string& directory)
    : output_(::memfd_create("output", MFD_CLOEXEC)) {
  if (!output_.valid()) must(errno, "memfd");
  pid_ = SpawnPlan(output_.get(), directory).start(arguments);
  process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));  // glibc 2.36 declares its wrapper as C++
  if (!process_.valid()) must(errno, "pidfd");
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), process_(std::move(other.process_)), output_(std::move(other.output_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  reap();
}

void ChildProcess::signal(int number) const {
  if (::kill(pid_, number) != 0) must(errno, "kill");
}

ChildResult ChildProcess::wait(std::chrono::seconds timeout) {
  pollfd process{.fd = process_.get(), .events = POLLIN, .revents = 0};
  const auto milliseconds = static_cast<int>(std::chrono::milliseconds(timeout).count());
  int ended = 0;
  do {
    ended = ::poll(&process, 1, milliseconds);
  } while (ended < 0 && errno == EINTR);
  if (ended == 0) {
    std::fprintf(stderr, "child %d does not end within %lld s:\n", pid_, static_cast<long long>(timeout.count()));
    print_stacks(pid_);
    ::kill(-pid_, SIGKILL);
  }
  ChildResult result = reap();
  result.timed_out = ended == 0;
  return result;
}

std::string ChildProcess::output() const {
  std::string text;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::pread(output_.get(), buffer, sizeof(buffer), std::ssize(text))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

ChildResult ChildProcess::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  ChildResult result;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.output = output();
  return result;
}

void print_stacks(pid_t process) {
  const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    const std::filesystem::path& entry = task.path();
    std::fprintf(stderr, "  thread %s (%s) waits in %s\n", entry.filename().c_str(), first_line(entry / "comm").c_str(),
                 first_line(entry / "wchan").c_str());
    std::ifstream stack(entry / "stack");
    for (std::string line; std::getline(stack, line);) std::fprintf(stderr, "    %s\n", line.c_str());
  }
}

}  // namespace fusereplay::testing
