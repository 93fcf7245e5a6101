// A FUSE program as a child process, its device a socket of ours. No mount, no /dev/fuse, no privilege.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/unique_fd.h"

namespace fusereplay {

/// How a program is started.
struct ProgramSetup {
  /// Its name, found through PATH, and its arguments. "{}" in any of them stands for the mount point, which will be
  /// /dev/fd/N: libfuse 3.3, pyfuse3 and go-fuse take that for a device that is open already. The program must stay in
  /// the foreground (libfuse: -f).
  std::vector<std::string> command = {};
  /// Where it starts; empty: our working directory.
  std::string directory = {};
  /// Bytes: the most that SO_SNDBUF of either end reads back. The kernel grants twice net.core.wmem_max at most,
  /// 425,984 by default. A message must fit into it, so it limits what one READ or WRITE carries.
  std::size_t socket_buffer = std::size_t{2} << 20;
  /// How long one reply may take before its request is given up. The first includes the program's start.
  std::chrono::milliseconds patience{30'000};
  /// How long it may take to end after SIGTERM before it gets SIGKILL.
  std::chrono::milliseconds end_patience{10'000};
};

/// How a process ended. After SIGTERM, programs on libfuse end with status 1 or 8, others by the signal.
struct ProgramEnd {
  int status = -1;       // of exit(3); -1 where a signal ended it
  int signal = 0;        // that ended it
  bool gave_up = false;  // it did not end when asked, and was killed

  bool ok() const noexcept { return status == 0; }
};
/// "ended with status 1", "was ended by signal 11 (Segmentation fault)".
std::string describe(const ProgramEnd& end);

/// The running child. Started in a process group of its own, killed should the thread that started it end, and reaped
/// by the destructor at the latest. stdin is empty, stdout and stderr are kept. It gains no privileges by set-uid
/// programs (PR_SET_NO_NEW_PRIVS), and vmsplice(2) fails in it, so that libfuse sends each message in one piece. One
/// thread at a time.
class Program {
 public:
  /// The error is one line: "cannot run 'x': No such file or directory".
  static tl::expected<Program, std::string> start(const ProgramSetup& setup);
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;
  ~Program();

  /// Our end: a SOCK_SEQPACKET socket, one packet a message, O_NONBLOCK. Its other end closes with the program.
  int device() const noexcept { return device_.get(); }
  /// Readable once the process has ended.
  int process() const noexcept { return process_.get(); }
  pid_t pid() const noexcept { return pid_; }
  /// What SO_SNDBUF of both ends reads back at least.
  std::size_t socket_buffer() const noexcept { return socket_buffer_; }
  /// The largest message that passes either way (net/unix/af_unix.c unix_dgram_sendmsg: sk_sndbuf - 32).
  std::size_t message_capacity() const noexcept { return socket_buffer_ - 32; }
  /// What it wrote to stdout and stderr so far.
  std::string output() const;
  /// How it ended; nothing while it runs.
  std::optional<ProgramEnd> end();
  /// SIGTERM, then SIGKILL after `patience`; what it sends meanwhile is thrown away, and its device closed when it has
  /// ended (libfuse takes a closed device for an error).
  ProgramEnd stop(std::chrono::milliseconds patience);

 private:
  Program() = default;
  void reap(int options);

  pid_t pid_ = -1;
  UniqueFd device_;
  UniqueFd process_;
  UniqueFd output_;
  std::size_t socket_buffer_ = 0;
  bool killed_ = false;
  std::optional<ProgramEnd> end_;
};

}  // namespace fusereplay
