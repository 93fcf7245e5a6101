// Recordings of a memfs under four threads that hold the locks a kernel would, and no more (reference 2.1).
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "rules/rule_set.h"
#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

/// i_rwsem of every inode, by nodeid.
class InodeLocks {
 public:
  std::shared_mutex& of(std::uint64_t node) {
    const std::lock_guard lock(mutex_);
    auto& found = locks_[node];
    if (!found) found = std::make_unique<std::shared_mutex>();
    return *found;
  }

 private:
  std::mutex mutex_;  // guards locks_
  std::map<std::uint64_t, std::unique_ptr<std::shared_mutex>> locks_;
};

/// A process at work in three directories that all share.
class Process {
 public:
  Process(Mount& mount, InodeLocks& locks, std::uint32_t number, const std::array<std::uint64_t, 3>& directories)
      : caller_(mount, number, 3), locks_(locks), random_(number), directories_(directories) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    for (const auto& [node, count] : counts_) caller_.forget(node, count);
  }
  const Caller& caller() const noexcept { return caller_; }

 private:
  using Shared = std::shared_lock<std::shared_mutex>;
  using Exclusive = std::unique_lock<std::shared_mutex>;

  void step() {
    switch (random_() % 14) {
      case 0:
        caller_.getattr(any_node());
        break;
      case 1:
      case 2:
        took(caller_.named(Opcode::kLookup, directory(), name()));  // a revalidation: no lock
        break;
      case 3:
      case 4:
        create();
        break;
      case 5:
      case 6:
        unlink();
        break;
      case 7:
        rename();
        break;
      case 8:
        link();
        break;
      case 9:
        list();
        break;
      case 10:
        work_on_file();
        break;
      case 11: {
        const std::uint64_t node = any_node();
        const Exclusive lock(locks_.of(node));
        caller_.setattr_mode(node, 0600 + random_() % 64);
        break;
      }
      case 12:
        forget_one();
        break;
      default:
        caller_.call(Opcode::kStatfs, 1);
    }
  }

  std::uint64_t directory() { return directories_[random_() % directories_.size()]; }
  std::string name() { return "n" + std::to_string(random_() % 6); }
  std::uint64_t any_node() {
    if (counts_.empty()) return directory();
    auto chosen = counts_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random_() % counts_.size()));
    return chosen->first;
  }
  std::uint64_t took(const Reply& reply) {
    const std::uint64_t node = reply.nodeid();
    if (node > 1) ++counts_[node];
    return node;
  }

  void create() {
    const std::uint64_t parent = directory();
    Reply created;
    {
      const Exclusive lock(locks_.of(parent));
      created = caller_.create(parent, name());
    }
    const std::uint64_t node = took(created);
    if (node == 0) return;
    {
      const Exclusive lock(locks_.of(node));
      caller_.write(node, created.created_handle(), random_() % 8000, "data of " + std::to_string(random_()));
    }
    caller_.release(Opcode::kRelease, node, created.created_handle());
  }

  void unlink() {
    const std::uint64_t parent = directory();
    const std::string victim_name = name();
    const Exclusive lock(locks_.of(parent));
    const std::uint64_t victim = took(caller_.named(Opcode::kLookup, parent, victim_name));
    if (victim == 0) return;
    const Exclusive victim_lock(locks_.of(victim));
    caller_.named(Opcode::kUnlink, parent, victim_name);
  }

  void rename() {
    std::uint64_t from = directory();
    std::uint64_t to = directory();
    const std::unique_lock rename_lock(rename_mutex_);
    Exclusive first(locks_.of(std::min(from, to)));
    Exclusive second;
    if (from != to) second = Exclusive(locks_.of(std::max(from, to)));
    const std::string old_name = name();
    const std::string new_name = name();
    const std::uint64_t source = took(caller_.named(Opcode::kLookup, from, old_name));
    const std::uint64_t target = took(caller_.named(Opcode::kLookup, to, new_name));
    if (source == 0) return;
    Exclusive one(locks_.of(target == 0 ? source : std::min(source, target)));
    Exclusive other;
    if (target != 0 && target != source) other = Exclusive(locks_.of(std::max(source, target)));
    caller_.rename(from, old_name, to, new_name);
  }

  void link() {
    const std::uint64_t node = any_node();
    if (std::find(directories_.begin(), directories_.end(), node) != directories_.end()) return;
    const std::uint64_t parent = directory();
    const Exclusive lock(locks_.of(parent));
    const Exclusive node_lock(locks_.of(node));
    took(caller_.link(node, parent, name()));
  }

  void list() {
    const std::uint64_t node = directory();
    const std::uint64_t handle = caller_.open(Opcode::kOpendir, node).handle();
    {
      const Shared lock(locks_.of(node));
      const bool plus = random_() % 2 == 0;
      const Reply page = caller_.read(plus ? Opcode::kReaddirplus : Opcode::kReaddir, node, handle, 0, 4096);
      DirentReader reader(plus ? DirentKind::kPlus : DirentKind::kPlain, page.body);
      while (const auto record = reader.next()) {
        if (record->entry.nodeid > 1 && record->name != "." && record->name != "..") ++counts_[record->entry.nodeid];
      }
    }
    caller_.release(Opcode::kReleasedir, node, handle);
  }

  void work_on_file() {
    const std::uint64_t node = any_node();
    const Reply opened = caller_.open(Opcode::kOpen, node);
    if (!opened.ok()) return;
    caller_.read(Opcode::kRead, node, opened.handle(), 0, 16384);
    {
      const Exclusive lock(locks_.of(node));
      caller_.write(node, opened.handle(), random_() % 9000, std::to_string(random_()));
    }
    caller_.read(Opcode::kRead, node, opened.handle(), random_() % 100, 16384);
    if (random_() % 2 == 0) {
      const Exclusive lock(locks_.of(node));
      caller_.truncate(node, random_() % 5000);
    }
    caller_.release(Opcode::kRelease, node, opened.handle());
  }

  void forget_one() {
    if (counts_.size() < 8) return;
    const auto node = counts_.begin();
    caller_.forget(node->first, node->second);
    counts_.erase(node);
  }

  static std::mutex rename_mutex_;  // s_vfs_rename_mutex
  Caller caller_;
  InodeLocks& locks_;
  std::mt19937 random_;
  const std::array<std::uint64_t, 3> directories_;
  std::map<std::uint64_t, std::uint64_t> counts_;  // lookups that this process holds
};

std::mutex Process::rename_mutex_;

Recording record_concurrently(unsigned seed, int steps) {
  ManualClock clock;
  PoolExecutor pool(1, "test-pool", clock);
  MemfsOptions options;
  options.handlers = MemfsOptions::Handlers::kConcurrent;
  OperationsServer server(std::make_unique<Memfs>(options),
                          OperationsServer::Options{.executor = &pool, .clock = &clock, .log = [](auto) {}});
  Mount mount(server);
  Caller first(mount, 1000 * seed);
  first.init();
  const std::array<std::uint64_t, 3> directories = {1, first.mkdir(1, "d").nodeid(), first.mkdir(1, "e").nodeid()};
  InodeLocks locks;
  std::vector<std::unique_ptr<Process>> processes;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    processes.push_back(std::make_unique<Process>(mount, locks, 1000 * seed + i, directories));
  }
  std::vector<std::thread> threads;
  for (auto& process : processes) {
    threads.emplace_back([&process, steps] {
      pthread_setname_np(pthread_self(), "test-process");
      process->run(steps);
    });
  }
  for (std::thread& thread : threads) thread.join();
  server.disconnect();
  std::vector<const Caller*> callers = {&first};
  for (const auto& process : processes) callers.push_back(&process->caller());
  return merge(callers);
}

ReplayReport replay_concurrent_memfs(const Recording& recording, const std::vector<EventSink*>& sinks) {
  MemfsOptions options;
  options.handlers = MemfsOptions::Handlers::kConcurrent;
  RecordingEvents source(recording);
  return replay(std::make_unique<Memfs>(options), source, sinks);
}

TEST(ReplayOfFourThreads, FindsNoDivergence) {
  std::uint64_t overlapping = 0;
  std::uint64_t explained = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    const Recording recording = record_concurrently(seed, 150);
    RuleSet rules;
    const ReplayReport report = replay_concurrent_memfs(recording, {&rules});
    rules.finish();
    ASSERT_TRUE(report.same()) << "seed " << seed << "\n" << explain(report);
    ASSERT_EQ(report.counts.unbound_ids, 0U);
    ASSERT_EQ(rules.total(), 0U);
    overlapping += report.counts.overlapping;
    explained += report.counts.retried;
    // Few: only what no order explains, and memfs takes one snapshot for every reply.
    ASSERT_LE(report.counts.tolerated_concurrent_attributes, report.counts.replies / 10);
  }
  EXPECT_GT(overlapping, 0U);
  RecordProperty("overlapping", static_cast<int>(overlapping));
  RecordProperty("retried", static_cast<int>(explained));
}

}  // namespace
}  // namespace fusereplay::test
