#include "examples/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/client/client.h"
#include "core/server/operations_server.h"
#include "examples/memfs/options.h"

namespace fusereplay {
namespace {

using ::testing::HasSubstr;

TEST(Registry, MakesAFreshFilesystemEachTime) {
  const FilesystemRegistry registry = example_filesystems();
  const auto choice = registry.choose("memfs:capacity=1M").value();
  EXPECT_EQ(choice.filesystem->name, "memfs");
  EXPECT_EQ(choice.argument, "capacity=1M");
  for (int i = 0; i < 2; ++i) {
    OperationsServer server(choice.make().value());
    Client client(server);
    ASSERT_TRUE(client.init().get());
    EXPECT_TRUE(client.mkdir(kRoot, "a", 0700).get());
    EXPECT_EQ(client.statfs().get()->blocks, 256U);
    server.disconnect();
  }
}

TEST(Registry, EveryFilesystemIsMadeAndServes) {
  const FilesystemRegistry registry = example_filesystems();
  EXPECT_GE(registry.all().size(), 5U);
  for (const Filesystem& filesystem : registry.all()) {
    EXPECT_FALSE(filesystem.description.empty());
    OperationsServer server(filesystem.make(filesystem.name == "passthrough" ? "/" : "").value());
    Client client(server);
    ASSERT_TRUE(client.init().get()) << filesystem.name;
    EXPECT_TRUE(client.getattr(kRoot).get()) << filesystem.name;
    server.disconnect();
  }
}

TEST(Registry, SaysWhatThereIsWhereANameIsUnknown) {
  const auto choice = example_filesystems().choose("memsf:threads");
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error(),
            "no filesystem is named 'memsf'; there are hello, memfs, passthrough, broken-forget, broken-link, "
            "broken-readdir");
}

TEST(Registry, SaysWhatIsWrongWithAnArgument) {
  const FilesystemRegistry registry = example_filesystems();
  EXPECT_THAT(registry.choose("memfs:thread")->make().error(), HasSubstr("does not know 'thread'"));
  EXPECT_THAT(registry.choose("hello:x")->make().error(), HasSubstr("no argument"));
}

TEST(MemfsOptionsText, IsReadInAnyOrder) {
  const MemfsOptions options =
      parse_memfs_options("timeout=0,threads,capacity=2G,inodes=10,files=3,owner=5,locks,writeback,export").value();
  EXPECT_EQ(options.capacity, std::uint64_t{2} << 30);
  EXPECT_EQ(options.inodes, 10U);
  EXPECT_EQ(options.files, 3U);
  EXPECT_EQ(options.owner, 5U);
  EXPECT_EQ(options.locks, MemfsOptions::Locks::kOwn);
  EXPECT_EQ(options.writes, MemfsOptions::Writes::kBack);
  EXPECT_EQ(options.handles, MemfsOptions::Handles::kExported);
  EXPECT_EQ(options.entry_timeout.nanoseconds, 0U);
  EXPECT_EQ(options.attribute_timeout.nanoseconds, 0U);
  EXPECT_EQ(options.handlers, MemfsOptions::Handlers::kConcurrent);
  EXPECT_EQ(parse_memfs_options("")->handlers, MemfsOptions::Handlers::kOneAtATime);
}

TEST(MemfsOptionsText, IsRefusedWhereItMakesNoSense) {
  for (const char* text :
       {"capacity", "capacity=", "capacity=1T", "capacity=-1", "capacity=99999999999999999999", "capacity=20000000000G",
        "inodes=0", "timeout=x", "threads,,", "other=1", "timeout=5000000000"}) {
    EXPECT_FALSE(parse_memfs_options(text)) << text;
  }
}

}  // namespace
}  // namespace fusereplay
