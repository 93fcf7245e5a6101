// The calls on paths, and those on the process.
#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <vector>

#include "tests/simulator/real_target.h"

namespace fusereplay::testing {

namespace {

/// The outcome of `call`, made by root; the caller is who it was afterwards.
template <class SystemCall>
std::string as_root(const SystemCall& call) {
  const uid_t self = ::geteuid();
  if (::seteuid(0) != 0) return outcome(-1);
  const std::string result = void_outcome(call());
  return ::seteuid(self) == 0 ? result : outcome(-1);
}

}  // namespace

const RealTarget::Methods& RealTarget::name_methods() {
  using Self = RealTarget&;
  const auto path = [](const Call& call, std::size_t index) { return call.text(index); };
  static const Methods all = {
      {"statx",
       [](Self, const Call& c) {
         struct ::statx out {};
         const int result = ::statx(AT_FDCWD, c.text(0).c_str(), c.flags(1), static_cast<unsigned>(c.flags(2)), &out);
         return result < 0 ? to_string(Errno::last()) : describe(out);
       }},
      {"truncate", [path](Self, const Call& c) { return void_outcome(::truncate(path(c, 0).c_str(), c.number(1))); }},
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
      {"access",
       [](Self, const Call& c) {
         return void_outcome(
             static_cast<int>(::syscall(SYS_faccessat2, AT_FDCWD, c.text(0).c_str(), c.flags(1), AT_EACCESS)));
       }},
      {"chmod",
       [](Self, const Call& c) { return void_outcome(::chmod(c.text(0).c_str(), static_cast<mode_t>(c.number(1)))); }},
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
         const std::string dropped =
             as_root([] { return ::mount("none", "/", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, nullptr); });
         struct ::statvfs out {};
         for (unsigned i = 0; i < kUntilForgotten; ++i) ::statvfs("/", &out);
         return dropped;
       }},

      {"lutimens",
       [](Self, const Call& c) {
         const timespec times[2] = {time_of(c, 1), time_of(c, 2)};
         return void_outcome(::utimensat(AT_FDCWD, c.text(0).c_str(), times, AT_SYMLINK_NOFOLLOW));
       }},
      {"laccess",
       [](Self, const Call& c) {
         return void_outcome(static_cast<int>(
             ::syscall(SYS_faccessat2, AT_FDCWD, c.text(0).c_str(), c.flags(1), AT_EACCESS | AT_SYMLINK_NOFOLLOW)));
       }},
      {"sleep",
       [](Self, const Call& c) { return void_outcome(::usleep(static_cast<useconds_t>(c.number(0) * 1000))); }},
      {"groups",
       [](Self, const Call& c) {
         std::vector<gid_t> groups;
         for (std::size_t i = 0; i < c.arguments.size(); ++i) groups.push_back(static_cast<gid_t>(c.number(i)));
         return as_root([&] { return ::setgroups(groups.size(), groups.data()); });
       }},
  };
  return all;
}

const RealTarget::Methods& RealTarget::xattr_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"setxattr",
       [](Self, const Call& c) {
         const std::string value = c.data(2);
         return void_outcome(::setxattr(c.text(0).c_str(), c.text(1).c_str(), value.data(), value.size(), c.flags(3)));
       }},
      {"lsetxattr",
       [](Self, const Call& c) {
         const std::string value = c.data(2);
         return void_outcome(::lsetxattr(c.text(0).c_str(), c.text(1).c_str(), value.data(), value.size(), c.flags(3)));
       }},
      {"fsetxattr",
       [](Self s, const Call& c) {
         const std::string value = c.data(2);
         return void_outcome(::fsetxattr(s.fd(c, 0), c.text(1).c_str(), value.data(), value.size(), c.flags(3)));
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
      {"lgetxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(2, 65536)), '\0');
         const auto size = ::lgetxattr(c.text(0).c_str(), c.text(1).c_str(), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"llistxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(1, 65536)), '\0');
         const auto size = ::llistxattr(c.text(0).c_str(), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"lremovexattr",
       [](Self, const Call& c) { return void_outcome(::lremovexattr(c.text(0).c_str(), c.text(1).c_str())); }},
      {"fgetxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(2, 65536)), '\0');
         const auto size = ::fgetxattr(s.fd(c, 0), c.text(1).c_str(), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"flistxattr",
       [](Self s, const Call& c) {
         std::string data(static_cast<std::size_t>(c.number(1, 65536)), '\0');
         const auto size = ::flistxattr(s.fd(c, 0), data.data(), data.size());
         return data.empty() ? outcome(size) : s.take_data(std::move(data), size);
       }},
      {"fremovexattr",
       [](Self s, const Call& c) { return void_outcome(::fremovexattr(s.fd(c, 0), c.text(1).c_str())); }},
  };
  return all;
}

}  // namespace fusereplay::testing
