// tree_exerciser DIRECTORY SEED PROCESSES STEPS: processes that do random calls on one tree, each by its own seed.
// Whatever they do to each other, some things hold, and are looked at all the while:
// - a byte of a file is zero or what belongs at its place; an attribute, a link's target what its name says;
// - a file that is open can be used, unlinked or not; a call fails for a reason that the others can have given only;
// - a listing has what nobody touches, once; what is counted under a lock is not lost.
// In the end the link counts are those of the names, and all is removed. Exit status 1: one did not hold; it is told,
// with what led to it.
#include "tests/workloads/tree_exerciser.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace fusereplay::testing {
namespace {

Shared* share() {
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) Shared;
}

bool prepare() {
  if (::mkdir("kept", 0755) != 0) return false;
  for (unsigned i = 0; i < kKept; ++i) {
    const int fd = ::open(kept_name(i).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || ::close(fd) != 0) return false;
  }
  const std::vector<char> zeros(kSlots * sizeof(std::uint64_t));
  const int fd = ::open("locks", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  return fd >= 0 && ::pwrite(fd, zeros.data(), zeros.size(), 0) == std::ssize(zeros) && ::close(fd) == 0;
}

int work(unsigned number, unsigned seed, unsigned long steps, Shared& shared) {
  TreeExerciser exerciser(number, seed, shared);
  while (steps-- > 0 && !shared.stop) {
    if (exerciser.step()) continue;
    shared.stop = true;
    return 1;
  }
  return exerciser.end() ? 0 : 1;
}

/// What is wrong with the tree, now that nobody works on it.
class Inspection {
 public:
  int problems(const Shared& shared) {
    inspected = this;
    if (::nftw(".", &Inspection::visit_entry, 16, FTW_PHYS) != 0) tell("the tree cannot be walked");
    for (const auto& [inode, seen] : files_) {
      if (seen.names != seen.links) {
        tell(seen.path + " has " + std::to_string(seen.names) + " names and counts " + std::to_string(seen.links));
      }
    }
    for (const auto& [path, seen] : directories_) {
      if (seen.names + 2 != seen.links) {
        tell(path + " has " + std::to_string(seen.names) + " directories and counts " + std::to_string(seen.links));
      }
    }
    check_slots(shared);
    return problems_;
  }

 private:
  struct Seen {
    std::string path;
    nlink_t names = 0;
    nlink_t links = 0;
  };
  inline static Inspection* inspected = nullptr;  // nftw has nothing to pass on

  static int visit_entry(const char* path, const struct stat* status, int kind, FTW*) {
    if (kind == FTW_NS || kind == FTW_DNR) inspected->tell(std::string(path) + " is listed and cannot be read");
    if (kind != FTW_NS) inspected->visit(path, *status);
    return 0;
  }
  void visit(const std::string& path, const struct stat& status) {
    if (S_ISDIR(status.st_mode)) {
      directories_[path].links = status.st_nlink;
      if (path != ".") ++directories_[path.substr(0, path.rfind('/'))].names;
      return;
    }
    Seen& seen = files_[status.st_ino];
    seen.path = path;
    seen.links = status.st_nlink;
    if (++seen.names > 1 || !S_ISREG(status.st_mode) || path == "./locks") return;
    std::string wrong;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return tell(path + " cannot be opened: " + std::strerror(errno));
    std::vector<char> bytes(static_cast<std::size_t>(status.st_size));
    const ssize_t size = ::pread(fd, bytes.data(), bytes.size(), 0);
    if (size != std::ssize(bytes))
      tell(path + ": " + std::to_string(size) + " bytes of " + std::to_string(bytes.size()));
    if (size > 0) wrong = what_is_wrong(bytes.data(), 0, static_cast<std::size_t>(size), status.st_ino);
    if (!wrong.empty()) tell(path + ": " + wrong);
    ::close(fd);
  }
  void check_slots(const Shared& shared) {
    std::array<std::uint64_t, kSlots> found{};
    const int fd = ::open("locks", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::pread(fd, found.data(), sizeof(found), 0) != sizeof(found)) tell("locks cannot be read");
    ::close(fd);
    for (std::size_t i = 0; i < kSlots; ++i) {
      if (found[i] == shared.counted[i]) continue;
      tell("slot " + std::to_string(i) + " of the lock file holds " + std::to_string(found[i]) + ", not " +
           std::to_string(shared.counted[i]));
    }
  }
  void tell(const std::string& text) {
    std::printf("%s\n", text.c_str());
    ++problems_;
  }

  std::map<ino_t, Seen> files_;
  std::map<std::string, Seen> directories_;
  int problems_ = 0;
};

/// Calls that never succeed, though there were steps enough: what is never done is not tried.
int missed_calls(const Shared& shared, unsigned long steps) {
  constexpr unsigned long kEnough = 20'000;
  int missed = 0;
  for (std::size_t i = 0; i < kCalls.size(); ++i) {
    std::printf("%s %llu\n", kCalls[i].name, static_cast<unsigned long long>(shared.done[i]));
    if (shared.done[i] != 0 || !kCalls[i].everywhere || steps < kEnough) continue;
    std::printf("%s: has never succeeded\n", kCalls[i].name);
    ++missed;
  }
  return missed;
}

bool remove_all() {
  const auto remove_one = [](const char* path, const struct stat*, int, FTW*) {
    return std::strcmp(path, ".") == 0 ? 0 : std::remove(path);
  };
  if (::nftw(".", remove_one, 16, FTW_PHYS | FTW_DEPTH) == 0) return true;
  std::perror("cannot remove everything");
  return false;
}

int run(unsigned seed, unsigned processes, unsigned long steps) {
  Shared* const shared = share();
  if (shared == nullptr || !prepare()) {
    std::perror("cannot begin");
    return 1;
  }
  for (unsigned number = 0; number < processes; ++number) {
    const pid_t child = ::fork();
    if (child < 0) {
      std::perror("fork");
      shared->stop = true;
      break;
    }
    if (child == 0) {
      const int status = work(number, seed, steps, *shared);
      std::fflush(stdout);
      std::_Exit(status);
    }
  }
  bool failed = false;
  int status = 0;
  while (::wait(&status) > 0) failed = failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (failed || shared->stop) return 1;
  const int problems = Inspection().problems(*shared) + missed_calls(*shared, processes * steps);
  return problems == 0 && remove_all() ? 0 : 1;
}

}  // namespace
}  // namespace fusereplay::testing

int main(int argc, char** argv) {
  if (argc != 5 || ::chdir(argv[1]) != 0) {
    std::fputs("usage: tree_exerciser DIRECTORY SEED PROCESSES STEPS\n", stderr);
    return 2;
  }
  const auto number = [&](int i) { return std::strtoul(argv[i], nullptr, 10); };
  return fusereplay::testing::run(static_cast<unsigned>(number(2)), static_cast<unsigned>(number(3)), number(4));
}
