#include "replayer/libc_time.h"

#include <endian.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "core/check.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// The head of libfaketime's shared object.
struct LibcTime::Shared {
  std::uint64_t ticks;
  std::uint64_t next;  // entry of the list that the next reading takes
};

/// An entry of the file that FAKETIME_LOAD_FILE names.
struct LibcTime::Instant {
  std::uint64_t seconds;      // big-endian
  std::uint64_t nanoseconds;  // big-endian
};

namespace {

constexpr const char* kVariable = "FUSEREPLAY_LIBC_TIME";  // the pid of the process that restart() restarted
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kSharedSize = 4096;
constexpr const char* kLibraries[] = {FUSEREPLAY_FAKETIME, "/usr/lib64/faketime/libfaketime.so.1",
                                      "/usr/lib/faketime/libfaketime.so.1"};

/// Names in /dev/shm, of this process alone.
struct Names {
  std::string lock = "/fusereplay-time-lock-" + std::to_string(::getpid());
  std::string shared = "/fusereplay-time-" + std::to_string(::getpid());
  std::string list = "/fusereplay-time-list-" + std::to_string(::getpid());

  void unlink() const noexcept {
    ::sem_unlink(lock.c_str());
    ::shm_unlink(shared.c_str());
    ::shm_unlink(list.c_str());
  }
};

std::string problem(const std::string& what) {
  return "cannot set libc's time: " + what + ": " + describe(Errno::last());
}

std::string make_shared(const std::string& name, std::size_t size) {
  const UniqueFd fd(::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (fd.get() < 0 || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return problem("/dev/shm" + name);
  return {};
}

void* map_shared(const std::string& name, std::size_t size) {
  const UniqueFd fd(::shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0));
  if (fd.get() < 0) return nullptr;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

std::string prepare(const Names& names, const char* library) {
  names.unlink();  // left by a killed process that had our pid
  sem_t* const lock = ::sem_open(names.lock.c_str(), O_CREAT | O_EXCL, 0600, 1);
  if (lock == SEM_FAILED) return problem("/dev/shm" + names.lock);
  ::sem_close(lock);
  if (std::string error = make_shared(names.shared, kSharedSize); !error.empty()) return error;
  constexpr std::size_t kListSize = LibcTime::kMaxReadings * 2 * sizeof(std::uint64_t);
  if (std::string error = make_shared(names.list, kListSize); !error.empty()) return error;

  const auto set = [](const char* variable, const std::string& value) { ::setenv(variable, value.c_str(), 1); };
  const char* const preloaded = std::getenv("LD_PRELOAD");
  set("LD_PRELOAD", preloaded == nullptr ? std::string(library) : std::string(library) + ":" + preloaded);
  set("FAKETIME_SHARED", names.lock + " " + names.shared);
  set("FAKETIME_LOAD_FILE", "/dev/shm" + names.list);
  set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
  set("DONT_FAKE_MONOTONIC", "1");
  set("NO_FAKE_STAT", "1");  // a stat() that is taken over waits for itself
  set("TZ", "UTC");
  set("LC_ALL", "C");
  set(kVariable, std::to_string(::getpid()));
  return {};
}

void clean_environment() {
  for (const char* variable :
       {"FAKETIME_SHARED", "FAKETIME_LOAD_FILE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"})
    ::unsetenv(variable);
  const std::string preloaded = std::getenv("LD_PRELOAD") != nullptr ? std::getenv("LD_PRELOAD") : "";
  if (const std::size_t rest = preloaded.find(':'); rest != std::string::npos) {
    ::setenv("LD_PRELOAD", preloaded.substr(rest + 1).c_str(), 1);
  } else {
    ::unsetenv("LD_PRELOAD");
  }
}

std::int64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

bool LibcTime::restarted() noexcept {
  const char* const pid = std::getenv(kVariable);
  return pid != nullptr && pid == std::to_string(::getpid());
}

std::string LibcTime::restart(const std::vector<std::string>& arguments) {
  const auto library = std::find_if(std::begin(kLibraries), std::end(kLibraries),
                                    [](const char* path) { return ::access(path, R_OK) == 0; });
  if (library == std::end(kLibraries)) {
    return std::string("libfaketime is not installed (no ") + kLibraries[0] + "); install the package libfaketime";
  }
  const Names names;
  std::string error = prepare(names, *library);
  if (error.empty()) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv("/proc/self/exe", argv.data());
    error = problem("/proc/self/exe");
  }
  names.unlink();
  return error;
}

tl::expected<std::unique_ptr<LibcTime>, std::string> LibcTime::take() {
  const Names names;
  auto* const shared = static_cast<Shared*>(map_shared(names.shared, kSharedSize));
  auto* const list = static_cast<Instant*>(map_shared(names.list, kMaxReadings * sizeof(Instant)));
  const std::string error = shared == nullptr || list == nullptr ? problem("/dev/shm" + names.list) : "";
  names.unlink();  // libfaketime has opened them, or never will
  clean_environment();
  if (!error.empty()) return tl::unexpected(error);
  std::unique_ptr<LibcTime> time(new LibcTime(shared, list));
  if (!time->keeps_time())
    return tl::unexpected(std::string("libfaketime was preloaded, but libc's clock does not follow it"));
  return time;
}

LibcTime::LibcTime(Shared* shared, Instant* list) noexcept : shared_(shared), list_(list) {}

LibcTime::~LibcTime() {
  ::munmap(shared_, kSharedSize);
  ::munmap(list_, kMaxReadings * sizeof(Instant));
}

void LibcTime::set(std::span<const std::int64_t> instants) noexcept {
  FUSEREPLAY_CHECK(!instants.empty(), "there is an instant to set");
  const std::uint64_t readings = __atomic_load_n(&shared_->next, __ATOMIC_ACQUIRE);
  if (readings > prepared_) {
    ++overrun_;
    prepared_ = std::min<std::size_t>(kMaxReadings, std::max<std::size_t>(2 * prepared_, readings));
  }
  const std::size_t given = std::min(instants.size(), kMaxReadings);
  prepared_ = std::max(prepared_, given);
  Instant entry{};
  for (std::size_t i = 0; i < given; ++i) {
    entry.seconds = htobe64(static_cast<std::uint64_t>(instants[i] / kSecond));
    entry.nanoseconds = htobe64(static_cast<std::uint64_t>(instants[i] % kSecond));
    list_[i] = entry;
  }
  std::fill(list_ + given, list_ + prepared_, entry);
  __atomic_store_n(&shared_->next, 0, __ATOMIC_RELEASE);
}

std::uint64_t LibcTime::overrun() const noexcept {
  return overrun_;
}

/// Instants that no clock shows, read in every way that filesystems do.
bool LibcTime::keeps_time() noexcept {
  constexpr std::int64_t kFirst = 1'000'000'007 * kSecond + 123'456'789;
  constexpr std::int64_t kSecondReading = kFirst + 1;
  const std::int64_t instants[] = {kFirst, kSecondReading};
  set(instants);
  if (read_clock(CLOCK_REALTIME) != kFirst) return false;
  if (read_clock(CLOCK_REALTIME) != kSecondReading) return false;
  if (read_clock(CLOCK_REALTIME) != kSecondReading) return false;
  timeval of_day{};
  ::gettimeofday(&of_day, nullptr);
  if (of_day.tv_sec != kFirst / kSecond || of_day.tv_usec != kFirst % kSecond / 1000) return false;
  if (std::time(nullptr) != kFirst / kSecond) return false;
  const std::int64_t before = read_clock(CLOCK_MONOTONIC);
  return before != kSecondReading && read_clock(CLOCK_MONOTONIC) >= before;
}

}  // namespace fusereplay
