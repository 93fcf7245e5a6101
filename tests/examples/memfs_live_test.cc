// memfs on the real kernel: with one device thread, with four, and over io_uring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "core/server/operations_server.h"
#include "examples/broken/broken_forget.h"
#include "examples/broken/broken_link.h"
#include "examples/broken/broken_readdir.h"
#include "examples/hello/hello.h"
#include "examples/memfs/memfs.h"
#include "tests/examples/judge.h"
#include "tests/support/live_mount.h"
#include "tests/support/ring_switch.h"

namespace fusereplay::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

/// How the kernel and the server talk.
struct Way {
  const char* name;
  unsigned threads;
  Transport transport;
};
constexpr Way kOneThread{"OneThread", 1, Transport::kDevice};
constexpr Way kFourThreads{"FourThreads", 4, Transport::kDevice};
constexpr Way kRings{"Rings", 2, Transport::kRing};

/// A filesystem mounted for a test, its server's log, and the rules listening.
template <class Kind>
class Mounted {
 public:
  explicit Mounted(const Way& way)
      : server_(std::make_unique<Kind>(options(way.threads)), logging()),
        kind_(static_cast<Kind&>(server_.operations())),
        mount_(server_, live_options(way, judge_)) {}

  ChildResult run(const std::string& command) { return mount_.run(command); }
  ChildResult workload(const std::string& name) { return run(std::string(WORKLOADS) + '/' + name + " \"$PWD\""); }
  /// Unmounts; what the rules say.
  Verdict end() {
    EXPECT_EQ(mount_.unmount(), EndReason::kUnmounted);
    return judge_.verdict();
  }
  /// The end of a filesystem that is right: nothing found, nothing left, nothing logged.
  void end_clean() {
    EXPECT_EQ(kind_.check_invariants(), "");
    const auto removed = run("find . -mindepth 1 -delete");
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(end().text, "");
    EXPECT_EQ(kind_.usage(), (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0})) << "something leaked";
    EXPECT_EQ(kind_.check_invariants(), "");
    EXPECT_EQ(log_, "") << "a count that the kernel and we do not agree on";
  }

 private:
  static MemfsOptions options(unsigned threads) {
    MemfsOptions options;
    if (threads > 1) options.handlers = MemfsOptions::Handlers::kConcurrent;
    return options;
  }
  static LiveMountOptions live_options(const Way& way, Judge& judge) {
    LiveMountOptions options;
    options.threads = way.threads;
    options.transport = way.transport;
    options.observers = {&judge};
    options.mount.options = {"default_permissions"};
    return options;
  }
  OperationsServer::Options logging() {
    OperationsServer::Options options;
    options.log = [this](std::string_view line) {
      const std::lock_guard lock(log_mutex_);
      log_ += std::string(line) + '\n';
    };
    return options;
  }

  std::mutex log_mutex_;  // guards log_ until the unmount
  std::string log_;
  Judge judge_;
  OperationsServer server_;
  Kind& kind_;
  LiveMount mount_;
};

class MemfsLive : public TransportLiveTest, public ::testing::WithParamInterface<Way> {
  Transport transport() const override { return GetParam().transport; }
};
INSTANTIATE_TEST_SUITE_P(Over, MemfsLive, ::testing::Values(kOneThread, kFourThreads, kRings),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_P(MemfsLive, BehavesAsPosixSays) {
  Mounted<Memfs> memfs(GetParam());
  for (const char* check :
       {"rename_flags", "tmpfile_then_link", "sparse", "unlinked_but_open", "xattrs", "special_files",
        "links_and_counts", "times_and_modes", "copy_range", "busy_directory", "seek_in_directory"}) {
    const auto result = memfs.run("mkdir " + std::string(check) + " && cd " + check + " && " POSIX_CHECKS " " + check);
    EXPECT_TRUE(result.ok()) << result;
  }
  memfs.end_clean();
}

TEST_P(MemfsLive, EnduresTheWorkloads) {
  Mounted<Memfs> memfs(GetParam());
  for (const char* workload : {"small", "clone", "tar", "compile", "storm"}) {
    const auto result = memfs.workload(workload);
    EXPECT_TRUE(result.ok()) << workload << ": " << result;
  }
  memfs.end_clean();
}

TEST_P(MemfsLive, ForgetsWhatTheKernelForgets) {
  Mounted<Memfs> memfs(GetParam());
  const auto result = memfs.run(
      "for i in 1 2 3 4 5 6 7 8 9; do echo $i > f$i; ln f$i l$i; ls -l > list; rm f$i; mv l$i m; done; rm m list; "
      "echo 2 > /proc/sys/vm/drop_caches 2>/dev/null; true");
  EXPECT_TRUE(result.ok()) << result;
  memfs.end_clean();
}

class BrokenLive : public LiveTest {};

TEST_F(BrokenLive, ALinkWithANodeidOfItsOwnGoesUnnoticedByTheWorkOnly) {
  Mounted<BrokenLink> broken(kOneThread);
  const auto result = broken.workload("small");
  EXPECT_TRUE(result.ok()) << result;
  const Verdict verdict = broken.end();
  EXPECT_THAT(verdict.rules, ElementsAre("R8")) << verdict.text;
}

TEST_F(BrokenLive, CookiesFromInodeNumbersGoUnnoticedByTheWorkOnly) {
  Mounted<BrokenReaddir> broken(kOneThread);
  const auto result = broken.workload("small");
  EXPECT_TRUE(result.ok()) << result;
  const Verdict verdict = broken.end();
  EXPECT_THAT(verdict.rules, ElementsAre("R11")) << verdict.text;
}

TEST_F(BrokenLive, NodeidsHandedOutTooEarlyAreFoundAndDoNotHangTheKernel) {
  Mounted<BrokenForget> broken(kOneThread);
  const auto result = broken.workload("small");
  EXPECT_FALSE(result.timed_out) << result;
  const Verdict verdict = broken.end();
  EXPECT_THAT(verdict.rules, Contains("R6")) << verdict.text;
}

class HelloLive : public LiveTest {};

TEST_F(HelloLive, SaysHello) {
  OperationsServer server(make_hello());
  LiveMount mount(server);
  EXPECT_EQ(mount.run("cat hello; ls").output, "hello, world\nhello\n");
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
}

}  // namespace
}  // namespace fusereplay::testing
