// A recording made over an existing tree, replayed on an empty filesystem that is prepared first.
#include "replayer/prepare.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

std::string big_data() {
  std::string data(300'000, ' ');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
  return data;
}

/// What was there before the recording: everything that a tree can hold.
void existing_tree(Caller& caller) {
  const std::uint64_t directory = caller.mkdir(1, "directory").nodeid();
  const std::uint64_t inner = caller.mkdir(directory, "inner").nodeid();
  const Reply file = caller.create(directory, "file");
  const std::string data = big_data();
  for (std::size_t at = 0; at < data.size(); at += 100'000)
    caller.write(file.nodeid(), file.created_handle(), at, std::string_view(data).substr(at, 100'000));
  caller.release(Opcode::kRelease, file.nodeid(), file.created_handle());
  caller.setattr_mode(file.nodeid(), S_IFREG | 0640);
  caller.setxattr(file.nodeid(), "user.color", "green");
  caller.link(file.nodeid(), inner, "second name");
  caller.truncate(caller.create(inner, "sparse").nodeid(), 1'000'000);
  caller.call(Opcode::kSymlink, directory, [](MessageBuilder& out) { out.name("symlink").name("inner/second name"); });
  caller.call(Opcode::kMknod, directory, [](MessageBuilder& out) {
    out.add(wire::MknodIn{.mode = S_IFIFO | 0600, .rdev = 0, .umask = 0, .padding = 0}).name("fifo");
  });
  caller.create(1, "never looked at");
}

/// Work on it: looks, reads, writes, removes and renames.
void work(Caller& caller) {
  caller.getattr(1);
  const std::uint64_t listing = caller.open(Opcode::kOpendir, 1).handle();
  caller.read(Opcode::kReaddir, 1, listing, 0, 4096);
  caller.release(Opcode::kReleasedir, 1, listing);
  const std::uint64_t directory = caller.named(Opcode::kLookup, 1, "directory").nodeid();
  const std::uint64_t file = caller.named(Opcode::kLookup, directory, "file").nodeid();
  caller.named(Opcode::kLookup, directory, "missing");
  const std::uint64_t handle = caller.open(Opcode::kOpen, file, 2).handle();
  caller.write(file, handle, 50'000, "written by the recording");  // what is read of it is not presumed
  for (std::uint64_t at = 0; at < 300'000; at += 100'000) caller.read(Opcode::kRead, file, handle, at, 100'000);
  caller.getxattr(file, "user.color", 100);
  const std::uint64_t inner = caller.named(Opcode::kLookup, directory, "inner").nodeid();
  caller.named(Opcode::kLookup, inner, "second name");
  const std::uint64_t sparse = caller.named(Opcode::kLookup, inner, "sparse").nodeid();
  caller.truncate(sparse, 500'000);
  caller.call(Opcode::kReadlink, caller.named(Opcode::kLookup, directory, "symlink").nodeid());
  caller.named(Opcode::kLookup, directory, "fifo");
  caller.rename(directory, "file", inner, "moved");
  caller.named(Opcode::kLookup, inner, "moved");
  caller.named(Opcode::kUnlink, inner, "second name");
  caller.getattr(file);
  caller.create(directory, "file");  // a name that was presumed, for a file that is not
  caller.named(Opcode::kLookup, directory, "file");
  caller.getattr(directory);
  caller.named(Opcode::kRmdir, 1, "directory");  // ENOTEMPTY
  caller.release(Opcode::kRelease, file, handle);
}

/// INIT, then `script` alone, over what `before` made.
Recording record_over(const std::function<void(Caller&)>& before, const std::function<void(Caller&)>& script) {
  Stage stage;
  Mount mount(stage.server);
  Caller init(mount, 1);
  init.init();
  Caller unseen(mount, 1);
  before(unseen);
  Caller seen(mount, 1);
  script(seen);
  stage.server.disconnect();
  return merge({&init, &seen});
}

struct Prepared {
  ReplayReport report;
  std::string error;
  std::size_t names = 0;
};

Prepared replay_prepared(const Recording& recording) {
  RecordingEvents first(recording);
  const PresumedTree tree = PresumedTree::collect(first);
  Prepared result;
  result.names = tree.names();
  ReplayOptions options;
  options.after_init = [&](Server& server, ManualExecutor& executor) {
    const auto done = prepare(tree, server, executor);
    if (!done) result.error = done.error();
    return done.has_value();
  };
  result.report = replay_on_memfs(recording, {}, options);
  return result;
}

TEST(Prepare, MakesATreeOnWhichTheRecordingReplaysWithoutADifference) {
  const Recording recording = record_over(existing_tree, work);
  EXPECT_FALSE(replay_on_memfs(recording).same()) << "without the tree it must not replay";
  const Prepared prepared = replay_prepared(recording);
  EXPECT_EQ(prepared.error, "");
  EXPECT_TRUE(prepared.report.same()) << explain(prepared.report);
  EXPECT_EQ(prepared.names, 8U) << "two in the root, four in directory, two in inner";
}

TEST(Prepare, PresumesNothingOfARecordingThatBeganEmpty) {
  const Recording recording = record_over([](Caller&) {}, existing_tree);
  const Prepared prepared = replay_prepared(recording);
  EXPECT_EQ(prepared.names, 0U);
  EXPECT_TRUE(prepared.report.same()) << explain(prepared.report);
}

/// "other" is node 3, every other name node 2, wherever it is looked up: no filesystem, but a trace may say so.
class OneInTheOther final : public Operations {
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    const NodeId node{name == "other" ? 3U : 2U};
    return Entry{.node = node, .attributes = {.ino = raw(node), .mode = S_IFREG | 0644}};
  }
};

TEST(Prepare, AFileThatLiesWithinItselfHasNoSuchName) {
  Stage stage(std::make_unique<OneInTheOther>());
  Mount mount(stage.server);
  Caller caller(mount, 1);
  caller.init();
  caller.named(Opcode::kLookup, 1, "file");   // node 2
  caller.named(Opcode::kLookup, 2, "other");  // node 3, in node 2
  caller.named(Opcode::kLookup, 2, "self");   // node 2, in node 2
  caller.named(Opcode::kLookup, 3, "back");   // node 2, in node 3, which is in node 2
  stage.server.disconnect();
  RecordingEvents source(caller.events());
  const PresumedTree tree = PresumedTree::collect(source);
  const PresumedNode& file = *tree.root().entries.at("file");
  ASSERT_EQ(file.entries.size(), 1U);
  EXPECT_TRUE(file.entries.at("other")->entries.empty());
}

/// Every name is a directory of its own, whose number is one more.
class OneBelowTheOther final : public Operations {
  Async<Entry> lookup(const Request&, NodeId parent, std::string_view) override {
    const NodeId node{raw(parent) + 1};
    return Entry{.node = node, .attributes = {.ino = raw(node), .mode = S_IFDIR | 0755}};
  }
  Async<void> rmdir(const Request&, NodeId, std::string_view) override { return Result<void>(); }
};

TEST(Prepare, ATreeMayBeAsDeepAsItsRecordingIsLong) {
  constexpr std::uint64_t kDepth = 100'000;
  Stage stage(std::make_unique<OneBelowTheOther>());
  Mount mount(stage.server);
  Caller caller(mount, 1);
  caller.init();
  for (std::uint64_t node = 1; node <= kDepth; ++node) caller.named(Opcode::kLookup, node, "d");
  for (std::uint64_t node = 3; node <= kDepth; ++node) caller.forget(node, 1);
  caller.named(Opcode::kRmdir, 1, "d");
  caller.forget(2, 1);  // nothing holds the topmost directory any more, and nothing but it the others
  stage.server.disconnect();
  RecordingEvents source(caller.events());
  EXPECT_EQ(PresumedTree::collect(source).root().entries.size(), 1U);
}

TEST(Prepare, SaysWhichFileItCouldNotMake) {
  Recording recording = record_over(existing_tree, work);
  RecordingEvents first(recording);
  const PresumedTree tree = PresumedTree::collect(first);
  Stage full(MemfsOptions{.capacity = 100'000});
  Mount mount(full.server);
  Caller caller(mount, 1);
  caller.init();
  const auto done = prepare(tree, full.server, full.executor);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().rfind("cannot prepare '/directory/file': WRITE took ", 0), 0U) << done.error();
  full.server.disconnect();
}

}  // namespace
}  // namespace fusereplay::test
