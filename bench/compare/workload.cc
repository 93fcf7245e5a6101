#include "bench/compare/workload.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "core/unique_fd.h"

namespace fusereplay::bench {
namespace {

constexpr int kStormFiles = 200;
constexpr int kSmallFiles = 100;
constexpr int kEntries = 10'000;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMebibyte = std::size_t{1} << 20;
constexpr std::size_t kFile = 16 * kMebibyte;
constexpr std::size_t kSmallRequests = 1024;

template <class T>
T checked(T result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

std::string numbered(const std::string& directory, const char* stem, int number) {
  return directory + "/" + stem + std::to_string(number);
}

UniqueFd open_file(const std::string& path, int flags) {
  return UniqueFd(checked(::open(path.c_str(), flags | O_CLOEXEC, 0644), path.c_str()));
}

void storm(const std::string& directory) {
  const std::string inner = directory + "/storm";
  checked(::mkdir(inner.c_str(), 0755), "mkdir");
  struct stat attributes {};
  for (int i = 0; i < kStormFiles; ++i) open_file(numbered(inner, "a", i), O_CREAT | O_EXCL | O_WRONLY);
  for (int i = 0; i < kStormFiles; ++i) {
    const std::string name = numbered(inner, "a", i);
    checked(::stat(name.c_str(), &attributes), "stat");
    checked(::chmod(name.c_str(), 0600), "chmod");
    checked(::rename(name.c_str(), numbered(inner, "b", i).c_str()), "rename");
  }
  for (int i = 0; i < kStormFiles; ++i) checked(::unlink(numbered(inner, "b", i).c_str()), "unlink");
  checked(::rmdir(inner.c_str()), "rmdir");
}

void small_files(const std::string& directory) {
  std::array<char, kPage> data{};
  struct stat attributes {};
  for (int i = 0; i < kSmallFiles; ++i) {
    const std::string name = numbered(directory, "small", i);
    {
      const UniqueFd file = open_file(name, O_CREAT | O_RDWR);
      checked(::pwrite(file.get(), data.data(), data.size(), 0), "pwrite");
      checked(::fsync(file.get()), "fsync");
      checked(::pread(file.get(), data.data(), data.size(), 0), "pread");
      checked(::fstat(file.get(), &attributes), "fstat");
    }
    checked(::unlink(name.c_str()), "unlink");
  }
}

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); }
};
using Aligned = std::unique_ptr<char, Free>;

Aligned aligned(std::size_t size) {
  Aligned memory(static_cast<char*>(std::aligned_alloc(kPage, size)));
  std::fill_n(memory.get(), size, 'x');
  return memory;
}

enum class Way : std::uint8_t { kRead, kWrite };

/// `count` requests of `size` bytes one behind the other; direct ones of 4 KiB jump about.
void transfer(const std::string& directory, Way way, std::size_t size, std::size_t count, int flags) {
  const Aligned memory = aligned(size);
  const int access = way == Way::kRead ? O_RDONLY : O_WRONLY;
  const UniqueFd file = open_file(directory + "/data", access | flags);
  const std::size_t step = (flags & O_DIRECT) != 0 && size == kPage ? 37 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<off_t>(i * step * size % kFile);
    const ssize_t moved =
        way == Way::kRead ? ::pread(file.get(), memory.get(), size, at) : ::pwrite(file.get(), memory.get(), size, at);
    if (checked(moved, "data") != static_cast<ssize_t>(size)) throw std::runtime_error("data: a short transfer");
  }
}

void make_data(const std::string& directory) {
  const Aligned memory = aligned(kMebibyte);
  const UniqueFd file = open_file(directory + "/data", O_CREAT | O_WRONLY);
  for (std::size_t at = 0; at < kFile; at += kMebibyte) {
    checked(::pwrite(file.get(), memory.get(), kMebibyte, static_cast<off_t>(at)), "data");
  }
}

void make_entries(const std::string& directory) {
  for (int i = 0; i < kEntries; ++i) open_file(numbered(directory, "entry-with-a-name-", i), O_CREAT | O_WRONLY);
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

void list(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
  if (open == nullptr) throw std::system_error(errno, std::generic_category(), "opendir");
  struct stat attributes {};
  int seen = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    checked(::fstatat(::dirfd(open.get()), entry->d_name, &attributes, AT_SYMLINK_NOFOLLOW), "fstatat");
    ++seen;
  }
  if (seen != kEntries + 2) throw std::runtime_error("the listing has " + std::to_string(seen) + " entries");
}

void nothing(const std::string&) {}

Workload of_data(const char* name, Way way, std::size_t size, std::size_t count, int flags) {
  return {.name = name, .prepare = make_data, .work = [=](const std::string& directory) {
            transfer(directory, way, size, count, flags);
          }};
}

std::string place_of(const Workload& workload, const std::string& tree, unsigned process) {
  std::string place = tree + "/" + workload.name + "-" + std::to_string(process);
  return place;
}

/// A child of time_of(): waits for the start, works, tells that it is done. Does not return.
[[noreturn]] void work_as_child(const Workload& workload, const std::string& place, int ready, int go, int done) {
  char byte = 0;
  try {
    checked(::write(ready, &byte, 1), "ready");
    checked(::read(go, &byte, 1), "go");  // end of file: now
    workload.work(place);
    checked(::write(done, &byte, 1), "done");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", workload.name.c_str(), error.what());
    ::_exit(1);
  }
  ::_exit(0);
}

struct Pipe {
  Pipe() {
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe");
    in = UniqueFd(ends[0]);
    out = UniqueFd(ends[1]);
  }
  UniqueFd in;
  UniqueFd out;
};

/// Reads a byte from each child; false: one ended without.
bool await_all(const UniqueFd& from, unsigned children) {
  char byte = 0;
  for (unsigned i = 0; i < children; ++i) {
    if (::read(from.get(), &byte, 1) != 1) return false;
  }
  return true;
}

}  // namespace

std::vector<Workload> workloads() {
  return {
      {.name = "metadata, 1 process", .prepare = nothing, .work = storm},
      {.name = "metadata, 4 processes", .processes = 4, .prepare = nothing, .work = storm},
      {.name = "small files", .prepare = nothing, .work = small_files},
      of_data("read 4 KiB, cached", Way::kRead, kPage, kFile / kPage, 0),
      of_data("read 4 KiB, direct", Way::kRead, kPage, kSmallRequests, O_DIRECT),
      of_data("read 1 MiB, cached", Way::kRead, kMebibyte, kFile / kMebibyte, 0),
      of_data("read 1 MiB, direct", Way::kRead, kMebibyte, 2 * kFile / kMebibyte, O_DIRECT),
      of_data("write 4 KiB, cached", Way::kWrite, kPage, kSmallRequests, 0),
      of_data("write 4 KiB, direct", Way::kWrite, kPage, kSmallRequests, O_DIRECT),
      of_data("write 1 MiB, cached", Way::kWrite, kMebibyte, 2 * kFile / kMebibyte, 0),
      of_data("write 1 MiB, direct", Way::kWrite, kMebibyte, 2 * kFile / kMebibyte, O_DIRECT),
      {.name = "list 10,000 with attributes", .prepare = make_entries, .work = list},
  };
}

void prepare(const Workload& workload, const std::string& source) {
  for (unsigned process = 0; process < workload.processes; ++process) {
    const std::string place = place_of(workload, source, process);
    std::filesystem::create_directories(place);
    workload.prepare(place);
  }
}

std::int64_t time_of(const Workload& workload, const std::string& mount) {
  Pipe ready;
  Pipe go;
  Pipe done;
  std::vector<pid_t> children;
  for (unsigned process = 0; process < workload.processes; ++process) {
    const std::string place = place_of(workload, mount, process);
    const pid_t child = checked(::fork(), "fork");
    if (child == 0) {
      go.out.reset();
      work_as_child(workload, place, ready.out.get(), go.in.get(), done.out.get());
    }
    children.push_back(child);
  }
  ready.out.reset();
  done.out.reset();
  bool well = await_all(ready.in, workload.processes);
  const auto start = std::chrono::steady_clock::now();
  go.out.reset();
  well = well && await_all(done.in, workload.processes);
  const auto end = std::chrono::steady_clock::now();
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  if (!well) throw std::runtime_error(workload.name + ": it failed below " + mount);
  return std::chrono::nanoseconds(end - start).count();
}

}  // namespace fusereplay::bench
