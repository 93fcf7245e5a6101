// An existing libfuse filesystem behind the Server interface, in process: no mount, no /dev/fuse, no privilege.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/server/server.h"

struct fuse_lowlevel_ops;
struct fuse_operations;

namespace fusereplay {

/// Serves one connection with a libfuse session that is fed by hand (fuse_session_custom_io, libfuse 3.14).
///
/// WHO OWNS WHAT. The session, and with it the connection's state inside libfuse, is the server's; `operations` and the
/// user data stay the caller's and outlive it. libfuse calls init() when INIT is handled and destroy() inside
/// disconnect().
///
/// THREADS. handle() runs the filesystem's operation on the thread that calls, as libfuse's loop does; on several at
/// once if it is called so, which the filesystem must be written for. Replies and notifications may come from any
/// thread until disconnect(): after that they fail with ENOENT, as on a connection that was aborted. Threads of the
/// filesystem must have ended when its destroy() returns, or hold no request. A client of one thread (SimulatedMount)
/// wants replies on its own: operations must then reply before they return, as all of the high-level API do, or a
/// ThreadedServer must stand between.
///
/// REPLIES. What the client says to a reply goes back to libfuse as the result of the write, and from there to the
/// filesystem: -ENOENT from fuse_reply_entry() and the like means that nobody waits, and that the count or the handle
/// must be undone. The high-level API does so by itself. libfuse prints "fuse: writing device" for other errors.
///
/// WHAT OF THE PROTOCOL. libfuse 3.14 speaks 7.31 and says so in its INIT reply; it answers opcodes that it
/// does not know (STATX, TMPFILE, SYNCFS) with ENOSYS and offers the filesystem no flag that it does not know
/// (PARALLEL_DIROPS among them). Nothing is spliced. Options for mount(2) among the arguments are accepted and have no
/// effect: tell the client.
class LibfuseServer final : public Server {
 public:
  using Made = tl::expected<std::unique_ptr<LibfuseServer>, std::string>;

  /// As fuse_session_new(): `operations_size` is sizeof(*operations). `arguments` are the program's, without its name
  /// and the mount point ("-o", "allow_other"), such as libfuse knows. The error says which function failed; libfuse
  /// itself says why, on stderr.
  static Made low_level(const fuse_lowlevel_ops* operations, std::size_t operations_size, void* userdata,
                        const std::vector<std::string>& arguments = {});
  /// As fuse_new(), with the arguments that it knows ("-o", "modules=subdir,subdir=/srv").
  static Made high_level(const fuse_operations* operations, std::size_t operations_size, void* private_data,
                         const std::vector<std::string>& arguments = {});
  ~LibfuseServer() override;

  void handle(IncomingRequest request, ReplyChannel& replies) override;
  /// Calls the filesystem's destroy(), if INIT was handled, and takes the session down.
  void disconnect() override;

 private:
  class Impl;
  explicit LibfuseServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay
