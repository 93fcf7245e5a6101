// Every handler through the typed client, without a mount: what arrives, what comes back, and errors unchanged.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/stat.h>

#include "core/client/client.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}
std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Attributes some_attributes() {
  return {.ino = 77,
          .size = 1234,
          .blocks = 3,
          .atime = {1, 10},
          .mtime = {-2, 20},
          .ctime = {3, 30},
          .mode = S_IFREG | 0640,
          .nlink = 2,
          .uid = 5,
          .gid = 6,
          .rdev = 0x12345,
          .block_size = 512,
          .flags = kAttrDax};
}

Entry some_entry() {
  return {.node = NodeId{42},
          .generation = 9,
          .attributes = some_attributes(),
          .entry_timeout = {1'500'000'000},
          .attribute_timeout = {2'000'000'001}};
}

/// Writes down each call and answers with fixed values, or with `error` everywhere.
class Scripted final : public Operations {
 public:
  std::string log;
  int error = 0;

 private:
  template <class T>
  Async<T> answer(T value) {
    if (error != 0) return Errno(error);
    return Result<T>(std::move(value));
  }
  Async<void> answer() {
    if (error != 0) return Errno(error);
    return Result<void>{};
  }
  template <class... Parts>
  void note(const Parts&... parts) {
    ((log += to_text(parts) + " "), ...);
  }
  static std::string to_text(std::string_view text) { return std::string(text); }
  static std::string to_text(const char* text) { return text; }
  static std::string to_text(NodeId id) { return "n" + std::to_string(raw(id)); }
  static std::string to_text(FileHandle handle) { return "h" + std::to_string(raw(handle)); }
  static std::string to_text(Cookie cookie) { return "c" + std::to_string(raw(cookie)); }
  static std::string to_text(LockOwner owner) { return "o" + std::to_string(raw(owner)); }
  template <class T>
  requires std::is_integral_v<T>
  static std::string to_text(T value) { return std::to_string(value); }

 public:
  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override {
    note("lookup", parent, name, request.uid(), request.gid(), request.pid(), request.time().seconds);
    return answer(some_entry());
  }
  Async<void> forget(NodeId node, std::uint64_t count) override {
    note("forget", node, count);
    return answer();
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle> handle) override {
    note("getattr", node, handle ? raw(*handle) : 999);
    return answer(AttributesReply{some_attributes(), {3'000'000'007}});
  }
  Async<AttributesReply> setattr(const Request&, NodeId node, const SetAttributes& changes) override {
    note("setattr", node, changes.valid, changes.mode, changes.uid, changes.gid, changes.size, changes.atime.seconds,
         changes.atime.nanoseconds, changes.mtime.seconds, changes.mtime.nanoseconds, changes.ctime.seconds,
         changes.ctime.nanoseconds, changes.handle ? raw(*changes.handle) : 999,
         changes.lock_owner ? raw(*changes.lock_owner) : 999);
    return answer(AttributesReply{some_attributes(), Timeout::seconds(1)});
  }
  Async<StatxReply> statx(const Request&, NodeId node, const StatxRequest& wanted) override {
    note("statx", node, wanted.flags, wanted.mask, wanted.handle ? raw(*wanted.handle) : 999);
    StatxReply reply;
    reply.attributes = some_attributes();
    reply.birth = {11, 12};
    reply.mask = STATX_BASIC_STATS | STATX_BTIME;
    reply.statx_attributes = 0x10;
    reply.statx_attributes_mask = 0x30;
    reply.timeout = Timeout::seconds(4);
    return answer(std::move(reply));
  }
  Async<void> access(const Request&, NodeId node, std::uint32_t mask) override {
    note("access", node, mask);
    return answer();
  }
  Async<std::string> readlink(const Request&, NodeId node) override {
    note("readlink", node);
    return answer(std::string("to/where"));
  }
  Async<Entry> symlink(const Request&, NodeId parent, std::string_view name, std::string_view target,
                       const Creation& creation) override {
    note("symlink", parent, name, target, creation.extensions.size());
    return answer(some_entry());
  }
  Async<Entry> mknod(const Request&, NodeId parent, std::string_view name, const Creation& creation,
                     std::uint32_t rdev) override {
    note("mknod", parent, name, creation.mode, rdev);
    const auto extensions = parse_extensions(creation.extensions);
    if (extensions) {
      for (const SecurityContext& context : extensions->security_contexts) note(context.name, text_of(context.value));
      for (const std::uint32_t group : extensions->groups) note(group);
    }
    return answer(some_entry());
  }
  Async<Entry> mkdir(const Request&, NodeId parent, std::string_view name, const Creation& creation) override {
    note("mkdir", parent, name, creation.mode);
    return answer(some_entry());
  }
  Async<void> unlink(const Request&, NodeId parent, std::string_view name) override {
    note("unlink", parent, name);
    return answer();
  }
  Async<void> rmdir(const Request&, NodeId parent, std::string_view name) override {
    note("rmdir", parent, name);
    return answer();
  }
  Async<void> rename(const Request&, NodeId parent, std::string_view name, NodeId new_parent, std::string_view new_name,
                     std::uint32_t flags) override {
    note("rename", parent, name, new_parent, new_name, flags);
    return answer();
  }
  Async<Entry> link(const Request&, NodeId node, NodeId new_parent, std::string_view new_name) override {
    note("link", node, new_parent, new_name);
    return answer(some_entry());
  }
  Async<Opened> open(const Request&, NodeId node, std::uint32_t flags) override {
    note("open", node, flags);
    return answer(Opened{FileHandle{8}, kFopenKeepCache, 3});
  }
  Async<Created> create(const Request&, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override {
    note("create", parent, name, creation.mode, flags);
    return answer(Created{some_entry(), Opened{FileHandle{8}, kFopenDirectIo, 0}});
  }
  Async<Created> tmpfile(const Request&, NodeId parent, const Creation& creation, std::uint32_t flags) override {
    note("tmpfile", parent, creation.mode, flags);
    return answer(Created{some_entry(), Opened{FileHandle{8}, 0, 0}});
  }
  Async<void> read(const Request&, NodeId node, FileHandle handle, Offset offset, DataWriter& out) override {
    note("read", node, handle, offset, out.capacity());
    if (error != 0) return Errno(error);
    out.append(bytes_of("hello"));
    return Result<void>{};
  }
  Async<std::uint32_t> write(const Request&, NodeId node, FileHandle handle, Offset offset, Bytes data,
                             std::uint32_t flags) override {
    note("write", node, handle, offset, text_of(data), flags);
    return answer(static_cast<std::uint32_t>(data.size()));
  }
  Async<void> flush(const Request&, NodeId node, FileHandle handle, LockOwner owner) override {
    note("flush", node, handle, owner);
    return answer();
  }
  Async<void> release(NodeId node, FileHandle handle, const Release& how) override {
    note("release", node, handle, how.flags, how.release_flags, how.lock_owner);
    return answer();
  }
  Async<void> fsync(const Request&, NodeId node, FileHandle handle, SyncKind kind) override {
    note("fsync", node, handle, kind == SyncKind::kDataOnly ? "data" : "all");
    return answer();
  }
  Async<Opened> opendir(const Request&, NodeId node, std::uint32_t flags) override {
    note("opendir", node, flags);
    return answer(Opened{FileHandle{12}, kFopenCacheDir, 0});
  }
  Async<void> readdir(const Request&, NodeId node, FileHandle handle, Cookie from, DirectoryWriter& out) override {
    note(out.plus() ? "readdirplus" : "readdir", node, handle, from);
    if (error != 0) return Errno(error);
    out.add(".", Cookie{1}, 1, 4);
    out.add("file", Cookie{2}, some_entry());
    return Result<void>{};
  }
  Async<void> releasedir(NodeId node, FileHandle handle, const Release&) override {
    note("releasedir", node, handle);
    return answer();
  }
  Async<void> fsyncdir(const Request&, NodeId node, FileHandle handle, SyncKind kind) override {
    note("fsyncdir", node, handle, kind == SyncKind::kDataOnly ? "data" : "all");
    return answer();
  }
  Async<FilesystemStatistics> statfs(const Request&, NodeId node) override {
    note("statfs", node);
    return answer(FilesystemStatistics{1, 2, 3, 4, 5, 6, 7, 8});
  }
  Async<void> syncfs(const Request&, NodeId node) override {
    note("syncfs", node);
    return answer();
  }
  Async<void> setxattr(const Request&, NodeId node, std::string_view name, const SetXattr& attribute) override {
    note("setxattr", node, name, text_of(attribute.value), attribute.flags, attribute.ext_flags);
    return answer();
  }
  Async<void> getxattr(const Request&, NodeId node, std::string_view name, XattrWriter& out) override {
    note("getxattr", node, name);
    out.set("value");
    return answer();
  }
  Async<void> listxattr(const Request&, NodeId node, XattrListWriter& out) override {
    note("listxattr", node);
    out.add("user.a");
    out.add("user.b");
    return answer();
  }
  Async<void> removexattr(const Request&, NodeId node, std::string_view name) override {
    note("removexattr", node, name);
    return answer();
  }
  Async<FileLock> getlk(const Request&, NodeId node, FileHandle handle, LockOwner owner,
                        const FileLock& lock) override {
    note("getlk", node, handle, owner, lock.start, lock.end, lock.type, lock.pid);
    return answer(FileLock{1, 2, F_WRLCK, 4});
  }
  Async<void> setlk(const Request&, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override {
    note("setlk", node, handle, owner, lock.start, lock.end, lock.type, wait == LockWait::kYes ? "wait" : "try");
    return answer();
  }
  Async<void> flock(const Request&, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                    LockWait wait) override {
    note("flock", node, handle, owner, lock.type, wait == LockWait::kYes ? "wait" : "try");
    return answer();
  }
  Async<std::uint64_t> bmap(const Request&, NodeId node, std::uint64_t block, std::uint32_t block_size) override {
    note("bmap", node, block, block_size);
    return answer(std::uint64_t{88});
  }
  Async<std::int32_t> ioctl(const Request&, NodeId node, FileHandle handle, const IoctlRequest& what,
                            DataWriter& out) override {
    note("ioctl", node, handle, what.command, what.flags, what.argument, text_of(what.input), what.output_size);
    out.append(bytes_of("out"));
    return answer(std::int32_t{-5});
  }
  Async<std::uint32_t> poll(const Request&, NodeId node, FileHandle handle, const PollRequest& what) override {
    note("poll", node, handle, what.events, what.notify_handle.value_or(999));
    return answer(std::uint32_t{POLLIN});
  }
  Async<void> fallocate(const Request&, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override {
    note("fallocate", node, handle, offset, length, mode);
    return answer();
  }
  Async<Offset> lseek(const Request&, NodeId node, FileHandle handle, Offset offset, std::uint32_t whence) override {
    note("lseek", node, handle, offset, whence);
    return answer(Offset{1ULL << 40});
  }
  Async<std::uint64_t> copy_file_range(const Request&, const CopyRange& range) override {
    note("copy", range.node_in, range.handle_in, range.offset_in, range.node_out, range.handle_out, range.offset_out,
         range.length, range.flags);
    return answer(range.length);
  }
  Async<void> retrieve_reply(const Request&, NodeId node, std::uint64_t notify_unique, Offset offset,
                             Bytes data) override {
    note("retrieve_reply", node, notify_unique, offset, text_of(data));
    return answer();
  }
};

class HandlersTest : public testing::Test {
 protected:
  HandlersTest() {
    client_.init().get().value();
    client_.set_caller({.uid = 1000, .gid = 100, .pid = 4711});
    client_.set_time(5'000'000'001);
  }
  ~HandlersTest() override { server_.disconnect(); }

  Scripted& scripted() { return static_cast<Scripted&>(server_.operations()); }
  std::string called() { return std::exchange(scripted().log, ""); }

  /// Both outcomes of one request: `call` made once for each.
  template <class Call>
  auto succeeds_and_fails(Call call, std::string_view expected_call) {
    auto success = call().get();
    EXPECT_EQ(called(), expected_call);
    EXPECT_TRUE(success.has_value());
    scripted().error = EREMOTEIO;
    const auto failure = call().get();
    EXPECT_FALSE(failure.has_value());
    if (!failure) {
      EXPECT_EQ(failure.error(), Errno(EREMOTEIO));
    }
    EXPECT_EQ(called(), expected_call) << "on the failing call";
    scripted().error = 0;
    return success;
  }

  static void expect_attributes(const Attributes& actual) {
    const Attributes expected = some_attributes();
    EXPECT_EQ(actual.ino, expected.ino);
    EXPECT_EQ(actual.size, expected.size);
    EXPECT_EQ(actual.blocks, expected.blocks);
    EXPECT_EQ(actual.atime, expected.atime);
    EXPECT_EQ(actual.mtime, expected.mtime);
    EXPECT_EQ(actual.ctime, expected.ctime);
    EXPECT_EQ(actual.nlink, expected.nlink);
    EXPECT_EQ(actual.uid, expected.uid);
    EXPECT_EQ(actual.gid, expected.gid);
    EXPECT_EQ(actual.rdev, expected.rdev);
    EXPECT_EQ(actual.block_size, expected.block_size);
  }
  static void expect_entry(const Entry& entry) {
    EXPECT_EQ(entry.node, NodeId{42});
    EXPECT_EQ(entry.generation, 9U);
    EXPECT_EQ(entry.entry_timeout.nanoseconds, 1'500'000'000U);
    EXPECT_EQ(entry.attribute_timeout.nanoseconds, 2'000'000'001U);
    EXPECT_EQ(entry.attributes.mode, some_attributes().mode);
    expect_attributes(entry.attributes);
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  OperationsServer server_{std::make_unique<Scripted>(), {.executor = &executor_, .clock = &clock_, .log = {}}};
  Client client_{server_, &executor_};
};

TEST_F(HandlersTest, Lookup) {
  expect_entry(
      succeeds_and_fails([&] { return client_.lookup(NodeId{3}, "name"); }, "lookup n3 name 1000 100 4711 5 ").value());
}

TEST_F(HandlersTest, ForgetAndBatchForgetAreNotAnswered) {
  client_.forget(NodeId{3}, 7);
  EXPECT_EQ(called(), "forget n3 7 ");
  client_.batch_forget({{.nodeid = 4, .nlookup = 1}, {.nodeid = 5, .nlookup = 1ULL << 40}});
  EXPECT_EQ(called(), "forget n4 1 forget n5 1099511627776 ");
  EXPECT_EQ(client_.stray_replies(), 0U);
}

TEST_F(HandlersTest, AttributesRequests) {
  const auto got = succeeds_and_fails([&] { return client_.getattr(NodeId{3}); }, "getattr n3 999 ").value();
  expect_attributes(got.attributes);
  EXPECT_EQ(got.timeout.nanoseconds, 3'000'000'007U);
  succeeds_and_fails([&] { return client_.getattr(NodeId{3}, FileHandle{6}); }, "getattr n3 6 ").value();

  SetAttributes changes;
  changes.valid = kSetattrMode | kSetattrMtime;
  changes.mode = 0600;
  changes.uid = 1;
  changes.gid = 2;
  changes.size = 3;
  changes.atime = {4, 5};
  changes.mtime = {-6, 7};
  changes.ctime = {8, 9};
  succeeds_and_fails([&] { return client_.setattr(NodeId{3}, changes); },
                     "setattr n3 33 384 1 2 3 4 5 -6 7 8 9 999 999 ")
      .value();
  changes.handle = FileHandle{10};
  changes.lock_owner = LockOwner{11};
  succeeds_and_fails([&] { return client_.setattr(NodeId{3}, changes); },
                     "setattr n3 609 384 1 2 3 4 5 -6 7 8 9 10 11 ")
      .value();

  const auto statx =
      succeeds_and_fails([&] { return client_.statx(NodeId{3}, {.handle = FileHandle{2}, .flags = 1, .mask = 0xfff}); },
                         "statx n3 1 4095 2 ")
          .value();
  expect_attributes(statx.attributes);
  EXPECT_EQ(statx.birth, (Timestamp{11, 12}));
  EXPECT_EQ(statx.mask, STATX_BASIC_STATS | STATX_BTIME);
  EXPECT_EQ(statx.statx_attributes_mask, 0x30U);
  succeeds_and_fails([&] { return client_.access(NodeId{3}, R_OK); }, "access n3 4 ").value();
}

TEST_F(HandlersTest, NamesAreMadeAndRemoved) {
  expect_entry(
      succeeds_and_fails([&] { return client_.symlink(NodeId{3}, "link", "a/target"); }, "symlink n3 link a/target 0 ")
          .value());
  Extensions extensions;
  const auto context = bytes_of("context");
  extensions.security_contexts.push_back({.name = "security.test", .value = context});
  extensions.groups = {7, 8};
  expect_entry(succeeds_and_fails([&] { return client_.mknod(NodeId{3}, "dev", S_IFCHR | 0600, 259, extensions); },
                                  "mknod n3 dev 8576 259 security.test context 7 8 ")
                   .value());
  expect_entry(succeeds_and_fails([&] { return client_.mkdir(NodeId{3}, "dir", 0755); }, "mkdir n3 dir 493 ").value());
  succeeds_and_fails([&] { return client_.unlink(NodeId{3}, "a"); }, "unlink n3 a ").value();
  succeeds_and_fails([&] { return client_.rmdir(NodeId{3}, "d"); }, "rmdir n3 d ").value();
  succeeds_and_fails([&] { return client_.rename(NodeId{3}, "a", NodeId{4}, "b"); }, "rename n3 a n4 b 0 ").value();
  succeeds_and_fails([&] { return client_.rename(NodeId{3}, "a", NodeId{4}, "b", 2); }, "rename n3 a n4 b 2 ").value();
  expect_entry(succeeds_and_fails([&] { return client_.link(NodeId{5}, NodeId{3}, "b"); }, "link n5 n3 b ").value());
  EXPECT_EQ(succeeds_and_fails([&] { return client_.readlink(NodeId{3}); }, "readlink n3 ").value(), "to/where");
}

TEST_F(HandlersTest, FilesAreOpenedReadWrittenAndClosed) {
  const auto opened = succeeds_and_fails([&] { return client_.open(NodeId{3}, O_RDWR); }, "open n3 2 ").value();
  EXPECT_EQ(opened.handle, FileHandle{8});
  EXPECT_EQ(opened.flags, kFopenKeepCache);
  EXPECT_EQ(opened.backing_id, 3);
  const auto created = succeeds_and_fails([&] { return client_.create(NodeId{3}, "new", S_IFREG | 0644, O_RDWR); },
                                          "create n3 new 33188 2 ")
                           .value();
  expect_entry(created.entry);
  EXPECT_EQ(created.opened.flags, kFopenDirectIo);
  expect_entry(
      succeeds_and_fails([&] { return client_.tmpfile(NodeId{3}, S_IFREG | 0600, O_RDWR); }, "tmpfile n3 33152 2 ")
          .value()
          .entry);
  EXPECT_EQ(text_of(succeeds_and_fails([&] { return client_.read(NodeId{3}, FileHandle{8}, 100, 4096); },
                                       "read n3 h8 100 4096 ")
                        .value()),
            "hello");
  const auto data = bytes_of("data");
  EXPECT_EQ(succeeds_and_fails([&] { return client_.write(NodeId{3}, FileHandle{8}, 1ULL << 33, data, kWriteCache); },
                               "write n3 h8 8589934592 data 1 ")
                .value(),
            4U);
  succeeds_and_fails([&] { return client_.flush(NodeId{3}, FileHandle{8}, LockOwner{9}); }, "flush n3 h8 o9 ").value();
  succeeds_and_fails(
      [&] {
        return client_.release(NodeId{3}, FileHandle{8},
                               {.flags = 2, .release_flags = kReleaseFlockUnlock, .lock_owner = LockOwner{9}});
      },
      "release n3 h8 2 2 o9 ")
      .value();
  succeeds_and_fails([&] { return client_.fsync(NodeId{3}, FileHandle{8}); }, "fsync n3 h8 all ").value();
  succeeds_and_fails([&] { return client_.fsync(NodeId{3}, FileHandle{8}, SyncKind::kDataOnly); }, "fsync n3 h8 data ")
      .value();
}

TEST_F(HandlersTest, DirectoriesAreListed) {
  EXPECT_EQ(succeeds_and_fails([&] { return client_.opendir(NodeId{3}); }, "opendir n3 0 ").value().handle,
            FileHandle{12});
  const auto plus = succeeds_and_fails([&] { return client_.readdirplus(NodeId{3}, FileHandle{12}, Cookie{5}); },
                                       "readdirplus n3 h12 c5 ")
                        .value();
  ASSERT_EQ(plus.size(), 2U);
  EXPECT_EQ(plus[0].name, ".");
  EXPECT_EQ(plus[0].entry.node, NodeId{0});
  EXPECT_EQ(plus[1].name, "file");
  EXPECT_EQ(plus[1].next, Cookie{2});
  EXPECT_EQ(plus[1].type, S_IFREG >> 12);
  expect_entry(plus[1].entry);
  const auto plain = client_.readdir(NodeId{3}, FileHandle{12}, Cookie{0}).get().value();
  executor_.run_ready();
  EXPECT_EQ(called(), "readdir n3 h12 c0 forget n42 1 ") << "a plain page carries no lookup: it is taken back";
  ASSERT_EQ(plain.size(), 2U);
  EXPECT_EQ(plain[1].ino, 77U);
  succeeds_and_fails([&] { return client_.releasedir(NodeId{3}, FileHandle{12}); }, "releasedir n3 h12 ").value();
  succeeds_and_fails([&] { return client_.fsyncdir(NodeId{3}, FileHandle{12}); }, "fsyncdir n3 h12 all ").value();
}

TEST_F(HandlersTest, TheFilesystemAsAWhole) {
  const auto totals = succeeds_and_fails([&] { return client_.statfs(); }, "statfs n1 ").value();
  EXPECT_EQ(totals.blocks, 1U);
  EXPECT_EQ(totals.blocks_free, 2U);
  EXPECT_EQ(totals.blocks_available, 3U);
  EXPECT_EQ(totals.files, 4U);
  EXPECT_EQ(totals.files_free, 5U);
  EXPECT_EQ(totals.block_size, 6U);
  EXPECT_EQ(totals.fragment_size, 7U);
  EXPECT_EQ(totals.name_length, 8U);
  succeeds_and_fails([&] { return client_.syncfs(); }, "syncfs n1 ").value();
}

TEST_F(HandlersTest, ExtendedAttributes) {
  const auto value = bytes_of("v");
  succeeds_and_fails(
      [&] {
        return client_.setxattr(NodeId{3}, "user.a", {.value = value, .flags = 1, .ext_flags = kSetxattrAclKillSgid});
      },
      "setxattr n3 user.a v 1 1 ")
      .value();
  EXPECT_EQ(
      text_of(succeeds_and_fails([&] { return client_.getxattr(NodeId{3}, "user.a"); }, "getxattr n3 user.a ").value()),
      "value");
  EXPECT_EQ(
      succeeds_and_fails([&] { return client_.getxattr_size(NodeId{3}, "user.a"); }, "getxattr n3 user.a ").value(),
      5U);
  EXPECT_EQ(client_.getxattr(NodeId{3}, "user.a", 4).get().error(), Errno(ERANGE));
  called();
  EXPECT_EQ(succeeds_and_fails([&] { return client_.listxattr(NodeId{3}); }, "listxattr n3 ").value(),
            (std::vector<std::string>{"user.a", "user.b"}));
  EXPECT_EQ(succeeds_and_fails([&] { return client_.listxattr_size(NodeId{3}); }, "listxattr n3 ").value(), 14U);
  EXPECT_EQ(client_.listxattr(NodeId{3}, 13).get().error(), Errno(ERANGE));
  called();
  succeeds_and_fails([&] { return client_.removexattr(NodeId{3}, "user.a"); }, "removexattr n3 user.a ").value();
}

TEST_F(HandlersTest, Locks) {
  const FileLock lock{10, 20, F_RDLCK, 30};
  const auto found = succeeds_and_fails([&] { return client_.getlk(NodeId{3}, FileHandle{8}, LockOwner{9}, lock); },
                                        "getlk n3 h8 o9 10 20 0 30 ")
                         .value();
  EXPECT_EQ(found.start, 1U);
  EXPECT_EQ(found.end, 2U);
  EXPECT_EQ(found.type, static_cast<std::uint32_t>(F_WRLCK));
  EXPECT_EQ(found.pid, 4U);
  const auto set = [&](LockWait wait) { return client_.setlk(NodeId{3}, FileHandle{8}, LockOwner{9}, lock, wait); };
  succeeds_and_fails([&] { return set(LockWait::kNo); }, "setlk n3 h8 o9 10 20 0 try ").value();
  succeeds_and_fails([&] { return set(LockWait::kYes); }, "setlk n3 h8 o9 10 20 0 wait ").value();
  const auto flock = [&](LockWait wait) { return client_.flock(NodeId{3}, FileHandle{8}, LockOwner{9}, lock, wait); };
  succeeds_and_fails([&] { return flock(LockWait::kNo); }, "flock n3 h8 o9 0 try ").value();
  succeeds_and_fails([&] { return flock(LockWait::kYes); }, "flock n3 h8 o9 0 wait ").value();
}

TEST_F(HandlersTest, WhatTheKernelAsksOfAFilesFlagsIsAnsweredWhole) {
  const auto ioctl =
      client_.ioctl(NodeId{3}, FileHandle{8}, {.command = FS_IOC_GETFLAGS, .output_size = 6}).get().value();
  EXPECT_EQ(text_of(ioctl.output), std::string("out\0\0\0", 6));
}

TEST_F(HandlersTest, EverythingElse) {
  EXPECT_EQ(succeeds_and_fails([&] { return client_.bmap(NodeId{3}, 4, 512); }, "bmap n3 4 512 ").value(), 88U);
  const auto input = bytes_of("in");
  const auto ioctl =
      succeeds_and_fails(
          [&] {
            return client_.ioctl(NodeId{3}, FileHandle{8},
                                 {.command = 1, .flags = 2, .argument = 3, .input = input, .output_size = 64});
          },
          "ioctl n3 h8 1 2 3 in 64 ")
          .value();
  EXPECT_EQ(ioctl.result, -5);
  EXPECT_EQ(text_of(ioctl.output), "out");
  EXPECT_EQ(succeeds_and_fails([&] { return client_.poll(NodeId{3}, FileHandle{8}, {.events = POLLIN}); },
                               "poll n3 h8 1 999 ")
                .value(),
            static_cast<std::uint32_t>(POLLIN));
  succeeds_and_fails([&] { return client_.poll(NodeId{3}, FileHandle{8}, {.events = POLLIN, .notify_handle = 5}); },
                     "poll n3 h8 1 5 ")
      .value();
  succeeds_and_fails([&] { return client_.fallocate(NodeId{3}, FileHandle{8}, 1, 2, 3); }, "fallocate n3 h8 1 2 3 ")
      .value();
  EXPECT_EQ(
      succeeds_and_fails([&] { return client_.lseek(NodeId{3}, FileHandle{8}, 5, 3); }, "lseek n3 h8 5 3 ").value(),
      1ULL << 40);
  const CopyRange range{NodeId{3}, FileHandle{4}, 5, NodeId{6}, FileHandle{7}, 8, 1ULL << 33, 0};
  EXPECT_EQ(
      succeeds_and_fails([&] { return client_.copy_file_range(range); }, "copy n3 h4 5 n6 h7 8 8589934592 0 ").value(),
      1ULL << 33);
  CopyRange small = range;
  small.length = 9;
  EXPECT_EQ(succeeds_and_fails([&] { return client_.copy_file_range_32(small); }, "copy n3 h4 5 n6 h7 8 9 0 ").value(),
            9U);
  const auto data = bytes_of("page");
  client_.retrieve_reply(71, NodeId{3}, 4096, data);
  EXPECT_EQ(called(), "retrieve_reply n3 71 4096 page ");
  EXPECT_TRUE(client_.destroy().get().has_value());
}

TEST(Defaults, AnswerAsDocumented) {
  ManualClock clock;
  ManualExecutor executor(clock);
  OperationsServer server(std::make_unique<Operations>(), {.executor = &executor, .clock = &clock, .log = {}});
  Client client(server, &executor);
  client.init().get().value();
  EXPECT_EQ(client.open(NodeId{3}, 0).get().value().handle, FileHandle{0});
  EXPECT_EQ(client.opendir(NodeId{3}).get().value().handle, FileHandle{0});
  EXPECT_TRUE(client.release(NodeId{3}, FileHandle{0}).get().has_value());
  EXPECT_TRUE(client.releasedir(NodeId{3}, FileHandle{0}).get().has_value());
  EXPECT_EQ(client.statfs().get().value().name_length, 255U);
  const Errno enosys(ENOSYS);
  EXPECT_EQ(client.lookup(kRoot, "a").get().error(), enosys);
  EXPECT_EQ(client.getattr(kRoot).get().error(), enosys);
  EXPECT_EQ(client.read(kRoot, FileHandle{0}, 0, 1).get().error(), enosys);
  EXPECT_EQ(client.flush(kRoot, FileHandle{0}).get().error(), enosys);
  EXPECT_EQ(client.access(kRoot, 0).get().error(), enosys);
  server.disconnect();
}

}  // namespace
}  // namespace fusereplay
