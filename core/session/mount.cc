#include "core/session/mount.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"

namespace fusereplay {
namespace {

constexpr const char* kDevice = "/dev/fuse";

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

/// "/dev/fd/7": 7.
std::optional<int> descriptor_named(std::string_view mountpoint) {
  constexpr std::string_view kPrefix = "/dev/fd/";
  if (!mountpoint.starts_with(kPrefix)) return std::nullopt;
  mountpoint.remove_prefix(kPrefix.size());
  int number = -1;
  const auto [end, error] = std::from_chars(mountpoint.data(), mountpoint.data() + mountpoint.size(), number);
  if (error != std::errc() || end != mountpoint.data() + mountpoint.size() || number < 0) return std::nullopt;
  return number;
}

/// By mount(2); a device that is not valid where that is for root only.
Result<UniqueFd> mount_directly(const std::string& mountpoint, const internal::MountPlan& plan) {
  UniqueFd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device.valid()) return Errno::last();
  const std::string more = plan.kernel_text();
  const std::string data = "fd=" + std::to_string(device.get()) +
                           ",rootmode=40000,user_id=" + std::to_string(::getuid()) +
                           ",group_id=" + std::to_string(::getgid()) + (more.empty() ? "" : "," + more);
  if (::mount(plan.fsname.c_str(), mountpoint.c_str(), plan.type().c_str(), plan.flags, data.c_str()) == 0) {
    return device;
  }
  if (const Errno error = Errno::last(); error != Errno(EPERM)) return error;
  return UniqueFd();
}

tl::expected<UniqueFd, MountError> mount_somehow(const std::string& mountpoint, const internal::MountPlan& plan) {
  const std::string where = "cannot mount on '" + mountpoint + "': ";
  auto device = mount_directly(mountpoint, plan);
  if (!device) {
    return failure(MountErrorKind::kFailed,
                   where + describe(device.error()) + ": check the mount options and who owns the mount point");
  }
  if (device->valid()) return std::move(*device);
  auto made = internal::mount_by_helper(mountpoint, plan);
  if (!made) return failure(MountErrorKind::kFailed, where + made.error());
  return std::move(*made);
}

/// What the kernel tells of an open device (fs/fuse/dev.c fuse_dev_show_fdinfo); 0 where it does not.
ConnectionId connection_of_device(int device) {
  constexpr std::string_view kKey = "fuse_connection:";
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(device));
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with(kKey)) continue;
    return ConnectionId{static_cast<std::uint32_t>(std::stoul(line.substr(kKey.size())))};
  }
  return {};
}

bool is_fuse_device(int descriptor) {
  constexpr unsigned kMiscMajor = 10;
  constexpr unsigned kFuseMinor = 229;
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && S_ISCHR(status.st_mode) &&
         status.st_rdev == makedev(kMiscMajor, kFuseMinor);
}

/// A device polls as in error from its creation to its mount, and from the end of its connection on.
bool is_connected(int device) {
  pollfd watched{.fd = device, .events = 0, .revents = 0};
  return ::poll(&watched, 1, 0) == 0;
}

}  // namespace

Mount::Mount(std::string mountpoint, UniqueFd device, ConnectionId connection, Origin origin)
    : mountpoint_(std::move(mountpoint)),
      device_(std::move(device)),
      connection_(connection),
      origin_(origin),
      control_(ConnectionControl::open(connection)) {}

Mount::~Mount() {
  if (handed_over()) return;
  const auto gone = unmount();
  if (gone) return;
  std::fprintf(stderr, "fusereplay: '%s' cannot be unmounted: %s: run fusermount3 -u '%s'\n", mountpoint_.c_str(),
               describe(gone.error()).c_str(), mountpoint_.c_str());
}

tl::expected<std::unique_ptr<Mount>, MountError> Mount::create(const std::string& mountpoint,
                                                               const MountOptions& options) {
  const auto plan = internal::plan_mount(options);
  if (!plan) return failure(MountErrorKind::kBadOption, "bad mount option: " + plan.error());
  if (const auto descriptor = descriptor_named(mountpoint)) return adopt(*descriptor);
  auto path = check_mountpoint(mountpoint);
  if (!path) return tl::unexpected(std::move(path.error()));
  if (auto usable = check_device(); !usable) return tl::unexpected(std::move(usable.error()));

  auto made = mount_somehow(*path, *plan);
  if (!made) return tl::unexpected(std::move(made.error()));
  const auto connection = find_connection(*path);
  if (!connection) {
    ::umount2(path->c_str(), MNT_DETACH);
    return failure(MountErrorKind::kFailed,
                   "mounted on '" + *path + "', but the mount is not in /proc/self/mountinfo: mount /proc");
  }
  const Origin origin = plan->auto_unmount ? Origin::kWatched : Origin::kOurs;
  std::unique_ptr<Mount> mount(new Mount(std::move(*path), std::move(*made), *connection, origin));
  if (plan->auto_unmount) {
    auto watcher = internal::UnmountWatcher::start(mount->mountpoint());
    if (!watcher) return failure(MountErrorKind::kFailed, "auto_unmount: " + watcher.error());
    mount->watcher_ = std::move(*watcher);
  }
  return mount;
}

tl::expected<std::unique_ptr<Mount>, MountError> Mount::adopt(int device) {
  const std::string name = "/dev/fd/" + std::to_string(device);
  if (!is_fuse_device(device)) {
    return failure(MountErrorKind::kNoDevice, "'" + name + "' is no open FUSE device: pass one on, mounted");
  }
  if (!is_connected(device)) {
    return failure(MountErrorKind::kNoDevice,
                   "'" + name + "' is a FUSE device without a mount, or one whose mount is gone: mount it first");
  }
  ::fcntl(device, F_SETFD, FD_CLOEXEC);
  const ConnectionId connection = connection_of_device(device);
  std::string mountpoint = find_mountpoint(connection).value_or(name);
  return std::unique_ptr<Mount>(new Mount(std::move(mountpoint), UniqueFd(device), connection, Origin::kHandedOver));
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

Result<void> Mount::detach() {
  if (::umount2(mountpoint_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  const Errno error = Errno::last();
  if (error != Errno(EPERM)) return error;
  if (!internal::unmount_by_helper(mountpoint_)) return error;
  return {};
}

Result<void> Mount::unmount() {
  const std::lock_guard lock(mutex_);
  Result<void> detached;
  if (attached()) {
    detached = detach();
    if (detached && attached()) detached = Errno(EBUSY);
  }
  const bool out_of_reach = !detached || connection_ == ConnectionId{} || !find_mountpoint(connection_);
  if (!handed_over() || !out_of_reach || !is_connected(device_.get())) return detached;
  return control_ ? control_->abort() : Result<void>(control_.error());
}

}  // namespace fusereplay
