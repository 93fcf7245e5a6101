// A script's calls made of the real kernel.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <system_error>

#include "tests/simulator/script.h"

namespace fusereplay::testing {
namespace {

std::string outcome(std::int64_t result) {
  if (result < 0) return to_string(Errno::last());
  return result == 0 ? "ok" : "= " + std::to_string(result);
}
std::string void_outcome(int result) {
  return result < 0 ? to_string(Errno::last()) : "ok";
}

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

class RealTarget final : public CallTarget {
 public:
  RealTarget() = default;
  explicit RealTarget(const std::string& directory) {
    if (::chroot(directory.c_str()) != 0 || ::chdir("/") != 0) {
      throw std::system_error(errno, std::generic_category(), directory);
    }
  }

  std::string run(const Call& call) override {
    const auto method = methods().find(call.name);
    if (method == methods().end()) throw std::runtime_error("no such call: " + call.name);
    return method->second(*this, call);
  }

 private:
  using Method = std::function<std::string(RealTarget&, const Call&)>;

  int fd(const Call& call, std::size_t index) const {
    const auto found = files_.find(call.text(index));
    return found == files_.end() ? -1 : found->second;
  }
  std::string install(const Call& call, int fd) {
    if (fd < 0) return to_string(Errno::last());
    const auto old = files_.find(call.text(0));
    if (old != files_.end()) ::close(old->second);
    files_[call.text(0)] = fd;
    return "ok";
  }
  std::string take_data(std::string data, std::int64_t size) {
    if (size < 0) return to_string(Errno::last());
    data.resize(static_cast<std::size_t>(size));
    return describe_data(data);
  }
  std::string take_stat(int result, const struct ::stat& stat) {
    return result < 0 ? to_string(Errno::last()) : describe(stat);
  }
  std::string getdents(const Call& call);
  static timespec time_of(const Call& call, std::size_t index);
  static const std::map<std::string, Method, std::less<>>& methods();

  std::map<std::string, int> files_;
};

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

const std::map<std::string, RealTarget::Method, std::less<>>& RealTarget::methods() {
  using Self = RealTarget&;
  const auto path = [](const Call& call, std::size_t index) { return call.text(index); };
  static const std::map<std::string, Method, std::less<>> all = {
      {"open",
       [](Self s, const Call& c) {
         return s.install(c, ::open(c.text(1).c_str(), c.flags(2), static_cast<mode_t>(c.number(3))));
       }},
      {"close",
       [](Self s, const Call& c) {
         const int fd = s.fd(c, 0);
         s.files_.erase(c.text(0));
         return void_outcome(::close(fd));
       }},
      {"statx",
       [](Self, const Call& c) {
         struct ::statx out {};
         const int result = ::statx(AT_FDCWD, c.text(0).c_str(), c.flags(1), static_cast<unsigned>(c.flags(2)), &out);
         return result < 0 ? to_string(Errno::last()) : describe(out);
       }},
      {"close_all",
       [](Self s, const Call&) {
         for (const auto& [name, fd] : s.files_) ::close(fd);
         s.files_.clear();
         return std::string("ok");
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
      {"truncate", [path](Self, const Call& c) { return void_outcome(::truncate(path(c, 0).c_str(), c.number(1))); }},
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
      {"stat",
       [](Self s, const Call& c) {
         struct ::stat stat {};
         return s.take_stat(::stat(c.text(0).c_str(), &stat), stat);
       }},
      {"lstat",
       [](Self s, const Call& c) {
         struct ::stat stat {};
         return s.take_stat(::lstat(c.text(0).c_str(), &stat), stat);
       }},
      {"fstat",
       [](Self s, const Call& c) {
         struct ::stat stat {};
         return s.take_stat(::fstat(s.fd(c, 0), &stat), stat);
       }},
      {"access",
       [](Self, const Call& c) {
         return void_outcome(
             static_cast<int>(::syscall(SYS_faccessat2, AT_FDCWD, c.text(0).c_str(), c.flags(1), AT_EACCESS)));
       }},
      {"chmod",
       [](Self, const Call& c) { return void_outcome(::chmod(c.text(0).c_str(), static_cast<mode_t>(c.number(1)))); }},
      {"fchmod",
       [](Self s, const Call& c) { return void_outcome(::fchmod(s.fd(c, 0), static_cast<mode_t>(c.number(1)))); }},
      {"chown",
       [](Self, const Call& c) {
         return void_outcome(
             ::chown(c.text(0).c_str(), static_cast<uid_t>(c.number(1)), static_cast<gid_t>(c.number(2))));
       }},
      {"lchown",
       [](Self, const Call& c) {
         return void_outcome(
             ::lchown(c.text(0).c_str(), static_cast<uid_t>(c.number(1)), static_cast<gid_t>(c.number(2))));
       }},
      {"fchown",
       [](Self s, const Call& c) {
         return void_outcome(::fchown(s.fd(c, 0), static_cast<uid_t>(c.number(1)), static_cast<gid_t>(c.number(2))));
       }},
      {"utimens",
       [](Self, const Call& c) {
         const timespec times[2] = {time_of(c, 1), time_of(c, 2)};
         return void_outcome(::utimensat(AT_FDCWD, c.text(0).c_str(), times, 0));
       }},
      {"statvfs",
       [](Self, const Call& c) {
         struct ::statvfs out {};
         return ::statvfs(c.text(0).c_str(), &out) < 0 ? to_string(Errno::last()) : describe(out);
       }},
      {"mkdir",
       [](Self, const Call& c) { return void_outcome(::mkdir(c.text(0).c_str(), static_cast<mode_t>(c.number(1)))); }},
      {"rmdir", [](Self, const Call& c) { return void_outcome(::rmdir(c.text(0).c_str())); }},
      {"unlink", [](Self, const Call& c) { return void_outcome(::unlink(c.text(0).c_str())); }},
      {"rename",
       [](Self, const Call& c) {
         return void_outcome(static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, c.text(0).c_str(), AT_FDCWD,
                                                        c.text(1).c_str(), static_cast<unsigned>(c.flags(2)))));
       }},
      {"link", [](Self, const Call& c) { return void_outcome(::link(c.text(0).c_str(), c.text(1).c_str())); }},
      {"flink",
       [](Self s, const Call& c) {
         return void_outcome(::linkat(s.fd(c, 0), "", AT_FDCWD, c.text(1).c_str(), AT_EMPTY_PATH));
       }},
      {"symlink", [](Self, const Call& c) { return void_outcome(::symlink(c.text(0).c_str(), c.text(1).c_str())); }},
      {"readlink",
       [](Self s, const Call& c) {
         std::string data(5000, '\0');
         const auto size = ::readlink(c.text(0).c_str(), data.data(), data.size());
         return s.take_data(std::move(data), size);
       }},
      {"mknod",
       [](Self, const Call& c) {
         return void_outcome(
             ::mknod(c.text(0).c_str(), static_cast<mode_t>(c.number(1)), static_cast<dev_t>(c.number(2))));
       }},
      {"getdents", [](Self s, const Call& c) { return s.getdents(c); }},
      {"setxattr",
       [](Self, const Call& c) {
         const std::string value = c.data(2);
         return void_outcome(::setxattr(c.text(0).c_str(), c.text(1).c_str(), value.data(), value.size(), c.flags(3)));
       }},
      {"getxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(2, 65536)), '\0');
         const auto size = ::getxattr(c.text(0).c_str(), c.text(1).c_str(), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"listxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(1, 65536)), '\0');
         const auto size = ::listxattr(c.text(0).c_str(), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"removexattr",
       [](Self, const Call& c) { return void_outcome(::removexattr(c.text(0).c_str(), c.text(1).c_str())); }},
      {"umask",
       [](Self, const Call& c) {
         ::umask(static_cast<mode_t>(c.number(0)));
         return std::string("ok");
       }},
      {"as",
       [](Self, const Call& c) {
         // Back to root first: only it may become somebody else.
         if (::seteuid(0) != 0 || ::setegid(static_cast<gid_t>(c.number(1))) != 0) return outcome(-1);
         return void_outcome(::seteuid(static_cast<uid_t>(c.number(0))));
       }},
      {"drop_caches",
       // Of this mount alone: a remount drops its unused dentries (fs/super.c reconfigure_super).
       [](Self, const Call&) {
         const int dropped = ::mount("none", "/", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, nullptr);
         struct ::statvfs out {};
         for (unsigned i = 0; i < kUntilForgotten; ++i) ::statvfs("/", &out);
         return void_outcome(dropped);
       }},
  };
  return all;
}

}  // namespace

std::unique_ptr<CallTarget> make_real_target(const std::string& directory) {
  return std::make_unique<RealTarget>(directory);
}

std::unique_ptr<CallTarget> make_unprivileged_target() {
  return std::make_unique<RealTarget>();
}

}  // namespace fusereplay::testing
