// memfs: listings, while entries come and go (rules F8, R11, R12).
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <set>

#include "tests/examples/memfs_user.h"

namespace fusereplay::testing {
namespace {

using ::testing::ElementsAre;

class MemfsDirectory : public MemfsFixture<> {
 protected:
  std::vector<DirectoryEntry> page(FileHandle handle, Cookie from, std::uint32_t size = 4096) {
    return user_.client.readdir(kRoot, handle, from, size).get().value();
  }
};

TEST_F(MemfsDirectory, ListsItselfAndItsParentFirst) {
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  const auto entries = user_.client.readdir(d, user_.opendir(d)->handle, Cookie{}).get().value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, ".");
  EXPECT_EQ(entries[0].ino, raw(d));
  EXPECT_EQ(entries[0].type, DT_DIR);
  EXPECT_EQ(entries[1].name, "..");
  EXPECT_EQ(entries[1].ino, raw(kRoot));
}

TEST_F(MemfsDirectory, ListsInTheOrderOfCreation) {
  const NodeId b = file("b");
  const NodeId a = user_.symlink(kRoot, "a", "x")->node;
  const auto entries = page(user_.opendir(kRoot)->handle, Cookie{});
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[2].name, "b");
  EXPECT_EQ(entries[2].ino, raw(b));
  EXPECT_EQ(entries[2].type, DT_REG);
  EXPECT_EQ(entries[3].name, "a");
  EXPECT_EQ(entries[3].ino, raw(a));
  EXPECT_EQ(entries[3].type, DT_LNK);
}

TEST_F(MemfsDirectory, APlusListingIsALookupOfEach) {
  const NodeId a = file("a", "four");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  const auto entries = user_.page_plus(kRoot, handle, Cookie{});
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(raw(entries[0].entry.node), 0U) << "'.' is no lookup";
  EXPECT_EQ(raw(entries[1].entry.node), 0U);
  EXPECT_EQ(entries[2].entry.node, a);
  EXPECT_EQ(entries[2].entry.attributes.size, 4U);
}

TEST_F(MemfsDirectory, EveryPageSizeShowsEveryEntryOnce) {
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) {
    names.push_back(std::string(static_cast<std::size_t>(i % 40) + 1, 'n') + std::to_string(i));
    file(names.back());
  }
  for (const std::uint32_t size : {224U, 300U, 512U, 1000U, 4096U, 65536U}) EXPECT_EQ(user_.list(kRoot, size), names);
}

TEST_F(MemfsDirectory, APageWithoutRoomForOneEntryIsEmpty) {
  file("name");
  EXPECT_TRUE(page(user_.opendir(kRoot)->handle, Cookie{}, 24).empty());
}

TEST_F(MemfsDirectory, EntriesThatStayAreListedOnceWhateverHappensToOthers) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::mt19937 random(seed);
    const NodeId directory = user_.mkdir(kRoot, "d" + std::to_string(seed))->node;
    const auto name = [&] { return "n" + std::to_string(random() % 50); };
    for (int i = 0; i < 40; ++i)
      user_.client.forget(user_.client.mknod(directory, "stays" + std::to_string(i), S_IFREG).get()->node, 1);
    const FileHandle handle = user_.opendir(directory)->handle;
    std::multiset<std::string> seen;
    Cookie from{};
    for (;;) {
      for (int i = 0; i < 20; ++i) {
        const std::string one = name();
        const std::string other = name();
        switch (random() % 4) {
          case 0:
            (void)user_.mknod(directory, one, S_IFREG);
            break;
          case 1:
            (void)user_.client.unlink(directory, one).get();
            break;
          case 2:
            (void)user_.client.rename(directory, one, directory, other).get();
            break;
          default:
            (void)user_.client.rename(directory, one, directory, other, RENAME_EXCHANGE).get();
            break;
        }
      }
      const auto entries = user_.page_plus(directory, handle, from, 512);
      if (entries.empty() || seen.size() > 1000) break;
      for (const auto& entry : entries) {
        EXPECT_GT(raw(entry.next), raw(from));
        from = entry.next;
        seen.insert(entry.name);
      }
    }
    for (int i = 0; i < 40; ++i) EXPECT_EQ(seen.count("stays" + std::to_string(i)), 1U) << i << " seed " << seed;
  }
}

TEST_F(MemfsDirectory, ANameThatIsReplacedKeepsItsPlace) {
  file("a");
  file("b");
  file("c");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  const auto before = page(handle, Cookie{});
  file("new");
  ASSERT_TRUE(user_.client.rename(kRoot, "new", kRoot, "b").get());
  ASSERT_TRUE(user_.client.rename(kRoot, "a", kRoot, "c", RENAME_EXCHANGE).get());
  const auto after = page(handle, Cookie{});
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].next, after[i].next);
  }
}

TEST_F(MemfsDirectory, AnyCookieCanBeComeBackToFromAnyHandle) {
  for (int i = 0; i < 20; ++i) file("n" + std::to_string(i));
  const auto all = page(user_.opendir(kRoot)->handle, Cookie{});
  ASSERT_TRUE(user_.client.unlink(kRoot, "n7").get());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto rest = page(user_.opendir(kRoot)->handle, all[i].next);
    std::size_t at = i + 1;
    for (const auto& entry : rest) {
      if (all[at].name == "n7") ++at;
      EXPECT_EQ(entry.name, all[at++].name);
    }
    EXPECT_TRUE(at == all.size() || (at + 1 == all.size() && all[at].name == "n7"));
  }
}

TEST_F(MemfsDirectory, CookiesAreNotUsedAgain) {
  file("a");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  const Cookie first = page(handle, Cookie{}).back().next;
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  file("a");
  EXPECT_GT(raw(page(handle, Cookie{}).back().next), raw(first));
}

TEST_F(MemfsDirectory, ARemovedDirectoryCanStillBeRead) {
  const NodeId d = user_.mkdir(kRoot, "d")->node;
  const FileHandle handle = user_.opendir(d)->handle;
  ASSERT_TRUE(user_.client.rmdir(kRoot, "d").get());
  user_.forget(d);
  EXPECT_EQ(user_.client.readdir(d, handle, Cookie{}).get()->size(), 2U);
}

TEST_F(MemfsDirectory, ARefusedPageCountsNothing) {
  const NodeId a = file("a");
  const FileHandle handle = user_.opendir(kRoot)->handle;
  user_.client.refuse_next(Errno(ENOENT));
  EXPECT_EQ(error_of(user_.client.readdirplus(kRoot, handle, Cookie{}).get()), ENOENT);
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  user_.forget(a);
  EXPECT_EQ(memfs_.usage().inodes, 1U);
}

/// Everything a filesystem answers to a sequence of requests, byte for byte.
std::vector<std::vector<std::byte>> replies_of_a_run(MemfsOptions::Handlers handlers) {
  OperationsServer server(std::make_unique<Memfs>(MemfsOptions{.handlers = handlers}));
  Client client(server);
  std::vector<std::vector<std::byte>> replies;
  EXPECT_TRUE(client.init().get());
  std::mt19937 random(4711);
  const auto name = [&] { return "name" + std::to_string(random() % 30); };
  const auto keep = [&](const auto& pending) {
    const auto reply = pending.get();
    replies.push_back(reply ? *reply : std::vector<std::byte>(1, std::byte(reply.error().value())));
  };
  const auto with_name = [&](Opcode opcode, const auto&... structs) {
    return client.request(opcode, kRoot, [&](MessageBuilder& out) {
      (out.add(structs), ...);
      out.name(name());
      if (opcode == Opcode::kRename) out.name(name());
    });
  };
  for (int step = 0; step < 2000; ++step) {
    client.set_time(step * 1000);
    switch (random() % 6) {
      case 0:
        keep(with_name(Opcode::kCreate, wire::CreateIn{.flags = 2, .mode = 0644, .umask = 0, .open_flags = 0}));
        break;
      case 1:
        keep(with_name(Opcode::kUnlink));
        break;
      case 2:
        keep(with_name(Opcode::kRename, wire::RenameIn{.newdir = raw(kRoot)}));
        break;
      case 3:
        keep(with_name(Opcode::kLookup));
        break;
      case 4:
        keep(with_name(Opcode::kMkdir, wire::MkdirIn{.mode = 0755, .umask = 0}));
        break;
      default: {
        const FileHandle handle = client.opendir(kRoot).get()->handle;
        wire::ReadIn in{};
        in.fh = raw(handle);
        in.size = 65536;
        keep(client.request(Opcode::kReaddirplus, kRoot, [&](MessageBuilder& out) { out.add(in); }));
        EXPECT_TRUE(client.releasedir(kRoot, handle).get());
        break;
      }
    }
  }
  server.disconnect();
  return replies;
}

TEST(MemfsDeterminism, TheSameRequestsGiveTheSameRepliesToTheByte) {
  const auto first = replies_of_a_run(MemfsOptions::Handlers::kOneAtATime);
  EXPECT_EQ(first, replies_of_a_run(MemfsOptions::Handlers::kOneAtATime));
  EXPECT_EQ(first, replies_of_a_run(MemfsOptions::Handlers::kConcurrent));
}

}  // namespace
}  // namespace fusereplay::testing
