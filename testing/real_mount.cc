#include "testing/real_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "core/check.h"
#include "core/server/operations_server.h"
#include "rules/handle_ledger.h"
#include "rules/lookup_ledger.h"
#include "testing/real_mount_parts.h"

namespace fusereplay {
namespace {

constexpr const char* kMountPoint = "/tmp";  // in the process's own namespace: any directory would do
constexpr unsigned long kMountFlags = MS_NOSUID | MS_NODEV;

void check(std::int64_t result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + describe(Errno(static_cast<int>(-result))));
}

std::string mount_data(int device, const SimulatedMountOptions& options) {
  std::string data = "fd=" + std::to_string(device) + ",rootmode=40000,user_id=" + std::to_string(options.owner_uid) +
                     ",group_id=" + std::to_string(options.owner_gid);
  if (options.allow_other) data += ",allow_other";
  if (options.default_permissions) data += ",default_permissions";
  if (options.max_read != UINT32_MAX) data += ",max_read=" + std::to_string(options.max_read);
  return data;
}

}  // namespace

RealMount::Parts::Parts(std::unique_ptr<Server> any, const Setup& how)
    : setup(how), process(how.process), server(std::move(any)), caller(how.deadline, [this] { set_free(); }) {
  FUSEREPLAY_CHECK(server->work() == nullptr, "nobody turns a server's work here");
  process.pid = current.pid = static_cast<std::uint32_t>(caller.pid());
  caller.call(SYS_umask, current.umask);
  UniqueFd fuse = mount();
  std::vector<EventSink*> observers = {&rules};
  observers.insert(observers.end(), setup.observers.begin(), setup.observers.end());
  device = std::make_unique<testing::DeviceServer>(std::move(fuse), *server, std::move(observers));
  settle();
  enter_mount();
  settle();
}

void RealMount::Parts::write_file(const char* path, std::string_view text) {
  const std::int64_t fd = caller.call(SYS_openat, AT_FDCWD, caller.text(path), O_WRONLY | O_CLOEXEC, 0);
  check(fd, path);
  check(caller.call(SYS_write, fd, caller.text(text), text.size()), path);
  caller.call(SYS_close, fd);
}

void RealMount::Parts::enter_namespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  check(caller.call(SYS_unshare, CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)),
        uid == 0 ? "no private mount namespace" : "neither are we root nor are there user namespaces");
  if (uid != 0) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  }
  check(caller.call(SYS_mount, caller.text("none"), caller.text("/"), 0, MS_REC | MS_PRIVATE, 0), "a private /");
}

UniqueFd RealMount::Parts::mount() {
  const std::int64_t fuse = caller.call(SYS_openat, AT_FDCWD, caller.text("/dev/fuse"), O_RDWR | O_CLOEXEC, 0);
  check(fuse, "/dev/fuse");
  enter_namespace();
  check(caller.call(SYS_chdir, caller.text("/")), "/");
  const unsigned long flags = kMountFlags | (setup.mount.read_only ? MS_RDONLY : 0);
  check(caller.call(SYS_mount, caller.text("fusereplay"), caller.text(kMountPoint), caller.text("fuse"), flags,
                    caller.text(mount_data(static_cast<int>(fuse), setup.mount))),
        "mount");
  auto* const stat = caller.make<struct ::statx>();
  if (caller.call(SYS_statx, AT_FDCWD, caller.text(kMountPoint), AT_STATX_DONT_SYNC, 0, stat) == 0) {
    if (auto opened = ConnectionControl::open({.value = stat->stx_dev_minor})) control = std::move(*opened);
  }
  UniqueFd taken = caller.take_descriptor(static_cast<int>(fuse));
  caller.forget_memory();
  return taken;
}

// pivot_root, unlike chroot, asks the filesystem for no permission. Where the root is a ramfs there is only chroot.
void RealMount::Parts::enter_mount() {
  char* const directory = caller.text(kMountPoint);
  if (caller.call(SYS_pivot_root, directory, directory) == 0) {
    check(caller.call(SYS_umount2, caller.text("/"), MNT_DETACH), "umount of the old root");
    return;
  }
  check(caller.call(SYS_chroot, directory), "chroot");
  check(caller.call(SYS_chdir, caller.text("/")), "chdir");
}

void RealMount::Parts::become(const Process& wanted) {
  const auto groups_differ = wanted.groups != current.groups;
  if (wanted.umask != current.umask) caller.call(SYS_umask, wanted.umask);
  if (wanted.uid != current.uid || wanted.gid != current.gid || groups_differ) {
    caller.call(SYS_setresuid, -1, 0, -1);
    if (groups_differ) {
      const std::size_t size = wanted.groups.size() * sizeof(std::uint32_t);
      std::byte* const groups = caller.allocate(size);
      if (size != 0) std::memcpy(groups, wanted.groups.data(), size);
      check(caller.call(SYS_setgroups, wanted.groups.size(), groups), "setgroups");
    }
    check(caller.call(SYS_setresgid, -1, wanted.gid, -1), "setegid");
    check(caller.call(SYS_setresuid, -1, wanted.uid, -1), "seteuid");
  }
  current = wanted;
}

void RealMount::Parts::ask_statfs() {
  device->answer_statfs(true);
  caller.call(SYS_statfs, caller.text("/"), caller.make<struct ::statfs>());
  device->answer_statfs(false);
}

// A STATFS is answered behind all that was read before it; FORGETs may be read behind it (fs/fuse/dev.c
// fuse_dev_do_read). So: nothing is left to read, and nothing was read since the last STATFS.
void RealMount::Parts::settle() {
  constexpr int kMost = 1000;  // a server may go on for ever by itself
  for (int i = 0; i < kMost; ++i) {
    await_notifications();
    ask_statfs();
    const std::uint64_t before = device->messages();
    if (device->readable()) continue;
    ask_statfs();
    if (device->messages() == before && !device->readable()) break;
  }
  caller.forget_memory();
}

/// What handlers have queued for the kernel.
void RealMount::Parts::await_notifications() {
  auto* const handlers = dynamic_cast<OperationsServer*>(server.get());
  if (handlers == nullptr || handlers->notifier().wait_until_written(setup.deadline)) return;
  dead_ends.push_back("a notification was not taken within " + std::to_string(setup.deadline.count()) + " ms");
  break_connection();
}

void RealMount::Parts::set_free() {
  dead_ends.push_back("a call was not answered within " + std::to_string(setup.deadline.count()) + " ms");
  break_connection();
}

// By its control file first: a notification that waits holds the device open.
void RealMount::Parts::break_connection() {
  if (control) static_cast<void>(control->abort());
  if (device != nullptr) device->abort();
}

void RealMount::Parts::finish() {
  device->join();
  if (!std::exchange(finished, true)) rules.finish();
}

void RealMount::Parts::end() {
  if (!std::exchange(mounted, false)) return;
  caller.end();  // and with its namespace goes the mount
  finish();
}

RealMount::RealMount(std::unique_ptr<Operations> filesystem, Setup setup)
    : RealMount(std::unique_ptr<Server>(std::make_unique<OperationsServer>(std::move(filesystem))), std::move(setup)) {}
RealMount::RealMount(std::unique_ptr<Server> server, Setup setup)
    : parts_(std::make_unique<Parts>(std::move(server), setup)) {}

RealMount::~RealMount() {
  parts_->end();
}

std::string RealMount::obstacle() {
  static const std::string found = []() -> std::string {
    try {
      RealMount trial(std::make_unique<Operations>());
      return {};
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }();
  return found;
}

Process& RealMount::process() noexcept {
  return parts_->process;
}

std::size_t RealMount::open_descriptors() const noexcept {
  return parts_->descriptors.size();
}

void RealMount::signal() {
  parts_->caller.interrupt();
}

void RealMount::drop_caches() {
  if (!parts_->mounted) return;
  Process root = parts_->process;
  root.uid = 0;
  parts_->become(root);
  testing::CallingProcess& caller = parts_->caller;
  const unsigned long flags = kMountFlags | MS_REMOUNT | (parts_->setup.mount.read_only ? MS_RDONLY : 0);
  const std::int64_t dropped = caller.call(SYS_mount, caller.text("none"), caller.text("/"), 0, flags, 0);
  FUSEREPLAY_CHECK(dropped == 0, "the mount can be remounted");
  parts_->settle();
}

Outcome<void> RealMount::remount(unsigned long flags) {
  if (!parts_->mounted) return Errno(EINVAL);
  Process root = parts_->process;
  root.uid = 0;
  parts_->become(root);
  testing::CallingProcess& caller = parts_->caller;
  parts_->device->hand_over();
  const std::int64_t done =
      caller.call(SYS_mount, caller.text("none"), caller.text("/"), 0, kMountFlags | MS_REMOUNT | flags, 0);
  parts_->settle();
  if (done < 0) return Errno(static_cast<int>(-done));
  parts_->setup.mount.read_only = (flags & MS_RDONLY) != 0;
  return {};
}

Outcome<void> RealMount::unmount() {
  if (!parts_->mounted) return Errno(EINVAL);
  if (open_descriptors() != 0 || open_mappings() != 0 || parts_->in_directory) return Errno(EBUSY);
  parts_->end();
  return {};
}

void RealMount::abort() {
  if (!parts_->mounted) return;
  parts_->break_connection();
  parts_->finish();
}

std::map<std::uint64_t, std::uint64_t> RealMount::lookup_counts() const {
  std::map<std::uint64_t, std::uint64_t> counts;
  const std::lock_guard lock(parts_->device->mutex());
  parts_->rules.lookups().for_each([&](std::uint64_t nodeid, std::uint64_t count) {
    if (nodeid != kRootNodeId) counts[nodeid] = count;
  });
  return counts;
}

std::uint64_t RealMount::open_handles() const {
  const std::lock_guard lock(parts_->device->mutex());
  return parts_->rules.handles().open_count();
}

const std::vector<std::string>& RealMount::dead_ends() const noexcept {
  return parts_->dead_ends;
}

const std::vector<Finding>& RealMount::findings() const noexcept {
  return parts_->rules.findings();
}

std::string RealMount::trouble() const {
  std::string text;
  for (const Finding& finding : findings()) text += to_string(finding) + "\n";
  for (const std::string& line : dead_ends()) text += line + "\n";
  return text;
}

}  // namespace fusereplay
