// Every handler that a simple call provokes, times every notification: told in the middle of serving, about what the
// caller itself holds, by co_await. Nothing may hang, on the kernel model and on the kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "testing/every_mount.h"
#include "testing/matchers.h"
#include "tests/testing/telling_memfs.h"

namespace fusereplay::testing {
namespace {

/// What there is for one pair: a directory with a file, "f", and what makes trouble.
struct Scene {
  std::string name;  // of the directory, in the root
  NodeId directory_node{};
  NodeId file_node{};
  std::optional<Fd> file;
  std::optional<Fd> directory;

  std::string path(const char* below = "") const { return "/" + name + below; }
};

template <class Mount>
struct Provocation {
  Opcode at{};
  std::function<void(Mount&, Scene&)> act;
};

template <class Mount>
std::vector<Provocation<Mount>> provocations() {
  using M = Mount;
  using S = Scene;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  const auto close = [](M& m, std::optional<Fd>& fd) { m.close(*std::exchange(fd, std::nullopt)); };
  return {
      {Opcode::kLookup, [](M& m, S& s) { m.stat(s.path("/none")); }},
      {Opcode::kGetattr, [](M& m, S& s) { m.statx(s.path("/f"), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS); }},
      {Opcode::kStatx, [](M& m, S& s) { m.statx(s.path("/f"), AT_STATX_FORCE_SYNC, STATX_BTIME); }},
      {Opcode::kSetattr, [](M& m, S& s) { m.truncate(s.path("/f"), 3); }},
      {Opcode::kSetattr, [](M& m, S& s) { m.chmod(s.path(), 0700); }},
      {Opcode::kAccess, [](M& m, S& s) { m.access(s.path("/f"), R_OK); }},
      {Opcode::kReadlink, [](M& m, S& s) { m.readlink(s.path("/s")); }},
      {Opcode::kSymlink, [](M& m, S& s) { m.symlink("f", s.path("/new")); }},
      {Opcode::kMknod, [](M& m, S& s) { m.mknod(s.path("/new"), S_IFREG | 0644); }},
      {Opcode::kMkdir, [](M& m, S& s) { m.mkdir(s.path("/new"), 0755); }},
      {Opcode::kUnlink, [](M& m, S& s) { m.unlink(s.path("/f")); }},
      {Opcode::kRmdir, [](M& m, S& s) { m.rmdir(s.path("/e")); }},
      {Opcode::kRename, [](M& m, S& s) { m.rename(s.path("/f"), s.path("/e/f")); }},
      {Opcode::kRename, [](M& m, S& s) { m.rename(s.path("/e"), "/moved-" + s.name); }},
      {Opcode::kRename2, [](M& m, S& s) { m.rename(s.path("/f"), s.path("/s"), 2); }},
      {Opcode::kRename2, [](M& m, S& s) { m.rename(s.path("/f"), s.path("/new"), 1); }},
      {Opcode::kLink, [](M& m, S& s) { m.link(s.path("/f"), s.path("/new")); }},
      {Opcode::kOpen, [](M& m, S& s) { m.close(m.open(s.path("/f"), O_RDONLY).value_or(Fd{})); }},
      {Opcode::kCreate, [](M& m, S& s) { m.close(m.open(s.path("/new"), O_CREAT | O_RDWR, 0644).value_or(Fd{})); }},
      {Opcode::kTmpfile, [](M& m, S& s) { m.close(m.open(s.path(), O_TMPFILE | O_RDWR, 0644).value_or(Fd{})); }},
      {Opcode::kRead, [](M& m, S& s) { m.pread(*s.file, 100, 0); }},
      {Opcode::kWrite, [](M& m, S& s) { m.pwrite(*s.file, "new", 1); }},
      {Opcode::kFlush, [close](M& m, S& s) { close(m, s.file); }},
      {Opcode::kRelease, [close](M& m, S& s) { close(m, s.file); }},
      {Opcode::kFsync, [](M& m, S& s) { m.fsync(*s.file); }},
      {Opcode::kOpendir, [](M& m, S& s) { m.list(s.path()); }},
      {Opcode::kReaddirplus, [](M& m, S& s) { m.getdents(*s.directory); }},
      {Opcode::kReleasedir, [close](M& m, S& s) { close(m, s.directory); }},
      {Opcode::kFsyncdir, [](M& m, S& s) { m.fsync(*s.directory); }},
      {Opcode::kStatfs, [](M& m, S& s) { m.statvfs(s.path()); }},
      {Opcode::kSetxattr, [](M& m, S& s) { m.setxattr(s.path("/f"), "user.a", "b"); }},
      {Opcode::kGetxattr, [](M& m, S& s) { m.getxattr(s.path("/f"), "user.a"); }},
      {Opcode::kListxattr, [](M& m, S& s) { m.listxattr(s.path("/f")); }},
      {Opcode::kRemovexattr, [](M& m, S& s) { m.removexattr(s.path("/f"), "user.a"); }},
      {Opcode::kGetlk, [lock](M& m, S& s) { m.getlk(*s.file, lock); }},
      {Opcode::kSetlk, [lock](M& m, S& s) { m.setlk(*s.file, lock); }},
      {Opcode::kSetlkw, [lock](M& m, S& s) { m.setlkw(*s.file, lock); }},
      {Opcode::kIoctl, [](M& m, S& s) { m.ioctl(*s.file, _IO('f', 200)); }},
      {Opcode::kPoll, [](M& m, S& s) { m.poll(*s.file, POLLIN, 0); }},
      {Opcode::kFallocate, [](M& m, S& s) { m.fallocate(*s.file, 0, 0, 100); }},
      {Opcode::kLseek, [](M& m, S& s) { m.lseek(*s.file, 0, SEEK_HOLE); }},
      {Opcode::kCopyFileRange64, [](M& m, S& s) { m.copy_file_range(*s.file, 0, *s.file, 4096, 3); }},
      {Opcode::kForget,
       [close](M& m, S& s) {
         close(m, s.file);
         close(m, s.directory);
         m.drop_caches();
       }},
  };
}

/// What is told, and what came of it.
struct Telling {
  const char* name;
  std::function<Async<void>(Notifier&, const Scene&, std::vector<Notified>&)> tell;
};

const std::vector<Telling>& tellings() {
  using N = Notifier;
  using S = Scene;
  using Came = std::vector<Notified>;
  static const std::vector<Telling> all = {
      {"inval_entry",
       [](N& n, const S& s, Came& came) -> Async<void> {
         came.push_back(co_await n.inval_entry(kRoot, s.name));
         came.push_back(co_await n.inval_entry(s.directory_node, "f"));
         co_return {};
       }},
      {"expire_entry",
       [](N& n, const S& s, Came& came) -> Async<void> {
         came.push_back(co_await n.expire_entry(kRoot, s.name));
         came.push_back(co_await n.expire_entry(s.directory_node, "f"));
         co_return {};
       }},
      {"delete_entry",
       [](N& n, const S& s, Came& came) -> Async<void> {
         came.push_back(co_await n.delete_entry(s.directory_node, s.file_node, "f"));
         came.push_back(co_await n.delete_entry(kRoot, s.directory_node, s.name));  // it is not empty
         co_return {};
       }},
      {"inval_inode",
       [](N& n, const S& s, Came& came) -> Async<void> {
         came.push_back(co_await n.inval_inode(s.file_node));
         came.push_back(co_await n.inval_inode(s.directory_node));
         co_return {};
       }},
      {"inval_attributes",
       [](N& n, const S& s, Came& came) -> Async<void> {
         came.push_back(co_await n.inval_attributes(s.file_node));
         came.push_back(co_await n.inval_attributes(s.directory_node));
         co_return {};
       }},
      {"store",
       [](N& n, const S& s, Came& came) -> Async<void> {
         static const std::vector<std::byte> page(4096);
         came.push_back(co_await n.store(s.file_node, 0, page));
         came.push_back(co_await n.store(s.file_node, 3, page));
         co_return {};
       }},
      {"retrieve",
       [](N& n, const S& s, Came&) -> Async<void> {
         const auto data = co_await as_result(n.retrieve(s.file_node, 0, 4096));
         EXPECT_TRUE(data || data.error() == Errno(ENOENT)) << to_string(data.error());
         co_return {};
       }},
      {"prune",
       [](N& n, const S& s, Came& came) -> Async<void> {
         const std::vector<NodeId> nodes = {s.file_node, s.directory_node};
         came.push_back(co_await n.prune(nodes));
         co_return {};
       }},
      {"poll",
       [](N& n, const S&, Came&) -> Async<void> {
         EXPECT_TRUE(n.poll(1).done());
         co_return {};
       }},
      {"inc_epoch",
       [](N& n, const S&, Came&) -> Async<void> {
         EXPECT_TRUE(n.inc_epoch().done());
         co_return {};
       }},
      // The request comes again: it is done then.
      {"resend",
       [](N& n, const S&, Came&) -> Async<void> {
         EXPECT_TRUE(n.resend().done());
         co_return Errno(EIO);
       }},
  };
  return all;
}

template <class Mount>
class NotificationPairs : public MountTest<Mount> {
 protected:
  std::unique_ptr<Operations> make_filesystem() override {
    MemfsOptions options;
    options.locks = MemfsOptions::Locks::kOwn;
    options.entry_timeout = options.attribute_timeout = Timeout::seconds(0);
    auto made = std::make_unique<TellingMemfs>(options);
    fs_ = made.get();
    return made;
  }
  typename Mount::Setup setup() override {
    typename Mount::Setup how;
    if constexpr (requires { how.deadline; }) how.deadline = std::chrono::seconds(20);
    return how;
  }

  void set_stage(Scene& scene) {
    auto& mount = this->mount();
    mount.mkdir(scene.path(), 0755);
    mount.mkdir(scene.path("/e"), 0755);
    mount.symlink("f", scene.path("/s"));
    const Fd file = mount.creat(scene.path("/f"), 0644).value();
    mount.write(file, "some data");
    mount.close(file);
    scene.file = mount.open(scene.path("/f"), O_RDWR).value();
    scene.directory = mount.open(scene.path(), O_RDONLY | O_DIRECTORY).value();
    scene.file_node = NodeId(mount.fstat(*scene.file).value().st_ino);
    scene.directory_node = NodeId(mount.fstat(*scene.directory).value().st_ino);
  }

  /// What a handler has told so far: one without a reply may go on when the call has returned.
  struct Told {
    std::vector<Notified> came;  // of the handler's, until it has ended
    std::atomic<bool> ended{false};
  };
  static Async<void> tell(const Telling& telling, Notifier& notifier, Scene scene, std::shared_ptr<Told> told) {
    const auto result = co_await as_result(telling.tell(notifier, scene, told->came));
    told->ended = true;
    co_return result;
  }

  void play(const Telling& telling, const Provocation<Mount>& provocation, Scene& scene) {
    const auto told = std::make_shared<Told>();
    fs_->arm(provocation.at,
             [&telling, &notifier = fs_->notifier(), scene, told] { return tell(telling, notifier, scene, told); });
    provocation.act(this->mount(), scene);
    ASSERT_FALSE(fs_->armed()) << "the handler was not called";
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!told->ended && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    ASSERT_TRUE(told->ended) << "the handler has not ended";
    for (const Notified& one : told->came) {
      EXPECT_TRUE(one.queued() || provocation.at == Opcode::kForget) << describe(Errno(one.error()));
    }
    if (scene.file) this->mount().close(*scene.file);
    if (scene.directory) this->mount().close(*scene.directory);
  }

  /// One notification, in every handler.
  void play_all(std::string_view what) {
    const auto found =
        std::find_if(tellings().begin(), tellings().end(), [&](const auto& it) { return it.name == what; });
    const Telling& telling = *found;
    int number = 0;
    for (const auto& provocation : provocations<Mount>()) {
      SCOPED_TRACE(std::string(telling.name) + " in " + std::string(opcode_name(provocation.at)) + ", scene " +
                   std::to_string(number));
      Scene scene;
      scene.name = "scene-" + std::to_string(number++);
      set_stage(scene);
      play(telling, provocation, scene);
      if (this->HasFailure() || !this->mount().dead_ends().empty()) return;
    }
  }

 private:
  TellingMemfs* fs_ = nullptr;
};
TYPED_TEST_SUITE(NotificationPairs, EveryMount, MountName);

TYPED_TEST(NotificationPairs, InvalEntryInEveryHandler) {
  this->play_all("inval_entry");
}
TYPED_TEST(NotificationPairs, ExpireEntryInEveryHandler) {
  this->play_all("expire_entry");
}
TYPED_TEST(NotificationPairs, DeleteEntryInEveryHandler) {
  this->play_all("delete_entry");
}
TYPED_TEST(NotificationPairs, InvalInodeInEveryHandler) {
  this->play_all("inval_inode");
}
TYPED_TEST(NotificationPairs, InvalAttributesInEveryHandler) {
  this->play_all("inval_attributes");
}
TYPED_TEST(NotificationPairs, StoreInEveryHandler) {
  this->play_all("store");
}
TYPED_TEST(NotificationPairs, RetrieveInEveryHandler) {
  this->play_all("retrieve");
}
TYPED_TEST(NotificationPairs, PruneInEveryHandler) {
  this->play_all("prune");
}
TYPED_TEST(NotificationPairs, PollInEveryHandler) {
  this->play_all("poll");
}
TYPED_TEST(NotificationPairs, IncEpochInEveryHandler) {
  this->play_all("inc_epoch");
}
TYPED_TEST(NotificationPairs, ResendInEveryHandler) {
  this->play_all("resend");
}

}  // namespace
}  // namespace fusereplay::testing
