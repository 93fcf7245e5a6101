// passthrough with handlers that run concurrently: several clients at once, then nothing may be left.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/examples/passthrough_fixture.h"

namespace fusereplay::testing {
namespace {

class PassthroughThreads : public PassthroughFixture {
 protected:
  PassthroughThreads() : PassthroughFixture(parse_passthrough_options("threads,/").value()) {}

  static constexpr unsigned kThreads = 4;
  template <class Work>
  void on_threads(const Work& work) {
    testing::on_threads(server_, kThreads, work);
  }
};

TEST_F(PassthroughThreads, LookupsAndForgetsOfOneFileMeet) {
  put("a", "abc");
  on_threads([](FilesystemUser& user, unsigned number) {
    for (int i = 0; i < 2000; ++i) {
      const auto found = user.lookup(kRoot, "a");
      ASSERT_TRUE(found);
      EXPECT_EQ(user.stat(found->node).size, 3U) << "counted, so it is there";
      if (number % 2 == 0 || i % 3 == 0) user.forget(found->node);
    }
  });
}

TEST_F(PassthroughThreads, AFileLookedUpByAllAtOnceIsOneNode) {
  std::mutex mutex;
  std::map<std::string, std::set<std::uint64_t>> nodes;  // by name; guarded by mutex
  for (int i = 0; i < 100; ++i) put("name" + std::to_string(i), "");
  on_threads([&](FilesystemUser& user, unsigned) {
    for (int i = 0; i < 100; ++i) {
      const std::string name = "name" + std::to_string(i);
      const NodeId node = user.client.lookup(kRoot, name).get()->node;
      const std::lock_guard lock(mutex);
      nodes[name].insert(raw(node));
    }
  });
  for (const auto& [name, ids] : nodes) {
    EXPECT_EQ(ids.size(), 1U) << name;
    user_.client.forget(NodeId{*ids.begin()}, kThreads);
  }
}

TEST_F(PassthroughThreads, AStormInOneDirectoryLosesNoCount) {
  on_threads([](FilesystemUser& user, unsigned number) {
    std::mt19937 random(number);
    const auto name = [&] { return "n" + std::to_string(random() % 8); };
    for (int step = 0; step < 1000; ++step) {
      switch (random() % 8) {
        case 0: {
          const auto made = user.create(kRoot, name());
          if (made) {
            (void)user.client.write(made->entry.node, made->opened.handle, 0, bytes("data")).get();
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
          (void)user.client.unlink(kRoot, name()).get();
          (void)user.client.rmdir(kRoot, name()).get();
          break;
        case 4:
          (void)user.list(kRoot, 700);
          break;
        case 5: {
          const auto found = user.lookup(kRoot, name());
          if (found) (void)user.link(found->node, kRoot, name());
          if (found) user.forget(found->node);
          break;
        }
        default: {
          const auto found = user.lookup(kRoot, name());
          if (found) {
            EXPECT_EQ(user.stat(found->node).ino, found->attributes.ino);
          }
          break;
        }
      }
    }
  });
}

TEST_F(PassthroughThreads, OneListingIsReadByAll) {
  for (int i = 0; i < 50; ++i) put("name" + std::to_string(i), "");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  on_threads([&](FilesystemUser& user, unsigned) {
    for (int i = 0; i < 50; ++i) {
      EXPECT_FALSE(user.client.readdir(kRoot, handle, Cookie{}, 512).get()->empty());
      EXPECT_FALSE(user.page_plus(kRoot, handle, Cookie{}, 700).empty());
    }
  });
}

}  // namespace
}  // namespace fusereplay::testing
