#include "core/session/mount_helper.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace fusereplay::internal {
namespace {

constexpr const char* kHelper = "fusermount3";

/// What the helper printed, on one line.
std::string printed(int memory) {
  struct ::stat status {};
  if (::fstat(memory, &status) != 0) return {};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const auto size = ::pread(memory, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

/// What a child gets in place of our descriptors.
struct Descriptors {
  int input = -1;   // of -1, ours
  int output = -1;  // stdout and stderr
  int socket = -1;  // fusermount3 is told of it
};

/// A child with all signals at their defaults, none blocked, and no descriptor but these.
class Child {
 public:
  Child(std::vector<std::string> words, Descriptors descriptors) : words_(std::move(words)) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    if (descriptors.input >= 0) ::posix_spawn_file_actions_adddup2(&actions_, descriptors.input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, descriptors.output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, descriptors.output, STDERR_FILENO);
    if (descriptors.socket >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, descriptors.socket, kSocket);
      variables_.push_back("_FUSE_COMMFD=" + std::to_string(kSocket));
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, descriptors.socket >= 0 ? kSocket + 1 : kSocket);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (!std::string_view(*variable).starts_with("_FUSE_COMMFD=")) variables_.emplace_back(*variable);
    }
  }
  ~Child() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// `flags`: of posix_spawnattr_setflags(3), more than the signals.
  tl::expected<pid_t, std::string> start(short flags) {
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_,
                               static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    pid_t process = -1;
    const int error = ::posix_spawnp(&process, words_.front().c_str(), &actions_, &attributes_, pointers(words_).data(),
                                     pointers(variables_).data());
    if (error != 0) return tl::unexpected(words_.front() + " cannot be run: " + describe(Errno(error)));
    return process;
  }

 private:
  static constexpr int kSocket = 3;
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
  }

  std::vector<std::string> words_;
  std::vector<std::string> variables_;
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

int wait_for(pid_t process) noexcept {
  int status = -1;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// The descriptor that the other end passes on; none where it closes instead.
std::optional<UniqueFd> receive_descriptor(int socket) {
  char byte = 0;
  iovec piece{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* const header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return std::nullopt;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return UniqueFd(descriptor);
}

}  // namespace

tl::expected<UnmountWatcher, std::string> UnmountWatcher::start(const std::string& mountpoint) {
  constexpr const char* kScript =
      "cd /; read nothing; [ -e \"$1\" ] || fusermount3 -u -z -q -- \"$1\" || umount -l -- \"$1\"";
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  std::array<int, 2> ends{};
  if (!null.valid() || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected("no descriptors for auto_unmount: " + describe(Errno::last()));
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  // In a session of its own: what ends us, Ctrl-C or a terminal that goes away, does not end it.
  auto process =
      Child({"sh", "-c", kScript, "auto_unmount", mountpoint}, {.input = read_end.get(), .output = null.get()})
          .start(POSIX_SPAWN_SETSID);
  if (!process) return tl::unexpected(std::move(process.error()));
  return UnmountWatcher(*process, std::move(write_end));
}

UnmountWatcher::UnmountWatcher(UnmountWatcher&& other) noexcept
    : process_(std::exchange(other.process_, -1)), pipe_(std::move(other.pipe_)) {}

UnmountWatcher& UnmountWatcher::operator=(UnmountWatcher&& other) noexcept {
  if (this != &other) {
    end();
    process_ = std::exchange(other.process_, -1);
    pipe_ = std::move(other.pipe_);
  }
  return *this;
}

void UnmountWatcher::end() noexcept {
  pipe_.reset();
  if (process_ > 0) wait_for(std::exchange(process_, -1));
}

tl::expected<UniqueFd, std::string> mount_by_helper(const std::string& mountpoint, const MountPlan& plan) {
  for (const std::string& name : plan.by_name) {
    if ((name == "suid" || name == "dev") && ::getuid() != 0) {
      return tl::unexpected("option '" + name + "': only root may give it");
    }
  }
  const UniqueFd memory(::memfd_create("fusermount3", MFD_CLOEXEC));
  std::array<int, 2> pair{};
  if (!memory.valid() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return tl::unexpected("no descriptors for " + std::string(kHelper) + ": " + describe(Errno::last()));
  }
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const auto process =
      Child({kHelper, "-o", plan.helper_text(), "--", mountpoint}, {.output = memory.get(), .socket = theirs.get()})
          .start(0);
  if (!process) return tl::unexpected(process.error() + ": install it (package fuse3), or run as root");
  theirs.reset();
  auto device = receive_descriptor(ours.get());
  wait_for(*process);
  const std::string said = printed(memory.get());
  if (!device) return tl::unexpected(said.empty() ? std::string(kHelper) + " ended without a word" : said);
  // What it says although it has mounted is a warning.
  if (!said.empty()) std::fprintf(stderr, "%s\n", said.c_str());
  return std::move(*device);
}

tl::expected<void, std::string> unmount_by_helper(const std::string& mountpoint) {
  const UniqueFd memory(::memfd_create("fusermount3", MFD_CLOEXEC));
  if (!memory.valid()) return tl::unexpected(describe(Errno::last()));
  const auto process = Child({kHelper, "-u", "-z", "--", mountpoint}, {.output = memory.get()}).start(0);
  if (!process) return tl::unexpected(process.error());
  if (wait_for(*process) != 0) return tl::unexpected(printed(memory.get()));
  return {};
}

}  // namespace fusereplay::internal
