// The same test on a simulated mount and on a real one.
#include "testing/real_mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "examples/memfs/memfs.h"
#include "testing/every_mount.h"
#include "testing/matchers.h"

namespace fusereplay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using MyFs = Memfs;

/// The test of section 7 of the design, word for word.
template <class Mount>
void a_file_lives_on_while_it_is_open() {
  Mount mount(std::make_unique<MyFs>());
  auto file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
  mount.unlink("/a");
  EXPECT_EQ(mount.pwrite(file, "x", 0), 1);  // unlinked but open
  mount.close(file);
  mount.drop_caches();
  EXPECT_TRUE(mount.lookup_counts().empty());
  EXPECT_EQ(mount.trouble(), "");
}

/// A process that can open nothing, no device and no socket. The sanitizers open a pipe to look at memory.
#if defined(__SANITIZE_ADDRESS__)
constexpr rlim_t kDescriptors = 64;
#else
constexpr rlim_t kDescriptors = 0;
#endif

/// Runs in a process of an ordinary user who cannot open anything.
int as_an_ordinary_user(void (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(2);
    const rlimit few{kDescriptors, kDescriptors};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0 || ::open("/dev/fuse", O_RDWR) >= 0) ::_exit(3);
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(SimulatedMountUnprivileged, NeedsNoRootAndNoDevice) {
  EXPECT_EQ(as_an_ordinary_user(a_file_lives_on_while_it_is_open<SimulatedMount>), 0);
}

template <class Mount>
class Mounted : public MountTest<Mount> {
 protected:
  std::unique_ptr<Operations> make_filesystem() override {
    auto memfs = std::make_unique<Memfs>();
    memfs_ = memfs.get();
    return memfs;
  }
  Memfs& memfs() { return *memfs_; }

 private:
  Memfs* memfs_ = nullptr;
};
TYPED_TEST_SUITE(Mounted, EveryMount, MountName);

/// Directories may be made by members of group 200, and only by them.
class ClubFs final : public Memfs {
 public:
  Async<Entry> mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& what) override {
    const auto all = request.groups();
    last_groups = all ? ::testing::PrintToString(*all) : to_string(all.error());
    if (!co_await request.in_group(200)) co_return Errno(EPERM);
    co_return co_await Memfs::mkdir(request, parent, name, what);
  }

  std::string last_groups;
};

template <class Mount>
class Club : public MountTest<Mount> {
 protected:
  std::unique_ptr<Operations> make_filesystem() override {
    auto filesystem = std::make_unique<ClubFs>();
    club_ = filesystem.get();
    return filesystem;
  }
  ClubFs* club_ = nullptr;
};
TYPED_TEST_SUITE(Club, EveryMount, MountName);

TYPED_TEST(Club, KnowsTheGroupsOfItsCaller) {
  auto& mount = this->mount();
  const auto call_as = [&](std::uint32_t gid, std::vector<std::uint32_t> groups) {
    mount.process().gid = gid;
    mount.process().groups = std::move(groups);
  };
  call_as(0, {7, 200});
  EXPECT_THAT(mount.mkdir("/by-a-member", 0755), Succeeds());
  EXPECT_EQ(this->club_->last_groups, "{ 7, 200 }");
  call_as(200, {});
  EXPECT_THAT(mount.mkdir("/by-the-first-group", 0755), Succeeds());
  EXPECT_EQ(this->club_->last_groups, "{}");
  call_as(0, {7});
  EXPECT_THAT(mount.mkdir("/by-another", 0755), FailsWith(EPERM));
}

TYPED_TEST(Mounted, TheExampleOfTheDesign) {
  a_file_lives_on_while_it_is_open<TypeParam>();
}

TYPED_TEST(Mounted, WhatACallLeavesBehindIsDoneWhenItReturns) {
  auto& mount = this->mount();
  const Fd file = mount.open("/f", O_CREAT | O_RDWR, 0644).value();
  EXPECT_THAT(this->asked(), ElementsAre(Asks(Opcode::kLookup, "f"), Asks(Opcode::kCreate, "f")));
  EXPECT_EQ(mount.open_handles(), 1U);
  EXPECT_EQ(this->memfs().usage().open, 1U);
  mount.close(file);
  EXPECT_THAT(this->asked(), ElementsAre(Asks(Opcode::kFlush), Asks(Opcode::kRelease)));
  EXPECT_EQ(mount.open_handles(), 0U);
  EXPECT_EQ(this->memfs().usage().open, 0U);
  mount.unlink("/f");
  EXPECT_THAT(this->asked(), ElementsAre(Asks(Opcode::kUnlink, "f"), Asks(Opcode::kForget)));
  EXPECT_EQ(this->memfs().usage().inodes, 1U);
}

TYPED_TEST(Mounted, CachesAreDropped) {
  auto& mount = this->mount();
  for (int i = 0; i < 40; ++i) mount.mkdir("/d" + std::to_string(i), 0755);
  EXPECT_THAT(mount.lookup_counts(), SizeIs(40));
  mount.drop_caches();
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  this->asked();
  mount.stat("/d7");
  EXPECT_THAT(this->asked(), ElementsAre(Asks(Opcode::kLookup, "d7")));
}

TYPED_TEST(Mounted, FilesAreMapped) {
  auto& mount = this->mount();
  const Fd file = mount.open("/f", O_CREAT | O_RDWR, 0644).value();
  mount.write(file, "0123456789");
  const Mapping memory = mount.mmap(file, 0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED).value();
  EXPECT_EQ(mount.load(memory, 8, 4), std::string("89\0\0", 4));
  EXPECT_TRUE(mount.store(memory, 2, "xy"));
  EXPECT_EQ(mount.load(memory, 0, 10), "01xy456789");
  EXPECT_EQ(mount.store(memory, 4096, "z").error(), Errno(EFAULT));  // SIGBUS
  this->asked();
  EXPECT_TRUE(mount.msync(memory, 0, 4096, MS_SYNC));
  EXPECT_THAT(this->asked(), ElementsAre(Asks(Opcode::kWrite), Asks(Opcode::kFsync)));
  mount.close(file);
  EXPECT_EQ(mount.open_handles(), 1U);
  EXPECT_EQ(mount.unmount().error(), Errno(EBUSY));
  EXPECT_TRUE(mount.munmap(memory));
  EXPECT_EQ(mount.open_handles(), 0U);
}

TYPED_TEST(Mounted, CallersAreWhoTheTestSays) {
  auto& mount = this->mount();
  mount.process().umask = 0;
  mount.mkdir("/open", 0777);
  mount.process() = {.pid = mount.process().pid, .uid = 1000, .gid = 100, .groups = {200}, .umask = 077};
  EXPECT_THAT(mount.mkdir("/open/mine", 0777), Succeeds());
  mount.process().umask = 022;
  EXPECT_THAT(mount.mkdir("/open/ours", 0777), Succeeds());
  mount.process().uid = mount.process().gid = 0;
  EXPECT_THAT(mount.mkdir("/open/theirs", 0777), Succeeds());
  const auto owner = [&](const char* path) {
    const auto stat = mount.stat(path).value();
    return std::to_string(stat.st_uid) + ":" + std::to_string(stat.st_gid) + ":" + std::to_string(stat.st_mode & 0777);
  };
  EXPECT_EQ(owner("/open/mine"), "1000:100:448");
  EXPECT_EQ(owner("/open/ours"), "1000:100:493");
  EXPECT_EQ(owner("/open/theirs"), "0:0:493");
}

TYPED_TEST(Mounted, ABusyMountStays) {
  auto& mount = this->mount();
  const Fd file = mount.creat("/f", 0644).value();
  EXPECT_THAT(mount.unmount(), FailsWith(EBUSY));
  EXPECT_THAT(mount.write(file, "x"), Succeeds());
  mount.close(file);
  EXPECT_THAT(mount.unmount(), Succeeds());
  EXPECT_THAT(mount.stat("/f"), FailsWith(ENOTCONN));
}

TYPED_TEST(Mounted, AnAbortEndsIt) {
  auto& mount = this->mount();
  mount.mkdir("/d", 0755);
  mount.abort();
  EXPECT_THAT(mount.mkdir("/e", 0755), FailsWith(ENOTCONN));
}

TYPED_TEST(Mounted, AMountIsSwitchedToReadingOnly) {
  auto& mount = this->mount();
  const Fd file = mount.creat("/f", 0644).value();
  EXPECT_THAT(mount.remount(MS_RDONLY), FailsWith(EBUSY));
  mount.close(file);
  EXPECT_THAT(mount.remount(MS_RDONLY), Succeeds());
  EXPECT_THAT(mount.lookup_counts(), IsEmpty());
  EXPECT_THAT(mount.mkdir("/d", 0755), FailsWith(EROFS));
  EXPECT_THAT(mount.open("/f", O_WRONLY), FailsWith(EROFS));
  EXPECT_THAT(mount.remount(0), Succeeds());
  EXPECT_THAT(mount.mkdir("/d", 0755), Succeeds());
}

TYPED_TEST(Mounted, AFileHandleOutlivesTheNameOnlyWhereTheFilesystemExports) {
  auto& mount = this->mount();
  const Fd file = mount.creat("/f", 0644).value();
  mount.close(file);
  const auto handle = mount.name_to_handle_at("/f").value();
  const auto opened = mount.open_by_handle_at(handle, O_RDONLY);
  if (!opened && opened.error() == Errno(EPERM)) GTEST_SKIP() << "root of a user namespace only";
  EXPECT_THAT(opened, Succeeds());
  mount.close(*opened);
  mount.drop_caches();
  EXPECT_THAT(mount.open_by_handle_at(handle, O_RDONLY), FailsWith(ESTALE));
}

std::string shown(const Outcome<void>& outcome) {
  return outcome ? "ok" : to_string(outcome.error());
}
std::string shown(const Outcome<struct ::stat>& outcome) {
  if (!outcome) return to_string(outcome.error());
  return std::to_string(outcome->st_mode) + "," + std::to_string(outcome->st_size) + "," +
         std::to_string(outcome->st_ino) + "," + std::to_string(outcome->st_nlink);
}
std::string shown(const Outcome<struct ::statx>& outcome) {
  if (!outcome) return to_string(outcome.error());
  return std::to_string(outcome->stx_mode) + "," + std::to_string(outcome->stx_size);
}
std::string shown(const Outcome<ExportedHandle>& outcome) {
  return outcome ? std::to_string(outcome->type) : to_string(outcome.error());
}
std::string shown(const Outcome<struct ::statvfs>& outcome) {
  if (!outcome) return to_string(outcome.error());
  return std::to_string(outcome->f_bsize) + "," + std::to_string(outcome->f_blocks) + "," +
         std::to_string(outcome->f_namemax);
}
std::string shown(const Outcome<std::vector<ListedEntry>>& outcome) {
  if (!outcome) return to_string(outcome.error());
  std::string text;
  for (const ListedEntry& entry : *outcome) {
    text += entry.name + "," + std::to_string(entry.ino) + "," + std::to_string(entry.type) + "," +
            std::to_string(entry.position) + " ";
  }
  return text;
}
template <class Value>
std::string shown(const Outcome<Value>& outcome) {
  return ::testing::PrintToString(outcome);
}

/// Each call there is, once as it should be and once not, and what it gives.
template <class Mount>
std::string every_call(Mount& mount) {
  std::ostringstream out;
  const auto show = [&](const auto& outcome) { out << shown(outcome) << "\n"; };
  const Fd file = mount.open("/f", O_CREAT | O_RDWR, 0644).value();
  show(mount.open("/none", O_RDONLY));
  show(mount.write(file, "hello world"));
  show(mount.pwrite(file, "J", 0));
  show(mount.lseek(file, 6, SEEK_SET));
  show(mount.read(file, 100));
  show(mount.pread(file, 100, 0));
  std::vector<std::byte> buffer(4);
  show(mount.pread(file, buffer, 1));
  out << std::string(reinterpret_cast<const char*>(buffer.data()), buffer.size()) << "\n";
  show(mount.lseek(file, 0, SEEK_SET));
  show(mount.read(file, buffer));
  const Fd copy = mount.dup(file).value();
  show(mount.truncate("/f", 8));
  show(mount.ftruncate(copy, 9000));
  show(mount.fallocate(file, 0, 0, 10000));
  const Fd other = mount.creat("/g", 0600).value();
  show(mount.copy_file_range(file, 0, other, 2, 5));
  show(mount.fsync(other));
  show(mount.fdatasync(other));
  show(mount.close(other));
  show(mount.close(other));
  show(mount.read(other, 10));
  show(mount.stat("/g"));
  show(mount.stat("/none"));
  show(mount.fstat(file));
  show(mount.statx("/g", 0, STATX_BASIC_STATS));
  show(mount.access("/g", W_OK));
  show(mount.chmod("/g", 0400));
  show(mount.fchmod(file, 0611));
  show(mount.chown("/g", 5, 6));
  show(mount.fchown(file, 7, UINT32_MAX));
  show(mount.utimens("/g", {.kind = NewTime::Kind::kOmit}, {.kind = NewTime::Kind::kSet, .time = {.seconds = 9}}));
  show(mount.statvfs("/"));
  show(mount.mkdir("/d", 0755));
  show(mount.mkdir("/d", 0755));
  show(mount.symlink("/g", "/d/s"));
  show(mount.readlink("/d/s"));
  show(mount.lstat("/d/s"));
  show(mount.stat("/d/s"));
  show(mount.lchown("/d/s", 1, 2));
  show(mount.link("/g", "/h"));
  show(mount.link(file, "/i"));
  show(mount.mknod("/p", S_IFIFO | 0600));
  show(mount.mknod("/c", S_IFCHR | 0600, 0x0103));
  show(mount.rename("/h", "/d/h"));
  show(mount.rename("/d/h", "/p", 1));
  show(mount.list("/"));
  show(mount.list("/none"));
  const Fd directory = mount.open("/d", O_RDONLY | O_DIRECTORY).value();
  show(mount.getdents(directory));
  show(mount.getdents(directory));
  show(mount.close(directory));
  show(mount.setxattr("/g", "user.a", "value"));
  show(mount.getxattr("/g", "user.a"));
  show(mount.getxattr("/g", "user.a", 2));
  show(mount.getxattr_size("/g", "user.a"));
  show(mount.listxattr("/g"));
  show(mount.listxattr_size("/g"));
  show(mount.removexattr("/g", "user.a"));
  show(mount.getxattr("/g", "user.a"));
  show(mount.lsetxattr("/d/s", "trusted.b", "link"));
  show(mount.lgetxattr("/d/s", "trusted.b"));
  show(mount.llistxattr("/d/s"));
  show(mount.lremovexattr("/d/s", "trusted.b"));
  show(mount.fsetxattr(file, "user.c", "file"));
  show(mount.fgetxattr(file, "user.c"));
  show(mount.flistxattr(file));
  show(mount.fremovexattr(file, "user.c"));
  const std::vector<std::string_view> pieces = {"ab", "", "cde"};
  show(mount.lseek(file, 0, SEEK_SET));
  show(mount.writev(file, pieces));
  show(mount.pwritev(file, pieces, 3));
  std::vector<std::byte> one(3);
  std::vector<std::byte> two(9);
  const std::vector<std::span<std::byte>> spans = {one, two};
  show(mount.preadv(file, spans, 0));
  out << std::string(reinterpret_cast<const char*>(one.data()), 3) << "\n";
  show(mount.lseek(file, 2, SEEK_SET));
  show(mount.readv(file, spans));
  show(mount.fcntl(file, F_SETFL, O_APPEND));
  show(mount.write(file, "end"));
  show(mount.syncfs(file));
  const Fd root = mount.open("/", O_RDONLY | O_DIRECTORY).value();
  show(mount.close(mount.openat(root, "g", O_RDONLY).value()));
  show(mount.fstatvfs(root));
  show(mount.close(root));
  show(mount.lutimens("/d/s", {.kind = NewTime::Kind::kOmit}, {.kind = NewTime::Kind::kSet, .time = {.seconds = 8}}));
  show(mount.futimens(file, {.kind = NewTime::Kind::kOmit}, {.kind = NewTime::Kind::kSet, .time = {.seconds = 7}}));
  show(mount.faccessat("/d/s", R_OK, AT_SYMLINK_NOFOLLOW));
  show(mount.flock(file, LOCK_EX | LOCK_NB));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  show(mount.setlk(file, lock));
  show(mount.setlkw(file, lock));
  out << mount.getlk(file, lock)->l_type << "\n";
  show(mount.poll(file, POLLIN, 0));
  const Fd below = mount.open("/d", O_PATH).value();
  show(mount.mkdirat(below, "e", 0755));
  show(mount.mknodat(below, "n", S_IFREG | 0644));
  show(mount.symlinkat("n", below, "l"));
  show(mount.readlinkat(below, "l"));
  show(mount.fstatat(below, "n", 0));
  show(mount.fstatat(below, "", AT_EMPTY_PATH));
  show(mount.statx(below, "n", 0, STATX_BASIC_STATS));
  show(mount.fchmodat(below, "n", 0600));
  show(mount.fchownat(below, "l", 3, 4, AT_SYMLINK_NOFOLLOW));
  show(mount.utimensat(below, "n", {.kind = NewTime::Kind::kOmit}, {.kind = NewTime::Kind::kOmit}, 0));
  show(mount.faccessat(below, "none", R_OK, 0));
  show(mount.linkat(below, "n", kWorkingDirectory, "m"));
  show(mount.renameat(kWorkingDirectory, "m", below, "o"));
  show(mount.chdir("/d/e"));
  show(mount.stat("../o"));
  show(mount.open("../none", O_RDONLY));
  show(mount.fchdir(below));
  show(mount.unlinkat(kWorkingDirectory, "e", AT_REMOVEDIR));
  show(mount.unlinkat(below, "n", 0));
  show(mount.unlinkat(below, "o", 0));
  show(mount.unlinkat(below, "l", 0));
  show(mount.chdir("/"));
  show(mount.dup2(file, Fd{200}));
  show(mount.read(Fd{200}, 1));
  show(mount.close(Fd{200}));
  show(mount.close(below));
  show(mount.fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
  show(mount.readahead(file, 0, 100));
  int waiting = 0;
  show(mount.ioctl(file, FIONREAD, &waiting));
  out << waiting << "\n";
  show(mount.ioctl(file, FIOCLEX));
  long flags = 0;  // as large as the command says
  show(mount.ioctl(file, FS_IOC_GETFLAGS, &flags));
  const auto handle = mount.name_to_handle_at("/g");
  out << handle->type << "," << handle->bytes.size() << "," << (mount.name_to_handle_at(file)->bytes == handle->bytes)
      << "\n";
  show(mount.name_to_handle_at("/none"));
  show(mount.remount(MS_RDONLY));
  show(mount.unlink("/d/h"));
  show(mount.unlink("/d/s"));
  show(mount.rmdir("/d"));
  show(mount.rmdir("/d"));
  out << mount.open_descriptors() << "\n";
  show(mount.close(file));
  show(mount.close(copy));
  return out.str();
}

template <class Mount>
class Exported : public MountTest<Mount> {
 protected:
  std::unique_ptr<Operations> make_filesystem() override {
    return std::make_unique<Memfs>(MemfsOptions{.handles = MemfsOptions::Handles::kExported});
  }
};
TYPED_TEST_SUITE(Exported, EveryMount, MountName);

TYPED_TEST(Exported, AForgottenDirectoryIsHungIntoTheTreeAgain) {
  auto& mount = this->mount();
  mount.mkdir("/a", 0755);
  mount.mkdir("/a/b", 0755);
  const auto handle = mount.name_to_handle_at("/a/b").value();
  mount.drop_caches();
  this->asked();
  const auto opened = mount.open_by_handle_at(handle, O_RDONLY | O_DIRECTORY);
  if (!opened && opened.error() == Errno(EPERM)) GTEST_SKIP() << "root of a user namespace only";
  EXPECT_THAT(this->asked(),
              ElementsAre(Asks(Opcode::kLookup, "."), Asks(Opcode::kLookup, ".."), Asks(Opcode::kOpendir),
                          Asks(Opcode::kReaddirplus), Asks(Opcode::kLookup, ".."), Asks(Opcode::kOpendir),
                          Asks(Opcode::kReaddirplus), Asks(Opcode::kOpendir), Asks(Opcode::kReleasedir),
                          Asks(Opcode::kReleasedir)));
  EXPECT_THAT(mount.fstatat(*opened, "../../a/b", 0), Succeeds());
  mount.close(*opened);
}

class RealMountTest : public Mounted<RealMount> {};

TEST_F(RealMountTest, EveryCallGivesWhatTheSimulatedOneGives) {
  SimulatedMount simulated(std::make_unique<Memfs>());
  EXPECT_EQ(every_call(simulated), every_call(mount()));
  EXPECT_EQ(simulated.trouble(), "");
}

TEST_F(RealMountTest, NobodyElseSeesIt) {
  const auto mounts = [] {
    std::ostringstream text;
    text << std::ifstream("/proc/self/mountinfo").rdbuf();
    return text.str();
  };
  const std::string before = mounts();
  mount().mkdir("/d", 0755);
  EXPECT_EQ(mounts(), before);
  EXPECT_THAT(mount().list("/"), SucceedsWith(ElementsAre("d"))) << "and nothing else is to be seen in it";
}

}  // namespace
}  // namespace fusereplay::testing
