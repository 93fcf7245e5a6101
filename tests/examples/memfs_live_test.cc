// memfs on the real kernel, with one device thread and with four.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "core/server/operations_server.h"
#include "examples/broken/broken_forget.h"
#include "examples/broken/broken_link.h"
#include "examples/broken/broken_readdir.h"
#include "examples/hello/hello.h"
#include "examples/memfs/memfs.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

/// A filesystem mounted for a test, and its server's log.
template <class Kind>
class Mounted {
 public:
  explicit Mounted(unsigned threads)
      : server_(std::make_unique<Kind>(options(threads)), logging()),
        kind_(static_cast<Kind&>(server_.operations())),
        mount_(server_, live_options(threads)) {}

  ChildResult run(const std::string& command) { return mount_.run(command); }
  ChildResult workload(const std::string& name) { return run(std::string(WORKLOADS) + '/' + name + " \"$PWD\""); }
  /// After that nothing of the mount is left, and the filesystem is as it was made.
  void end() {
    EXPECT_EQ(kind_.check_invariants(), "");
    const auto removed = run("find . -mindepth 1 -delete");
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(mount_.unmount(), EndReason::kUnmounted);
    EXPECT_EQ(kind_.usage(), (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0})) << "something leaked";
    EXPECT_EQ(kind_.check_invariants(), "");
  }
  const std::string& log() const { return log_; }

 private:
  static MemfsOptions options(unsigned threads) {
    MemfsOptions options;
    if (threads > 1) options.handlers = MemfsOptions::Handlers::kConcurrent;
    return options;
  }
  static LiveMountOptions live_options(unsigned threads) {
    LiveMountOptions options;
    options.threads = threads;
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
  OperationsServer server_;
  Kind& kind_;
  LiveMount mount_;
};

class MemfsLive : public LiveTest, public ::testing::WithParamInterface<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Threads, MemfsLive, ::testing::Values(1U, 4U));

TEST_P(MemfsLive, BehavesAsPosixSays) {
  Mounted<Memfs> memfs(GetParam());
  for (const char* check :
       {"rename_flags", "tmpfile_then_link", "sparse", "unlinked_but_open", "xattrs", "special_files",
        "links_and_counts", "times_and_modes", "copy_range", "busy_directory", "seek_in_directory"}) {
    const auto result = memfs.run("mkdir " + std::string(check) + " && cd " + check + " && " POSIX_CHECKS " " + check);
    EXPECT_TRUE(result.ok()) << result;
  }
  memfs.end();
  EXPECT_EQ(memfs.log(), "");
}

TEST_P(MemfsLive, EnduresTheWorkloads) {
  Mounted<Memfs> memfs(GetParam());
  for (const char* workload : {"small", "clone", "tar", "compile", "storm"}) {
    const auto result = memfs.workload(workload);
    EXPECT_TRUE(result.ok()) << workload << ": " << result;
  }
  memfs.end();
  EXPECT_EQ(memfs.log(), "");
}

TEST_P(MemfsLive, ForgetsWhatTheKernelForgets) {
  Mounted<Memfs> memfs(GetParam());
  const auto result = memfs.run(
      "for i in 1 2 3 4 5 6 7 8 9; do echo $i > f$i; ln f$i l$i; ls -l > list; rm f$i; mv l$i m; done; rm m list; "
      "echo 2 > /proc/sys/vm/drop_caches 2>/dev/null; true");
  EXPECT_TRUE(result.ok()) << result;
  memfs.end();
  EXPECT_EQ(memfs.log(), "") << "a count that the kernel and we do not agree on";
}

class BrokenLive : public LiveTest {};

TEST_F(BrokenLive, ALinkWithANodeidOfItsOwnGoesUnnoticedByTheWork) {
  Mounted<BrokenLink> broken(1);
  const auto result = broken.workload("small");
  EXPECT_TRUE(result.ok()) << result;
}

TEST_F(BrokenLive, CookiesFromInodeNumbersGoUnnoticedByTheWork) {
  Mounted<BrokenReaddir> broken(1);
  const auto result = broken.workload("small");
  EXPECT_TRUE(result.ok()) << result;
}

TEST_F(BrokenLive, NodeidsHandedOutTooEarlyDoNotHangTheKernel) {
  Mounted<BrokenForget> broken(1);
  const auto result = broken.workload("small");
  EXPECT_FALSE(result.timed_out) << result;
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
