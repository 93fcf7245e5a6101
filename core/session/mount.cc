#define FUSE_USE_VERSION 35
#include "core/session/mount.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "core/check.h"

namespace fusereplay {
namespace {

constexpr const char* kDevice = "/dev/fuse";

/// Collects what libfuse would print. Its log function is one for the process, hence the lock.
class LogCapture {
 public:
  LogCapture() : lock_(mutex()) {
    text().clear();
    fuse_set_log_func(&LogCapture::append);
  }
  ~LogCapture() { fuse_set_log_func(nullptr); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// Everything said so far, on one line.
  static std::string line() {
    std::string out = text();
    while (!out.empty() && out.back() == '\n') out.pop_back();
    for (char& c : out) {
      if (c == '\n') c = ' ';
    }
    return out;
  }

 private:
  static std::mutex& mutex() {
    static std::mutex guards_text_and_log_function;
    return guards_text_and_log_function;
  }
  static std::string& text() {
    static std::string collected;
    return collected;
  }
  static void append(fuse_log_level, const char* format, va_list arguments) {
    char buffer[512];
    std::vsnprintf(buffer, sizeof(buffer), format, arguments);
    text() += buffer;
  }

  std::lock_guard<std::mutex> lock_;
};

tl::unexpected<MountError> failure(MountErrorKind kind, std::string message) {
  return tl::unexpected(MountError{kind, std::move(message)});
}

/// The resolved path, or why nothing can be mounted there.
tl::expected<std::string, MountError> check_mountpoint(const std::string& mountpoint) {
  struct stat status {};
  if (::stat(mountpoint.c_str(), &status) != 0) {
    const Errno error = Errno::last();
    if (error == Errno(ENOENT)) {
      return failure(MountErrorKind::kNoMountpoint,
                     "mount point '" + mountpoint + "' does not exist: create the directory first");
    }
    if (error == Errno(ENOTDIR)) {
      return failure(MountErrorKind::kNotADirectory,
                     "mount point '" + mountpoint + "' leads through a file: give the path of a directory");
    }
    if (error == Errno(ENOTCONN)) {
      return failure(MountErrorKind::kDeadMount, "mount point '" + mountpoint +
                                                     "' holds a mount whose server is gone: run fusermount3 -u '" +
                                                     mountpoint + "' first");
    }
    return failure(MountErrorKind::kNoPermission,
                   "mount point '" + mountpoint + "' cannot be used: " + describe(error) + ": give one you may enter");
  }
  if (!S_ISDIR(status.st_mode)) {
    return failure(MountErrorKind::kNotADirectory,
                   "mount point '" + mountpoint + "' is not a directory: give the path of a directory");
  }
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(mountpoint.c_str(), nullptr), &std::free);
  if (resolved == nullptr) {
    return failure(MountErrorKind::kNoPermission, "mount point '" + mountpoint + "' cannot be resolved: " +
                                                      describe(Errno::last()) + ": give an absolute path");
  }
  return std::string(resolved.get());
}

tl::expected<void, MountError> check_device() {
  const UniqueFd probe(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (probe.valid()) return {};
  const Errno error = Errno::last();
  if (error == Errno(EACCES) || error == Errno(EPERM)) {
    return failure(MountErrorKind::kNoPermission, std::string(kDevice) + " cannot be opened: " + describe(error) +
                                                      ": run as root, or as a user who may read and write it");
  }
  return failure(MountErrorKind::kNoDevice,
                 std::string(kDevice) + " cannot be opened: " + describe(error) +
                     ": load the driver with modprobe fuse; in a container, pass the device in (--device /dev/fuse)");
}

/// libfuse's argument vector; freed by libfuse's own function.
class Arguments {
 public:
  Arguments() { push("fusereplay"); }
  ~Arguments() { fuse_opt_free_args(&args_); }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  void push(const std::string& word) { FUSEREPLAY_CHECK(fuse_opt_add_arg(&args_, word.c_str()) == 0, "memory"); }
  void option(const std::string& option) {
    push("-o");
    push(option);
  }
  /// name=value, whatever characters the value has.
  void option(const std::string& name, const std::string& value) {
    char* escaped = nullptr;
    FUSEREPLAY_CHECK(fuse_opt_add_opt_escaped(&escaped, (name + "=" + value).c_str()) == 0, "memory");
    option(escaped);
    std::free(escaped);
  }
  fuse_args* get() noexcept { return &args_; }

 private:
  fuse_args args_ = FUSE_ARGS_INIT(0, nullptr);
};

/// The descriptor for us alone. libfuse keeps /dev/null in its place: its unmount polls its descriptor and would leave
/// an aborted mount where it is, and a second descriptor of the device would keep a connection alive that we let go.
Result<UniqueFd> take_device(fuse_session* session) {
  UniqueFd device(::fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 3));
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!device.valid() || !null.valid()) return Errno::last();
  if (::dup3(null.get(), fuse_session_fd(session), O_CLOEXEC) < 0) return Errno::last();
  return device;
}

}  // namespace

/// Destroys what was mounted and is gone by now. libfuse frees its copy of the mount point only when it unmounts; given
/// a descriptor that polls an error, as a pipe without a reader does, it frees and leaves alone what is mounted there.
void Mount::SessionDeleter::operator()(fuse_session* session) const noexcept {
  int ends[2];
  if (fuse_session_fd(session) >= 0 && ::pipe2(ends, O_CLOEXEC) == 0) {
    const UniqueFd write_end(ends[1]);
    ::close(ends[0]);
    if (::dup3(write_end.get(), fuse_session_fd(session), O_CLOEXEC) >= 0) fuse_session_unmount(session);
  }
  fuse_session_destroy(session);
}

Mount::Mount(std::string mountpoint, FuseSession session, UniqueFd device, ConnectionId connection)
    : mountpoint_(std::move(mountpoint)),
      device_(std::move(device)),
      connection_(connection),
      control_(ConnectionControl::open(connection)),
      session_(std::move(session)) {}

Mount::~Mount() {
  if (const auto gone = unmount(); !gone) {
    std::fprintf(stderr, "fusereplay: '%s' cannot be unmounted: %s: run fusermount3 -u '%s'\n", mountpoint_.c_str(),
                 describe(gone.error()).c_str(), mountpoint_.c_str());
  }
}

tl::expected<std::unique_ptr<Mount>, MountError> Mount::create(const std::string& mountpoint,
                                                               const MountOptions& options) {
  auto path = check_mountpoint(mountpoint);
  if (!path) return tl::unexpected(std::move(path.error()));
  if (auto usable = check_device(); !usable) return tl::unexpected(std::move(usable.error()));

  Arguments arguments;
  arguments.option("fsname", options.fsname);
  if (!options.subtype.empty()) arguments.option("subtype", options.subtype);
  for (const std::string& option : options.options) arguments.option(option);

  const LogCapture log;
  static const fuse_lowlevel_ops no_operations{};
  FuseSession session(fuse_session_new(arguments.get(), &no_operations, sizeof(no_operations), nullptr));
  if (session == nullptr) {
    return failure(MountErrorKind::kBadOption, "bad mount option: " + LogCapture::line() + ": see mount.fuse3(8)");
  }
  if (fuse_session_mount(session.get(), path->c_str()) != 0) {
    return failure(MountErrorKind::kFailed, "cannot mount on '" + *path + "': " + LogCapture::line() +
                                                ": check the mount options and who owns the mount point");
  }
  const auto connection = find_connection(*path);
  auto device = take_device(session.get());
  if (!connection || !device) {
    fuse_session_unmount(session.get());
    return failure(MountErrorKind::kFailed,
                   "mounted on '" + *path + "', but " +
                       (connection ? "cannot use the device: " + describe(device.error()) + ": raise ulimit -n"
                                   : std::string("the mount is not in /proc/self/mountinfo: mount /proc")));
  }
  return std::unique_ptr<Mount>(new Mount(std::move(*path), std::move(session), std::move(*device), *connection));
}

Result<UniqueFd> Mount::clone_device() const {
  UniqueFd clone(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!clone.valid()) return Errno::last();
  auto master = static_cast<std::uint32_t>(device_.get());
  if (::ioctl(clone.get(), FUSE_DEV_IOC_CLONE, &master) != 0) return Errno::last();
  return clone;
}

bool Mount::attached() const {
  // The number alone does not do: the kernel gives it to the next mount as soon as ours is gone.
  if (control_ && !control_->exists()) return false;
  return is_mounted(mountpoint_, connection_);
}

Result<void> Mount::unmount() {
  const std::lock_guard lock(mutex_);
  if (!attached()) return {};
  fuse_session_unmount(session_.get());
  if (attached()) return Errno(EBUSY);
  return {};
}

}  // namespace fusereplay
