// LibfuseServer and ThreadedServer at their edges: refused replies, replies from other threads, the end.
#define FUSE_USE_VERSION 314

#include "core/session/libfuse_server.h"

#include <fuse_lowlevel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "core/server/threaded_server.h"
#include "simulator/mount.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A directory of files of any name; every operation replies from a thread of its own if it is told so.
struct AnyName {
  bool threads = false;
  std::atomic<std::uint64_t> never_answered{0};  // a nodeid whose GETATTR gets no answer before the end
  fuse_req_t unanswered = nullptr;
  std::vector<std::thread> running;
  std::vector<int> results;  // of fuse_reply_entry
  std::vector<fuse_ino_t> forgotten;
  bool destroyed = false;

  template <class Body>
  void run(Body body) {
    if (threads) {
      join();  // one at a time is enough
      running.emplace_back(body);
    } else {
      body();
    }
  }
  void join() {
    for (std::thread& thread : running) thread.join();
    running.clear();
  }
};

AnyName& fs(fuse_req_t request) {
  return *static_cast<AnyName*>(fuse_req_userdata(request));
}

struct stat attributes(fuse_ino_t number) {
  struct stat stat {};
  stat.st_ino = number;
  stat.st_mode = number == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
  stat.st_nlink = number == FUSE_ROOT_ID ? 2 : 1;
  return stat;
}

void do_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
  const fuse_ino_t number = 1 + std::strlen(name);
  fs(request).run([request, number] {
    AnyName& self = fs(request);
    fuse_entry_param entry{};
    entry.ino = number;
    entry.attr = attributes(number);
    self.results.push_back(fuse_reply_entry(request, &entry));
  });
}
void do_getattr(fuse_req_t request, fuse_ino_t number, fuse_file_info*) {
  if (fs(request).never_answered == number) {
    fs(request).unanswered = request;
    return;
  }
  fs(request).run([request, number] {
    const struct stat stat = attributes(number);
    fuse_reply_attr(request, &stat, 0);
  });
}
void do_forget(fuse_req_t request, fuse_ino_t number, std::uint64_t) {
  fs(request).forgotten.push_back(number);
  fuse_reply_none(request);
}
void do_destroy(void* userdata) {
  auto& self = *static_cast<AnyName*>(userdata);
  self.join();
  if (self.unanswered != nullptr) fuse_reply_err(self.unanswered, EIO);  // nobody waits any more
  self.destroyed = true;
}

constexpr fuse_lowlevel_ops make_operations() {
  fuse_lowlevel_ops operations{};
  operations.lookup = do_lookup;
  operations.getattr = do_getattr;
  operations.forget = do_forget;
  operations.destroy = do_destroy;
  return operations;
}
constexpr fuse_lowlevel_ops kOperations = make_operations();

std::unique_ptr<LibfuseServer> server_of(AnyName& filesystem) {
  auto server = LibfuseServer::low_level(&kOperations, sizeof(kOperations), &filesystem);
  EXPECT_TRUE(server.has_value()) << (server ? "" : server.error());
  return std::move(*server);
}

TEST(LibfuseServer, TellsTheFilesystemThatItsReplyWasRefused) {
  AnyName filesystem;
  {
    SimulatedMount mount(server_of(filesystem));
    EXPECT_TRUE(mount.stat("/a"));
    mount.refuse_next_reply(Errno(ENOENT));
    EXPECT_EQ(mount.stat("/bb").error(), Errno(ECONNABORTED));
    EXPECT_THAT(filesystem.results, ElementsAre(0, -ENOENT));
    mount.drop_caches();
    EXPECT_THAT(filesystem.forgotten, ElementsAre(2)) << "what was refused was not counted";
    EXPECT_FALSE(filesystem.destroyed);
  }
  EXPECT_TRUE(filesystem.destroyed);
}

TEST(LibfuseServer, NamesWhatLibfuseDoesNotAccept) {
  AnyName filesystem;
  const auto server = LibfuseServer::low_level(&kOperations, sizeof(kOperations), &filesystem, {"--no-such-option"});
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error(), "fuse_session_new failed");
}

TEST(LibfuseServer, ServesSeveralConnectionsOfOneProcess) {
  AnyName one;
  AnyName two;
  SimulatedMount first(server_of(one));
  {
    SimulatedMount second(server_of(two));
    EXPECT_TRUE(second.stat("/a"));
    EXPECT_TRUE(first.stat("/a"));
  }
  EXPECT_TRUE(two.destroyed);
  EXPECT_TRUE(first.stat("/bb"));
  EXPECT_EQ(first.trouble(), "");
}

TEST(ThreadedServer, BringsRepliesOfOtherThreadsToTheMount) {
  AnyName filesystem;
  filesystem.threads = true;
  SimulatedMount mount(std::make_unique<ThreadedServer>(server_of(filesystem), ThreadedServer::Options{}));
  for (const char* path : {"/a", "/bb", "/ccc", "/a"}) EXPECT_TRUE(mount.stat(path));
  EXPECT_EQ(mount.lookup_counts().size(), 3U);
  mount.drop_caches();
  EXPECT_TRUE(mount.lookup_counts().empty());
  EXPECT_EQ(filesystem.forgotten.size(), 3U) << "FORGETs are handled before the call returns";
  EXPECT_EQ(mount.trouble(), "");
}

TEST(ThreadedServer, GivesUpWhatIsNotAnswered) {
  AnyName filesystem;
  ThreadedServer::Options options;
  options.patience = std::chrono::milliseconds(200);
  SimulatedMount mount(std::make_unique<ThreadedServer>(server_of(filesystem), options));
  filesystem.never_answered = FUSE_ROOT_ID;
  EXPECT_EQ(mount.stat("/").error(), Errno(EDEADLK));
  EXPECT_THAT(mount.dead_ends(), ElementsAre(HasSubstr("the server has not answered for 200 ms")));
  EXPECT_TRUE(mount.stat("/a")) << "it goes on";
}

/// Sends from a thread that nobody waits for, and remembers what came of it.
class Nagging final : public Server {
 public:
  void handle(IncomingRequest, ReplyChannel& replies) override {
    if (sender_.joinable()) return;
    sender_ = std::thread([this, &replies] {
      const wire::OutHeader header{.len = sizeof(header), .error = 0, .unique = 4};  // nobody's
      while (result >= 0) {
        result = replies.send({.head = std::as_bytes(std::span(&header, 1)), .tail = {}});
      }
    });
  }
  void disconnect() override { sender_.join(); }
  std::atomic<std::int64_t> result{0};

 private:
  std::thread sender_;
};

TEST(ThreadedServer, RefusesWhatIsSentWhenTheConnectionIsGone) {
  struct Accepting final : ReplyChannel {
    std::int64_t send(const Message& message) override { return static_cast<std::int64_t>(message.size()); }
  } accepting;
  auto owned = std::make_unique<Nagging>();
  Nagging& nagging = *owned;
  ThreadedServer server(std::move(owned), {});
  const wire::InHeader header{.len = sizeof(header),
                              .opcode = static_cast<std::uint32_t>(Opcode::kStatfs),
                              .unique = 2,
                              .nodeid = 1,
                              .uid = 0,
                              .gid = 0,
                              .pid = 0,
                              .total_extlen = 0,
                              .padding = 0};
  IncomingRequest request;
  request.bytes = std::as_bytes(std::span(&header, 1));
  server.handle(request, accepting);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(server.run_one(), ServerProgress::kDone);
  server.disconnect();
  EXPECT_EQ(nagging.result, -ENOENT);
}

}  // namespace
}  // namespace fusereplay
