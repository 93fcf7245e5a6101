// memfs with handlers that run concurrently: several clients at once, then nothing may be left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <random>
#include <vector>

#include "tests/examples/memfs_user.h"

namespace fusereplay::testing {
namespace {

class MemfsThreads : public MemfsFixture<> {
 protected:
  MemfsThreads() : MemfsFixture({.handlers = MemfsOptions::Handlers::kConcurrent}) {}

  static constexpr unsigned kThreads = 4;
  template <class Work>
  void on_threads(const Work& work) {
    testing::on_threads(server_, kThreads, work);
  }
};

TEST_F(MemfsThreads, AStormInOneDirectoryLeavesATreeThatHolds) {
  on_threads([](FilesystemUser& user, unsigned number) {
    std::mt19937 random(number);
    const auto name = [&] { return "n" + std::to_string(random() % 12); };
    for (int step = 0; step < 1500; ++step) {
      switch (random() % 9) {
        case 0: {
          const auto made = user.create(kRoot, name());
          if (made) {
            (void)user.client.write(made->entry.node, made->opened.handle, random() % 20000, bytes("data")).get();
            EXPECT_LE(user.read(made->entry.node, made->opened.handle).size(), 20004U);
            EXPECT_TRUE(user.release(made->entry.node, made->opened.handle));
          }
          break;
        }
        case 1:
          (void)user.mkdir(kRoot, name());
          break;
        case 2:
          (void)user.client.rename(kRoot, name(), kRoot, name()).get();
          break;
        case 3:
          (void)user.client.rename(kRoot, name(), kRoot, name(), RENAME_EXCHANGE).get();
          break;
        case 4:
          (void)user.client.unlink(kRoot, name()).get();
          break;
        case 5:
          (void)user.client.rmdir(kRoot, name()).get();
          break;
        case 6:
          (void)user.list(kRoot, 512);
          break;
        case 7: {
          const auto found = user.lookup(kRoot, name());
          if (found) (void)user.link(found->node, kRoot, name());
          if (found && random() % 2 == 0) user.forget(found->node);
          break;
        }
        default: {
          const auto found = user.lookup(kRoot, name());
          if (found) {
            (void)user.client.setattr(found->node, {.valid = kSetattrMode, .mode = 0600}).get();
            (void)user.client.setxattr(found->node, "user.x", {.value = bytes("v")}).get();
            (void)user.client.listxattr(found->node).get();
            (void)user.stat(found->node);
          }
          break;
        }
      }
    }
  });
}

TEST_F(MemfsThreads, DirectoriesMoveBetweenDirectoriesWithoutLosingCount) {
  std::vector<NodeId> parents;
  for (int i = 0; i < 3; ++i) parents.push_back(user_.mkdir(kRoot, "p" + std::to_string(i))->node);
  for (int i = 0; i < 3; ++i) user_.mkdir(parents[static_cast<std::size_t>(i)], "d" + std::to_string(i)).value();
  on_threads([&](FilesystemUser& user, unsigned number) {
    std::mt19937 random(number + 100);
    for (int step = 0; step < 1500; ++step) {
      const NodeId from = parents[random() % 3];
      const NodeId to = parents[random() % 3];
      const std::string name = "d" + std::to_string(random() % 3);
      (void)user.client.rename(from, name, to, "d" + std::to_string(random() % 3)).get();
      if (random() % 4 == 0) (void)user.mkdir(to, name);
      EXPECT_EQ(user.lookup(from, "..")->node, kRoot);
    }
  });
}

TEST_F(MemfsThreads, OneAppendsAfterTheOther) {
  constexpr int kEach = 300;
  const NodeId a = file("a");
  on_threads([&](FilesystemUser& user, unsigned number) {
    const FileHandle handle = user.open(a, O_RDWR | O_APPEND)->handle;
    const std::string word(3, static_cast<char>('a' + number));
    for (int i = 0; i < kEach; ++i) EXPECT_EQ(user.client.write(a, handle, 0, bytes(word)).get().value(), 3U);
  });
  const std::string all = user_.read(a, user_.open(a)->handle);
  ASSERT_EQ(all.size(), 3U * kThreads * kEach);
  for (std::size_t at = 0; at < all.size(); at += 3) EXPECT_EQ(all.substr(at, 3), std::string(3, all[at]));
}

TEST_F(MemfsThreads, LookupsAndForgetsOfOneFileMeet) {
  const NodeId a = file("a");
  user_.forget(a);
  std::atomic<bool> gone{false};
  on_threads([&](FilesystemUser& user, unsigned number) {
    for (int i = 0; i < 2000; ++i) {
      const auto found = user.lookup(kRoot, "a");
      if (!found) {
        EXPECT_TRUE(gone);
        break;
      }
      EXPECT_EQ(found->node, a);
      user.forget(found->node);
      if (number == 0 && i == 1000) {
        gone = true;
        EXPECT_TRUE(user.client.unlink(kRoot, "a").get());
      }
    }
  });
}

}  // namespace
}  // namespace fusereplay::testing
