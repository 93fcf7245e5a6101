#include "bench/compare/served_tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "core/result.h"

namespace fusereplay::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(5);

std::string with_paths(std::string word, std::string_view name, const std::string& path) {
  if (const std::size_t at = word.find(name); at != std::string::npos) word.replace(at, name.size(), path);
  return word;
}

dev_t device_of(const std::string& path) {
  struct stat at {};
  return ::stat(path.c_str(), &at) == 0 ? at.st_dev : 0;
}

}  // namespace

ServedTree::ServedTree(const Contestant& contestant, const std::string& place)
    : source_(place + "/source"), mount_(place + "/mount"), trace_(place + "/trace") {
  std::filesystem::create_directories(source_);
  std::filesystem::create_directories(mount_);
  const dev_t before = device_of(mount_);
  std::vector<std::string> command;
  for (const std::string& word : contestant.command) {
    command.push_back(
        with_paths(with_paths(with_paths(word, "{source}", source_), "{mount}", mount_), "{trace}", trace_));
  }
  start(command);
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (device_of(mount_) == before) {
    if (has_ended()) throw std::runtime_error(contestant.name + ": " + command[0] + " ended without a mount");
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error(contestant.name + ": no mount after 10 s");
    std::this_thread::sleep_for(kPause);
  }
}

void ServedTree::start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork: " + describe(Errno::last()));
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
}

bool ServedTree::has_ended() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

ServedTree::~ServedTree() {
  if (::umount2(mount_.c_str(), 0) != 0) ::umount2(mount_.c_str(), MNT_DETACH);
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (!has_ended()) {
    if (std::chrono::steady_clock::now() > limit) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace fusereplay::bench
