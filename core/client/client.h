// A typed client over any server: a request in, its decoded reply out, as the kernel would send and read them.
//
//   Client client(server);
//   client.init().get();
//   Entry entry = client.lookup(kRoot, "a").get().value();
//
// For tests and programs; nothing here is fast. The client sends what it is told: keeping to what a kernel may send
// (counts, handles) is its user's business.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/executor.h"
#include "core/operations/types.h"
#include "core/protocol/builder.h"
#include "core/protocol/extension.h"
#include "core/protocol/view.h"
#include "core/result.h"
#include "core/server/server.h"

namespace fusereplay {

/// One directory record, owned.
struct DirectoryEntry {
  std::string name;
  std::uint64_t ino = 0;
  std::uint32_t type = 0;  // DT_...
  Cookie next{};
  Entry entry;  // READDIRPLUS only; node 0: none given
};

/// What INIT settled.
struct InitReply {
  std::uint32_t minor = 0;
  std::uint64_t flags = 0;
  wire::InitOut wire{};
};

struct IoctlReply {
  std::int32_t result = 0;
  std::vector<std::byte> output;
};

/// A caller as the server sees it.
struct Caller {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 1;
};

class Client {
  struct Exchange;
  class Channel;

 public:
  /// A request under way. Copies share it; dropping them all does not cancel it.
  template <class T>
  class Pending {
   public:
    /// Whether the server has replied.
    bool replied() const { return client_->replied(*exchange_); }
    /// Waits for the reply and decodes it. The server's error; EPROTO where the reply's form is wrong; ETIMEDOUT where
    /// no reply comes (a ManualExecutor with nothing left to run, or 30 s); for a reply that refuse_next() refused: its
    /// error.
    Result<T> get() const {
      auto reply = client_->wait(*exchange_);
      if (!reply) return reply.error();
      return decode_(*reply);
    }
    std::uint64_t unique() const { return client_->unique_of(*exchange_); }

   private:
    friend class Client;
    using Decode = Result<T> (*)(const ReplyView&);
    Pending(Client& client, std::shared_ptr<Exchange> exchange, Decode decode)
        : client_(&client), exchange_(std::move(exchange)), decode_(decode) {}
    Client* client_;
    std::shared_ptr<Exchange> exchange_;
    Decode decode_;
  };

  /// `server` must outlive the client's last outstanding request. `executor`, where the server runs on one, is turned
  /// by get().
  explicit Client(Server& server, ManualExecutor* executor = nullptr);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Who asks from now on.
  void set_caller(const Caller& caller) noexcept { caller_ = caller; }
  /// The `received` instant of requests from now on, ns since the epoch.
  void set_time(std::int64_t now) noexcept { now_ = now; }
  /// send() of the next reply returns -error: the kernel did not take it.
  void refuse_next(Errno error);
  /// Notifications received so far, whole messages.
  std::vector<std::vector<std::byte>> notifications() const;
  /// Replies that answered no outstanding request of this client (rule R1).
  std::size_t stray_replies() const;

  /// Any request: header.nodeid, then `body` as the layout of `opcode` says.
  Pending<std::vector<std::byte>> request(Opcode opcode, NodeId node, const std::function<void(MessageBuilder&)>& body);
  /// Whole bytes, header included; unique is theirs.
  Pending<std::vector<std::byte>> request_bytes(Bytes message);

  /// `offered`: kInit... bits.
  Pending<InitReply> init(std::uint64_t offered = ~std::uint64_t{0} & ~std::uint64_t{kInitReserved},
                          std::uint32_t minor = kProtocolMinor);
  Pending<Entry> lookup(NodeId parent, std::string_view name);
  void forget(NodeId node, std::uint64_t count);
  void batch_forget(const std::vector<wire::ForgetOne>& forgets);
  void interrupt(std::uint64_t unique);
  void retrieve_reply(std::uint64_t notify_unique, NodeId node, Offset offset, Bytes data);

  Pending<AttributesReply> getattr(NodeId node, std::optional<FileHandle> handle = {});
  Pending<AttributesReply> setattr(NodeId node, const SetAttributes& changes);
  Pending<StatxReply> statx(NodeId node, const StatxRequest& wanted);
  Pending<void> access(NodeId node, std::uint32_t mask);

  Pending<std::string> readlink(NodeId node);
  Pending<Entry> symlink(NodeId parent, std::string_view name, std::string_view target,
                         const Extensions& extensions = {});
  Pending<Entry> mknod(NodeId parent, std::string_view name, std::uint32_t mode, std::uint32_t rdev = 0,
                       const Extensions& extensions = {});
  Pending<Entry> mkdir(NodeId parent, std::string_view name, std::uint32_t mode, const Extensions& extensions = {});
  Pending<void> unlink(NodeId parent, std::string_view name);
  Pending<void> rmdir(NodeId parent, std::string_view name);
  /// RENAME for flags 0, else RENAME2, as the kernel does (rule K19).
  Pending<void> rename(NodeId parent, std::string_view name, NodeId new_parent, std::string_view new_name,
                       std::uint32_t flags = 0);
  Pending<Entry> link(NodeId node, NodeId new_parent, std::string_view new_name);

  Pending<Opened> open(NodeId node, std::uint32_t flags);
  Pending<Created> create(NodeId parent, std::string_view name, std::uint32_t mode, std::uint32_t flags,
                          const Extensions& extensions = {});
  Pending<Created> tmpfile(NodeId parent, std::uint32_t mode, std::uint32_t flags, const Extensions& extensions = {});
  Pending<std::vector<std::byte>> read(NodeId node, FileHandle handle, Offset offset, std::uint32_t size);
  Pending<std::uint32_t> write(NodeId node, FileHandle handle, Offset offset, Bytes data, std::uint32_t flags = 0);
  Pending<void> flush(NodeId node, FileHandle handle, LockOwner owner = {});
  Pending<void> release(NodeId node, FileHandle handle, const Release& how = {});
  Pending<void> fsync(NodeId node, FileHandle handle, SyncKind kind = SyncKind::kAll);

  Pending<Opened> opendir(NodeId node, std::uint32_t flags = 0);
  Pending<std::vector<DirectoryEntry>> readdir(NodeId node, FileHandle handle, Cookie from, std::uint32_t size = 4096);
  Pending<std::vector<DirectoryEntry>> readdirplus(NodeId node, FileHandle handle, Cookie from,
                                                   std::uint32_t size = 4096);
  Pending<void> releasedir(NodeId node, FileHandle handle, const Release& how = {});
  Pending<void> fsyncdir(NodeId node, FileHandle handle, SyncKind kind = SyncKind::kAll);

  Pending<FilesystemStatistics> statfs(NodeId node = kRoot);
  Pending<void> syncfs(NodeId node = kRoot);

  Pending<void> setxattr(NodeId node, std::string_view name, const SetXattr& attribute);
  /// Size 0 asks for the length: see getxattr_size.
  Pending<std::vector<std::byte>> getxattr(NodeId node, std::string_view name, std::uint32_t size = 65536);
  Pending<std::uint32_t> getxattr_size(NodeId node, std::string_view name);
  Pending<std::vector<std::string>> listxattr(NodeId node, std::uint32_t size = 65536);
  Pending<std::uint32_t> listxattr_size(NodeId node);
  Pending<void> removexattr(NodeId node, std::string_view name);

  Pending<FileLock> getlk(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock);
  Pending<void> setlk(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock, LockWait wait);
  Pending<void> flock(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock, LockWait wait);
  Pending<std::uint64_t> bmap(NodeId node, std::uint64_t block, std::uint32_t block_size);
  Pending<IoctlReply> ioctl(NodeId node, FileHandle handle, const IoctlRequest& what);
  Pending<std::uint32_t> poll(NodeId node, FileHandle handle, const PollRequest& what);
  Pending<void> fallocate(NodeId node, FileHandle handle, Offset offset, std::uint64_t length, std::uint32_t mode);
  Pending<Offset> lseek(NodeId node, FileHandle handle, Offset offset, std::uint32_t whence);
  /// COPY_FILE_RANGE_64.
  Pending<std::uint64_t> copy_file_range(const CopyRange& range);
  /// The older form, whose answer has 32 bits.
  Pending<std::uint64_t> copy_file_range_32(const CopyRange& range);
  Pending<void> destroy();

 private:
  template <class T>
  Pending<T> start(Opcode opcode, NodeId node, const std::function<void(MessageBuilder&)>& body,
                   Result<T> (*decode)(const ReplyView&));
  std::shared_ptr<Exchange> send(Bytes message);
  template <class Struct>
  Pending<void> command(Opcode opcode, NodeId node, const Struct& in);
  Pending<void> lock_request(Opcode opcode, NodeId node, const wire::LkIn& in);

  bool replied(const Exchange& exchange) const;
  Result<ReplyView> wait(Exchange& exchange);
  std::uint64_t unique_of(const Exchange& exchange) const;

  Server& server_;
  ManualExecutor* executor_;
  std::unique_ptr<Channel> channel_;
  MessageBuilder builder_;
  Caller caller_;
  std::int64_t now_ = 0;
  std::uint64_t next_unique_ = 2;
};

}  // namespace fusereplay
