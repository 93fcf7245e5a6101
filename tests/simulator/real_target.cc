#include "tests/simulator/real_target.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstring>
#include <stdexcept>
#include <system_error>

namespace fusereplay::testing {
namespace {

/// Memory that begins with a page: how much one direct READ or WRITE carries depends on where in a page it begins.
class Aligned {
 public:
  explicit Aligned(std::size_t size) : size_(size), data_(std::aligned_alloc(4096, (size / 4096 + 1) * 4096)) {}
  explicit Aligned(const std::string& text) : Aligned(text.size()) { std::memcpy(data(), text.data(), text.size()); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  ~Aligned() { std::free(data_); }
  char* data() const { return static_cast<char*>(data_); }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  void* data_;
};

}  // namespace

RealTarget::RealTarget(const std::string& directory) {
  static_cast<void>(::setgroups(0, nullptr));  // refused where we are root of a user namespace only
  if (::chroot(directory.c_str()) != 0 || ::chdir("/") != 0) {
    throw std::system_error(errno, std::generic_category(), directory);
  }
}

namespace {

/// Until the clock that the kernel stamps files with goes on (ktime_get_coarse_real_ts64).
void wait_for_tick() {
  timespec begin{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &begin);
  for (timespec now = begin; now.tv_nsec == begin.tv_nsec && now.tv_sec == begin.tv_sec;) {
    ::sched_yield();
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  }
}

}  // namespace

std::string RealTarget::run(const Call& call) {
  if (ticks_) wait_for_tick();
  for (const Methods* methods : {&file_methods(), &name_methods(), &xattr_methods(), &special_methods(),
                                 &memory_methods(), &directory_methods()}) {
    const auto method = methods->find(call.name);
    if (method != methods->end()) return method->second(*this, call);
  }
  throw std::runtime_error("no such call: " + call.name);
}

std::string RealTarget::install(const Call& call, int fd) {
  if (fd < 0) return to_string(Errno::last());
  const auto old = files_.find(call.text(0));
  if (old != files_.end()) close_file(old->second);
  files_[call.text(0)] = fd;
  return "ok";
}

std::string RealTarget::close_file(int fd) {
  const std::string result = void_outcome(::close(fd));
  struct ::statvfs out {};
  ::statvfs("/", &out);
  return result;
}

std::string RealTarget::take_data(std::string data, std::int64_t size) {
  if (size < 0) return to_string(Errno::last());
  data.resize(static_cast<std::size_t>(size));
  return describe_data(data);
}

std::string RealTarget::read_vector(const Call& c) {
  std::vector<std::string> parts;
  std::vector<iovec> vector;
  for (const std::uint64_t size : c.list(1)) parts.emplace_back(size, '\0');
  for (std::string& part : parts) vector.push_back({part.data(), part.size()});
  const auto done = ::preadv2(fd(c, 0), vector.data(), static_cast<int>(vector.size()), c.number(2, -1), c.rwf(3));
  std::string all;
  for (const std::string& part : parts) all += part;
  return take_data(std::move(all), done);
}

std::string RealTarget::write_vector(const Call& c) {
  const std::string data = c.data(1);
  std::vector<iovec> vector;
  std::size_t at = 0;
  for (const std::uint64_t size : c.list(2)) {
    vector.push_back({const_cast<char*>(data.data()) + at, size});
    at += size;
  }
  return outcome(::pwritev2(fd(c, 0), vector.data(), static_cast<int>(vector.size()), c.number(3, -1), c.rwf(4)));
}

std::string RealTarget::getdents(const Call& call) {
  std::string buffer(static_cast<std::size_t>(call.number(1, 32768)), '\0');
  const auto size = ::syscall(SYS_getdents64, fd(call, 0), buffer.data(), buffer.size());
  if (size < 0) return to_string(Errno::last());
  std::vector<DirectoryRecord> records;
  for (long at = 0; at < size;) {
    struct dirent64 head {};
    std::memcpy(&head, buffer.data() + at, offsetof(struct dirent64, d_name));
    records.push_back({.name = buffer.data() + at + offsetof(struct dirent64, d_name),
                       .ino = head.d_ino,
                       .position = static_cast<std::uint64_t>(head.d_off),
                       .type = head.d_type});
    at += head.d_reclen;
  }
  return describe(records);
}

timespec RealTarget::time_of(const Call& call, std::size_t index) {
  const std::string text = call.text(index);
  if (text == "now") return {0, UTIME_NOW};
  if (text == "omit") return {0, UTIME_OMIT};
  return {static_cast<time_t>(call.number(index)), 0};
}

const RealTarget::Methods& RealTarget::file_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"open",
       [](Self s, const Call& c) {
         return s.install(c, ::open(c.text(1).c_str(), c.flags(2), static_cast<mode_t>(c.number(3))));
       }},
      {"close",
       [](Self s, const Call& c) {
         const int fd = s.fd(c, 0);
         s.files_.erase(c.text(0));
         return s.close_file(fd);
       }},
      {"close_all",
       [](Self s, const Call&) {
         s.unmap_all();
         for (const auto& [name, fd] : s.files_) s.close_file(fd);
         s.files_.clear();
         return std::string("ok");
       }},
      {"ticks",
       [](Self s, const Call& c) {
         s.ticks_ = c.number(0) != 0;
         return std::string("ok");
       }},
      {"flock", [](Self s, const Call& c) { return void_outcome(::flock(s.fd(c, 0), c.flags(1))); }},
      {"setlk",
       [](Self s, const Call& c) {
         const struct ::flock lock = c.lock();
         return void_outcome(::fcntl(s.fd(c, 0), F_SETLK, &lock));
       }},
      {"setlkw",
       [](Self s, const Call& c) {
         const struct ::flock lock = c.lock();
         return void_outcome(::fcntl(s.fd(c, 0), F_SETLKW, &lock));
       }},
      {"getlk",
       [](Self s, const Call& c) {
         struct ::flock lock = c.lock();
         return ::fcntl(s.fd(c, 0), F_GETLK, &lock) < 0 ? to_string(Errno::last()) : describe(lock);
       }},
      {"dup", [](Self s, const Call& c) { return s.install(c, ::dup(s.fd(c, 1))); }},
      {"read",
       [](Self s, const Call& c) {
         const Aligned data(static_cast<std::size_t>(c.number(1)));
         const auto size = ::read(s.fd(c, 0), data.data(), data.size());
         return size < 0 ? to_string(Errno::last()) : describe_data({data.data(), static_cast<std::size_t>(size)});
       }},
      {"pread",
       [](Self s, const Call& c) {
         const Aligned data(static_cast<std::size_t>(c.number(1)));
         const auto size = ::pread(s.fd(c, 0), data.data(), data.size(), c.number(2));
         return size < 0 ? to_string(Errno::last()) : describe_data({data.data(), static_cast<std::size_t>(size)});
       }},
      {"write",
       [](Self s, const Call& c) {
         const Aligned data(c.data(1));
         return outcome(::write(s.fd(c, 0), data.data(), data.size()));
       }},
      {"pwrite",
       [](Self s, const Call& c) {
         const Aligned data(c.data(1));
         return outcome(::pwrite(s.fd(c, 0), data.data(), data.size(), c.number(2)));
       }},
      {"lseek", [](Self s, const Call& c) { return outcome(::lseek(s.fd(c, 0), c.number(1), c.flags(2))); }},
      {"ftruncate", [](Self s, const Call& c) { return void_outcome(::ftruncate(s.fd(c, 0), c.number(1))); }},
      {"fallocate",
       [](Self s, const Call& c) {
         return void_outcome(::fallocate(s.fd(c, 0), c.flags(1), c.number(2), c.number(3)));
       }},
      {"copy_file_range",
       [](Self s, const Call& c) {
         off64_t from = c.number(1);
         off64_t to = c.number(3);
         return outcome(
             ::copy_file_range(s.fd(c, 0), &from, s.fd(c, 2), &to, static_cast<std::size_t>(c.number(4)), 0));
       }},
      {"fsync", [](Self s, const Call& c) { return void_outcome(::fsync(s.fd(c, 0))); }},
      {"fdatasync", [](Self s, const Call& c) { return void_outcome(::fdatasync(s.fd(c, 0))); }},
      {"getdents", [](Self s, const Call& c) { return s.getdents(c); }},
      {"openat",
       [](Self s, const Call& c) {
         return s.install(c, ::openat(s.fd(c, 1), c.text(2).c_str(), c.flags(3), static_cast<mode_t>(c.number(4))));
       }},
      {"getfl", [](Self s, const Call& c) { return outcome(::fcntl(s.fd(c, 0), F_GETFL)); }},
      {"setfl", [](Self s, const Call& c) { return outcome(::fcntl(s.fd(c, 0), F_SETFL, c.flags(1))); }},
      {"readv", [](Self s, const Call& c) { return s.read_vector(c); }},
      {"preadv", [](Self s, const Call& c) { return s.read_vector(c); }},
      {"writev", [](Self s, const Call& c) { return s.write_vector(c); }},
      {"pwritev", [](Self s, const Call& c) { return s.write_vector(c); }},
      {"syncfs", [](Self s, const Call& c) { return void_outcome(::syncfs(s.fd(c, 0))); }},
      {"fstat",
       [](Self s, const Call& c) {
         struct ::stat stat {};
         return s.take_stat(::fstat(s.fd(c, 0), &stat), stat);
       }},
      {"fchmod",
       [](Self s, const Call& c) { return void_outcome(::fchmod(s.fd(c, 0), static_cast<mode_t>(c.number(1)))); }},
      {"fchown",
       [](Self s, const Call& c) {
         return void_outcome(::fchown(s.fd(c, 0), static_cast<uid_t>(c.number(1)), static_cast<gid_t>(c.number(2))));
       }},
      {"futimens",
       [](Self s, const Call& c) {
         const timespec times[2] = {time_of(c, 1), time_of(c, 2)};
         return void_outcome(::futimens(s.fd(c, 0), times));
       }},
      {"fstatvfs",
       [](Self s, const Call& c) {
         struct ::statvfs out {};
         return ::fstatvfs(s.fd(c, 0), &out) < 0 ? to_string(Errno::last()) : describe(out);
       }},
  };
  return all;
}

std::unique_ptr<CallTarget> make_real_target(const std::string& directory) {
  return std::make_unique<RealTarget>(directory);
}

std::unique_ptr<CallTarget> make_unprivileged_target() {
  return std::make_unique<RealTarget>();
}

}  // namespace fusereplay::testing
