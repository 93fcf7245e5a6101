// The notifier behind the dispatcher, with a kernel that takes what it is told, says what the test wants, and may take
// its time.
#include "core/operations/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <mutex>
#include <semaphore>
#include <set>
#include <string>
#include <thread>

#include "core/async/sync.h"
#include "core/protocol/builder.h"
#include "core/protocol/view.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::chrono::milliseconds kLong{60'000};

/// Writes down what the server sends: "reply 4", "NOTIFY_STORE 2".
class Tape final : public ReplyChannel {
 public:
  std::int64_t send(const Message& message) override {
    const auto header = read_out_header(message).value();
    std::unique_lock lock(mutex_);
    if (header.unique != 0) {
      lines_.push_back("reply " + std::to_string(header.unique));
      changed_.notify_all();
      return static_cast<std::int64_t>(message.size());
    }
    const auto view = NotificationView::parse(message);
    if (!view) return -EINVAL;
    std::uint64_t node = 0;  // every struct but RETRIEVE's begins with one
    if (message.size() >= sizeof(header) + sizeof(node)) {
      std::memcpy(&node, message.head.data() + sizeof(header), sizeof(node));
    }
    const std::string line = std::string(notify_name(view->code())) + " " + std::to_string(node);
    lines_.push_back(line);
    last_.assign(message.head.begin(), message.head.end());
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_.contains(node) || view->code() == NotifyCode::kRetrieve; });
    written_.push_back(line);
    return error_ != 0 ? -error_ : static_cast<std::int64_t>(message.size());
  }

  /// Writes about this node wait until it is let go.
  void hold(std::uint64_t node) {
    const std::lock_guard lock(mutex_);
    held_.insert(node);
  }
  void let_go(std::uint64_t node) {
    const std::lock_guard lock(mutex_);
    held_.erase(node);
    changed_.notify_all();
  }
  void fail_with(int error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  void wait_for(const std::string& line) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLong, [&] {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    })) << line;
  }
  /// What was begun so far; forgotten then.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }
  std::vector<std::string> written() const {
    const std::lock_guard lock(mutex_);
    return written_;
  }
  std::vector<std::byte> last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::set<std::uint64_t> held_;
  std::vector<std::string> lines_;
  std::vector<std::string> written_;
  std::vector<std::byte> last_;
  int error_ = 0;
};

/// LOOKUP of a name does what the test has put under it.
class Scripted final : public Operations {
 public:
  using Script = std::function<Async<void>()>;

  Async<void> init(Connection& connection) override {
    connection_ = &connection;
    if (in_init) co_await in_init();
    co_return {};
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    co_await scripts.at(std::string(name))();
    co_return Errno(ENOENT);
  }
  Async<void> forget(NodeId, std::uint64_t) override {
    if (in_forget) co_await in_forget();
    co_return {};
  }
  Async<void> retrieve_reply(const Request&, NodeId, std::uint64_t unique, Offset, Bytes) override {
    strange_replies.push_back(unique);
    return Result<void>();
  }
  Notifier& notifier() const { return connection_->notifier(); }
  Connection& connection() const { return *connection_; }

  std::map<std::string, Script> scripts;
  Script in_init;
  Script in_forget;
  std::vector<std::uint64_t> strange_replies;

 private:
  Connection* connection_ = nullptr;
};

/// A server, and requests for it.
class Stage {
 public:
  explicit Stage(Executor* executor = nullptr)
      : server(std::make_unique<Scripted>(),
               {.executor = executor, .clock = nullptr, .log = [this](std::string_view line) {
                  const std::lock_guard lock(mutex);
                  log.emplace_back(line);
                }}) {}
  ~Stage() {
    if (!ended) server.disconnect();
  }
  Scripted& fs() { return static_cast<Scripted&>(server.operations()); }

  void init(std::uint32_t minor = kProtocolMinor) {
    wire::InitIn in{};
    in.major = kProtocolMajor;
    in.minor = minor;
    send(Opcode::kInit, 0, [&](MessageBuilder& message) { message.add(in); });
    tape.take();
  }
  std::uint64_t lookup(std::string_view name) {
    return send(Opcode::kLookup, 1, [&](MessageBuilder& message) { message.name(name); });
  }
  void retrieved(std::uint64_t number, std::uint64_t node, std::uint64_t offset, std::string_view data) {
    wire::NotifyRetrieveIn in{};
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    unique_ = number - 2;
    send(Opcode::kNotifyReply, node,
         [&](MessageBuilder& message) { message.add(in).bytes(std::as_bytes(std::span(data))); });
    unique_ = 1000;
  }
  std::uint64_t send(Opcode opcode, std::uint64_t nodeid, const std::function<void(MessageBuilder&)>& body) {
    wire::InHeader header{};
    header.unique = unique_ += 2;
    header.nodeid = nodeid;
    MessageBuilder message;
    message.start_request(opcode, header);
    body(message);
    const Bytes bytes = message.finish();
    IncomingRequest request;
    request.buffer = BufferRef::allocate(bytes.size());
    std::memcpy(request.buffer->data(), bytes.data(), bytes.size());
    request.bytes = Bytes(request.buffer->data(), bytes.size());
    server.handle(std::move(request), tape);
    return unique_;
  }
  void disconnect() {
    ended = true;
    server.disconnect();
  }

  Tape tape;
  std::mutex mutex;
  std::vector<std::string> log;  // guarded by mutex
  OperationsServer server;
  bool ended = false;

 private:
  std::uint64_t unique_ = 0;
};

/// What each way to send is called with.
struct Way {
  const char* name;
  std::uint32_t since;
  std::function<Notification(Notifier&)> make;
};

std::vector<Way> all_ways() {
  static const std::array<std::byte, 3> data{};
  static const std::array<NodeId, 2> nodes{NodeId(8), NodeId(9)};
  return {{"inval_entry", 12, [](Notifier& n) { return n.inval_entry(NodeId(5), "name"); }},
          {"expire_entry", 38, [](Notifier& n) { return n.expire_entry(NodeId(5), "name"); }},
          {"delete_entry", 18, [](Notifier& n) { return n.delete_entry(NodeId(5), NodeId(6), "name"); }},
          {"inval_inode", 12, [](Notifier& n) { return n.inval_inode(NodeId(5), 4096, 10); }},
          {"inval_attributes", 12, [](Notifier& n) { return n.inval_attributes(NodeId(5)); }},
          {"store", 15, [](Notifier& n) { return n.store(NodeId(5), 7, data); }},
          {"prune", 45, [](Notifier& n) { return n.prune(nodes); }}};
}

struct NotifierTest : ::testing::Test {
  ManualClock clock;
  ManualExecutor executor{clock};
  Stage stage{&executor};
  Scripted& fs() { return stage.fs(); }
};

TEST_F(NotifierTest, WhatAHandlerAwaitsFollowsItsReply) {
  stage.init();
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    std::optional<Notified> told;
    fs().scripts["a"] = [&]() -> Async<void> {
      told = co_await way.make(fs().notifier());
      co_return {};
    };
    const std::uint64_t unique = stage.lookup("a");
    EXPECT_TRUE(told && told->queued());
    EXPECT_THAT(stage.tape.take(), ElementsAre("reply " + std::to_string(unique)));
    executor.run_ready();
    EXPECT_THAT(stage.tape.take(), SizeIs(1));
  }
}

TEST_F(NotifierTest, HoweverDeepInItsTasksAndHoweverLate) {
  stage.init();
  AsyncEvent event;
  std::optional<Notified> told;
  const auto deepest = [&]() -> Async<void> {
    co_await event.wait();
    told = co_await fs().notifier().inval_entry(NodeId(5), "x");
    co_return {};
  };
  const auto deep = [&]() -> Async<int> {
    co_await deepest();
    co_return 1;
  };
  fs().scripts["a"] = [&]() -> Async<void> {
    static_cast<void>(co_await as_result(deep()));
    fs().notifier().poll(3);
    co_return {};
  };
  const std::uint64_t unique = stage.lookup("a");
  EXPECT_THAT(stage.tape.take(), IsEmpty());
  event.set();
  executor.run_ready();
  EXPECT_TRUE(told && told->queued());
  EXPECT_THAT(stage.tape.take(),
              ElementsAre("NOTIFY_POLL 3", "reply " + std::to_string(unique), "NOTIFY_INVAL_ENTRY 5"));
}

TEST_F(NotifierTest, ATaskThatOwesNothingGetsTheKernelsAnswer) {
  stage.init();
  stage.tape.fail_with(ENOENT);
  std::vector<int> results;
  const auto tell = [&]() -> Async<void> {
    results.push_back((co_await fs().notifier().inval_entry(NodeId(5), "x")).error());
    stage.tape.fail_with(0);
    results.push_back((co_await fs().notifier().inval_inode(NodeId(5))).error());
    co_return {};
  };
  fs().scripts["a"] = [&]() -> Async<void> {
    fs().connection().spawn(tell());
    co_return {};
  };
  stage.lookup("a");
  executor.run_ready();
  EXPECT_THAT(results, ElementsAre(ENOENT, 0));
  results.clear();
  fs().in_forget = tell;
  stage.send(Opcode::kForget, 5, [](MessageBuilder& message) { message.add(wire::ForgetIn{.nlookup = 1}); });
  executor.run_ready();
  EXPECT_THAT(results, ElementsAre(0, 0)) << "a FORGET has no reply";
}

TEST_F(NotifierTest, TheReplyOfInitComesFirst) {
  std::optional<Notified> told;
  fs().in_init = [&]() -> Async<void> {
    fs().notifier().inval_inode(NodeId(3)).post();
    told = co_await fs().notifier().inval_inode(NodeId(4));
    EXPECT_EQ(fs().notifier().inc_epoch().error(), ENOTCONN);
    executor.run_ready();
    co_return {};
  };
  wire::InitIn in{};
  in.major = kProtocolMajor;
  in.minor = kProtocolMinor;
  stage.send(Opcode::kInit, 0, [&](MessageBuilder& message) { message.add(in); });
  executor.run_ready();
  EXPECT_TRUE(told && told->queued());
  EXPECT_THAT(stage.tape.take(), ElementsAre("reply 2", "NOTIFY_INVAL_INODE 3", "NOTIFY_INVAL_INODE 4"));
}

TEST_F(NotifierTest, NowIsForThreadsThatRunNoHandlers) {
  stage.init();
  std::optional<Notified> told;
  fs().scripts["a"] = [&]() -> Async<void> {
    told = fs().notifier().inval_inode(NodeId(5)).now();
    co_return {};
  };
  stage.lookup("a");
  EXPECT_EQ(told, Notified(EDEADLK));
  stage.tape.take();
  EXPECT_TRUE(fs().notifier().inval_inode(NodeId(5)).now().done());
  stage.tape.fail_with(ENOTEMPTY);
  EXPECT_EQ(fs().notifier().delete_entry(NodeId(5), NodeId(6), "x").now(), Notified(ENOTEMPTY));
  EXPECT_THAT(stage.tape.take(), ElementsAre("NOTIFY_INVAL_INODE 5", "NOTIFY_DELETE 5"));
}

TEST_F(NotifierTest, AnOlderKernelIsNotAsked) {
  stage.init(30);
  Notifier& notifier = fs().notifier();
  for (const Way& way : all_ways()) {
    EXPECT_EQ(way.make(notifier).now(), Notified(way.since > 30 ? ENOSYS : 0)) << way.name;
  }
  EXPECT_EQ(notifier.resend(), Notified(ENOSYS));
  EXPECT_EQ(notifier.inc_epoch(), Notified(ENOSYS));
  EXPECT_TRUE(notifier.poll(1).done());
  EXPECT_THAT(stage.tape.take(), SizeIs(6));
  std::optional<Notified> told;
  fs().scripts["a"] = [&]() -> Async<void> {
    const std::array nodes = {NodeId(2)};
    told = co_await fs().notifier().prune(nodes);
    co_return {};
  };
  stage.lookup("a");
  EXPECT_EQ(told, Notified(ENOSYS)) << "which is known already";
}

TEST_F(NotifierTest, EveryNotificationSaysWhatWasAsked) {
  stage.init();
  Notifier& notifier = fs().notifier();
  std::vector<std::byte> last;  // what a view looks at
  const auto view = [&] {
    last = stage.tape.last();
    return NotificationView::parse({.head = last, .tail = {}, .owner = nullptr}).value();
  };
  EXPECT_TRUE(notifier.expire_entry(NodeId(5), "name").now().done());
  EXPECT_EQ(view().fixed<wire::NotifyInvalEntryOut>().flags, kExpireOnly);
  EXPECT_EQ(view().name(0), "name");
  EXPECT_TRUE(notifier.delete_entry(NodeId(5), NodeId(6), "name").now().done());
  EXPECT_EQ(view().fixed<wire::NotifyDeleteOut>().child, 6U);
  EXPECT_EQ(view().name(0), "name");
  EXPECT_TRUE(notifier.inval_inode(NodeId(5), 7, 9).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyInvalInodeOut>().off, 7);
  EXPECT_EQ(view().fixed<wire::NotifyInvalInodeOut>().len, 9);
  EXPECT_TRUE(notifier.inval_inode(NodeId(5), 7, UINT64_MAX).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyInvalInodeOut>().len, 0) << "to the end";
  EXPECT_TRUE(notifier.inval_inode(NodeId(5), UINT64_MAX).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyInvalInodeOut>().off, -1) << "where no data can be";
  EXPECT_TRUE(notifier.inval_attributes(NodeId(5)).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyInvalInodeOut>().off, -1);
  EXPECT_TRUE(notifier.store(NodeId(5), 7, std::as_bytes(std::span("data"))).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyStoreOut>().offset, 7U);
  EXPECT_EQ(view().tail().size(), sizeof("data"));
  EXPECT_TRUE(notifier.prune(std::array{NodeId(9), NodeId(8)}).now().done());
  EXPECT_EQ(view().fixed<wire::NotifyPruneOut>().count, 2U);
  EXPECT_EQ(view().tail().size(), 16U);
  EXPECT_TRUE(notifier.poll(77).done());
  EXPECT_EQ(view().fixed<wire::NotifyPollOut>().kh, 77U);
  EXPECT_TRUE(notifier.inc_epoch().done());
  EXPECT_EQ(view().code(), NotifyCode::kIncEpoch);
  EXPECT_TRUE(notifier.resend().done());
  EXPECT_EQ(view().code(), NotifyCode::kResend);
}

TEST_F(NotifierTest, WhatNobodyWaitsForIsLoggedWhenItFails) {
  stage.init();
  for (const int error : {0, ENOENT, EBUSY}) {
    stage.tape.fail_with(error);
    fs().notifier().delete_entry(NodeId(5), NodeId(6), "x").post();
    executor.run_ready();
  }
  EXPECT_THAT(stage.log, ElementsAre(HasSubstr("NOTIFY_DELETE")));
}

TEST_F(NotifierTest, AHandlerWaitsForWhatItRetrieves) {
  stage.init();
  std::string data;
  fs().scripts["a"] = [&]() -> Async<void> {
    const auto cached = co_await fs().notifier().retrieve(NodeId(5), 10, 100);
    for (const std::byte byte : cached) data += static_cast<char>(byte);
    co_return {};
  };
  const std::uint64_t unique = stage.lookup("a");
  executor.run_ready();
  const std::vector<std::byte> bytes = stage.tape.last();
  const auto asked = NotificationView::parse({.head = bytes, .tail = {}, .owner = nullptr}).value();
  const auto out = asked.fixed<wire::NotifyRetrieveOut>();
  EXPECT_EQ(out.nodeid, 5U);
  EXPECT_EQ(out.offset, 10U);
  EXPECT_EQ(out.size, 100U);
  stage.tape.take();
  stage.retrieved(out.notify_unique, 6, 10, "of another node");
  stage.retrieved(out.notify_unique, 5, 10, "cached");
  stage.retrieved(out.notify_unique, 5, 10, "twice");
  executor.run_ready();
  EXPECT_EQ(data, "cached");
  EXPECT_THAT(stage.tape.take(), ElementsAre("reply " + std::to_string(unique)));
  EXPECT_THAT(fs().strange_replies, SizeIs(2)) << "what nobody here waits for is the filesystem's";
}

TEST_F(NotifierTest, WhatTheKernelDoesNotHaveCannotBeRetrieved) {
  stage.init();
  stage.tape.fail_with(ENOENT);
  std::optional<Errno> error;
  fs().scripts["a"] = [&]() -> Async<void> {
    const auto cached = co_await as_result(fs().notifier().retrieve(NodeId(5), 0, 100));
    if (!cached) error = cached.error();
    co_return {};
  };
  stage.lookup("a");
  executor.run_ready();
  EXPECT_EQ(error, Errno(ENOENT));
}

// With threads of the server's own.
struct NotifierThreads : ::testing::Test {
  Stage stage;
  Scripted& fs() { return stage.fs(); }
};

TEST_F(NotifierThreads, OneThatWaitsHoldsUpOnlyWhatConcernsItsNode) {
  stage.init();
  stage.tape.hold(5);
  Notifier& notifier = fs().notifier();
  notifier.inval_entry(NodeId(5), "x").post();
  stage.tape.wait_for("NOTIFY_INVAL_ENTRY 5");
  notifier.inval_inode(NodeId(5)).post();
  notifier.delete_entry(NodeId(6), NodeId(5), "y").post();
  notifier.inval_inode(NodeId(7)).post();
  notifier.store(NodeId(8), 0, {}).post();
  stage.tape.wait_for("NOTIFY_INVAL_INODE 7");
  stage.tape.wait_for("NOTIFY_STORE 8");
  while (notifier.unfinished() != 3) std::this_thread::yield();  // the last one's write is about to return
  EXPECT_FALSE(notifier.wait_until_written(std::chrono::milliseconds(0)));
  stage.tape.let_go(5);
  EXPECT_TRUE(notifier.wait_until_written(kLong));
  const std::vector<std::string> written = stage.tape.written();
  ASSERT_EQ(written.size(), 5U);
  EXPECT_THAT(std::vector(written.end() - 3, written.end()),
              ElementsAre("NOTIFY_INVAL_ENTRY 5", "NOTIFY_INVAL_INODE 5", "NOTIFY_DELETE 6"));
}

TEST_F(NotifierThreads, HandlersGoOnWhileOneWaits) {
  stage.init();
  stage.tape.hold(5);
  std::binary_semaphore told{0};
  fs().scripts["a"] = [&]() -> Async<void> {
    co_await fs().notifier().inval_entry(NodeId(5), "x");
    co_return {};
  };
  fs().scripts["b"] = [&]() -> Async<void> {
    told.release();
    co_return {};
  };
  stage.lookup("a");
  stage.tape.wait_for("NOTIFY_INVAL_ENTRY 5");
  stage.lookup("b");
  told.acquire();
  stage.tape.let_go(5);
}

TEST_F(NotifierThreads, TheEndOfTheConnectionEndsWhatIsQueuedAndWhatWaits) {
  stage.init();
  stage.tape.hold(5);
  std::vector<int> results;
  std::optional<Errno> retrieved;
  fs().scripts["a"] = [&]() -> Async<void> {
    fs().connection().spawn([](Stage& on, std::vector<int>& into, std::optional<Errno>& error) -> Async<void> {
      into.push_back((co_await on.fs().notifier().inval_entry(NodeId(5), "x")).error());
      into.push_back((co_await on.fs().notifier().inval_entry(NodeId(5), "y")).error());
      const auto data = co_await as_result(on.fs().notifier().retrieve(NodeId(9), 0, 1));
      if (!data) error = data.error();
      co_return {};
    }(stage, results, retrieved));
    fs().connection().spawn([](Stage& on) -> Async<void> {
      static_cast<void>(co_await as_result(on.fs().notifier().retrieve(NodeId(9), 0, 1)));
      co_return {};
    }(stage));
    co_return {};
  };
  stage.lookup("a");
  stage.tape.wait_for("NOTIFY_INVAL_ENTRY 5");
  fs().notifier().inval_inode(NodeId(5)).post();
  std::thread end([&] { stage.disconnect(); });
  // Its requests are over then, and so are the locks that they held.
  while (fs().notifier().poll(1).error() != ENOTCONN) std::this_thread::yield();
  stage.tape.let_go(5);
  end.join();
  EXPECT_THAT(results, ElementsAre(0, ENOTCONN));
  EXPECT_EQ(retrieved, Errno(ENOTCONN));
  EXPECT_THAT(stage.tape.written(), ::testing::Not(::testing::Contains("NOTIFY_INVAL_INODE 5")));
  EXPECT_EQ(fs().notifier().inval_inode(NodeId(5)).now(), Notified(ENOTCONN));
  fs().notifier().inval_inode(NodeId(5)).post();
}

}  // namespace
}  // namespace fusereplay
