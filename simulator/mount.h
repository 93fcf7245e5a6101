// A mount without a kernel: a filesystem behind a model of the kernel, and system calls to try it with.
//
//   SimulatedMount mount(std::make_unique<MyFs>());
//   auto file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
//   mount.unlink("/a");
//   EXPECT_EQ(mount.pwrite(file, "x", 0), 1);       // unlinked but open
//   mount.close(file);
//   mount.drop_caches();                            // the kernel forgets, now, because the test says so
//   EXPECT_TRUE(mount.lookup_counts().empty());
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/event/event.h"
#include "core/operations/operations.h"
#include "core/protocol/message.h"
#include "core/protocol/opcode.h"
#include "core/server/server.h"
#include "rules/finding.h"
#include "simulator/kernel/profile.h"
#include "simulator/simulated_process.h"
#include "simulator/system_calls.h"

namespace fusereplay {

/// How a SimulatedMount is made.
struct SimulatedMountSetup {
  KernelProfile kernel = KernelProfile::linux_6_18();
  SimulatedMountOptions mount = {};
  Process process = {};                            // who calls the mount's own system calls
  std::int64_t start = 1'700'000'000'000'000'000;  // what clocks show first, ns since the epoch
  std::vector<EventSink*> observers = {};          // told of the conversation from its start; outlive the mount
};

/// A name the kernel has cached.
struct CachedEntry {
  std::string path;
  std::uint64_t nodeid = 0;  // 0: known not to exist
};

/// A request without a reply.
struct WaitingRequest {
  std::string_view opcode;
  std::uint64_t unique = 0;
  std::uint64_t nodeid = 0;
  std::uint32_t pid = 0;
};

/// A filesystem, mounted. Deterministic: the same calls make the same conversation, byte for byte. Time stands still
/// but for advance_time(). All on one thread.
///
/// It is also the system calls of its first process. Every rule listens from the start: see findings().
class SimulatedMount : public SystemCalls {
 public:
  using Setup = SimulatedMountSetup;

  /// Sends INIT. Should that fail, every call fails with ECONNREFUSED, as on a real mount.
  explicit SimulatedMount(std::unique_ptr<Operations> filesystem, Setup setup = {});
  /// Any server that replies inside handle(), or in its work(). Should it end, every call that waits fails with
  /// ECONNABORTED, later ones with ENOTCONN, and dead_ends() says why.
  explicit SimulatedMount(std::unique_ptr<Server> server, Setup setup = {});
  /// Unmounts as unmount() does, open files or not.
  ~SimulatedMount();

  /// Another process. The mount owns it.
  SimulatedProcess& spawn(Process process);

  // What no real kernel lets a test do.

  /// The server reads requests of this opcode and takes its time: they are handled when they are let go. What other
  /// processes ask for goes on meanwhile, as far as the kernel's locks allow.
  void hold(Opcode opcode);
  /// Lets all held requests of this opcode be handled, in the order they were read, and holds no more of them.
  void let_go(Opcode opcode);
  /// Lets that one be handled. ENOENT: it is not held.
  Outcome<void> let_go(std::uint64_t unique);

  /// A signal with a handler comes to the mount's own process while a plain call of it waits: the request is
  /// interrupted. From the filesystem, which runs meanwhile. Other processes have SimulatedProcess::signal().
  void signal();

  /// Writes back what is dirty, then drops every name that nobody uses, and with it the inodes: FORGETs go out
  /// (sync; echo 2 > drop_caches).
  void drop_caches();
  /// Drops the names of one inode, as memory pressure might (d_prune_aliases). ENOENT: no such inode; EBUSY: it is
  /// used.
  Outcome<void> forget(std::uint64_t nodeid);
  /// The name must be looked up again before its next use. ENOENT: it is not cached.
  Outcome<void> expire(std::string_view path);
  /// All clocks go on by so much, and what waited for it happens: what has been dirty for 30 s is written back.
  void advance_time(std::int64_t nanoseconds);
  /// Writes a notification (core/protocol/builder.h makes one) to the device, as a thread of the server that owes no
  /// reply would; the error of its write. It waits for the locks it needs (reference section 4); EDEADLK: it would wait
  /// for ever.
  Outcome<void> notify(Bytes notification);
  /// The write of the server's next reply fails so. ENOENT: the caller gets ECONNABORTED; EINVAL, EFAULT: EIO,
  /// and the rules report a reply without form (R3), for they cannot know better.
  void refuse_next_reply(Errno error);
  /// mount(2) with MS_REMOUNT: drops unused names, as drop_caches() does, and switches between reading only (MS_RDONLY)
  /// and writing. EBUSY: a file is open for writing, or in use though it has no name any more. Nothing else can be
  /// changed; the filesystem is asked nothing.
  Outcome<void> remount(unsigned long flags);
  /// EBUSY while descriptors are open, files mapped, or a process is in a directory of it. No FORGET is sent (reference
  /// R6).
  Outcome<void> unmount();
  /// Mounts the same filesystem object once more, after unmount() or abort(): a connection of its own, which begins
  /// with INIT. The object has had its destroy() and gets its init() again, as one that keeps its data in memory would;
  /// what it still counts or holds open then is a leak of its own (rule F11). Observers see a stream that begins anew,
  /// findings are kept. EBUSY: still mounted, or descriptors are open; EOPNOTSUPP: it is no Operations; EDEADLK: a
  /// handler of the first connection never ended.
  Outcome<void> mount_again();
  /// The connection breaks under everybody: calls fail with ENOTCONN from now on.
  void abort();

  // What the kernel knows. Nodeids are the server's.

  /// Lookups the kernel owes, by nodeid; the root is left out.
  std::map<std::uint64_t, std::uint64_t> lookup_counts() const;
  std::vector<CachedEntry> dentries() const;
  /// Files and directories that the server holds open for us.
  std::uint64_t open_handles() const;
  std::vector<WaitingRequest> outstanding() const;
  /// Nothing is queued and nothing unanswered.
  bool quiet() const noexcept;
  /// What calls waited for in vain, one line each: replies, locks; and what became of a server that ended.
  const std::vector<std::string>& dead_ends() const noexcept;

  // What the observers found.

  const std::vector<Finding>& findings() const noexcept;
  /// Everything that is wrong, for a test to print: findings of the rules, dead ends, and at quiet points lookup counts
  /// on which the kernel and the ledger do not agree. Empty where all is well.
  std::string trouble() const;

 private:
  struct Parts;

  explicit SimulatedMount(std::unique_ptr<Parts> parts, const Setup& setup);
  /// Descriptors are open, or a process is in a directory.
  bool in_use() const noexcept;

  std::unique_ptr<Parts> parts_;
};

}  // namespace fusereplay
