// passthrough: open files and their data.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/examples/passthrough_fixture.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

class PassthroughFiles : public PassthroughFixture {
 protected:
  explicit PassthroughFiles(PassthroughOptions options = {}) : PassthroughFixture(std::move(options)) {}

  void make(std::string_view name, std::uint32_t flags = O_RDWR) {
    const Created made = user_.create(kRoot, name, flags).value();
    node_ = made.entry.node;
    handle_ = made.opened.handle;
  }
  Result<std::uint32_t> write(Offset offset, std::string_view content, std::uint32_t flags = 0) {
    return user_.client.write(node_, handle_, offset, bytes(content), flags).get();
  }
  std::string read(Offset offset = 0, std::uint32_t size = 65536) { return user_.read(node_, handle_, offset, size); }

  NodeId node_{};
  FileHandle handle_{};
};

TEST_F(PassthroughFiles, ReadsBackWhatWasWritten) {
  make("a");
  EXPECT_EQ(write(0, "hello world").value(), 11U);
  EXPECT_EQ(write(6, "there").value(), 5U);
  EXPECT_EQ(read(), "hello there");
  EXPECT_EQ(read(6, 3), "the");
  EXPECT_EQ(read(11), "");
  EXPECT_EQ(content("a"), "hello there");
  EXPECT_TRUE(user_.client.flush(node_, handle_).get());
  EXPECT_TRUE(user_.client.fsync(node_, handle_).get());
  EXPECT_TRUE(user_.client.fsync(node_, handle_, SyncKind::kDataOnly).get());
  EXPECT_EQ(user_.client.getattr(node_, handle_).get()->attributes.size, 11U);
}

TEST_F(PassthroughFiles, AHandleThatIsNoneIsBad) {
  make("a");
  const FileHandle none{99};
  EXPECT_EQ(error_of(user_.client.read(node_, none, 0, 10).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.write(node_, none, 0, bytes("x")).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.flush(node_, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fsync(node_, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.fallocate(node_, none, 0, 1, 0).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.lseek(node_, none, 0, SEEK_DATA).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.release(node_, none).get()), EBADF);
  EXPECT_EQ(error_of(user_.client.copy_file_range({.handle_in = none, .handle_out = handle_, .length = 1}).get()),
            EBADF);
  EXPECT_EQ(error_of(user_.client.copy_file_range({.handle_in = handle_, .handle_out = none, .length = 1}).get()),
            EBADF);
  EXPECT_EQ(error_of(user_.client.setattr(node_, {.valid = kSetattrSize, .handle = none}).get()), EBADF);
}

TEST_F(PassthroughFiles, OpensWithTheFlagsAsked) {
  put("a", "abc");
  node_ = user_.lookup(kRoot, "a")->node;
  handle_ = user_.open(node_, O_RDONLY)->handle;
  EXPECT_EQ(read(), "abc");
  EXPECT_EQ(error_of(write(0, "x")), EBADF) << "not open for writing";
  handle_ = user_.open(node_, O_WRONLY | O_APPEND)->handle;
  EXPECT_EQ(write(0, "def").value(), 3U);
  EXPECT_EQ(content("a"), "abcdef");
  handle_ = user_.open(node_, O_RDWR | O_TRUNC)->handle;
  EXPECT_EQ(content("a"), "");
  EXPECT_EQ(error_of(user_.open(kRoot)), EISDIR);
  EXPECT_EQ(error_of(user_.open(NodeId{99})), ESTALE);
  const NodeId fifo = user_.mknod(kRoot, "p", S_IFIFO | 0600)->node;
  EXPECT_EQ(error_of(user_.open(fifo, O_RDONLY)), EINVAL);
}

TEST_F(PassthroughFiles, CreatesOrOpensWhatIsThere) {
  put("a", "abc");
  EXPECT_EQ(error_of(user_.create(kRoot, "a", O_RDWR | O_EXCL)), EEXIST);
  const Created opened = user_.create(kRoot, "a", O_RDWR).value();
  EXPECT_EQ(opened.entry.attributes.size, 3U);
  EXPECT_EQ(user_.create(kRoot, "a", O_RDWR | O_TRUNC)->entry.attributes.size, 0U);
  const Created read_only = user_.create(kRoot, "b", O_RDWR, 0444).value();
  EXPECT_EQ(read_only.entry.attributes.mode, S_IFREG | 0444U);
  EXPECT_EQ(user_.client.write(read_only.entry.node, read_only.opened.handle, 0, bytes("x")).get().value(), 1U)
      << "whoever creates it may write it";
  EXPECT_EQ(user_.create(kRoot, "c", O_RDWR, 0666)->entry.attributes.mode, S_IFREG | 0666U);
  user_.mkdir(kRoot, "d").value();
  EXPECT_EQ(error_of(user_.create(kRoot, "d")), ESTALE);
  user_.symlink(kRoot, "s", "/etc/passwd").value();
  EXPECT_EQ(error_of(user_.create(kRoot, "s")), ESTALE);
  EXPECT_EQ(error_of(user_.create(kRoot, std::string(256, 'x'))), ENAMETOOLONG);
  EXPECT_EQ(error_of(user_.create(NodeId{99}, "x")), ESTALE);
}

TEST_F(PassthroughFiles, UnlinkedButOpenGoesOn) {
  make("a");
  write(0, "abc").value();
  ASSERT_TRUE(user_.client.unlink(kRoot, "a").get());
  EXPECT_EQ(read(), "abc");
  EXPECT_EQ(write(3, "def").value(), 3U);
  EXPECT_EQ(user_.client.setattr(node_, {.valid = kSetattrSize, .size = 4, .handle = handle_}).get()->attributes.size,
            4U);
  EXPECT_EQ(user_.client.setattr(node_, {.valid = kSetattrSize, .size = 2}).get()->attributes.size, 2U)
      << "by the node too";
  EXPECT_EQ(user_.stat(node_).nlink, 0U);
}

TEST_F(PassthroughFiles, AFileWithoutANameMayGetOne) {
  const auto made = user_.tmpfile(kRoot);
  if (error_of(made) == EOPNOTSUPP) GTEST_SKIP() << "the source has none";
  ASSERT_TRUE(made);
  EXPECT_EQ(made->entry.attributes.nlink, 0U);
  EXPECT_EQ(user_.client.write(made->entry.node, made->opened.handle, 0, bytes("abc")).get().value(), 3U);
  EXPECT_EQ(user_.link(made->entry.node, kRoot, "named")->node, made->entry.node);
  EXPECT_EQ(content("named"), "abc");
  EXPECT_EQ(error_of(user_.tmpfile(NodeId{99})), ESTALE);
}

TEST_F(PassthroughFiles, AllocatesSeeksAndCopies) {
  make("a");
  ASSERT_TRUE(user_.client.fallocate(node_, handle_, 0, 8192, 0).get());
  EXPECT_EQ(user_.stat(node_).size, 8192U);
  EXPECT_EQ(error_of(user_.client.fallocate(node_, handle_, 0, 0, 0).get()), EINVAL);
  write(0, "abc").value();
  EXPECT_EQ(user_.client.lseek(node_, handle_, 0, SEEK_DATA).get().value(), 0U);
  EXPECT_EQ(error_of(user_.client.lseek(node_, handle_, 10000, SEEK_DATA).get()), ENXIO);
  EXPECT_EQ(error_of(user_.client.lseek(node_, handle_, 0, SEEK_SET).get()), EINVAL);
  const Created b = user_.create(kRoot, "b").value();
  const CopyRange range{.node_in = node_,
                        .handle_in = handle_,
                        .offset_in = 1,
                        .node_out = b.entry.node,
                        .handle_out = b.opened.handle,
                        .offset_out = 3,
                        .length = 2};
  EXPECT_EQ(user_.client.copy_file_range(range).get().value(), 2U);
  EXPECT_EQ(content("b"), std::string("\0\0\0bc", 5));
}

TEST_F(PassthroughFiles, SetIdBitsGoWhereTheKernelSaysSo) {
  make("a");
  const auto set_mode = [&] { EXPECT_TRUE(user_.client.setattr(node_, {.valid = kSetattrMode, .mode = 06755}).get()); };
  set_mode();
  write(0, "x").value();
  if (::geteuid() == 0) {
    EXPECT_EQ(user_.stat(node_).mode, S_IFREG | 06755U) << "not asked for";
  }
  write(0, "x", kWriteKillSuidgid).value();
  EXPECT_EQ(user_.stat(node_).mode, S_IFREG | 0755U);
}

class PassthroughDirectIo : public PassthroughFiles {
 protected:
  PassthroughDirectIo() : PassthroughFiles(parse_passthrough_options("cache=never,/").value()) {}
};

TEST_F(PassthroughDirectIo, TellsTheKernelToCacheNothing) {
  put("a", "abc");
  const Entry a = user_.lookup(kRoot, "a").value();
  EXPECT_EQ(a.entry_timeout.nanoseconds, 0U);
  EXPECT_EQ(a.attribute_timeout.nanoseconds, 0U);
  EXPECT_EQ(user_.open(a.node)->flags, kFopenDirectIo);
}

class PassthroughCached : public PassthroughFiles {
 protected:
  PassthroughCached() : PassthroughFiles(parse_passthrough_options("cache=always,writeback,/").value()) {}
};

TEST_F(PassthroughCached, TellsTheKernelToKeepAllAndReadsForItsWrites) {
  put("a", "abc");
  const Entry a = user_.lookup(kRoot, "a").value();
  EXPECT_GT(a.entry_timeout.nanoseconds, Timeout::seconds(3600).nanoseconds);
  const Opened opened = user_.open(a.node, O_WRONLY | O_APPEND).value();
  EXPECT_EQ(opened.flags, kFopenKeepCache);
  EXPECT_EQ(user_.read(a.node, opened.handle), "abc") << "the kernel reads what it writes only in part";
  EXPECT_EQ(user_.client.write(a.node, opened.handle, 1, bytes("X")).get().value(), 1U);
  EXPECT_EQ(content("a"), "aXc") << "the kernel says where to append";
}

TEST(PassthroughOptionsText, IsReadUpToTheDirectory) {
  const auto options =
      parse_passthrough_options("threads,cache=always,entry-timeout=5,direct-io,writeback,locks,/a,b/c").value();
  EXPECT_EQ(options.source, "/a,b/c");
  EXPECT_EQ(options.handlers, PassthroughOptions::Handlers::kConcurrent);
  EXPECT_EQ(options.cache, PassthroughOptions::Cache::kAlways);
  EXPECT_EQ(options.io, PassthroughOptions::Io::kDirect);
  EXPECT_EQ(options.writes, PassthroughOptions::Writes::kBack);
  EXPECT_EQ(options.locks, PassthroughOptions::Locks::kForwarded);
  EXPECT_EQ(options.entry_timeout.nanoseconds, Timeout::seconds(5).nanoseconds);
  EXPECT_EQ(options.attribute_timeout.nanoseconds, Timeout::seconds(86400).nanoseconds);
  EXPECT_EQ(parse_passthrough_options("./x")->source, "./x");
}

TEST(PassthroughOptionsText, IsRefusedWhereItMakesNoSense) {
  EXPECT_THAT(parse_passthrough_options("").error(), HasSubstr("needs the directory"));
  EXPECT_THAT(parse_passthrough_options("threads").error(), HasSubstr("needs the directory"));
  for (const char* text : {"tree", "cache=some,/", "entry-timeout=x,/", "entry-timeout=-1,/", "threads,,/"}) {
    EXPECT_THAT(parse_passthrough_options(text).error(), HasSubstr("does not know")) << text;
  }
  PassthroughOptions options;
  options.source = "/nowhere/at/all";
  EXPECT_EQ(Passthrough::make(options).error(), "passthrough cannot show '/nowhere/at/all': No such file or directory");
}

class PassthroughWithoutAKernel : public PassthroughFiles {
 protected:
  PassthroughWithoutAKernel() : PassthroughFiles(parse_passthrough_options("passthrough,/").value()) {}
};

TEST_F(PassthroughWithoutAKernel, ServesReadsAndWritesItself) {
  put("b", "there");
  make("a");
  EXPECT_EQ(write(0, "hello").value(), 5U);
  EXPECT_EQ(read(), "hello");
  const NodeId node = user_.lookup(kRoot, "b")->node;
  const Opened opened = user_.client.open(node, O_RDONLY).get().value();
  EXPECT_EQ(opened.flags, 0U);
  EXPECT_EQ(opened.backing_id, 0);
  EXPECT_EQ(user_.read(node, opened.handle, 0, 100), "there");
  EXPECT_TRUE(user_.release(node, opened.handle));
  EXPECT_TRUE(user_.release(node_, handle_));
}

/// A kernel that takes backing files, or does not.
class Backings final : public ReplyChannel {
 public:
  std::int64_t send(const Message&) override { return -ENOENT; }
  Result<std::int32_t> open_backing(int fd) override {
    if (refusal != 0) return Errno(refusal);
    log += "open " + std::to_string(fd) + "; ";
    return ++last_;
  }
  void close_backing(std::int32_t id) noexcept override { log += "close " + std::to_string(id) + "; "; }

  std::string log;
  int refusal = 0;

 private:
  std::int32_t last_ = 0;
};

TEST(PassthroughOpenWay, OpensThatOverlapShareABackingFile) {
  Backings kernel;
  BackingFiles files;
  files.connect(kernel);
  passthrough::OpenWay way;
  {
    const auto first = way.take(files, 30);
    const auto second = way.take(files, 31);
    EXPECT_EQ(first.backing_id, 1);
    EXPECT_EQ(second.backing_id, 1);
    EXPECT_EQ(kernel.log, "open 30; ");
  }
  EXPECT_EQ(kernel.log, "open 30; close 1; ") << "with the last of them";
  EXPECT_EQ(way.take(files, 32).backing_id, 2);
}

TEST(PassthroughOpenWay, WhileOneOpenGoesWithoutAllDo) {
  Backings kernel;
  BackingFiles files;
  files.connect(kernel);
  passthrough::OpenWay way;
  kernel.refusal = EPERM;
  {
    const auto first = way.take(files, 30);
    EXPECT_EQ(first.backing_id, 0);
    kernel.refusal = 0;
    EXPECT_EQ(way.take(files, 31).backing_id, 0) << "the kernel would answer the open with EIO";
  }
  EXPECT_EQ(way.take(files, 32).backing_id, 1);
}

TEST(BackingFiles, MayOutliveTheirConnection) {
  Backings kernel;
  BackingFiles files;
  EXPECT_EQ(files.open(30).error(), Errno(ENOTCONN)) << "INIT is not answered";
  files.connect(kernel);
  const BackingFile kept = std::move(*files.open(30));
  EXPECT_EQ(kept.id(), 1);
  files.disconnect();
  EXPECT_EQ(files.open(31).error(), Errno(ENOTCONN));
  EXPECT_EQ(kernel.log, "open 30; ");
}

TEST(PassthroughOptions, PassthroughAndDirectIoAreOneChoice) {
  EXPECT_EQ(parse_passthrough_options("passthrough,/")->io, PassthroughOptions::Io::kPassthrough);
  EXPECT_THAT(parse_passthrough_options("passthrough,direct-io,/").error(), HasSubstr("exclude each other"));
  EXPECT_THAT(parse_passthrough_options("cache=never,passthrough,/").error(), HasSubstr("exclude each other"));
  EXPECT_THAT(parse_passthrough_options("passthrough,writeback,/").error(), HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace fusereplay::testing
