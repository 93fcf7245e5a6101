#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <cstring>
#include <vector>

#include "tests/simulator/real_target.h"

namespace fusereplay::testing {

std::string RealTarget::ioctl(const Call& c) {
  IoctlArguments how = c.ioctl();
  if (!how.descriptor.empty()) how.number = static_cast<std::uint64_t>(files_.at(how.descriptor));
  const int result =
      how.by_number ? ::ioctl(fd(c, 0), how.command, how.number) : ::ioctl(fd(c, 0), how.command, how.memory.data());
  return result < 0 ? to_string(Errno::last()) : describe_ioctl(result, how.memory);
}

std::string RealTarget::make_handle(const Call& c, int directory, const std::string& path, int flags,
                                    std::size_t size) {
  alignas(file_handle) char memory[sizeof(file_handle) + 256] = {};
  auto* const handle = reinterpret_cast<file_handle*>(memory);
  handle->handle_bytes = static_cast<unsigned>(size);
  int mount_id[2] = {};
  if (::name_to_handle_at(directory, path.c_str(), handle, mount_id, flags) < 0) return to_string(Errno::last());
  handles_[c.text(0)] = {.type = handle->handle_type,
                         .bytes = std::string(memory + sizeof(file_handle), handle->handle_bytes)};
  return describe(handles_[c.text(0)]);
}

int RealTarget::open_handle(const Call& c) {
  const ScriptHandle& kept = handles_[c.text(1)];
  alignas(file_handle) char memory[sizeof(file_handle) + 256] = {};
  auto* const handle = reinterpret_cast<file_handle*>(memory);
  handle->handle_bytes = static_cast<unsigned>(kept.bytes.size());
  handle->handle_type = kept.type;
  std::memcpy(memory + sizeof(file_handle), kept.bytes.data(), kept.bytes.size());
  return ::open_by_handle_at(AT_FDCWD, handle, c.flags(2));
}

const RealTarget::Methods& RealTarget::special_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"ioctl", [](Self s, const Call& c) { return s.ioctl(c); }},
      {"fadvise",
       [](Self s, const Call& c) {
         // The C library's gives the error back.
         return void_outcome(
             static_cast<int>(::syscall(SYS_fadvise64, s.fd(c, 0), c.number(1), c.number(2), c.flags(3))));
       }},
      {"readahead",
       [](Self s, const Call& c) {
         return void_outcome(
             static_cast<int>(::readahead(s.fd(c, 0), c.number(1), static_cast<std::size_t>(c.number(2)))));
       }},
      {"remount",
       [](Self, const Call& c) {
         const std::string done = void_outcome(
             ::mount("none", "/", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | remount_flags(c.text(0)), nullptr));
         struct ::statvfs out {};
         for (unsigned i = 0; i < kUntilForgotten; ++i) ::statvfs("/", &out);
         return done;
       }},
      {"handle",
       [](Self s, const Call& c) {
         return s.make_handle(c, AT_FDCWD, c.text(1), c.flags(2), static_cast<std::size_t>(c.number(3, 128)));
       }},
      {"fhandle", [](Self s, const Call& c) { return s.make_handle(c, s.fd(c, 1), "", AT_EMPTY_PATH, 128); }},
      {"spoil",
       [](Self s, const Call& c) {
         spoil(s.handles_[c.text(0)], c.text(1));
         return std::string("ok");
       }},
      {"open_handle", [](Self s, const Call& c) { return s.install(c, s.open_handle(c)); }},
  };
  return all;
}

const RealTarget::Methods& RealTarget::directory_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"chdir", [](Self, const Call& c) { return void_outcome(::chdir(c.text(0).c_str())); }},
      {"fchdir", [](Self s, const Call& c) { return void_outcome(::fchdir(s.fd(c, 0))); }},
      {"mkdirat",
       [](Self s, const Call& c) {
         return void_outcome(::mkdirat(s.fd(c, 0), c.text(1).c_str(), static_cast<mode_t>(c.number(2))));
       }},
      {"mknodat",
       [](Self s, const Call& c) {
         return void_outcome(::mknodat(s.fd(c, 0), c.text(1).c_str(), static_cast<mode_t>(c.number(2)),
                                       static_cast<dev_t>(c.number(3))));
       }},
      {"symlinkat",
       [](Self s, const Call& c) {
         return void_outcome(::symlinkat(c.text(0).c_str(), s.fd(c, 1), c.text(2).c_str()));
       }},
      {"unlinkat",
       [](Self s, const Call& c) { return void_outcome(::unlinkat(s.fd(c, 0), c.text(1).c_str(), c.flags(2))); }},
      {"renameat",
       [](Self s, const Call& c) {
         return void_outcome(static_cast<int>(
             ::syscall(SYS_renameat2, s.fd(c, 0), c.text(1).c_str(), s.fd(c, 2), c.text(3).c_str(), c.flags(4))));
       }},
      {"linkat",
       [](Self s, const Call& c) {
         return void_outcome(::linkat(s.fd(c, 0), c.text(1).c_str(), s.fd(c, 2), c.text(3).c_str(), 0));
       }},
      {"readlinkat",
       [](Self s, const Call& c) {
         std::string target(4096, '\0');
         const auto size = ::readlinkat(s.fd(c, 0), c.text(1).c_str(), target.data(), target.size());
         return s.take_data(std::move(target), size);
       }},
      {"fstatat",
       [](Self s, const Call& c) {
         struct ::stat stat {};
         const int result = ::fstatat(s.fd(c, 0), c.text(1).c_str(), &stat, c.flags(2));
         return s.take_stat(result, stat);
       }},
      {"faccessat",
       [](Self s, const Call& c) {
         return void_outcome(static_cast<int>(
             ::syscall(SYS_faccessat2, s.fd(c, 0), c.text(1).c_str(), c.flags(2), c.flags(3) | AT_EACCESS)));
       }},
      {"fchmodat",
       [](Self s, const Call& c) {
         return void_outcome(::fchmodat(s.fd(c, 0), c.text(1).c_str(), static_cast<mode_t>(c.number(2)), 0));
       }},
      {"fchownat",
       [](Self s, const Call& c) {
         return void_outcome(::fchownat(s.fd(c, 0), c.text(1).c_str(), static_cast<uid_t>(c.number(2)),
                                        static_cast<gid_t>(c.number(3)), c.flags(4)));
       }},
      {"utimensat",
       [](Self s, const Call& c) {
         const timespec times[2] = {time_of(c, 2), time_of(c, 3)};
         return void_outcome(::utimensat(s.fd(c, 0), c.text(1).c_str(), times, c.flags(4)));
       }},
  };
  return all;
}

}  // namespace fusereplay::testing
