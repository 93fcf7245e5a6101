#include "simulator/mount.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "core/async/executor.h"
#include "core/server/operations_server.h"
#include "rules/handle_ledger.h"
#include "rules/lookup_ledger.h"
#include "rules/rule_set.h"
#include "simulator/kernel/kernel.h"

namespace fusereplay {

using kernel::Dentry;
using kernel::DentryRef;
using kernel::Inode;

namespace {

/// Writes each notification on a stack of its own, as a thread of the server that owes no reply: it may wait for locks.
class NotificationTasks final : public WaitingWork {
 public:
  explicit NotificationTasks(ManualExecutor& executor) noexcept : executor_(executor) {}
  void set_scheduler(kernel::Scheduler& scheduler) noexcept { scheduler_ = &scheduler; }
  void post(Work& work) noexcept override { executor_.post(*new Start(*scheduler_, work)); }

 private:
  struct Start final : Work {
    Start(kernel::Scheduler& where, Work& what) noexcept : scheduler(where), work(what) {}
    void run() noexcept override {
      scheduler.start(0, [&what = work] { what.run(); });
      delete this;
    }
    kernel::Scheduler& scheduler;
    Work& work;
  };

  ManualExecutor& executor_;
  kernel::Scheduler* scheduler_ = nullptr;
};

}  // namespace

struct SimulatedMount::Parts {
  Parts(std::unique_ptr<Operations> filesystem, const Setup& how)
      : setup(how), clock(how.start), executor(clock), notifications(executor) {
    serve(std::move(filesystem));
  }
  Parts(std::unique_ptr<Server> any, const Setup& how)
      : setup(how), clock(how.start), executor(clock), notifications(executor) {
    serve(std::move(any));
    kernel->server_may_wait = true;
  }

  void serve(std::unique_ptr<Operations> filesystem) {
    OperationsServer::Options options;
    options.executor = &executor;
    options.clock = &clock;
    options.notifications = &notifications;
    serve(std::make_unique<OperationsServer>(std::move(filesystem), options));
  }
  /// Where the kernel lies stays the same: processes refer to it.
  void serve(std::unique_ptr<Server> any) {
    kernel.reset();
    server = std::move(any);
    kernel.emplace(*server, &executor, clock, setup.kernel, setup.mount);
    notifications.set_scheduler(kernel->scheduler);
  }
  void connect() {
    rules.push_back(std::make_unique<RuleSet>());
    kernel->queue.add_observer(rules.back().get());
    for (EventSink* observer : setup.observers) kernel->queue.add_observer(observer);
    kernel->queue.mark(Mark::kMounted);
    static_cast<void>(kernel->filesystem.send_init());  // the calls that follow tell
    kernel->scheduler.settle();
  }

  /// Ends the connection; the server may go on until disconnect().
  void end(Mark mark) {
    if (!kernel->queue.connected()) return;
    kernel->scheduler.settle();
    if (mark == Mark::kUnmounted) kernel->filesystem.sync_all();
    kernel->filesystem.deactivate();
    kernel->queue.abort(mark);
    kernel->scheduler.settle();
    rules.back()->finish();
  }
  /// Handlers that wait for what never comes keep disconnect() from returning: interrupts end those that can be. False:
  /// not all of them ended.
  bool end_handlers() {
    auto* const handlers = dynamic_cast<OperationsServer*>(server.get());
    if (handlers == nullptr || handlers->outstanding() == 0) return true;
    kernel->queue.interrupt_abandoned();
    handlers->notifier().end();
    kernel->scheduler.settle();
    return handlers->outstanding() == 0;
  }

  Setup setup;
  ManualClock clock;
  ManualExecutor executor;
  NotificationTasks notifications;
  std::vector<std::unique_ptr<RuleSet>> rules;  // of each connection
  mutable std::vector<Finding> findings;        // of all of them, where there were several
  std::unique_ptr<Server> server;
  std::optional<kernel::Kernel> kernel;
  std::vector<std::unique_ptr<SimulatedProcess>> processes;
};

SimulatedMount::SimulatedMount(std::unique_ptr<Operations> filesystem, Setup setup)
    : SimulatedMount(std::make_unique<Parts>(std::move(filesystem), setup), setup) {}
SimulatedMount::SimulatedMount(std::unique_ptr<Server> server, Setup setup)
    : SimulatedMount(std::make_unique<Parts>(std::move(server), setup), setup) {}

SimulatedMount::SimulatedMount(std::unique_ptr<Parts> parts, const Setup& setup)
    : SystemCalls(*parts->kernel, setup.process), parts_(std::move(parts)) {
  parts_->connect();
}

SimulatedMount::~SimulatedMount() {
  parts_->end(Mark::kUnmounted);
  parts_->kernel->scheduler.end_tasks();
  drop_descriptors();
  parts_->processes.clear();
  if (parts_->end_handlers()) {
    parts_->server->disconnect();
    return;
  }
  // Their frames hold on to everything here: it stays, rather than the test.
  static auto* const abandoned = new std::vector<std::unique_ptr<Parts>>;
  std::fprintf(stderr, "fusereplay: a handler of a simulated mount never ended; the filesystem is left behind\n");
  abandoned->push_back(std::move(parts_));
}

SimulatedProcess& SimulatedMount::spawn(Process process) {
  parts_->processes.push_back(std::make_unique<SimulatedProcess>(*parts_->kernel, std::move(process)));
  return *parts_->processes.back();
}

void SimulatedMount::hold(Opcode opcode) {
  parts_->kernel->queue.hold(opcode);
}

void SimulatedMount::let_go(Opcode opcode) {
  parts_->kernel->queue.let_go(opcode);
  parts_->kernel->scheduler.settle();
}

Outcome<void> SimulatedMount::let_go(std::uint64_t unique) {
  if (!parts_->kernel->queue.let_go(unique)) return Errno(ENOENT);
  parts_->kernel->scheduler.settle();
  return {};
}

void SimulatedMount::signal() {
  kernel::Task* const calling = task();
  if (calling != nullptr && calling->signal() == kernel::Signal::kNone) calling->set_signal(kernel::Signal::kHandled);
}

void SimulatedMount::drop_caches() {
  parts_->kernel->filesystem.sync_all();
  parts_->kernel->filesystem.shrink_all();
  parts_->kernel->scheduler.settle();
}

Outcome<void> SimulatedMount::forget(std::uint64_t nodeid) {
  if (parts_->kernel->filesystem.inodes().find(nodeid) == nullptr) return Errno(ENOENT);
  for (const DentryRef& name : kernel::names_of(parts_->kernel->filesystem.root(), nodeid)) {
    kernel::shrink(*name);
    if (name->unused(1)) kernel::unhash(*name);
  }
  const bool gone = parts_->kernel->filesystem.inodes().find(nodeid) == nullptr;
  parts_->kernel->scheduler.settle();
  if (!gone) return Errno(EBUSY);
  return {};
}

Outcome<void> SimulatedMount::expire(std::string_view path) {
  Dentry* at = &parts_->kernel->filesystem.root();
  for (std::string_view name = kernel::take_name(path); !name.empty(); name = kernel::take_name(path)) {
    at = kernel::find_child(*at, name);
    if (at == nullptr) return Errno(ENOENT);
  }
  at->expires = 0;
  return {};
}

void SimulatedMount::advance_time(std::int64_t nanoseconds) {
  parts_->clock.set(parts_->clock.realtime() + nanoseconds);
  parts_->kernel->filesystem.write_back_old();
  parts_->kernel->scheduler.settle();
}

Outcome<void> SimulatedMount::notify(Bytes notification) {
  const std::int64_t result = parts_->kernel->queue.send(Message{.head = notification, .tail = {}, .owner = nullptr});
  settle();
  if (result < 0) return Errno(static_cast<int>(-result));
  return {};
}

void SimulatedMount::refuse_next_reply(Errno error) {
  parts_->kernel->queue.refuse_next_reply(error);
}

Outcome<void> SimulatedMount::remount(unsigned long flags) {
  if (!parts_->kernel->mounted) return Errno(EINVAL);
  std::size_t writers = open_for_writing();
  for (const auto& process : parts_->processes) writers += process->open_for_writing();
  const Result<void> done = parts_->kernel->filesystem.reconfigure(flags, writers);
  parts_->setup.mount.read_only = parts_->kernel->filesystem.options().read_only;
  parts_->kernel->scheduler.settle();
  return done;
}

bool SimulatedMount::in_use() const noexcept {
  const auto uses = [](const SystemCalls& process) {
    return process.open_descriptors() != 0 || process.open_mappings() != 0 || process.in_directory();
  };
  return uses(*this) || std::any_of(parts_->processes.begin(), parts_->processes.end(),
                                    [&](const auto& process) { return uses(*process); });
}

Outcome<void> SimulatedMount::mount_again() {
  if (parts_->kernel->queue.connected() || in_use()) return Errno(EBUSY);
  auto* const server = dynamic_cast<OperationsServer*>(parts_->server.get());
  if (server == nullptr) return Errno(EOPNOTSUPP);
  parts_->kernel->scheduler.end_tasks();
  if (!parts_->end_handlers()) return Errno(EDEADLK);
  server->disconnect();
  parts_->serve(server->take_operations());
  parts_->connect();
  return {};
}

Outcome<void> SimulatedMount::unmount() {
  if (in_use()) return Errno(EBUSY);
  parts_->end(Mark::kUnmounted);
  parts_->kernel->mounted = false;
  return {};
}

void SimulatedMount::abort() {
  parts_->end(Mark::kAborted);
}

std::map<std::uint64_t, std::uint64_t> SimulatedMount::lookup_counts() const {
  std::map<std::uint64_t, std::uint64_t> counts;
  parts_->kernel->filesystem.inodes().for_each([&](const Inode& inode) {
    if (inode.nodeid != kRootNodeId && inode.nlookup != 0) counts[inode.nodeid] += inode.nlookup;
  });
  return counts;
}

std::vector<CachedEntry> SimulatedMount::dentries() const {
  std::vector<CachedEntry> entries;
  for_each_dentry(parts_->kernel->filesystem.root(), [&](Dentry& dentry) {
    entries.push_back({.path = path_of(dentry), .nodeid = dentry.negative() ? 0 : dentry.inode->nodeid});
  });
  return entries;
}

std::uint64_t SimulatedMount::open_handles() const {
  return parts_->rules.back()->handles().open_count();
}

std::vector<WaitingRequest> SimulatedMount::outstanding() const {
  std::vector<WaitingRequest> waiting;
  for (const kernel::OutstandingRequest& request : parts_->kernel->queue.outstanding()) {
    waiting.push_back({.opcode = opcode_name(request.opcode),
                       .unique = request.unique,
                       .nodeid = request.nodeid,
                       .pid = request.pid});
  }
  return waiting;
}

bool SimulatedMount::quiet() const noexcept {
  return parts_->kernel->queue.quiet();
}

const std::vector<std::string>& SimulatedMount::dead_ends() const noexcept {
  return parts_->kernel->scheduler.dead_ends();
}

const std::vector<Finding>& SimulatedMount::findings() const noexcept {
  if (parts_->rules.size() == 1) return parts_->rules.front()->findings();
  parts_->findings.clear();
  for (const auto& rules : parts_->rules) {
    parts_->findings.insert(parts_->findings.end(), rules->findings().begin(), rules->findings().end());
  }
  return parts_->findings;
}

std::string SimulatedMount::trouble() const {
  std::string text;
  for (const Finding& finding : findings()) text += to_string(finding) + "\n";
  for (const std::string& line : dead_ends()) text += line + "\n";
  if (!quiet() || !parts_->kernel->queue.connected()) return text;
  std::map<std::uint64_t, std::uint64_t> ledger;
  parts_->rules.back()->lookups().for_each([&](std::uint64_t nodeid, std::uint64_t count) {
    if (nodeid != kRootNodeId) ledger[nodeid] = count;
  });
  const auto counts = lookup_counts();
  if (ledger == counts) return text;
  const auto list = [&](const char* who, const std::map<std::uint64_t, std::uint64_t>& all) {
    text += who;
    for (const auto& [nodeid, count] : all) text += " " + std::to_string(nodeid) + ":" + std::to_string(count);
    text += "\n";
  };
  text += "lookup counts differ\n";
  list("  the kernel model holds", counts);
  list("  the ledger holds      ", ledger);
  return text;
}

}  // namespace fusereplay
